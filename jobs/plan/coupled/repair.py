"""A feasible plan near a plan at prices: what exceeds a limit costs more and more until nothing does.

Order minima are kept throughout (orders are topped up first, as if capacities were free); capacity is then taken back
by lines that can spare it, by exchanges inside orders, and by closing orders as the last resort, when the penalty
outweighs what an order saves. Taking capacity first and topping up then costs 6% instead of 0.3%
(docs/decisions/price_coordination.md).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jobs.plan.coupled.exchanging import in_orders, in_threes
from jobs.plan.coupled.improve import Search, by_order, made, orderwise, singly
from jobs.plan.coupled.moves import gains
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, raised, state_of
from jobs.plan.coupled.relaxation import Branch, Multipliers
from jobs.plan.coupled.start import with_minimum
from jobs.workers import mapped

#: Penalties as multiples of the price, one stage after the other.
_STAGES = (1.1, 1.3, 1.7, 2.5, 4.0, 8.0, 15.0, 30.0, 60.0, 150.0, 1e3, 1e6)
#: From this stage on three lines of an order are changed at once, then orders planned anew, then closed.
_DEEP, _INSIDE, _CLOSING = 15.0, 30.0, 60.0
#: Penalty of limits inside single orders, from the start.
_FIRM = 100.0


def repaired(search: Search, n: Ints, at: Multipliers) -> Ints:
    """The plan after penalties have grown; whether it is feasible is the caller's to look at."""
    problem, price = search.problem, at.price
    floor = 1e-2 * float(np.median(price[price > 0])) if (price > 0).any() else 1.0
    # What single orders can break by themselves was settled inside them and stays so.
    firm = np.zeros(len(price), bool)
    firm[search.relaxed.own.resource[:-1]] = True
    for stage in _STAGES:
        over = exceeded(problem, n)
        if not over.any() or search.over():
            break
        penalty = np.maximum(price, floor) * np.where(firm, max(stage, _FIRM), stage)
        now = with_penalty(search, penalty, price, over)
        n = singly(now, n, lines=np.flatnonzero(touching(problem, over)))
        if stage >= _INSIDE:
            n = replanned(now, n, at, stuck(problem, n))
        n = in_orders(now, n, rounds=6, orders=stuck(problem, n), giving=True)
        if stage >= _DEEP:
            n = in_threes(now, n, 4, stuck(problem, n))
        if stage >= _CLOSING:
            n = closed_where_it_pays(now, n)
    return n


def stuck(problem: Problem, n: Ints) -> Flags:
    """[orders] with terms that take from what is exceeded."""
    orders = np.zeros(len(problem.terms.fixed), bool)
    orders[problem.order[touching(problem, exceeded(problem, n)) & (n > 0)]] = True
    return orders & problem.terms.any


def replanned(search: Search, n: Ints, at: Multipliers, look: Flags) -> Ints:
    """Orders planned anew at prices that count the penalties, where that pays."""
    problem = search.problem
    if not look.any():
        return n
    fixed, state = np.where(problem.choice >= 0, n, -1), state_of(problem, n)

    def plan(candidate: tuple[Branch, float]) -> Ints:
        branch, factor = candidate
        return with_minimum(search.relaxed, search.w + factor * branch.lam[problem.order] * problem.volume, fixed, look)

    for to in mapped(plan, [(branch, factor) for branch in (at.few, at.many) for factor in (1.0, 1.25)]):
        lines = np.flatnonzero(look[problem.order] & (to != state.n))
        moves = by_order(problem, lines, to[lines])
        state = made(search, state, moves, gains(problem, state, moves, search.penalty))
    return state.n


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
