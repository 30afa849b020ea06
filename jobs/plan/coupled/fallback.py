"""The last rungs of the ladder: a feasible plan at once."""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.problem import Ints, Problem, is_feasible, lowered, raised, state_of
from jobs.plan.coupled.repair import touching
from jobs.plan.coupled.start import one_of_each_choice

_ROUNDS = 20


def nothing(problem: Problem) -> Ints:
    """[lines] the least each list allows: nothing, where it may be."""
    position = np.arange(len(problem.cost)) - np.repeat(problem.start[:-1], np.diff(problem.start))
    place = np.where(np.isfinite(problem.cost), position, np.iinfo(np.int64).max)
    return np.asarray(np.minimum.reduceat(place, problem.start[:-1]))


def emptied(problem: Problem, n: Ints) -> Ints:
    """A plan cut down until it keeps everything: lines that take from what is exceeded, and orders below their minimum, to their least."""
    least = nothing(problem)
    n = one_of_each_choice(problem, n, np.zeros(len(n)))
    for _ in range(_ROUNDS):
        state = state_of(problem, n)
        if is_feasible(problem, state):
            return n
        over = state.used > raised(problem.limit)
        short = (state.ordered > 0) & (state.value < lowered(problem.terms.minimum))
        n = np.where(touching(problem, over) | short[problem.order], least, n)
    return least
