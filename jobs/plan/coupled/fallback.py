"""The last rungs of the ladder: a feasible plan at once."""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.moves import running
from jobs.plan.coupled.problem import Flags, Ints, Layer, Problem, is_feasible, lowered, raised, state_of
from jobs.plan.coupled.start import one_of_each_choice
from jobs.plan.ragged import first_allowed

_ROUNDS = 20


def cut_down(problem: Problem, n: Ints) -> Ints:
    """A plan made to keep everything at once: of an exceeded limit those lines keep their share that save most by what they take.

    Orders that this leaves below their minimum are closed. Lines that are dropped go to the least they allow.
    """
    least = first_allowed(problem.start, problem.cost)
    n = one_of_each_choice(problem, n, np.zeros(len(n)))
    for _ in range(_ROUNDS):
        state = state_of(problem, n)
        if is_feasible(problem, state):
            return n
        over = state.used > raised(problem.limit)
        for layer in problem.layers:
            n = np.where(_beyond(problem, layer, over, (n, least)), least, n)
        state = state_of(problem, n)
        short = (state.ordered > 0) & (state.value < lowered(problem.terms.minimum))
        n = np.where(short[problem.order], least, n)
    return least


def _beyond(problem: Problem, layer: Layer, over: Flags, plans: tuple[Ints, Ints]) -> Flags:
    """[lines] that an exceeded limit has no room for, most saving first."""
    n, least = plans
    drop = np.zeros(len(n), bool)
    rows = np.flatnonzero(over[layer.resource] & (layer.use > 0) & (n > 0))
    if len(rows):
        saved = problem.at(rows, least[rows]) - problem.at(rows, n[rows])
        taken = layer.use[rows] * n[rows]
        # What must be taken comes first.
        score = np.where(n[rows] == least[rows], -np.inf, -saved / taken)
        rank = np.empty(len(rows), np.int64)
        rank[np.argsort(score, kind="stable")] = np.arange(len(rows))
        drop[rows] = running(layer.resource[rows], rank, taken) > problem.limit[layer.resource[rows]]
    return drop
