"""Stock by the last period in which it may be sold: what the checker's loops put on it, sell of it and throw away."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.plan.check.recost import Line

#: Periods from arrival on whose demand on the paths counts for what spoils, where it keeps that long (docs/plan_problem.md).
_AHEAD = 14


class Shelf:
    """Batches in the order in which they sell, [units, last period]: what may be sold the shortest goes first."""

    def __init__(self, line: Line) -> None:
        dated = sorted(line.batches.items())
        self.batches = [[units, float(last)] for last, units in dated]
        self.batches.append([line.on_hand - sum(units for _, units in dated), math.inf])

    @property
    def stock(self) -> float:
        """Units there."""
        return sum(units for units, _ in self.batches)

    def put(self, units: float, last: float) -> None:
        """Behind all that may be sold no longer."""
        place = sum(other <= last for _, other in self.batches)
        self.batches.insert(place, [units, last])

    def sell(self, units: float) -> float:
        """Sell what there is of some units; returns those that are lost."""
        for batch in self.batches:
            taken = min(batch[0], units)
            batch[0] -= taken
            units -= taken
        return units

    def close(self, step: int) -> float:
        """Throw away what may not be sold after a period; returns how much."""
        spoilt = sum(units for units, last in self.batches if last <= step)
        self.batches = [batch for batch in self.batches if batch[1] > step]
        return spoilt


def foreseen(line: Line) -> int:
    """Periods from arrival on over which the paths tell what sells of an order before it spoils; 0: it keeps."""
    return min(int(line.life), max(line.cover, _AHEAD)) if math.isfinite(line.life) else 0


def last_of(line: Line, step: int) -> float:
    """The last period in which what arrives in a period may be sold; what comes after tonight's order is not aged."""
    return step + line.life - 1 if step <= line.lead else math.inf


def wasted(line: Line, demand: Sequence[Sequence[float]], path: int, units: float, rate: float) -> float:
    """Units that spoil on a path from the first period that is costed on: of what was there before the order, and of the order."""
    if not math.isfinite(line.life):
        return 0.0
    shelf, first, thrown = Shelf(line), min(line.opens, line.lead), 0.0
    for step in range(line.lead + foreseen(line)):
        if step <= line.lead:
            shelf.put(line.arrivals.get(step, 0.0), last_of(line, step))
        if step == line.lead:
            shelf.put(units, last_of(line, step))
        shelf.sell(demand[step][path])
        spoilt = shelf.close(step)
        thrown += spoilt if step >= first else 0.0
    if foreseen(line) == line.life:
        return thrown
    # Beyond that the mean rate sells: the older units, then the order.
    *older, order = shelf.batches
    rest = rate * (line.life - foreseen(line)) - sum(units for units, _ in older)
    return thrown + max(order[0] - max(rest, 0.0), 0.0)
