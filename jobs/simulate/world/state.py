"""The state of a world before opening on a business date, and what a night brought."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from jobs.simulate.world.hidden import Hidden
from jobs.simulate.world.stock import Stock
from jobs.simulate.world.supply import Transit

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.simulate.world.demand import Demand
    from jobs.simulate.world.draws import Floats, Ints


@dataclass(frozen=True)
class State:
    """Before opening on ``day``: everything before it has happened.

    stock    after closing on the day before
    transit  what is under way
    hidden   the law's hidden state after the day before
    latest   [lanes] latest arrival of the orders of all order days so far (ordinal): later ones come no earlier
    rate     [rows] trailing mean of daily sales while in stock, what the world's own ordering goes by
    """

    day: date
    stock: Stock
    transit: Transit
    hidden: Hidden
    latest: Ints
    rate: Floats

    @property
    def on_hand(self) -> Ints:
        """[rows] units."""
        return self.stock.on_hand

    def save(self, file: str | Path) -> None:
        """Write as npz."""
        arrays = {f"{part}.{f.name}": getattr(getattr(self, part), f.name) for part, kind in _PARTS.items() for f in fields(kind)}
        with open(file, "wb") as stream:  # noqa: PTH123 - numpy would add a suffix to a path's name
            np.savez(stream, day=np.array(self.day.toordinal()), latest=self.latest, rate=self.rate, **arrays)

    @classmethod
    def load(cls, file: str | Path) -> State:
        """Read what ``save`` wrote."""
        with np.load(file, allow_pickle=False) as saved:
            parts = {part: kind(**{f.name: saved[f"{part}.{f.name}"] for f in fields(kind)}) for part, kind in _PARTS.items()}
            return cls(day=date.fromordinal(int(saved["day"])), latest=saved["latest"], rate=saved["rate"], **parts)


_PARTS: dict[str, type] = {"stock": Stock, "transit": Transit, "hidden": Hidden}


@dataclass(frozen=True)
class Night:
    """What happened on ``day``; arrays as in ``jobs.simulate.world``.

    placed, receipts  order lines accepted on the day; those that arrived on it
    law               what demand was drawn from
    """

    day: date
    opening: Ints
    received: Ints
    shipped: Ints
    sold_units: Ints
    wasted: Ints
    closing: Ints
    ordered: Ints
    accepted: Ints
    demand: Ints
    sold: Ints
    in_stock: Floats
    placed: Transit
    receipts: Transit
    law: Demand

    @property
    def lost(self) -> Ints:
        """[lines, 2] units of demand that were not met."""
        return self.demand - self.sold
