"""A feasible plan near a plan at prices: what exceeds a limit costs more and more until nothing does.

Order minima are kept throughout (orders are topped up first, as if capacities were free); capacity is then taken back
by lines that can spare it, by exchanges inside orders, and by closing orders as the last resort, when the penalty
outweighs what an order saves. Taking capacity first and topping up then costs 6% instead of 0.3%
(docs/decisions/price_coordination.md).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jobs.plan.coupled.improve import Search, in_orders, orderwise, singly
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, raised, state_of

#: Penalties as multiples of the price, one stage after the other.
_STAGES = (1.5, 3.0, 8.0, 30.0, 1e3, 1e6)


def repaired(search: Search, n: Ints, price: Floats) -> Ints:
    """The plan after penalties have grown; whether it is feasible is the caller's to look at."""
    problem = search.problem
    floor = 1e-2 * float(np.median(price[price > 0])) if (price > 0).any() else 1.0
    for stage in _STAGES:
        over = exceeded(problem, n)
        if not over.any():
            break
        penalty = np.maximum(price, floor) * stage
        now = with_penalty(search, penalty, price, over)
        touched = touching(problem, over)
        n = singly(now, n, lines=np.flatnonzero(touched))
        orders = np.zeros(len(problem.terms.fixed), bool)
        orders[problem.order[touching(problem, exceeded(problem, n))]] = True
        n = in_orders(now, n, orders=orders)
        if stage >= 8:
            n = closed_where_it_pays(now, n)
    return n


def closed_where_it_pays(search: Search, n: Ints) -> Ints:
    """Orders closed for the penalties they would save."""
    for _ in range(50):
        after = orderwise(search, n, np.zeros_like(n))
        if (after == n).all():
            break
        n = after
    return n


def with_penalty(search: Search, penalty: Floats, price: Floats, over: Flags) -> Search:
    """A search whose reduced costs count the penalty where a limit is exceeded."""
    extra = np.zeros(len(search.problem))
    more = np.where(over, penalty - price, 0.0)
    for layer in search.problem.layers:
        extra += layer.use * more[layer.resource]
    return replace(search, penalty=penalty, w=search.w + extra, w_order=search.w_order + extra)


def exceeded(problem: Problem, n: Ints) -> Flags:
    """[resources + 1] limits not kept."""
    return state_of(problem, n).used > raised(problem.limit)


def touching(problem: Problem, over: Flags) -> Flags:
    """[lines] that take from any of some resources."""
    touches = np.zeros(len(problem), bool)
    for layer in problem.layers:
        touches |= over[layer.resource] & (layer.use > 0)
    return touches
