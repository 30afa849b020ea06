"""Small problems to proven optimality: a mixed integer program by HiGHS through OR-Tools' MathOpt.

Lists are written in increments (a binary for each step up from one allowed entry to the next, steps taken in order), so
that a branch says "at most k" or "more than k": with a binary an entry instead, as it was, "not exactly k" says nothing
(docs/decisions/price_coordination.md). One binary an order for being open, whole trucks.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from jobs.plan.coupled.problem import TOLERANCE as PLAN_TOLERANCE
from jobs.plan.coupled.problem import Floats, Ints, Problem, lowered, raised

#: HiGHS reports bounds within this share, and stops within it.
TOLERANCE = 1e-6
_MILLION = 1e6
#: A row counts in so many grains at most, and its numbers are no larger than this.
_GRAINS = 1e4


@dataclass(frozen=True)
class Exact:
    """A plan (None: none found), a proven lower bound, whether the search ended, and whether no plan exists."""

    n: Ints | None
    bound: float
    proven: bool
    infeasible: bool


class Set(Protocol):
    """What is known of orders [orders]: 1 must be open, 0 is closed, -1 either; trucks of an open one."""

    @property
    def state(self) -> Ints:
        """Whether they are open."""
        ...

    @property
    def least(self) -> Floats:
        """Fewest trucks."""
        ...

    @property
    def most(self) -> Floats:
        """Most trucks."""
        ...


@dataclass(frozen=True)
class _Steps:
    """Increments of the lists, line by line, by rising multiples.

    line, more, cost  [steps] whose it is, by how many multiples, what it costs more
    least             [lines] the multiples without any step
    first             [lines + 1] steps of line i: first[i] .. first[i + 1] - 1
    taken             [steps] a binary each
    """

    line: Ints
    more: Ints
    cost: Floats
    least: Ints
    first: Ints
    taken: list[Any]


def solve(
    problem: Problem, seconds: float, hint: Ints | None = None, nodes: int | None = None, within: Set | None = None, below: float = np.inf
) -> Exact:
    """The best plan, or what is known of it after so many seconds, or nodes of the search (the same on every machine).

    within  what is known of orders
    below   only plans that cost less are of interest: the bound is no higher
    """
    from ortools.math_opt.python import mathopt
    from ortools.math_opt.solvers import highs_pb2

    model = mathopt.Model(name="plan")
    steps = _steps(model, problem)
    for a in range(len(steps.line) - 1):
        if steps.line[a] == steps.line[a + 1]:
            model.add_linear_constraint(steps.taken[a + 1] <= steps.taken[a])
    opened, orders = _orders(mathopt, model, problem, steps, within)
    _choices(mathopt, model, problem, steps)
    _limits(mathopt, model, problem, steps, opened)
    least = float(np.sum(problem.at(np.arange(len(problem)), steps.least))) + problem.constant
    model.minimize(mathopt.fast_sum(float(c) * x for c, x in zip(steps.cost, steps.taken, strict=True)) + orders + least)
    # MathOpt's cutoff_limit is refused for HiGHS, whose own option does the same.
    cutoff = highs_pb2.HighsOptionsProto(double_options={"objective_bound": below} if np.isfinite(below) else {})
    parameters = mathopt.SolveParameters(
        time_limit=datetime.timedelta(seconds=max(seconds, 0.01)), relative_gap_tolerance=TOLERANCE, absolute_gap_tolerance=1e-9,
        random_seed=1, node_limit=nodes, highs=cutoff,
    )  # fmt: skip
    hints = mathopt.ModelSolveParameters()
    if hint is not None:
        reached = hint[steps.line] >= _multiples(steps)
        hints.solution_hints.append(mathopt.SolutionHint(variable_values=dict(zip(steps.taken, reached.astype(float), strict=True))))
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters, model_params=hints)
    return _read(mathopt, result, steps, below)


def _steps(model: Any, problem: Problem) -> _Steps:
    entries = np.flatnonzero(np.isfinite(problem.cost))
    owner = np.searchsorted(problem.start, entries, "right") - 1
    n = entries - problem.start[owner]
    begins = np.diff(owner, prepend=-1) != 0
    step = np.flatnonzero(~begins)
    line, more, cost = owner[step], n[step] - n[step - 1], problem.cost[entries[step]] - problem.cost[entries[step - 1]]
    first = np.searchsorted(line, np.arange(len(problem) + 1))
    return _Steps(line, more, cost, n[begins], first, [model.add_binary_variable() for _ in step])


def _multiples(steps: _Steps) -> Ints:
    """[steps] multiples of a line that has taken the step and all before it."""
    total = np.cumsum(steps.more)
    before = np.append(0, total)[steps.first[:-1]]
    return np.asarray(total - before[steps.line] + steps.least[steps.line])


def _read(mathopt: Any, result: Any, steps: _Steps, below: float) -> Exact:
    reason = result.termination.reason
    if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
        return Exact(None, below, proven=True, infeasible=True)
    ends, proven = result.termination.objective_bounds, reason == mathopt.TerminationReason.OPTIMAL
    # Where all is cut off at once, HiGHS calls the plan that it was given optimal and names no bound.
    bound = float(ends.primal_bound if proven and np.isinf(ends.dual_bound) else ends.dual_bound)
    bound = min(bound - TOLERANCE * max(abs(bound), 1.0), below)
    if not result.has_primal_feasible_solution():
        return Exact(None, bound, proven=False, infeasible=False)
    taken = np.array(result.variable_values(steps.taken)) > 0.5 if steps.taken else np.zeros(0, bool)
    plan = steps.least + np.bincount(steps.line, steps.more * taken, len(steps.least)).astype(np.int64)
    return Exact(plan, bound, proven, infeasible=False)


def _sum(mathopt: Any, each: Floats, steps: _Steps, lines: Ints) -> Any:
    """What lines take or come to when one multiple of each counts so much [lines given]."""
    wanted = [(amount, i) for amount, i in zip(each, lines, strict=True) if amount != 0]
    moving = (float(amount * steps.more[k]) * steps.taken[k] for amount, i in wanted for k in range(steps.first[i], steps.first[i + 1]))
    return mathopt.fast_sum(moving) + float(sum(amount * steps.least[i] for amount, i in wanted))


def _between(amounts: Floats, end: float, *, up: bool) -> tuple[float, float]:
    """A limit halfway between the last sum of multiples of amounts that keeps it and the first that doesn't, and what to divide its row by.

    up  whether sums of at least the end keep it, rather than at most

    At the limit itself HiGHS's rounding cuts off plans that keep it exactly, and its tolerance lets others pass. Rows are
    near 1, but half a grain is many times the tolerance.
    """
    grain, scale = _grain(amounts), max(abs(end), 1.0)
    if not grain:
        return end, scale
    whole = np.ceil(end / grain) - 0.5 if up else np.floor(end / grain) + 0.5
    return float(whole * grain), max(min(scale, _GRAINS * grain), scale / _GRAINS)


def _grain(amounts: Floats) -> float:
    """The greatest common divisor of amounts, in millionths; 0 where they are not whole millionths."""
    whole = np.rint(amounts * _MILLION)
    if (np.abs(whole - amounts * _MILLION) > 1e-3).any() or (whole > 2**53).any():
        return 0.0
    return float(np.gcd.reduce(whole.astype(np.int64))) / _MILLION


def _ordered(steps: _Steps, i: np.int64) -> Any:
    """Whether a line is ordered: its first step, or 1 where it must be."""
    if steps.least[i] > 0:
        return 1.0
    return steps.taken[steps.first[i]] if steps.first[i] < steps.first[i + 1] else 0.0


def _choices(mathopt: Any, model: Any, problem: Problem, steps: _Steps) -> None:
    """At most one line of a choice above nothing, one where it must be."""
    for choice in range(len(problem.must)):
        some = mathopt.fast_sum(_ordered(steps, i) for i in np.flatnonzero(problem.choice == choice))
        model.add_linear_constraint(some == 1 if problem.must[choice] else some <= 1)


def _orders(mathopt: Any, model: Any, problem: Problem, steps: _Steps, within: Set | None) -> tuple[dict[int, Any], Any]:
    """Order terms: whether each is open, and their cost."""
    terms, costs, opened = problem.terms, [], {}
    for o in np.flatnonzero(terms.any):
        lines = np.arange(terms.lines[o], terms.lines[o + 1])
        least, most = (0, 1) if within is None or within.state[o] < 0 else (int(within.state[o]), int(within.state[o]))
        is_open = opened[int(o)] = model.add_integer_variable(lb=least, ub=most)
        ordered = [_ordered(steps, i) for i in lines]
        for each in ordered:
            model.add_linear_constraint(each - is_open <= 0)
        model.add_linear_constraint(mathopt.fast_sum(ordered) - is_open >= 0)
        costs.append(float(terms.fixed[o]) * is_open)
        if terms.minimum[o] > 0:
            least_value, scale = _between(problem.value[lines], float(lowered(terms.minimum[o : o + 1])[0]), up=True)
            model.add_linear_constraint(_sum(mathopt, problem.value[lines] / scale, steps, lines) >= least_value / scale * is_open)
        if terms.truck_cost[o] > 0:
            full = float(terms.truck_volume[o])
            trucks = model.add_integer_variable(lb=0, ub=np.inf if within is None else float(within.most[o]))
            if within is not None and within.least[o] > 0:
                model.add_linear_constraint(trucks >= float(within.least[o]) * is_open)
            more, scale = _between(np.append(problem.volume[lines], full), full * (1 + PLAN_TOLERANCE), up=False)
            held = trucks * (full / scale) + (more - full) / scale
            model.add_linear_constraint(_sum(mathopt, problem.volume[lines] / scale, steps, lines) <= held)
            if (problem.volume[lines] > 0).all():
                model.add_linear_constraint(trucks >= is_open)
            costs.append(float(terms.truck_cost[o]) * trucks)
    return opened, mathopt.fast_sum(costs)


def _limits(mathopt: Any, model: Any, problem: Problem, steps: _Steps, opened: dict[int, Any]) -> None:
    """Shared limits; what one order takes of one that it could exceed by itself is no more than the limit if open, else nothing."""
    none = len(problem.limit) - 1
    limit = raised(problem.limit)
    most = steps.least + np.bincount(steps.line, steps.more, len(problem))
    for layer in problem.layers:
        for r in np.unique(layer.resource[layer.resource < none]):
            lines = np.flatnonzero((layer.resource == r) & (layer.use > 0))
            room, scale = _between(layer.use[lines], float(limit[r]), up=False)
            model.add_linear_constraint(_sum(mathopt, layer.use[lines] / scale, steps, lines) <= room / scale)
            for o in np.unique(problem.order[lines]):
                mine = lines[problem.order[lines] == o]
                if int(o) in opened and float(layer.use[mine] @ most[mine]) > limit[r]:
                    model.add_linear_constraint(_sum(mathopt, layer.use[mine] / scale, steps, mine) <= room / scale * opened[int(o)])
