"""Local improvement of a plan by several lines at once: inside orders, resources and choices.

Groups of lines are searched in slices, by several threads; what pays is made together where it fits.
"""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.exchange import all_triples, candidates, triple_gains
from jobs.plan.coupled.improve import Search, made
from jobs.plan.coupled.moves import Moves, gains, pairs, singles, steps
from jobs.plan.coupled.pairing import paying_pairs, taken_choices
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, State, raised, state_of
from jobs.workers import group_cuts, mapped

#: Steps of a group that are paired with each other: as many as pairs in all allow, within these.
_PAIRED = (14, 60)
#: Steps of a group that give back what exceeds a limit, each paired with all of the others.
_PIVOTS = 12
_PAIRS = 2_000_000
#: Steps of an order of which three are made at once.
_THREES = 14
#: Lines whose exchanges are looked for in one go.
_LINES = 16_384
#: And at least: in fewer threads lose more than they gain.
_FEWEST = 2_048
#: Exchanges kept of each group: after one is made the others are judged anew.
_KEPT = 3


def in_orders(
    search: Search, n: Ints, rounds: int = 30, orders: Flags | None = None, among: Flags | None = None, *, giving: bool = False
) -> Ints:
    """Exchanges inside orders with terms (some orders, among some lines), again where they paid.

    giving  only those that give back what exceeds a limit
    """
    problem, state = search.problem, state_of(search.problem, n)
    look = problem.terms.any if orders is None else problem.terms.any & orders
    for _ in range(rounds):
        lines = np.flatnonzero(look[problem.order] if among is None else look[problem.order] & among)
        if not len(lines) or search.over():
            break
        after = exchanged(search, state, lines, problem.order, search.w_order, giving=giving)
        look = np.zeros(len(look), bool)
        look[problem.order[after.n != state.n]] = True
        look, state = look & problem.terms.any, after
    return state.n


def in_resources(search: Search, n: Ints, rounds: int = 10) -> Ints:
    """Exchanges between lines that take from the same resource, layer by layer."""
    problem, state = search.problem, state_of(search.problem, n)
    for layer in problem.layers:
        none = len(problem.limit) - 1
        group = np.where(layer.resource < none, layer.resource, -1)
        look = np.ones(len(problem.limit), bool)
        for _ in range(rounds):
            lines = np.flatnonzero((group >= 0) & look[group])
            if not len(lines) or search.over():
                break
            after = exchanged(search, state, lines, group, search.w)
            look = np.zeros(len(problem.limit), bool)
            look[group[after.n != state.n]] = True
            state = after
    return state.n


def in_choices(search: Search, n: Ints, rounds: int = 4) -> Ints:
    """One lane of a choice for another."""
    problem, state = search.problem, state_of(search.problem, n)
    for _ in range(rounds):
        if not len(problem.members) or search.over():
            break
        after = exchanged(search, state, problem.members, problem.choice, search.w_order)
        if (after.n == state.n).all():
            break
        state = after
    return state.n


def _steps(search: Search, n: Ints, lines: Ints, w: Floats) -> tuple[Moves, Floats]:
    """Steps of lines, and their reduced costs at prices w per multiple."""
    problem = search.problem
    moves = steps(problem, search.relaxed.hulls, lines, n)
    line, now = moves.line, n[moves.line]
    return moves, problem.at(line, moves.to) - problem.at(line, now) + w[line] * (moves.to - now)


def _fewest(moves: Moves, group: Ints, reduced: Floats, each: int) -> Moves:
    """The few steps of each group of lines whose reduced costs are lowest, by group."""
    few = candidates(group[moves.line], reduced, each)
    return singles(moves.line[few], moves.to[few])


def _gives_back(problem: Problem, over: Flags, state: State, moves: Moves) -> Flags:
    """[moves] steps that take less of what is exceeded."""
    gives = np.zeros(moves.count, bool)
    less = moves.to < state.n[moves.line]
    for layer in problem.layers:
        gives |= less & over[layer.resource[moves.line]] & (layer.use[moves.line] > 0)
    return gives


def _with_pivots(problem: Problem, moves: Moves, reduced: Floats, pivot: Flags) -> tuple[Moves, Flags]:
    """Of each order that has pivots these and the few other steps that could pay with the best of them, pivots first."""
    order = problem.order[moves.line]
    lowest = int(order.min(initial=0))
    best = np.full(int(order.max(initial=-1)) - lowest + 1, np.inf)
    np.minimum.at(best, order[pivot] - lowest, reduced[pivot])
    pays = ~pivot & (best[order - lowest] + reduced < problem.terms.truck_cost[order])
    first = candidates(np.where(pivot, order, -1), reduced, _PIVOTS)
    others = candidates(np.where(pays, order, -1), reduced, _PAIRED[1])
    rows = np.concatenate([first, others])
    rank = np.argsort(order[rows], kind="stable")
    return singles(moves.line[rows[rank]], moves.to[rows[rank]]), rank < len(first)


def exchanged(search: Search, state: State, lines: Ints, group: Ints, w: Floats, *, giving: bool = False) -> State:
    """The plan after the exchanges that pay, the best of each group; ``giving`` as in ``in_orders``."""
    problem, of = search.problem, group[lines]
    if (of[1:] < of[:-1]).any():
        lines = lines[np.argsort(of, kind="stable")]
        of = group[lines]
    groups = int(np.count_nonzero(np.diff(of, prepend=-2)))
    each = int(np.clip((2 * search.share * _PAIRS / max(groups, 1)) ** 0.5, *_PAIRED))
    over, taken = state.used > raised(problem.limit), taken_choices(problem, state)

    def paying(cut: slice) -> tuple[Ints, Ints, Ints, Ints]:
        moves, reduced = _steps(search, state.n, lines[cut], w)
        pivot = None
        if giving:
            moves, pivot = _with_pivots(problem, moves, reduced, _gives_back(problem, over, state, moves))
        else:
            moves = _fewest(moves, group, reduced, each)
        mine = group[moves.line]
        x, y, change = paying_pairs(problem, state, moves, mine, search.penalty, search.least, pivot, taken)
        best = candidates(mine[x], change, _KEPT)
        x, y = x[best], y[best]
        return moves.line[x], moves.to[x], moves.line[y], moves.to[y]

    found = mapped(paying, group_cuts(of, min(_LINES, max(len(of) // 4, _FEWEST))))
    a, to_a, b, to_b = (np.concatenate([part[k] for part in found]) for k in range(4))
    chosen = pairs((a, to_a), (b, to_b))
    return made(search, state, chosen, gains(problem, state, chosen, search.penalty))


def in_threes(search: Search, n: Ints, rounds: int, orders: Flags | None = None) -> Ints:
    """Exchanges of three lines inside orders with terms, again where they paid."""
    problem, state = search.problem, state_of(search.problem, n)
    look = problem.terms.any if orders is None else problem.terms.any & orders
    for _ in range(rounds):
        lines = np.flatnonzero(look[problem.order] & (problem.choice < 0))
        if not len(lines) or search.over():
            break
        after = _three_exchanged(search, state, lines)
        look = np.zeros(len(look), bool)
        look[problem.order[after.n != state.n]] = True
        look, state = look & problem.terms.any, after
    return state.n


def _three_exchanged(search: Search, state: State, lines: Ints) -> State:
    problem = search.problem

    def paying(cut: slice) -> tuple[Ints, Ints]:
        moves, reduced = _steps(search, state.n, lines[cut], search.w_order)
        moves = _fewest(moves, problem.order, reduced, _THREES)
        of = problem.order[moves.line]
        a, b, c = all_triples(of)
        change = triple_gains(problem, state, moves, (a, b, c), search.penalty)
        good = np.flatnonzero(change < -search.least)
        good = good[candidates(of[a[good]], change[good], 1)]
        rows = np.stack([a[good], b[good], c[good]], axis=1)
        rows = np.take_along_axis(rows, np.argsort(moves.line[rows], axis=1, kind="stable"), axis=1).ravel()
        return moves.line[rows], moves.to[rows]

    found = mapped(paying, group_cuts(problem.order[lines], _LINES))
    line, to = (np.concatenate([part[k] for part in found]) for k in (0, 1))
    chosen = Moves(np.repeat(np.arange(len(line) // 3), 3), line, to, len(line) // 3)
    return made(search, state, chosen, gains(problem, state, chosen, search.penalty))
