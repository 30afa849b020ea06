"""Local improvement of a plan by single lines and whole orders; by several lines at once in ``exchanging``.

What exceeds a limit costs a penalty, so the same moves repair a plan (penalties that grow) and improve a feasible one
(penalties that nothing outweighs).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.moves import Moves, applied, gains, singles, steps, together
from jobs.plan.coupled.problem import TOLERANCE, Flags, Floats, Ints, Problem, State, raised, state_after, state_of
from jobs.plan.coupled.relaxation import Relaxed
from jobs.workers import cuts, mapped

#: A gain below this share of the mean entry of the lists is rounding.
_LEAST = 1e-9
#: Seconds of a solver where time is not the limit.
_SECONDS = 120.0
#: Problems of more lines are searched less deep, so that a million take minutes.
_LARGE = 200_000


@dataclass(frozen=True)
class Search:
    """What a search looks for.

    w         [lines] price of the resources one multiple takes
    w_order   [lines] the same with the multipliers of the order: reduced costs at it are small where an exchange pays
    penalty   [resources + 1] money per unit beyond a limit
    least     a gain that counts
    share     of a problem's lines that are searched here: so much of the pairs in all
    """

    relaxed: Relaxed
    w: Floats
    w_order: Floats
    penalty: Floats
    least: float
    deadline: float | None
    share: float = 1.0

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

    def seconds(self) -> float:
        """What a solver may take; without a deadline what a machine that hangs may."""
        return _SECONDS if self.deadline is None else min(_SECONDS, self.deadline - time.monotonic())


def least_gain(problem: Problem) -> float:
    """A gain that counts."""
    finite = problem.cost[np.isfinite(problem.cost)]
    return _LEAST * max(float(np.mean(np.abs(finite))) if len(finite) else 1.0, 1e-12)


def made(search: Search, state: State, moves: Moves, change: Floats) -> State:
    """The plan after those of the moves that pay and go together, measured."""
    good = change < -search.least
    moves, change = moves.take(good), change[good]
    priced = change + np.bincount(moves.move, search.w[moves.line] * (moves.to - state.n[moves.line]), moves.count)
    return state_after(search.problem, state, applied(state.n, moves, together(search.problem, state, moves, priced)))


def singly(search: Search, n: Ints, rounds: int = 40, lines: Ints | None = None, among: Flags | None = None) -> Ints:
    """Single lines up or down while it pays; after the first look only where it paid, and in the orders touched.

    lines  to look at first
    among  [lines] those that may change at all
    """
    problem = search.problem
    state = state_of(problem, n)
    lines = promising(search, state, np.arange(len(problem)) if lines is None else lines)
    for _ in range(rounds):
        if not len(lines) or search.over():
            break
        moves, change = _judged(search, state, lines)
        after = made(search, state, moves, change)
        touched = np.flatnonzero(after.n != state.n)
        if not len(touched):
            break
        again = _again(problem, np.union1d(moves.line[change < -search.least], touched))
        state = after
        lines = promising(search, state, again if among is None else again[among[again]])
    return state.n


def _judged(search: Search, state: State, lines: Ints) -> tuple[Moves, Floats]:
    """Steps of single lines, and what each changes by itself."""
    problem = search.problem

    def part(cut: slice) -> tuple[Moves, Floats]:
        moves = steps(problem, search.relaxed.hulls, lines[cut], state.n)
        return moves, gains(problem, state, moves, search.penalty)

    found = mapped(part, cuts(len(lines)))
    line, to = (np.concatenate([getattr(moves, name) for moves, _ in found]) for name in ("line", "to"))
    return singles(line, to), np.concatenate([change for _, change in found])


def promising(search: Search, state: State, lines: Ints) -> Ints:
    """Lines of which a step could pay: that have room and want more, want less, or may save a truck by less.

    Cheap, and so looked at before steps are listed and judged.
    """
    return np.concatenate(mapped(lambda cut: _promising(search, state, lines[cut]), cuts(len(lines))))


def _promising(search: Search, state: State, lines: Ints) -> Ints:
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
    return made(search, state, moves, gains(problem, state, moves, search.penalty)).n


def by_order(problem: Problem, lines: Ints, to: Ints) -> Moves:
    """One move an order."""
    order = problem.order[lines]
    move = np.cumsum(np.diff(order, prepend=order[:1]) != 0) if len(order) else order
    return Moves(move, lines, to, int(move[-1]) + 1 if len(move) else 0)
