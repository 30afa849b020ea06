"""What an order costs that lasts for several covers, from an empty shelf: cover.py chooses by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.curves import Curves, hinges_of, lost_cost
from jobs.plan.expected_cost import CHUNK, lengths
from jobs.plan.stock_paths import Once, StockPaths, roll

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints
    from jobs.plan.terms import Terms


@dataclass(frozen=True)
class OverCovers:
    """What an order costs that lasts for several covers, [lines, covers].

    best, cost  multiples of least cost from an empty shelf at arrival, and that cost
    nothing     holding and shortage without an order from what is there; what is left over at the end costs nothing here
    """

    best: Ints
    cost: Floats
    nothing: Floats


def over_covers(terms: Terms, demand: Demand, covers: Ints, reach: float) -> OverCovers:
    """Lines with the same lead, over each of ``covers`` (periods, ascending), rolled once over the longest.

    ``cover`` of the terms plays no part.
    """
    parts = []
    for rows in np.array_split(np.arange(len(terms)), -(-len(terms) // CHUNK)):
        own = replace(terms.take(rows), cover=np.full(len(rows), covers[-1]))
        drawn = Once(demand)
        unlocked = replace(own, locked=np.full(len(rows), -1))
        parts.append((*_least(unlocked, roll(own, drawn, empty=True), covers, reach), _of_nothing(own, roll(own, drawn), covers)))
    best, cost, nothing = (np.concatenate(values) for values in zip(*parts, strict=True))
    return OverCovers(best, cost, nothing)


def _least(terms: Terms, paths: StockPaths, covers: Ints, reach: float) -> tuple[Ints, Floats]:
    """[lines, covers] multiples of least cost, and that cost."""
    length = lengths(terms, paths, reach)
    size = int(length.max())
    beyond = np.arange(size) >= length[:, None]
    running = np.zeros((len(terms), size))
    best, cost = np.zeros((len(terms), len(covers)), np.int64), np.zeros((len(terms), len(covers)))
    done = 0
    for k, cover in enumerate(covers.tolist()):
        curves = Curves(replace(terms, cover=np.full(len(terms), cover)), paths.until(cover), size)
        for t in range(done, cover):
            running += curves.of_period(t)
        done = cover
        total = np.where(beyond, np.inf, running + curves.at_end())
        best[:, k] = total.argmin(axis=1)
        cost[:, k] = total[np.arange(len(terms)), best[:, k]]
    return best, cost


def _of_nothing(terms: Terms, paths: StockPaths, covers: Ints) -> Floats:
    """[lines, covers] holding and shortage without an order."""
    lost = np.maximum(paths.need, 0.0).mean(axis=2)
    held = np.cumsum(paths.balance.mean(axis=2) + lost, axis=0)
    owed = np.zeros_like(held)
    for bend, weight in hinges_of(terms):
        short = -paths.balance - bend[:, None]
        owed += weight * (np.maximum(short, 0.0) - np.maximum(np.minimum(short, paths.floor), 0.0)).mean(axis=2)
    last = covers - 1
    nothing: Floats = (terms.holding * held[last] + lost_cost(terms) * lost[last] + np.cumsum(owed, axis=0)[last]).T
    return nothing
