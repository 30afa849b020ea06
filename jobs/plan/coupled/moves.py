"""Moves of a plan: what they cost, whether they fit, and which of many can be made together.

A move sets one or more lines to other multiples. Moves are judged with whole trucks and real order minima.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.hulls import Hulls
from jobs.plan.coupled.problem import Flags, Floats, Ints, Layer, Problem, State, Terms, order_costs, raised, totals


@dataclass(frozen=True)
class Moves:
    """Rows of moves: line to ``to`` multiples; rows of a move lie together, its lines by rising number.

    move  [rows] 0 .. count - 1, rising
    """

    move: Ints
    line: Ints
    to: Ints
    count: int

    def take(self, chosen: Flags) -> Moves:
        """Only the chosen moves, numbered anew."""
        rows = chosen[self.move]
        number = np.cumsum(chosen) - 1
        return Moves(number[self.move[rows]], self.line[rows], self.to[rows], int(chosen.sum()))


def singles(line: Ints, to: Ints) -> Moves:
    """Moves of one line each."""
    return Moves(np.arange(len(line)), line, to, len(line))


def pairs(first: tuple[Ints, Ints], second: tuple[Ints, Ints]) -> Moves:
    """Moves of two lines each, given as (line, to)."""
    swap = first[0] > second[0]
    line = np.stack([np.where(swap, second[0], first[0]), np.where(swap, first[0], second[0])], axis=1).ravel()
    to = np.stack([np.where(swap, second[1], first[1]), np.where(swap, first[1], second[1])], axis=1).ravel()
    return Moves(np.repeat(np.arange(len(first[0])), 2), line, to, len(first[0]))


def gains(problem: Problem, state: State, moves: Moves, penalty: Floats) -> Floats:
    """[moves] change of total cost and penalties, each move alone; inf where a list, an order minimum or a choice forbids it.

    penalty  [resources + 1] money per unit beyond a limit
    """
    if not moves.count:
        return np.zeros(0)
    line, n = moves.line, state.n[moves.line]
    change = totals(moves.move, problem.at(line, moves.to) - problem.at(line, n), moves.count)
    for layer in problem.layers:
        move, resource, delta = _net(problem, layer, state, moves)
        change += totals(move, penalised(problem, state, penalty, resource, delta), moves.count)
    change += _order_change(problem, state, moves)
    change[_breaks_choice(problem, state, moves)] = np.inf
    return change


def penalised(problem: Problem, state: State, penalty: Floats, resource: Ints, delta: Floats) -> Floats:
    """Change of the penalty when the use of resources changes by delta."""
    beyond = state.used[resource] - raised(problem.limit[resource])
    return np.asarray(penalty[resource] * (np.maximum(beyond + delta, 0.0) - np.maximum(beyond, 0.0)))


def _order_change(problem: Problem, state: State, moves: Moves) -> Floats:
    """[moves] change of fixed and truck costs of all orders touched."""
    terms, order = problem.terms, problem.order[moves.line]
    rows = np.flatnonzero(terms.any[order])
    if not len(rows):
        return np.zeros(moves.count)
    move, order, line, to = moves.move[rows], order[rows], moves.line[rows], moves.to[rows]
    n = state.n[line]
    first = np.flatnonzero((np.diff(move, prepend=-1) != 0) | (np.diff(order, prepend=-1) != 0))
    sums = [
        np.add.reduceat(each, first) for each in (problem.value[line] * (to - n), problem.volume[line] * (to - n), (to > 0) * 1 - (n > 0))
    ]
    return totals(move[first], order_change(terms, state, order[first], *sums), moves.count)


def order_change(terms: Terms, state: State, order: Ints, value: Floats, volume: Floats, ordered: Ints) -> Floats:
    """Change of fixed and truck costs of orders whose value, volume and number of lines ordered change by so much."""
    count = state.ordered[order] + ordered
    # Nothing ordered has no rest of rounding.
    new = order_costs(terms, order, state.value[order] + value, np.where(count == 0, 0.0, state.volume[order] + volume), count)
    old = order_costs(terms, order, state.value[order], state.volume[order], state.ordered[order])
    # An order below its minimum may be changed towards anything: it counts as its fixed cost alone.
    return new - np.where(np.isfinite(old), old, terms.fixed[order])


def _breaks_choice(problem: Problem, state: State, moves: Moves) -> Ints:
    """Moves after which a choice has two lines, or none where it must have one."""
    rows = np.flatnonzero(problem.choice[moves.line] >= 0)
    if not len(rows):
        return rows
    choices = len(problem.must)
    member = problem.members
    now = np.bincount(problem.choice[member], state.n[member] > 0, choices)
    delta = (moves.to[rows] > 0) * 1.0 - (state.n[moves.line[rows]] > 0)
    key, place = np.unique(moves.move[rows] * choices + problem.choice[moves.line[rows]], return_inverse=True)
    after = now[key % choices] + np.bincount(place, delta)
    broken = (after > 1) | (problem.must[key % choices] & (after < 1))
    return np.asarray((key // choices)[broken])


def _net(problem: Problem, layer: Layer, state: State, moves: Moves) -> tuple[Ints, Ints, Floats]:
    """Move, resource and net change, for every resource of a layer that a move touches."""
    at = layer.resource[moves.line]
    rows = np.flatnonzero(at < len(problem.limit) - 1)
    move, at, line = moves.move[rows], at[rows], moves.line[rows]
    delta = layer.use[line] * (moves.to[rows] - state.n[line])
    if len(rows) == 0 or moves.count == len(moves.line):
        return move, at, delta
    rank = np.lexsort((at, move))
    move, at, delta = move[rank], at[rank], delta[rank]
    first = np.flatnonzero((np.diff(move, prepend=-1) != 0) | (np.diff(at, prepend=-1) != 0))
    return move[first], at[first], np.add.reduceat(delta, first)


def together(problem: Problem, state: State, moves: Moves, score: Floats) -> Flags:
    """[moves] which can be made together: lowest score first, one a line, order with terms and choice.

    Of a resource no more moves take than it has left, and no more give back than is exceeded; the first of each may.
    """
    rank = np.empty(moves.count, np.int64)
    rank[np.argsort(score, kind="stable")] = np.arange(moves.count)
    chosen = _claimed(problem, moves, rank)
    limit = raised(problem.limit)
    for layer in problem.layers:
        move, resource, delta = _net(problem, layer, state, moves)
        left = limit[resource] - state.used[resource]
        for rows in (np.flatnonzero(chosen[move] & (delta > 0) & (left >= 0)), np.flatnonzero(chosen[move] & (delta < 0) & (left < 0))):
            if len(rows):
                amount = np.abs(delta[rows])
                before = running(resource[rows], rank[move[rows]], amount) - amount
                # Giving back may exceed what is needed by part of a move; taking may not.
                beyond = np.where(delta[rows] > 0, before + amount, before) > np.abs(left[rows])
                chosen[move[rows[beyond & (before > 0)]]] = False
    return chosen


def running(group: Ints, rank: Ints, amount: Floats) -> Floats:
    """Running totals of amounts (each included) within groups, in order of rank."""
    order = np.lexsort((rank, group))
    total = np.cumsum(amount[order])
    first = np.flatnonzero(np.diff(group[order], prepend=-1) != 0)
    before = total[first] - amount[order][first]
    total -= np.repeat(before, np.diff(np.append(first, len(group))))
    result = np.empty_like(total)
    result[order] = total
    return result


def _claimed(problem: Problem, moves: Moves, rank: Ints) -> Flags:
    """[moves] that are first in everything they touch: lines (or orders with terms) and choices."""
    order = problem.order[moves.line]
    orders = len(problem.terms.fixed)
    token = np.where(problem.terms.any[order], order, orders + moves.line)
    chosen = np.ones(moves.count, bool)
    _claim(chosen, token, moves.move, rank, orders + len(problem))
    rows = np.flatnonzero(problem.choice[moves.line] >= 0)
    if len(rows):
        _claim(chosen, problem.choice[moves.line[rows]], moves.move[rows], rank, len(problem.must))
    return chosen


def _claim(chosen: Flags, token: Ints, move: Ints, rank: Ints, tokens: int) -> None:
    best = np.full(tokens, np.iinfo(np.int64).max)
    np.minimum.at(best, token, rank[move])
    chosen[move[best[token] != rank[move]]] = False


def applied(n: Ints, moves: Moves, chosen: Flags) -> Ints:
    """The plan after the chosen moves."""
    after = n.copy()
    rows = chosen[moves.move]
    after[moves.line[rows]] = moves.to[rows]
    return after


def steps(problem: Problem, hulls: Hulls, lines: Ints, n: Ints) -> Moves:
    """Other quantities of lines (rising): one multiple less or more, to the vertex below or above, to nothing; what the lists allow."""
    at = n[lines]
    below, above = hulls.around(lines, at)
    # By rising target, so that equal ones lie side by side.
    to = np.stack([np.zeros_like(at), np.minimum(below, at - 1), at - 1, at + 1, np.maximum(above, at + 1)], axis=1)
    length = problem.start[lines + 1] - problem.start[lines]
    keep = (to >= 0) & (to < length[:, None]) & (to != at[:, None])
    keep[:, 1:] &= to[:, 1:] != to[:, :-1]
    line, to = np.repeat(lines, keep.sum(axis=1)), to[keep]
    allowed = np.isfinite(problem.at(line, to))
    return singles(line[allowed], to[allowed])
