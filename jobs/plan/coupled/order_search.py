"""Orders with terms searched by beam: better plans of theirs by themselves and within what others leave, and better bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.beam import Beam, Found, searched
from jobs.plan.coupled.beam_lists import Prices
from jobs.plan.coupled.dual import Dual
from jobs.plan.coupled.improve import Search, by_order, singly
from jobs.plan.coupled.moves import applied, gains, together
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, state_of, taken
from jobs.plan.coupled.start import own_charge, priced_orders

#: Searches for plans, one after the other: each finds some that others don't. In large problems the first one does.
_PLANS = (Beam(64, 5, 0.3), Beam(64, 5, 1.0), Beam(64, 5, 0.1))
#: Searches for bounds: orders of few lines are searched broadly, their gap is the widest.
_FEW_LINES = 16
_BOUND_OF_FEW, _BOUND = Beam(256, 12), Beam(64, 5)
#: An order this near its bound, as a share of it, is left.
_NEAR = 1e-4


@dataclass(frozen=True)
class _Branch:
    """One branch of the Lagrangian: its value [orders] and its multipliers."""

    value: Floats
    prices: Prices


def bounded(search: Search, dual: Dual, n: Ints) -> tuple[Ints, Floats]:
    """Plans of orders by themselves where better ones are found beside, and [orders] what no plan of each lies below.

    n  a plan of each by itself: what costs more is of no interest
    """
    problem, lagrangian = search.problem, dual.evaluation.orders
    known = np.minimum(priced(search, dual, n) + own_charge(search, dual, n), search.relaxed.closed)
    look = problem.terms.any & _is_far(known, lagrangian)
    few_lines = np.diff(problem.terms.lines) <= _FEW_LINES
    bound = known.copy()
    for some, beam in ((look & few_lines, _BOUND_OF_FEW), (look & ~few_lines, _BOUND)):
        for branch in branches(search, dual, np.ones(len(problem), bool), idle=False):
            orders = np.flatnonzero(some & (branch.value < known))
            if len(orders):
                better = searched(problem, orders, branch.prices, known[orders], n, None, beam, search.over)
                bound[orders] = np.minimum(bound[orders], better.bound)
                gain = np.where(better.gain > search.least, better.gain, 0.0)
                known[orders] -= gain
                n = _but_choices(problem, n, better, orders[gain > 0])
    low = lagrangian.copy()
    new, old = bound[look], lagrangian[look]
    low[look] = np.maximum(new - 1e-9 * (np.abs(old) + np.abs(new)), old)
    return n, low


def _but_choices(problem: Problem, n: Ints, found: Found, orders: Ints) -> Ints:
    """The plan with those found of some orders, but where a line of a choice would change: its other line is of another order."""
    good = np.zeros(len(problem.terms.fixed), bool)
    good[orders] = True
    good[problem.order[found.lines[(problem.choice[found.lines] >= 0) & (found.n != n[found.lines])]]] = False
    rows = good[problem.order[found.lines]]
    after = n.copy()
    after[found.lines[rows]] = found.n[rows]
    return after


def planned_better_alone(search: Search, dual: Dual, n: Ints, low: Floats) -> Ints:
    """Plans of orders by themselves, where better ones are found; lines of choices stay. ``low`` as of ``bounded``."""
    for beam in _beams(search):
        cost = priced(search, dual, n) + own_charge(search, dual, n)
        n = _plans(search, dual, n, (cost, low), None, beam)
    return n


def planned_better_within(search: Search, dual: Dual, n: Ints, low: Floats) -> Ints:
    """Plans of orders within what others leave, better at the prices; what they give back is taken by single lines that pay.

    The whole plan can be dearer for it: the caller compares.
    """
    problem = search.problem
    # What an order leaves of its own limits serves nobody else.
    w = search.w - _own_use(search, dual)
    for beam in _beams(search):
        state = state_of(problem, n)
        to = _plans(search, dual, n, (priced(search, dual, n), low), state.used, beam)
        lines = np.flatnonzero(to != n)
        moves = by_order(problem, lines, to[lines])
        change = gains(problem, state, moves, search.penalty)
        change = change + np.bincount(moves.move, w[moves.line] * (moves.to - n[moves.line]), moves.count)
        good = change < -search.least
        moves = moves.take(good)
        n = applied(n, moves, together(problem, state, moves, change[good]))
        n = singly(search, n)
    return n


def _beams(search: Search) -> Iterator[Beam]:
    """Searches for plans, in large problems one, while there is time."""
    if search.problem.terms.any.any():
        for beam in _PLANS if search.thorough else _PLANS[:1]:
            if not search.over():
                yield beam


def priced(search: Search, dual: Dual, n: Ints) -> Floats:
    """[orders] cost of a plan at the prices of resources and choices."""
    problem = search.problem
    choices = np.bincount(problem.order, _nu(search, dual) * (n > 0), len(problem.terms.fixed))
    return np.asarray(priced_orders(problem, n, search.w) + choices)


def _plans(search: Search, dual: Dual, n: Ints, values: tuple[Floats, Floats], used: Floats | None, beam: Beam) -> Ints:
    """The plan with the best found of each order whose cost is not near its bound (values: both)."""
    problem, (cost, low) = search.problem, values
    look = problem.terms.any & _is_far(cost + _idle(search, dual, n), low)
    after, gain = n.copy(), np.zeros(len(cost))
    for branch in branches(search, dual, problem.choice < 0, idle=True):
        orders = np.flatnonzero(look & (branch.value < cost - gain))
        if not len(orders):
            continue
        found = searched(problem, orders, branch.prices, (cost - gain)[orders], n, used, beam, search.over)
        better = np.zeros(len(cost), bool)
        better[orders] = found.gain > search.least
        lines = better[problem.order[found.lines]]
        after[found.lines[lines]] = found.n[lines]
        gain[orders] += np.where(better[orders], found.gain, 0.0)
    return after


def _is_far(cost: Floats, low: Floats) -> Flags:
    """[orders] whose plan is known and may be better."""
    return np.asarray(np.isfinite(cost) & (cost - low > _NEAR * np.abs(low)))


def _idle(search: Search, dual: Dual, n: Ints) -> Floats:
    """[orders] what a plan leaves of limits of its own, which serves nobody else, at the prices."""
    own = search.relaxed.own
    left = np.maximum(own.limit - taken(own.layers, n, len(own.limit)), 0.0)[:-1]
    return np.bincount(own.order, dual.at.price[own.resource[:-1]] * left, len(search.problem.terms.fixed)).astype(float)


def branches(search: Search, dual: Dual, free: Flags, *, idle: bool) -> Iterator[_Branch]:
    """Both branches; those of no use have an infinite value."""
    own, at, nu = search.relaxed.own, dual.at, _nu(search, dual)
    trucks = search.problem.terms.truck_cost > 0
    key = own.order * len(search.problem.limit) + own.resource[:-1]
    rank = np.argsort(key, kind="stable")
    linear = search.problem.terms.truck_cost / search.problem.terms.truck_volume
    sides = ((at.few, at.trucks, dual.evaluation.open_few, True), (at.many, at.trucks + 1, dual.evaluation.open_many, False))
    for branch, number, value, few in sides:
        lam = np.where(trucks, np.maximum(branch.lam, linear) if few else np.clip(branch.lam, 0.0, linear), 0.0)
        kappa, unused = branch.kappa[:-1][rank], at.price[own.resource[:-1]][rank] * idle
        prices = Prices(search.w, nu, free, branch.mu, lam, np.full(len(trucks), few), number, key[rank], kappa, unused)
        yield _Branch(value, prices)


def _own_use(search: Search, dual: Dual) -> Floats:
    """[lines] what one multiple takes of its order's own limits, priced."""
    own, priced_own = search.relaxed.own, np.zeros(len(search.problem))
    for layer in own.layers:
        priced_own += layer.use * np.append(dual.at.price[own.resource[:-1]], 0.0)[layer.resource]
    return priced_own


def _nu(search: Search, dual: Dual) -> Floats:
    """[lines] price of being ordered."""
    return np.append(dual.at.nu, 0.0)[search.problem.choice]
