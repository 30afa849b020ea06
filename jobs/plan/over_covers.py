"""What an order costs that lasts for several covers, from an empty shelf: cover.py chooses by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.curves import Curves, hinges_of, lost_cost
from jobs.plan.expected_cost import CHUNK, lengths
from jobs.plan.random_leads import drawn_covers
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
    """Lines with the same lead and lead_std, over each of ``covers`` (periods, ascending), rolled once over the longest.

    Where lead times are random, the mean over pairs of them (random_leads). ``cover`` of the terms plays no part.
    """
    parts = []
    for rows in np.array_split(np.arange(len(terms)), -(-len(terms) // CHUNK)):
        own = terms.take(rows)
        pairs = drawn_covers(own, covers)
        drawn = Once(demand)
        rolled = [_Rolled(own, lead, lasting, drawn) for lead, lasting in pairs]
        size = int(np.max([each.length(reach) for each in rolled]))
        total = np.mean([each.totals(size) for each in rolled], axis=0)
        beyond = np.arange(size) >= np.max([each.length(reach) for each in rolled], axis=0)[:, None]
        total = np.where(beyond[:, None], np.inf, total)
        best = total.argmin(axis=2)
        cost = np.take_along_axis(total, best[:, :, None], axis=2)[:, :, 0]
        parts.append((best, cost, np.mean([each.nothing() for each in rolled], axis=0)))
    best, cost, nothing = (np.concatenate(values) for values in zip(*parts, strict=True))
    return OverCovers(best, cost, nothing)


class _Rolled:
    """Lines whose order takes ``lead`` periods, over covers that last so long."""

    def __init__(self, terms: Terms, lead: int, covers: Ints, drawn: Once) -> None:
        count = len(terms)
        dates = {"lead": np.full(count, lead), "cover": np.full(count, covers[-1]), "stretch": np.zeros(count, np.int64)}
        self.terms, self.covers, self.drawn = replace(terms, **dates), covers, drawn
        self.unlocked = replace(self.terms, locked=np.full(count, -1))
        self.paths = roll(self.unlocked, drawn, empty=True)

    def length(self, reach: float) -> Ints:
        """[lines] entries of each list."""
        return lengths(self.unlocked, self.paths, reach)

    def totals(self, size: int) -> Floats:
        """[lines, covers, size] cost from an empty shelf."""
        running, done = np.zeros((len(self.terms), size)), 0
        total = np.zeros((len(self.terms), len(self.covers), size))
        for k, cover in enumerate(self.covers.tolist()):
            curves = Curves(replace(self.unlocked, cover=np.full(len(self.terms), cover)), self.paths.until(cover), size)
            for t in range(done, cover):
                running += curves.of_period(t)
            done = cover
            total[:, k] = running + curves.at_end()
        return total

    def nothing(self) -> Floats:
        """[lines, covers] holding and shortage without an order."""
        return _of_nothing(self.terms, roll(self.terms, self.drawn), self.covers)


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
