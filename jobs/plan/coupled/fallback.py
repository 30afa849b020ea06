"""The last rungs of the ladder: a feasible plan at once."""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.exchange import candidates
from jobs.plan.coupled.hulls import Hulls
from jobs.plan.coupled.moves import applied, running, singles, steps, together
from jobs.plan.coupled.problem import Flags, Ints, Layer, Problem, State, is_feasible, lowered, raised, state_after, state_of
from jobs.plan.coupled.start import one_of_each_choice
from jobs.plan.ragged import first_allowed, last_allowed

_ROUNDS = 20
#: Steps that an order is topped up by.
_STEPS = 40


def cut_down(problem: Problem, hulls: Hulls, n: Ints) -> Ints:
    """A plan made to keep everything at once: of an exceeded limit those lines keep their share that save most by what they take.

    Orders that this leaves below their minimum are topped up from what there is room for, else closed. Lines of these go to the
    least they allow.
    """
    least = first_allowed(problem.start, problem.cost)
    n = one_of_each_choice(problem, n, np.zeros(len(n)))
    for _ in range(_ROUNDS):
        state = state_of(problem, n)
        if is_feasible(problem, state):
            return n
        over = state.used > raised(problem.limit)
        for layer in problem.layers:
            n = _within(problem, layer, over, n, least)
        n = topped_up(problem, hulls, n)
        n = np.where(_short(problem, state_of(problem, n))[problem.order], least, n)
    return least


def topped_up(problem: Problem, hulls: Hulls, n: Ints) -> Ints:
    """Orders below their minimum brought up to it, the cheapest value first, where there is room."""
    limit, state = raised(problem.limit), state_of(problem, n)
    for _ in range(_STEPS):
        n = state.n
        lines = np.flatnonzero(_short(problem, state)[problem.order] & (problem.choice < 0))
        if not len(lines):
            break
        moves = steps(problem, hulls, lines, n)
        order, delta = problem.order[moves.line], moves.to - n[moves.line]
        value = np.minimum(problem.value[moves.line] * delta, problem.terms.minimum[order] - state.value[order])
        fits = value > 0
        for layer in problem.layers:
            resource, amount = layer.resource[moves.line], layer.use[moves.line] * delta
            fits &= (amount <= 0) | (state.used[resource] + amount <= limit[resource])
        dearer = problem.at(moves.line, moves.to) - problem.at(moves.line, n[moves.line])
        score = dearer / np.where(fits, value, 1.0)
        best = candidates(np.where(fits, order, -1), score, 1)
        if not len(best):
            break
        chosen = singles(moves.line[best], moves.to[best])
        state = state_after(problem, state, applied(n, chosen, together(problem, state, chosen, score[best])))
    return state.n


def _short(problem: Problem, state: State) -> Flags:
    """[orders] placed below their minimum."""
    return np.asarray((state.ordered > 0) & (state.value < lowered(problem.terms.minimum)))


def _within(problem: Problem, layer: Layer, over: Flags, n: Ints, least: Ints) -> Ints:
    """The plan with what exceeded limits have room for, most saving first."""
    rows = np.flatnonzero(over[layer.resource] & (layer.use > 0) & (n > 0))
    if not len(rows):
        return n
    saved = problem.at(rows, least[rows]) - problem.at(rows, n[rows])
    taken = layer.use[rows] * n[rows]
    # What must be taken comes first.
    score = np.where(n[rows] == least[rows], -np.inf, -saved / taken)
    rank = np.empty(len(rows), np.int64)
    rank[np.argsort(score, kind="stable")] = np.arange(len(rows))
    total, limit = running(layer.resource[rows], rank, taken), problem.limit[layer.resource[rows]]
    drop = total > limit
    most = np.full(len(n), np.iinfo(np.int64).max)
    # Of the first that exceeds a limit, a part may fit.
    most[rows[drop]] = np.floor(np.maximum(limit - (total - taken), 0.0) / layer.use[rows])[drop].astype(np.int64)
    return np.minimum(n, last_allowed(problem.start, problem.cost, most))
