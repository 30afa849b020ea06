"""Lower convex hulls of all cost lists at once, and the cheapest vertex of each at a price per multiple."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.plan.coupled.problem import Flags, Floats, Ints
from jobs.plan.ragged import positions
from jobs.workers import cuts, mapped


@dataclass(frozen=True)
class Hulls:
    """Vertices of line i: first[i] .. first[i + 1] - 1, by rising n.

    n, cost       [vertices] multiples and cost
    up, down      [vertices] slope to the next vertex (inf at the last) and from the one before (-inf at the first)
    start         [lines + 1] of the lists
    below, above  [entries of the lists] multiples of the last vertex below and of the first above; those of the entry where there is none
    """

    first: Ints
    n: Floats
    cost: Floats
    up: Floats
    down: Floats
    start: Ints
    below: npt.NDArray[np.int32]
    above: npt.NDArray[np.int32]

    def around(self, lines: Ints, n: Ints) -> tuple[Ints, Ints]:
        """Multiples of the last vertex below n and of the first above, of each line; n itself where there is none."""
        entry = self.start[lines] + n
        return self.below[entry].astype(np.int64), self.above[entry].astype(np.int64)


def hulls_of(start: Ints, cost: Floats) -> Hulls:
    """Lower convex hulls of ragged lists with at least one finite entry each."""

    def part(cut: slice) -> Hulls:
        first = start[cut.start : cut.stop + 1]
        return _hulls_of(first - first[0], cost[first[0] : first[-1]])

    parts = mapped(part, cuts(len(start) - 1))
    count = np.cumsum([0, *(len(each.n) for each in parts)])
    first = [each.first[:-1] + before for each, before in zip(parts, count[:-1], strict=True)]
    n, vertex_cost, up, down, below, above = (
        np.concatenate([getattr(each, name) for each in parts]) for name in ("n", "cost", "up", "down", "below", "above")
    )
    return Hulls(np.concatenate([*first, count[-1:]]), n, vertex_cost, up, down, start, below, above)


def _hulls_of(start: Ints, cost: Floats) -> Hulls:
    owner, place = positions(start)
    n = place.astype(float)
    alive = np.isfinite(cost)
    todo = np.flatnonzero(alive)
    while len(todo):
        above = _above(owner[todo], n[todo], cost[todo])
        alive[todo[above]] = False
        # Only lists that lost an entry can lose another one.
        changed = np.zeros(len(start) - 1, bool)
        changed[owner[todo[above]]] = True
        todo = todo[~above]
        todo = todo[changed[owner[todo]]]
    first = np.searchsorted(owner[alive], np.arange(len(start)))
    return Hulls(
        first, n[alive], cost[alive], *_slopes(owner[alive], n[alive], cost[alive]), start, *_neighbours(first, owner, place, alive)
    )


def _above(owner: Ints, n: Floats, cost: Floats) -> Flags:
    """Entries on or above the line between their neighbours: none of them is a vertex, so all can go at once."""
    above = np.zeros(len(n), bool)
    if len(n) > 2:
        left, right = n[1:-1] - n[:-2], n[2:] - n[1:-1]
        rise, fall = cost[1:-1] - cost[:-2], cost[2:] - cost[1:-1]
        above[1:-1] = (owner[2:] == owner[:-2]) & (rise * right >= fall * left)
    return above


def _slopes(owner: Ints, n: Floats, cost: Floats) -> tuple[Floats, Floats]:
    same = owner[1:] == owner[:-1]
    slope = np.diff(cost) / np.where(same, np.diff(n), 1.0)
    return np.append(np.where(same, slope, np.inf), np.inf), np.append(-np.inf, np.where(same, slope, -np.inf))


def _neighbours(first: Ints, owner: Ints, place: Ints, vertex: Flags) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Which vertices lie around each entry."""
    n = place[vertex].astype(np.int32)
    up_to = np.cumsum(vertex)
    before, after = up_to - vertex - 1, up_to
    here = place.astype(np.int32)
    below = np.where(before >= first[owner], n[np.maximum(before, 0)], here)
    above = np.where(after < first[owner + 1], n[np.minimum(after, len(n) - 1)], here)
    return below, above


def cheapest(hulls: Hulls, price: Floats, vertex: Ints) -> Ints:
    """[lines] the first cheapest vertex at a price per multiple, searched from the vertices given (changed in place)."""
    todo = np.arange(len(price))
    step = hulls.up[vertex] < -price
    todo = todo[step | (hulls.down[vertex] >= -price)]
    while len(todo):
        at, target = vertex[todo], -price[todo]
        move = (hulls.up[at] < target).astype(np.int64) - (hulls.down[at] >= target)
        vertex[todo] = at + move
        todo = todo[move != 0]
    return vertex
