"""A plan at prices that keeps choices and order minima: each order the best of some candidates, limits not looked at.

A candidate takes the multipliers of a branch, its volume priced a little higher from one to the next (so that the whole
trucks of the branch suffice), and then as much more for value as the minimum needs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jobs.plan.coupled.hulls import cheapest
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, lowered, order_costs
from jobs.plan.coupled.relaxation import Branch, Evaluation, Multipliers, Relaxed, priced_use

_HALVINGS = 22
#: How much dearer volume is made, and what the order's own limits cost, from candidate to candidate.
_FACTORS = ((1.0, 1.0), (1.08, 1.0), (1.25, 1.0), (1.6, 1.0), (1.0, 1.3), (1.0, 2.0), (1.2, 1.5), (1.2, 3.0))
#: What exceeds an own limit is charged so many times its price.
_CHARGE = 5.0


def started(relaxed: Relaxed, at: Multipliers, found: Evaluation) -> tuple[Ints, Ints]:
    """The best plan of every order, closed where that is cheaper; and the best open plan of every order with terms."""
    problem, terms = relaxed.problem, relaxed.problem.terms
    w = priced_use(problem, at.price)
    n = one_of_each_choice(problem, found.n, w)
    if not terms.any.any():
        return n, n
    fixed = np.where(problem.choice >= 0, n, -1)
    best, least = n, np.full(len(terms.fixed), np.inf)
    own = own_prices(relaxed, at)
    limited = np.bincount(relaxed.own.order, minlength=len(least)) > 0
    for branch in (at.few, at.many):
        for volume, limits in _FACTORS:
            look = terms.any & ((volume == 1.0) | (terms.truck_cost > 0)) & ((limits == 1.0) | limited)
            look &= (terms.truck_cost > 0) | (branch is at.few)
            plan = with_minimum(relaxed, _order_prices(relaxed, w, branch, own, (volume, limits)), fixed, look)
            cost = priced_orders(problem, plan, w) + _charge(relaxed, plan, own)
            cost = np.where(look, cost, np.inf)
            best = np.where((cost < least)[problem.order], plan, best)
            least = np.minimum(least, cost)
    shut = terms.any & (relaxed.closed <= least) & np.isfinite(relaxed.closed)
    opened = np.where(problem.choice >= 0, 0, best)
    return np.where(shut[problem.order], 0, np.where(terms.any[problem.order], best, n)), opened


def own_prices(relaxed: Relaxed, at: Multipliers) -> Floats:
    """[own limits + 1] what a unit costs: the resource's price and the limit's own; at least a tenth of the usual price."""
    price = np.maximum(at.few.kappa, at.many.kappa) + at.price[relaxed.own.resource]
    usual = 0.1 * float(np.median(price[price > 0])) if (price > 0).any() else 0.0
    price = np.maximum(price, usual)
    price[-1] = 0.0
    return price


def _charge(relaxed: Relaxed, n: Ints, own: Floats) -> Floats:
    """[orders] penalty for what exceeds own limits."""
    used = np.zeros(len(own))
    for layer in relaxed.own.layers:
        used += np.bincount(layer.resource, layer.use * n, len(own))
    beyond = np.maximum(used[:-1] - relaxed.own.limit[:-1] * (1 + 1e-9), 0.0)
    return np.bincount(relaxed.own.order, _CHARGE * own[:-1] * beyond, len(relaxed.problem.terms.fixed))


def _order_prices(relaxed: Relaxed, w: Floats, branch: Branch, own: Floats, factors: tuple[float, float]) -> Floats:
    """[lines] price per multiple, with volume and the order's own limits."""
    problem = relaxed.problem
    price = w + factors[0] * branch.lam[problem.order] * problem.volume
    more = branch.kappa + (factors[1] - 1) * own
    for layer in relaxed.own.layers:
        price = price + layer.use * more[layer.resource]
    return price


def alone(relaxed: Relaxed, price: Floats) -> Problem:
    """The problem of every order by itself: lists with priced use, and only the order's own limits."""
    problem, own = relaxed.problem, relaxed.own
    length = np.diff(problem.start)
    owner = np.repeat(np.arange(len(problem)), length)
    n = np.arange(len(problem.cost)) - problem.start[:-1][owner]
    return replace(problem, cost=problem.cost + priced_use(problem, price)[owner] * n, layers=own.layers, limit=own.limit)


def priced_orders(problem: Problem, n: Ints, w: Floats) -> Floats:
    """[orders] cost with priced use of resources and order terms."""
    first = problem.terms.lines[:-1]
    lines = problem.cost[problem.start[:-1] + n] + w * n
    value, volume, ordered = (np.add.reduceat(each, first) for each in (problem.value * n, problem.volume * n, (n > 0).astype(np.int64)))
    return np.asarray(np.add.reduceat(lines, first) + order_costs(problem.terms, slice(None), value, volume, ordered))


def one_of_each_choice(problem: Problem, n: Ints, w: Floats) -> Ints:
    """The plan with only the best line of each choice (at prices w per multiple)."""
    member = np.flatnonzero((problem.choice >= 0) & (n > 0))
    if not len(member):
        return n
    worth = problem.at(member, n[member]) + w[member] * n[member]
    rank = np.lexsort((member, worth, problem.choice[member]))
    again = np.diff(problem.choice[member][rank], prepend=-1) == 0
    n = n.copy()
    n[member[rank][again]] = 0
    return n


def with_minimum(relaxed: Relaxed, price: Floats, fixed: Ints, look: Flags) -> Ints:
    """The cheapest vertices at prices, and in orders looked at as much more for value as their minimum needs.

    Bisection of a multiplier of value, all orders at once. Lines with ``fixed`` >= 0 stay at that. An order whose
    minimum can't be reached stays below it.
    """
    problem, hulls, terms = relaxed.problem, relaxed.hulls, relaxed.problem.terms
    lines = np.flatnonzero(look[problem.order])
    order, value, price = problem.order[lines], problem.value[lines], price[lines]
    vertex, stays = hulls.first[lines].copy(), fixed[lines]

    def plan(mu: Floats) -> Ints:
        n = hulls.n[cheapest(hulls, price - mu[order] * value, vertex)].astype(np.int64)
        return np.where(stays >= 0, stays, n)

    def enough(n: Ints) -> Flags:
        return np.bincount(order, value * n, len(look)) >= lowered(terms.minimum)

    last = hulls.first[lines + 1] - 1
    steepest = np.where(last > hulls.first[lines], hulls.down[last], 0.0) + price
    per_value = np.where(value > 0, steepest / np.where(value > 0, value, 1.0), 0.0)
    low, high = np.zeros(len(look)), np.zeros(len(look))
    np.maximum.at(high, order, np.maximum(per_value, 0.0) * (1 + 1e-9) + 1e-9)
    high = np.where(enough(plan(low)), low, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = enough(plan(middle))
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    n = np.maximum(fixed, 0)
    n[lines] = plan(high)
    return n
