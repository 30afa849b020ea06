"""Local improvement of a plan: single lines, whole orders, and pairs of lines inside an order or a resource.

What exceeds a limit costs a penalty, so the same moves repair a plan (penalties that grow) and improve a feasible one
(penalties that nothing outweighs).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.exchange import all_triples, candidates, triple_gains
from jobs.plan.coupled.moves import Moves, applied, gains, pairs, singles, steps, together
from jobs.plan.coupled.pairing import paying_pairs
from jobs.plan.coupled.problem import TOLERANCE, Flags, Floats, Ints, Problem, State, raised, state_of
from jobs.plan.coupled.relaxation import Relaxed

#: A gain below this share of the mean entry of the lists is rounding.
_LEAST = 1e-9
#: Steps of a group that are paired with each other: as many as pairs in all allow, within these.
_PAIRED = (14, 60)
#: Steps of a group that give back what exceeds a limit, each paired with all of the others.
_PIVOTS = 12
_PAIRS = 2_000_000
#: Steps of an order of which three are made at once, and orders looked at in one go.
_THREES = 14
_ORDERS = 3_000
#: Problems of more lines are searched less deep, so that a million take minutes.
_LARGE = 200_000


@dataclass(frozen=True)
class Search:
    """What a search looks for.

    w         [lines] price of the resources one multiple takes
    w_order   [lines] the same with the multipliers of the order: reduced costs at it are small where an exchange pays
    penalty   [resources + 1] money per unit beyond a limit
    least     a gain that counts
    """

    relaxed: Relaxed
    w: Floats
    w_order: Floats
    penalty: Floats
    least: float
    deadline: float | None

    @property
    def thorough(self) -> bool:
        """Whether the problem is small enough for the dearer searches."""
        return len(self.problem) <= _LARGE

    @property
    def problem(self) -> Problem:
        """The problem."""
        return self.relaxed.problem

    def over(self) -> bool:
        """Whether time is up."""
        return self.deadline is not None and time.monotonic() > self.deadline


def least_gain(problem: Problem) -> float:
    """A gain that counts."""
    finite = problem.cost[np.isfinite(problem.cost)]
    return _LEAST * max(float(np.mean(np.abs(finite))) if len(finite) else 1.0, 1e-12)


def made(search: Search, state: State, moves: Moves, change: Floats) -> Ints:
    """The plan after those of the moves that pay and go together."""
    good = change < -search.least
    moves, change = moves.take(good), change[good]
    priced = change + np.bincount(moves.move, search.w[moves.line] * (moves.to - state.n[moves.line]), moves.count)
    return applied(state.n, moves, together(search.problem, state, moves, priced))


def singly(search: Search, n: Ints, rounds: int = 40, lines: Ints | None = None) -> Ints:
    """Single lines up or down while it pays; after the first look only where it paid, and in the orders touched."""
    problem = search.problem
    state = state_of(problem, n)
    lines = promising(search, state, np.arange(len(problem)) if lines is None else lines)
    for _ in range(rounds):
        if not len(lines) or search.over():
            break
        moves = steps(problem, search.relaxed.hulls, lines, n)
        change = gains(problem, state, moves, search.penalty)
        after = made(search, state, moves, change)
        if (after == n).all():
            break
        again = _again(problem, np.union1d(moves.line[change < -search.least], np.flatnonzero(after != n)))
        state, n = state_of(problem, after), after
        lines = promising(search, state, again)
    return n


def promising(search: Search, state: State, lines: Ints) -> Ints:
    """Lines of which a step could pay: that have room and want more, want less, or may save a truck by less.

    Cheap, and so looked at before steps are listed and judged.
    """
    problem, terms = search.problem, search.problem.terms
    n, limit = state.n, raised(problem.limit)
    below, above = search.relaxed.hulls.around(lines, n[lines])
    at = problem.at(lines, n[lines])
    less, more = problem.at(lines, below) - at, problem.at(lines, above) - at
    room, charged = np.ones(len(lines), bool), np.zeros(len(lines))
    for layer in problem.layers:
        resource, use = layer.resource[lines], layer.use[lines]
        room &= (use <= 0) | (state.used[resource] + use <= limit[resource])
        charged += np.where(state.used[resource] > limit[resource], use * search.penalty[resource], 0.0)
    order = problem.order[lines]
    trucks = terms.truck_volume[order]
    finite = np.isfinite(trucks)
    # What lies in the last truck: a line that holds as much may save it.
    part = state.volume[order] - np.where(
        finite, (np.ceil(state.volume[order] / trucks - TOLERANCE) - 1) * np.where(finite, trucks, 0.0), 0.0
    )
    truck = finite & (problem.volume[lines] * n[lines] >= part * (1 - 1e-9))
    return lines[((more < 0) & room) | ((n[lines] > 0) & (truck | (less < charged * (n[lines] - below))))]


def _again(problem: Problem, lines: Ints) -> Ints:
    """The lines and all lines of their orders with terms."""
    touched = np.zeros(len(problem.terms.fixed), bool)
    touched[problem.order[lines]] = True
    look = (touched & problem.terms.any)[problem.order]
    look[lines] = True
    return np.flatnonzero(look)


def orderwise(search: Search, n: Ints, opened: Ints) -> Ints:
    """Close open orders and open closed ones (as ``opened`` plans them) where it pays."""
    problem = search.problem
    state = state_of(problem, n)
    closable = (state.ordered > 0) & np.isfinite(search.relaxed.closed)
    to = np.where(closable[problem.order], 0, np.where((state.ordered == 0)[problem.order], opened, n))
    lines = np.flatnonzero(problem.terms.any[problem.order] & (to != n))
    moves = by_order(problem, lines, to[lines])
    return made(search, state, moves, gains(problem, state, moves, search.penalty))


def by_order(problem: Problem, lines: Ints, to: Ints) -> Moves:
    """One move an order."""
    order = problem.order[lines]
    move = np.cumsum(np.diff(order, prepend=order[:1]) != 0) if len(order) else order
    return Moves(move, lines, to, int(move[-1]) + 1 if len(move) else 0)


def in_orders(
    search: Search, n: Ints, rounds: int = 30, orders: Flags | None = None, among: Flags | None = None, *, giving: bool = False
) -> Ints:
    """Exchanges inside orders with terms (some orders, among some lines), again where they paid.

    giving  only those that give back what exceeds a limit
    """
    problem = search.problem
    look = problem.terms.any if orders is None else problem.terms.any & orders
    for _ in range(rounds):
        lines = np.flatnonzero(look[problem.order] if among is None else look[problem.order] & among)
        if not len(lines) or search.over():
            break
        after = exchanged(search, n, lines, problem.order, search.w_order, giving=giving)
        look = np.zeros(len(look), bool)
        look[problem.order[after != n]] = True
        look, n = look & problem.terms.any, after
    return n


def in_resources(search: Search, n: Ints, rounds: int = 10) -> Ints:
    """Exchanges between lines that take from the same resource, layer by layer."""
    problem = search.problem
    for layer in problem.layers:
        none = len(problem.limit) - 1
        group = np.where(layer.resource < none, layer.resource, -1)
        look = np.ones(len(problem.limit), bool)
        for _ in range(rounds):
            lines = np.flatnonzero((group >= 0) & look[group])
            if not len(lines) or search.over():
                break
            after = exchanged(search, n, lines, group, search.w)
            look = np.zeros(len(problem.limit), bool)
            look[group[after != n]] = True
            n = after
    return n


def in_choices(search: Search, n: Ints, rounds: int = 4) -> Ints:
    """One lane of a choice for another."""
    lines = np.flatnonzero(search.problem.choice >= 0)
    for _ in range(rounds):
        if not len(lines) or search.over():
            break
        after = exchanged(search, n, lines, search.problem.choice, search.w_order)
        if (after == n).all():
            break
        n = after
    return n


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


def _gives_back(problem: Problem, state: State, moves: Moves) -> Flags:
    """[moves] steps that take less of what is exceeded."""
    gives, over = np.zeros(moves.count, bool), state.used > raised(problem.limit)
    less = moves.to < state.n[moves.line]
    for layer in problem.layers:
        gives |= less & over[layer.resource[moves.line]] & (layer.use[moves.line] > 0)
    return gives


def _with_pivots(problem: Problem, moves: Moves, reduced: Floats, pivot: Flags) -> tuple[Moves, Flags]:
    """Of each order that has pivots these and the few other steps that could pay with the best of them, pivots first."""
    order = problem.order[moves.line]
    best = np.full(len(problem.terms.fixed), np.inf)
    np.minimum.at(best, order[pivot], reduced[pivot])
    pays = ~pivot & (best[order] + reduced < problem.terms.truck_cost[order])
    first = candidates(np.where(pivot, order, -1), reduced, _PIVOTS)
    others = candidates(np.where(pays, order, -1), reduced, _PAIRED[1])
    rows = np.concatenate([first, others])
    rank = np.argsort(order[rows], kind="stable")
    return singles(moves.line[rows[rank]], moves.to[rows[rank]]), rank < len(first)


def exchanged(search: Search, n: Ints, lines: Ints, group: Ints, w: Floats, *, giving: bool = False) -> Ints:
    """The plan after the exchanges that pay, the best of each group; ``giving`` as in ``in_orders``."""
    problem = search.problem
    state = state_of(problem, n)
    moves, reduced = _steps(search, n, lines, w)
    pivot = None
    if giving:
        moves, pivot = _with_pivots(problem, moves, reduced, _gives_back(problem, state, moves))
    else:
        groups = len(np.unique(group[moves.line]))
        each = int(np.clip((2 * _PAIRS / max(groups, 1)) ** 0.5, *_PAIRED))
        moves = _fewest(moves, group, reduced, each)
    of = group[moves.line]
    x, y, change = paying_pairs(problem, state, moves, of, search.penalty, search.least, pivot)
    # The best few of each group are enough: after one is made the others are judged anew.
    best = candidates(of[x], change, 3)
    x, y, change = x[best], y[best], change[best]
    chosen = pairs((moves.line[x], moves.to[x]), (moves.line[y], moves.to[y]))
    return made(search, state, chosen, gains(problem, state, chosen, search.penalty))


def in_threes(search: Search, n: Ints, rounds: int, orders: Flags | None = None) -> Ints:
    """Exchanges of three lines inside orders with terms, again where they paid."""
    problem = search.problem
    look = problem.terms.any if orders is None else problem.terms.any & orders
    for _ in range(rounds):
        lines = np.flatnonzero(look[problem.order] & (problem.choice < 0))
        if not len(lines) or search.over():
            break
        after = _three_exchanged(search, n, lines)
        look = np.zeros(len(look), bool)
        look[problem.order[after != n]] = True
        look, n = look & problem.terms.any, after
    return n


def _three_exchanged(search: Search, n: Ints, lines: Ints) -> Ints:
    problem = search.problem
    state = state_of(problem, n)
    moves, reduced = _steps(search, n, lines, search.w_order)
    moves = _fewest(moves, problem.order, reduced, _THREES)
    of = problem.order[moves.line]
    bounds = np.append(np.flatnonzero(np.diff(of, prepend=-1) != 0), len(of))
    found: list[tuple[Ints, Ints, Ints, Floats]] = []
    for k in range(0, len(bounds) - 1, _ORDERS):
        low, high = bounds[k], bounds[min(k + _ORDERS, len(bounds) - 1)]
        a, b, c = (x + low for x in all_triples(of[low:high]))
        change = triple_gains(problem, state, moves, (a, b, c), search.penalty)
        good = np.flatnonzero(change < -search.least)
        good = good[candidates(of[a[good]], change[good], 1)]
        found.append((a[good], b[good], c[good], change[good]))
    if not found:
        return n
    a, b, c = (np.concatenate([each[k] for each in found]) for k in range(3))
    rows = np.stack([a, b, c], axis=1)
    rows = np.take_along_axis(rows, np.argsort(moves.line[rows], axis=1, kind="stable"), axis=1).ravel()
    chosen = Moves(np.repeat(np.arange(len(a)), 3), moves.line[rows], moves.to[rows], len(a))
    return made(search, state, chosen, gains(problem, state, chosen, search.penalty))
