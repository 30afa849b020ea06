"""Small problems to proven optimality: a mixed integer program by HiGHS through OR-Tools' MathOpt.

A binary for each entry of each list, one an order for being open, whole trucks.
"""

from __future__ import annotations

import datetime
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.plan.coupled.problem import Floats, Ints, Problem, raised

#: HiGHS reports bounds within this share.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Exact:
    """A plan (None: none found), a proven lower bound, whether the search ended, and whether no plan exists."""

    n: Ints | None
    bound: float
    proven: bool
    infeasible: bool


def solve(problem: Problem, seconds: float, hint: Ints | None = None, nodes: int | None = None) -> Exact:
    """The best plan, or what is known of it after so many seconds, or nodes of the search (the same on every machine)."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model(name="plan")
    entries = np.flatnonzero(np.isfinite(problem.cost))
    owner = np.searchsorted(problem.start, entries, "right") - 1
    n = entries - problem.start[owner]
    pick = [model.add_binary_variable() for _ in entries]
    _lines(mathopt, model, problem, owner, n, pick)
    orders = _orders(mathopt, model, problem, owner, n, pick)
    _limits(mathopt, model, problem, owner, n, pick)
    cost = mathopt.fast_sum(float(problem.cost[e]) * x for e, x in zip(entries, pick, strict=True))
    model.minimize(cost + orders + problem.constant)
    limit = datetime.timedelta(seconds=max(seconds, 0.01))
    parameters = mathopt.SolveParameters(
        time_limit=limit, relative_gap_tolerance=1e-9, absolute_gap_tolerance=1e-9, random_seed=1, node_limit=nodes
    )
    hints = mathopt.ModelSolveParameters()
    if hint is not None:
        hints.solution_hints.append(
            mathopt.SolutionHint(variable_values={x: float(hint[i] == k) for i, k, x in zip(owner, n, pick, strict=True)})
        )
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters, model_params=hints)
    return _read(mathopt, result, problem, owner, n, pick)


def _read(mathopt: Any, result: Any, problem: Problem, owner: Ints, n: Ints, pick: list[Any]) -> Exact:
    reason = result.termination.reason
    if reason in (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED):
        return Exact(None, -np.inf, proven=True, infeasible=True)
    bound = float(result.termination.objective_bounds.dual_bound)
    bound -= _TOLERANCE * max(abs(bound), 1.0)
    proven = reason == mathopt.TerminationReason.OPTIMAL
    if not result.has_primal_feasible_solution():
        return Exact(None, bound, proven=False, infeasible=False)
    values = np.array(result.variable_values(pick)) if pick else np.zeros(0)
    plan = np.zeros(len(problem), np.int64)
    plan[owner[values > 0.5]] = n[values > 0.5]
    return Exact(plan, bound, proven, infeasible=False)


def _lines(mathopt: Any, model: Any, problem: Problem, owner: Ints, n: Ints, pick: list[Any]) -> None:
    """One entry a line; at most one line of a choice above nothing, one where it must be."""
    first = np.searchsorted(owner, np.arange(len(problem) + 1))
    for a, b in itertools.pairwise(first):
        model.add_linear_constraint(mathopt.fast_sum(pick[a:b]) == 1)
    rows = np.flatnonzero((problem.choice[owner] >= 0) & (n > 0))
    for choice in range(len(problem.must)):
        some = mathopt.fast_sum(pick[r] for r in rows[problem.choice[owner[rows]] == choice])
        model.add_linear_constraint(some == 1 if problem.must[choice] else some <= 1)


def _orders(mathopt: Any, model: Any, problem: Problem, owner: Ints, n: Ints, pick: list[Any]) -> Any:
    """Order terms; returns their cost."""
    terms, costs = problem.terms, []
    order = problem.order[owner]
    bounds = np.searchsorted(order, np.arange(len(terms.fixed) + 1))
    for o in np.flatnonzero(terms.any):
        rows = [r for r in range(bounds[o], bounds[o + 1]) if n[r] > 0]
        is_open = model.add_binary_variable()
        by_line: dict[int, list[Any]] = {}
        for r in rows:
            by_line.setdefault(int(owner[r]), []).append(pick[r])
        for picks in by_line.values():
            model.add_linear_constraint(mathopt.fast_sum(picks) <= is_open)
        model.add_linear_constraint(mathopt.fast_sum(pick[r] for r in rows) >= is_open)
        costs.append(float(terms.fixed[o]) * is_open)
        if terms.minimum[o] > 0:
            value = mathopt.fast_sum(float(problem.value[owner[r]] * n[r]) * pick[r] for r in rows)
            model.add_linear_constraint(value >= float(terms.minimum[o]) * is_open)
        if terms.truck_cost[o] > 0:
            trucks = model.add_integer_variable(lb=0)
            # In trucks, so that numbers are near 1.
            volume = mathopt.fast_sum(float(problem.volume[owner[r]] * n[r] / terms.truck_volume[o]) * pick[r] for r in rows)
            model.add_linear_constraint(volume <= trucks)
            if (problem.volume[terms.lines[o] : terms.lines[o + 1]] > 0).all():
                model.add_linear_constraint(trucks >= is_open)
            costs.append(float(terms.truck_cost[o]) * trucks)
    return mathopt.fast_sum(costs)


def _limits(mathopt: Any, model: Any, problem: Problem, owner: Ints, n: Ints, pick: list[Any]) -> None:
    none = len(problem.limit) - 1
    limit = raised(problem.limit)
    for layer in problem.layers:
        resource = layer.resource[owner]
        use: Floats = layer.use[owner] * n
        for r in np.unique(resource[resource < none]):
            rows = np.flatnonzero((resource == r) & (use > 0))
            scale = max(float(limit[r]), 1.0)
            model.add_linear_constraint(mathopt.fast_sum(float(use[k] / scale) * pick[k] for k in rows) <= float(limit[r] / scale))
