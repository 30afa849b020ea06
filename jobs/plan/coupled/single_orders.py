"""The orders that are furthest from their bound, each solved exactly by HiGHS: for its plan, and for its bound.

For the plan: its real lists within what the others leave of every limit, so the whole plan can only become better. For
the bound: its priced lists within its own limits, which is what the Lagrangian bounds; the order's optimum takes the
place of its relaxation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from jobs.plan.coupled import exact
from jobs.plan.coupled.dual import Dual
from jobs.plan.coupled.improve import Search
from jobs.plan.coupled.problem import Floats, Ints, Layer, Problem, State, Terms, is_feasible, plan_cost, raised, state_of
from jobs.plan.coupled.start import priced_orders

#: Nodes of HiGHS's search for one order: nearly all are proven long before.
_NODES = 3_000
#: An excess below this share of an order's cost is left.
_SMALL = 1e-4


def planned(search: Search, dual: Dual, n: Ints, count: int) -> Ints:
    """The plan with up to ``count`` of the orders furthest from their bound solved anew, one after the other."""
    for order in _furthest(search, dual, n, count):
        n = planned_again(search, n, order)
    return n


def risen(search: Search, dual: Dual, n: Ints, count: int) -> Floats:
    """How much the bound of each order rises [orders], of up to ``count`` that a plan leaves furthest from theirs."""
    found = np.zeros(len(search.problem.terms.fixed))
    for order in _furthest(search, dual, n, count):
        found[order] = rise(search, dual, order)
    return found


def _furthest(search: Search, dual: Dual, n: Ints, count: int) -> Iterator[int]:
    """Up to ``count`` orders by how far a plan leaves them from their bound, while there is time."""
    excess = priced_orders(search.problem, n, search.w) - dual.evaluation.orders
    far = np.flatnonzero(search.problem.terms.any & (excess > _SMALL * np.abs(dual.evaluation.orders)) & np.isfinite(excess))
    furthest = far[np.argsort(-excess[far], kind="stable")][:count]
    return itertools.takewhile(lambda _: not search.over(), furthest.tolist())


def planned_again(search: Search, n: Ints, order: int) -> Ints:
    """The plan with the order at its best, given all others; lines of choices stay."""
    problem = search.problem
    state = state_of(problem, n)
    lines = _lines(problem, order)
    cost = problem.cost.copy()
    for i in lines[problem.choice[lines] >= 0]:
        chosen = problem.start[i] + n[i]
        others = np.arange(problem.start[i], problem.start[i + 1])
        cost[others[others != chosen]] = np.inf
    part = part_of(problem, order, cost, (problem.layers, _left(problem, state, n, lines)))
    found = exact.solve(part, search.seconds(), n[lines], _NODES)
    if found.n is None:
        return n
    after = n.copy()
    after[lines] = found.n
    better = state_of(problem, after)
    return after if is_feasible(problem, better) and plan_cost(problem, better) < plan_cost(problem, state) else n


def rise(search: Search, dual: Dual, order: int) -> float:
    """How far the order's optimum at the prices lies above its part of the Lagrangian, at least."""
    problem, own = search.problem, search.relaxed.own
    lines = _lines(problem, order)
    cost = problem.cost.copy()
    for i in lines:
        entries = slice(problem.start[i], problem.start[i + 1])
        nu = dual.at.nu[problem.choice[i]] if problem.choice[i] >= 0 else 0.0
        n = np.arange(problem.start[i + 1] - problem.start[i])
        cost[entries] += search.w[i] * n + nu * (n > 0)
    found = exact.solve(part_of(problem, order, cost, (own.layers, raised(own.limit))), search.seconds(), nodes=_NODES)
    lagrangian = float(dual.evaluation.orders[order])
    return max(found.bound - lagrangian - 1e-9 * (abs(lagrangian) + abs(found.bound)), 0.0) if np.isfinite(found.bound) else 0.0


def part_of(problem: Problem, order: int, cost: Floats, limits: tuple[tuple[Layer, ...], Floats]) -> Problem:
    """One order as a problem of its own, with some lists and limits."""
    lines, terms = _lines(problem, order), problem.terms
    a, b = lines[0], lines[-1] + 1
    layers, limit = limits
    alone = Terms(
        np.array([0, len(lines)]), *(x[order : order + 1] for x in (terms.minimum, terms.fixed, terms.truck_volume, terms.truck_cost))
    )
    start = problem.start[a : b + 1]
    return replace(
        problem, start=start - start[0], cost=cost[start[0] : start[-1]], order=np.zeros(len(lines), np.int64), terms=alone,
        value=problem.value[a:b], volume=problem.volume[a:b], layers=tuple(Layer(x.resource[a:b], x.use[a:b]) for x in layers),
        limit=limit, choice=np.full(len(lines), -1), must=np.zeros(0, bool), constant=0.0,
    )  # fmt: skip


def _left(problem: Problem, state: State, n: Ints, lines: Ints) -> Floats:
    """[resources + 1] what the other lines leave of each limit."""
    mine = np.zeros(len(problem.limit))
    for layer in problem.layers:
        mine += np.bincount(layer.resource[lines], layer.use[lines] * n[lines], len(mine))
    return np.maximum(problem.limit - state.used + mine, 0.0)


def _lines(problem: Problem, order: int) -> Ints:
    return np.arange(problem.terms.lines[order], problem.terms.lines[order + 1])
