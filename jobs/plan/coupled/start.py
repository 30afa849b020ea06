"""From a plan at prices to a feasible plan: choices, order minima, then capacity taken back.

Order minima first, as if capacities were free; then capacity is taken back from lines whose order can spare it; only
where that does not suffice an order is closed. (The other way round costs 6% instead of 0.3%: practices of the field,
docs/decisions/price_coordination.md.)
"""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.hulls import cheapest
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, lowered, state_of
from jobs.plan.coupled.relaxation import Relaxed

_HALVINGS = 40


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


def topped_up(relaxed: Relaxed, n: Ints, w: Floats) -> Ints:
    """Open orders below their minimum get more of what costs least per value; closed where it can't be reached.

    Bisection of a multiplier per order: lines go to the cheapest vertex at price w - mu value, never below what they
    have. Lines of choices stay as they are.
    """
    problem, hulls, terms = relaxed.problem, relaxed.hulls, relaxed.problem.terms
    state = state_of(problem, n)
    short = (terms.minimum > 0) & (state.ordered > 0) & (state.value < lowered(terms.minimum))
    lines = np.flatnonzero(short[problem.order] & (problem.choice < 0))
    if not short.any():
        return n
    order, at = problem.order[lines], n[lines]
    vertex = hulls.first[lines].copy()
    needed = terms.minimum - state.value

    def more(mu: Floats) -> Ints:
        price = w[lines] - mu[order] * problem.value[lines]
        return np.maximum(hulls.n[cheapest(hulls, price, vertex)].astype(np.int64), at)

    def enough(to: Ints) -> Flags:
        return np.bincount(order, problem.value[lines] * (to - at), len(short)) >= needed - 1e-9 * np.maximum(terms.minimum, 1)

    last = hulls.first[lines + 1] - 1
    steepest = np.where(last > hulls.first[lines], hulls.down[last], 0.0) + w[lines]
    per_value = np.where(problem.value[lines] > 0, steepest / np.where(problem.value[lines] > 0, problem.value[lines], 1.0), 0.0)
    low, high = np.zeros(len(short)), np.zeros(len(short))
    np.maximum.at(high, order, np.maximum(per_value, 0.0) * (1 + 1e-9) + 1e-9)
    reachable = enough(more(high))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = enough(more(middle))
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    n = n.copy()
    n[lines] = more(high)
    shut = (short & ~reachable)[problem.order] & np.isfinite(problem.cost[problem.start[:-1]])
    return np.where(shut, 0, n)
