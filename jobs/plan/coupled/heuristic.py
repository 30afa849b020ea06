"""A good feasible plan from good prices: orders by themselves, then what they share, then local improvement."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from jobs.plan.coupled.dual import Dual
from jobs.plan.coupled.exchanging import in_choices, in_orders, in_resources
from jobs.plan.coupled.improve import Search, least_gain, orderwise, singly
from jobs.plan.coupled.order_search import bounded, planned_better_alone, planned_better_within
from jobs.plan.coupled.problem import Floats, Ints, Problem, is_feasible, plan_cost, state_of
from jobs.plan.coupled.relaxation import Relaxed, priced_use
from jobs.plan.coupled.repair import exceeded, repaired
from jobs.plan.coupled.start import planned_alone

#: Money per unit beyond a limit that nothing outweighs, as a multiple of the largest entry.
_NEVER = 1e6
#: Share of the time that orders by themselves may take; what they share needs the rest.
_ALONE = 0.3
#: Times what preparing took: to cut down what time did not suffice to repair.
_CUTTING = 2.0
#: A repaired plan dearer than the best by more than this share is not improved to compare.
_WORTH = 2e-4


def planned(relaxed: Relaxed, dual: Dual, deadline: float | None = None, pace: float = 0.0) -> tuple[Ints, Floats]:
    """A plan near the dual's bound, and [orders] what no plan of each costs less than at the prices.

    pace  seconds that preparing the problem took, as a measure of the machine

    The plan is feasible unless the last resorts failed, which the caller looks at.
    """
    search, now = search_at(relaxed, dual, deadline), time.monotonic()
    alone = replace(search, deadline=None if deadline is None else now + _ALONE * (deadline - now))
    n, opened = planned_alone(alone, dual)
    n, low = bounded(alone, dual, n)
    n = planned_better_alone(alone, dual, n, low)
    in_time = replace(search, deadline=None if deadline is None else deadline - _CUTTING * pace)
    n = repaired(in_time, n, dual.at)
    if in_time.over() and exceeded(search.problem, n).any():
        return n, low
    # In a large problem exchanges on resources come once, at the end: orders planned anew undo most of them.
    n = improved(search, n, opened, on_resources=search.thorough or not search.problem.terms.any.any())
    n = improved_again(search, n, opened, (dual, low))
    return reopened(search, n, opened, dual) if search.thorough else n, low


def search_at(relaxed: Relaxed, dual: Dual, deadline: float | None) -> Search:
    """A search at the dual's prices that keeps every limit."""
    problem, at, found = relaxed.problem, dual.at, dual.evaluation
    w = priced_use(problem, at.price)
    more = found.open_many < found.open_few
    lam, mu = (np.where(more, getattr(at.many, name), getattr(at.few, name)) for name in ("lam", "mu"))
    in_order = w + lam[problem.order] * problem.volume - mu[problem.order] * problem.value
    own = np.maximum(at.few.kappa, at.many.kappa)
    for layer in relaxed.own.layers:
        in_order = in_order + layer.use * own[layer.resource]
    return Search(relaxed, w, in_order, never(problem, len(problem.limit)), least_gain(problem), deadline)


def never(problem: Problem, count: int) -> Floats:
    """[count] penalties that nothing outweighs."""
    finite = problem.cost[np.isfinite(problem.cost)]
    return np.full(count, _NEVER * max(float(np.max(np.abs(finite), initial=0.0)), 1.0))


def improved(search: Search, n: Ints, opened: Ints, *, on_resources: bool = True) -> Ints:
    """Local improvement by all moves (or all but exchanges on resources)."""
    n = singly(search, n)
    n = orderwise(search, n, opened)
    n = in_choices(search, n)
    n = in_orders(search, n)
    return singly(search, in_resources(search, n)) if on_resources else n


def improved_again(search: Search, n: Ints, opened: Ints, prices: tuple[Dual, Floats]) -> Ints:
    """Orders planned anew within what others leave, and all improved once more; kept where cheaper.

    prices  the dual, and bounds of orders
    """
    problem, (dual, low) = search.problem, prices
    before = state_of(problem, n)
    worthwhile = search.thorough or problem.terms.any.any()
    if not worthwhile or search.over() or not is_feasible(problem, before):
        return n
    again = improved(search, planned_better_within(search, dual, n, low), opened)
    after = state_of(problem, again)
    return again if is_feasible(problem, after) and plan_cost(problem, after) < plan_cost(problem, before) else n


def reopened(search: Search, n: Ints, opened: Ints, dual: Dual) -> Ints:
    """Closed orders that the prices would have open, opened over the limits and repaired; kept where cheaper."""
    problem = search.problem
    state, priced = state_of(problem, n), state_of(problem, dual.evaluation.n)
    can = (state_of(problem, opened).value >= problem.terms.minimum) & problem.terms.any
    shut = (state.ordered == 0) & (priced.ordered > 0) & can
    if not shut.any() or search.over():
        return n
    again = repaired(search, np.where(shut[problem.order], opened, n), dual.at)
    better = state_of(problem, again)
    if not is_feasible(problem, better) or plan_cost(problem, better) > plan_cost(problem, state) * (1 + _WORTH):
        return n
    again = improved(search, again, opened)
    better = state_of(problem, again)
    return again if is_feasible(problem, better) and plan_cost(problem, better) < plan_cost(problem, state) else n
