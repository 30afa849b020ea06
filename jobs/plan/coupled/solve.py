"""Solve a coupled problem: prices, a bound, a plan; small problems to proven optimality.

The ladder: proven -> best found -> marginal value (a plan cut down to what is kept, filled up line by line) -> nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from jobs.errors import UsageError
from jobs.plan.coupled import branching, fallback, single_orders, stock_pools
from jobs.plan.coupled.bound import certified, contributions, of_orders
from jobs.plan.coupled.dual import Dual, maximise
from jobs.plan.coupled.exchanging import in_orders, in_resources
from jobs.plan.coupled.folding import folded
from jobs.plan.coupled.heuristic import planned, search_at
from jobs.plan.coupled.hulls import hulls_of
from jobs.plan.coupled.improve import singly
from jobs.plan.coupled.neighbourhood import planned_near
from jobs.plan.coupled.problem import Floats, Ints, Problem, is_feasible, plan_cost, state_of, totals
from jobs.plan.coupled.relaxation import Relaxed, relaxed
from jobs.plan.ragged import first_allowed, first_least
from jobs.workers import mapped

#: Sign-based steps: 100 reach within 0.01% of what 400 do; 75 from a coarser start as many, in problems of so many lines
#: (docs/decisions/price_coordination.md).
_ROUNDS, _ROUNDS_OF_MANY, _MANY = 120, 75, 200_000
#: Up to so many lines a problem is solved to proven optimality.
_SMALL = 400
_SMALL_SECONDS = 54.0
#: Up to so many lines HiGHS looks for a better plan near the best known, and solves so many orders.
_MIDDLE = 12_000
_ORDERS = 12
#: Share of what is left until a deadline that this may take: its clock begins when the program is built, and HiGHS ends a step first.
_SEARCHING = 0.5
#: A plan this close to its bound, as a share of cost, is proven.
_CLOSE = 1e-6
#: Share of the time until a deadline that prices may take.
_PRICING = 0.3
#: Times what preparing took (a measure of this machine at this time): filling up a plan that was cut down, what follows the plan.
_FILLING, _AFTERWARDS = 2.0, 1.0
#: Times the same: what follows filling up, at the very least.
_ENDING = 0.35
#: Share of what is left then that the plan may take; exact means get the rest.
_PLANNING = 0.9


@dataclass(frozen=True)
class Solved:
    """A plan [lines] with its cost and proven bound.

    of_orders        [orders] bound of each order within its share of every limit (bound.of_orders)
    price            [resources] money per unit
    bound_price      [resources] the same as the bound takes it, without what an order pays for a limit of its own
    cost_of_nothing  cost of ordering the least that is allowed (inf where that breaks something)
    cost_free        bound without any coupling
    rung             proven, best found, marginal value, nothing
    """

    n: Ints
    cost: float
    bound: float
    of_orders: Floats
    feasible: bool
    price: Floats
    cost_of_nothing: float
    cost_free: float
    rounds: int
    rung: str
    degraded: bool
    bound_price: Floats


def solve(problem: Problem, deadline: float | None = None) -> Solved:
    """The best plan found by the deadline (time.monotonic()); raises UsageError where no plan is found to exist."""
    if not len(problem):
        return _uncoupled(np.zeros(0, np.int64), problem, problem.constant, (problem.constant, problem.constant))
    began = time.monotonic()
    ready = relaxed(folded(problem))
    if not (problem.layers or ready.problem.terms.any.any() or len(problem.must)):
        return _separable(problem, ready)
    now = time.monotonic()
    pace = now - began
    if deadline is not None:
        deadline -= _AFTERWARDS * pace
    rounds = _ROUNDS if len(problem) <= _MANY else _ROUNDS_OF_MANY
    dual = maximise(ready, rounds, None if deadline is None else now + _PRICING * (deadline - now))
    parts = contributions(ready, dual.at)
    bound = certified(ready, parts)
    now = time.monotonic()
    last = None if deadline is None else deadline + (_AFTERWARDS - _ENDING) * pace
    n, low, rung, late = _descend(ready, dual, None if deadline is None else now + _PLANNING * (deadline - now), (pace, last))
    n, risen, later = _settled(ready, dual, (n, low), deadline)
    bound, late = bound + risen, late or later
    if len(problem) <= _SMALL and not late:
        n, bound, rung = _proven(ready, n, bound, rung, deadline)
    state = state_of(problem, n)
    if not is_feasible(problem, state):
        raise UsageError("no plan was found that keeps all limits, order minima and what the lines at least order")
    cost = plan_cost(problem, state)
    bound = min(bound, cost)
    rung = "proven" if cost - bound <= _CLOSE * max(abs(cost), 1e-9) else rung
    nothing, free = _extremes(problem)
    return Solved(
        n,
        cost,
        bound,
        of_orders(ready, parts, n),
        feasible=True,
        price=_prices(ready, dual),
        cost_of_nothing=nothing,
        cost_free=free,
        rounds=dual.rounds,
        rung=rung,
        degraded=late or (dual.cut and rung != "proven"),
        bound_price=parts.at.price[:-1],
    )


def at_once(problem: Problem) -> Solved:
    """A feasible plan without any search, for when a search has failed: marginal value, else nothing; degraded.

    Raises UsageError where even the least that lines allow keeps not all limits.
    """
    n = fallback.cut_down(problem, hulls_of(problem.start, problem.cost), first_least(problem.start, problem.cost))
    state = state_of(problem, n)
    if not is_feasible(problem, state):
        raise UsageError("no plan was found that keeps all limits, order minima and what the lines at least order")
    nothing, free = _extremes(problem)
    cost = plan_cost(problem, state)
    # What orders may be paid for being placed is no part of the lines' least cost.
    paid = np.minimum(problem.terms.fixed, 0.0)
    bound = min(free + float(np.sum(paid)), cost)
    of_each = totals(problem.order, np.minimum.reduceat(problem.cost, problem.start[:-1]), len(paid)) + paid
    rung = "nothing" if (n == first_allowed(problem.start, problem.cost)).all() else "marginal value"
    price = np.zeros(len(problem.limit) - 1)
    return Solved(
        n, cost, bound, of_each, feasible=True, price=price, cost_of_nothing=nothing, cost_free=free, rounds=0, rung=rung, degraded=True,
        bound_price=price,
    )  # fmt: skip


def _separable(problem: Problem, ready: Relaxed) -> Solved:
    """Nothing couples: the first least entry of every line, whose cost is its own bound."""
    nothing, free = _extremes(problem)
    n = first_least(ready.problem.start, ready.problem.cost)
    return _uncoupled(n, problem, plan_cost(problem, state_of(problem, n)), (nothing, free))


def _uncoupled(n: Ints, problem: Problem, cost: float, extremes: tuple[float, float]) -> Solved:
    """A plan that is its own bound."""
    price = np.zeros(len(problem.limit) - 1)
    of_each = totals(problem.order, problem.at(np.arange(len(problem)), n), len(problem.terms.fixed))
    return Solved(
        n,
        cost,
        cost,
        of_each,
        feasible=True,
        price=price,
        cost_of_nothing=extremes[0],
        cost_free=extremes[1],
        rounds=0,
        rung="proven",
        degraded=False,
        bound_price=price,
    )


def _settled(ready: Relaxed, dual: Dual, known: tuple[Ints, Floats], deadline: float | None) -> tuple[Ints, float, bool]:
    """A better plan by exact means, how much the bound rises, and whether time cut that; of a plan and bounds of its orders."""
    search, problem = search_at(ready, dual, deadline), ready.problem
    n, rise = known[0], known[1] - dual.evaluation.orders
    if search.over():
        return n, float(np.sum(rise)), True
    if stock_pools.applies(problem):
        return *stock_pools.settled(problem, dual.at, n), search.over()
    if _SMALL < len(problem) <= _MIDDLE and is_feasible(problem, state_of(problem, n)):
        if deadline is not None:
            now = time.monotonic()
            search = replace(search, deadline=now + _SEARCHING * (deadline - now))
        bounds = partial(single_orders.risen, search, dual, n, _ORDERS)
        # Orders that share nothing are best one by one.
        alone = partial(single_orders.planned, search, dual, n, _ORDERS)
        near = partial(planned_near, search, dual, n, dual.evaluation.bound + float(np.sum(rise)))
        works: list[Callable[[], Any]] = [near if problem.layers else alone, bounds]
        n, risen = mapped(lambda work: work(), works)
        rise = np.maximum(rise, risen)
    return n, float(np.sum(rise)), search.over()


def _descend(
    ready: Relaxed, dual: Dual, deadline: float | None, times: tuple[float, float | None]
) -> tuple[Ints, Floats, str, bool]:  # fmt: skip
    """The best plan that time allows, bounds of its orders, its rung, and whether time cut anything.

    times  seconds that preparing the problem took, and when filling up a plan that was cut down ends at the latest
    """
    problem, (pace, last) = ready.problem, times
    if deadline is not None:
        deadline -= _FILLING * pace
    n, low = planned(ready, dual, deadline, pace)
    late = deadline is not None and time.monotonic() > deadline
    if is_feasible(problem, state_of(problem, n)):
        return n, low, "best found", late
    n = fallback.cut_down(problem, ready.hulls, n)
    if is_feasible(problem, state_of(problem, n)):
        rung = "nothing" if (n == first_allowed(problem.start, problem.cost)).all() else "marginal value"
        # What was cut down leaves room: filling it takes little time, and is worth it after the deadline of the search too.
        search = search_at(ready, dual, last)
        n = in_resources(search, in_orders(search, singly(search, n)))
        return n, low, rung if late else "marginal value", late
    return n, low, "nothing", late


def _proven(ready: Relaxed, n: Ints, bound: float, rung: str, deadline: float | None) -> tuple[Ints, float, str]:
    """The optimum of a small problem, or the better of what is known when time ends."""
    problem = ready.problem
    state = state_of(problem, n)
    known = plan_cost(problem, state) if is_feasible(problem, state) else np.inf
    if known - bound <= _CLOSE * max(abs(known), 1e-9):
        return n, bound, "proven"
    seconds = _SMALL_SECONDS if deadline is None else min(_SMALL_SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        return n, bound, rung
    found = branching.solve(problem, n if np.isfinite(known) else None, bound, time.monotonic() + seconds)
    if found.infeasible:
        raise UsageError("no plan keeps all limits and order minima with what the lines at least order: proven by HiGHS")
    return n if found.n is None else found.n, max(bound, found.bound), "proven" if found.proven else rung


def _extremes(problem: Problem) -> tuple[float, float]:
    """Cost of ordering the least, and the bound without coupling."""
    least = first_allowed(problem.start, problem.cost)
    state = state_of(problem, least)
    nothing = plan_cost(problem, state) if is_feasible(problem, state) else np.inf
    free = np.minimum.reduceat(problem.cost, problem.start[:-1])
    member = problem.choice >= 0
    by_choice = np.zeros(len(problem.must))
    np.minimum.at(by_choice, problem.choice[member], free[member])
    return nothing, float(problem.constant + np.sum(free[~member]) + np.sum(by_choice))


def _prices(ready: Relaxed, dual: Dual) -> Floats:
    """[resources] price of a unit; where an order's own share of a limit has a price, that comes on top."""
    own, at = ready.own, dual.at
    price = at.price.copy()
    kappa = np.where((dual.evaluation.open_many < dual.evaluation.open_few)[own.order], at.many.kappa[:-1], at.few.kappa[:-1])
    opened = dual.evaluation.orders < ready.closed
    extra = np.zeros_like(price)
    np.maximum.at(extra, own.resource[:-1], np.where(opened[own.order], kappa, 0.0))
    return (price + extra)[:-1]
