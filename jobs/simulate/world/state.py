"""The state of a world before opening on a business date, and what a night brought."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from jobs.simulate.goods import Goods, Moves, Transit
from jobs.simulate.world.hidden import Hidden

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jobs.simulate.world.demand import Demand
    from jobs.simulate.world.draws import Floats, Ints


@dataclass(frozen=True)
class State:
    """Before opening on ``day``: everything before it has happened.

    goods    stock after closing on the day before, and what is under way
    hidden   the law's hidden state after the day before
    latest   [lanes] latest arrival of the orders of all order days so far (ordinal): later ones come no earlier
    rate     [rows] trailing mean of daily sales while in stock, what the world's own ordering goes by
    """

    day: date
    goods: Goods
    hidden: Hidden
    latest: Ints
    rate: Floats

    @property
    def on_hand(self) -> Ints:
        """[rows] units."""
        return self.goods.on_hand

    @property
    def transit(self) -> Transit:
        """What is under way."""
        return self.goods.transit

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as named arrays."""
        hidden = {f"hidden_{each.name}": getattr(self.hidden, each.name) for each in fields(Hidden)}
        return {"day": np.array(self.day.toordinal()), "latest": self.latest, "rate": self.rate, **self.goods.arrays(), **hidden}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> State:
        """Back from ``arrays``."""
        hidden = Hidden(**{each.name: arrays[f"hidden_{each.name}"] for each in fields(Hidden)})
        return cls(date.fromordinal(int(arrays["day"])), Goods.of(arrays), hidden, arrays["latest"], arrays["rate"])

    def save(self, file: str | Path) -> None:
        """Write as npz."""
        with open(file, "wb") as stream:  # noqa: PTH123 - numpy would add a suffix to a path's name
            np.savez(stream, **self.arrays())  # type: ignore[arg-type]

    @classmethod
    def load(cls, file: str | Path) -> State:
        """Read what ``save`` wrote."""
        with np.load(file, allow_pickle=False) as saved:
            return cls.of(saved)


@dataclass(frozen=True)
class Night:
    """What happened on ``day``; arrays as in ``jobs.simulate.world``.

    moves             [rows] each; ``ordered``: units accepted
    asked             [rows] units that were to be ordered
    placed, receipts  order lines accepted on the day; those that arrived on it
    law               what demand was drawn from
    """

    day: date
    moves: Moves
    asked: Ints
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
