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
    """Batches [units, last period], what may be sold the shortest first: so they sell, or the other way round."""

    def __init__(self, line: Line, *, newest: bool | None = None) -> None:
        dated, self.newest = sorted(line.batches.items()), line.newest if newest is None else newest
        self.batches = [[units, float(last)] for last, units in dated]
        self.batches.append([line.on_hand - sum(units for _, units in dated), math.inf])

    @property
    def stock(self) -> float:
        """Units there."""
        return sum(units for units, _ in self.batches)

    def put(self, units: float, last: float) -> list[float]:
        """Behind all that may be sold no longer; returns the batch."""
        batch = [units, last]
        self.batches.insert(sum(other <= last for _, other in self.batches), batch)
        return batch

    def sell(self, units: float) -> float:
        """Sell what there is of some units; returns those that are lost."""
        for batch in reversed(self.batches) if self.newest else self.batches:
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


def newest_first(line: Line, demand: Sequence[Sequence[float]], path: int, units: float, level: tuple[float, float]) -> float:
    """Cost on a path of an order of so many units where shoppers take the newest; ``level``: of the next base stock, and the mean rate.

    Orders that follow the window fill stock up to that base stock, and sell first.
    """
    base, rate = level
    shelf, spent, order = Shelf(line), 0.0, [0.0, 0.0]
    first, end, spoils = min(line.opens, line.lead), line.lead + line.cover, line.lead + foreseen(line)
    for step in range(max(end, spoils)):
        if step < end:
            shelf.put(line.arrivals.get(step, 0.0), last_of(line, step))
        elif (step - line.lead) % line.cover == 0:
            shelf.put(max(base - shelf.stock, 0.0), math.inf)
        if step == line.lead:
            order = shelf.put(units, last_of(line, step))
        lost, spoilt = shelf.sell(demand[step][path]), shelf.close(step)
        if first <= step < end:
            spent += line.shortage * (lost + max(line.presentation - shelf.stock, 0.0)) + line.holding * shelf.stock
        if step == end - 1:
            spent += line.holding * max(shelf.stock - base, 0.0) ** 2 / (2 * max(rate, 1e-3))
        spent += line.waste * spoilt if first <= step < spoils else 0.0
    if foreseen(line) < line.life:
        older = sum(batch[0] for batch in shelf.batches if batch is not order and batch[1] < math.inf)
        spent += line.waste * max(order[0] - max(rate * (line.life - foreseen(line)) - older, 0.0), 0.0)
    return spent
