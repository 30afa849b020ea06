"""Goods: stock by the days it may still be sold, what is under way, and what a night moves.

One physics for `nightfill world` and for every night that is simulated. Rows are items at locations; units are whole numbers of
whatever their owner counts in (a world: units; a replay: ten-thousandths).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Stock:
    """``on_hand`` [rows] units; ``life`` [rows] days that a unit may be sold from its arrival on, 0: it keeps; ``batches`` [fresh, longest
    life] units by days left: column 0 may be sold today for the last time. Batches add up to on_hand of their row.
    """

    on_hand: Ints
    life: Ints
    batches: Ints

    @classmethod
    def of(cls, on_hand: Ints, life: Ints, age: int = 1) -> Stock:
        """Units that all came so many days ago; what should be past its last day has today left."""
        fresh = np.flatnonzero(life > 0)
        batches = np.zeros((len(fresh), int(life.max(initial=0))), np.int64)
        batches[np.arange(len(fresh)), np.maximum(life[fresh] - age, 1) - 1] = on_hand[fresh]
        return cls(on_hand, life, batches)

    @cached_property
    def fresh(self) -> Ints:
        """Rows that spoil, one a row of ``batches``."""
        return np.flatnonzero(self.life > 0)

    def listed(self) -> tuple[Ints, Ints, Ints]:
        """A count: row, units, and for how many days after the next one they may be sold; -1: they keep, or there is nothing of the row."""
        batch, left = np.nonzero(self.batches)
        whole = np.ones(len(self.on_hand), np.bool_)
        whole[self.fresh[batch]] = False
        plain = np.flatnonzero(whole)
        row = np.concatenate([plain, self.fresh[batch]])
        units = np.concatenate([self.on_hand[plain], self.batches[batch, left]])
        return row, units, np.concatenate([np.full(len(plain), -1), left])

    def receive(self, units: Ints) -> Stock:
        """With units [rows] that have just arrived."""
        batches = self.batches.copy()
        if len(self.fresh):
            batches[np.arange(len(self.fresh)), self.life[self.fresh] - 1] += units[self.fresh]
        return Stock(self.on_hand + units, self.life, batches)

    def take(self, units: Ints, newest: Bools | None = None) -> Stock:
        """Less units [rows], at most on_hand, the oldest first; of rows that are ``newest`` the newest first."""
        turned = np.zeros((len(self.fresh), 1), bool) if newest is None else newest[self.fresh, None]
        first = np.where(turned, self.batches[:, ::-1], self.batches)
        left = first - np.clip(units[self.fresh, None] - (np.cumsum(first, axis=1) - first), 0, first)
        return Stock(self.on_hand - units, self.life, np.where(turned, left[:, ::-1], left))

    def close(self) -> tuple[Stock, Ints]:
        """The stock of the next morning, and the units [rows] thrown away: what today was the last day of."""
        wasted = np.zeros_like(self.on_hand)
        if not self.batches.shape[1]:
            return self, wasted
        wasted[self.fresh] = self.batches[:, 0]
        left = np.concatenate([self.batches[:, 1:], np.zeros((len(self.fresh), 1), self.batches.dtype)], axis=1)
        return Stock(self.on_hand - wasted, self.life, left), wasted


@dataclass(frozen=True)
class Transit:
    """Order lines under way; every array has one entry a line.

    row, source   number of where it goes; of the location that it comes from
    units         as of Stock
    ordered_on, expected_on, arrives_on   ordinals: expected_on is promised, arrives_on hidden; on the shelf before opening of it
    """

    row: Ints
    source: Ints
    units: Ints
    ordered_on: Ints
    expected_on: Ints
    arrives_on: Ints

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def none(cls) -> Transit:
        """Nothing under way."""
        return cls(*(np.zeros(0, np.int64) for _ in fields(cls)))

    def where(self, chosen: np.ndarray) -> Transit:
        """Some of the lines."""
        return Transit(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def plus(self, other: Transit) -> Transit:
        """With others after them."""
        return Transit(*(np.concatenate([getattr(self, each.name), getattr(other, each.name)]) for each in fields(self)))

    def by_row(self, rows: int) -> Ints:
        """[rows] units under way."""
        units = np.zeros(rows, np.int64)
        np.add.at(units, self.row, self.units)
        return units

    def due(self, day: int) -> tuple[Transit, Transit]:
        """What arrives by a day, and the rest."""
        arrived = self.arrives_on <= day
        return self.where(arrived), self.where(~arrived)


@dataclass(frozen=True)
class Goods:
    """Stock and transit before a night's orders."""

    stock: Stock
    transit: Transit

    @property
    def on_hand(self) -> Ints:
        """[rows] units in stock."""
        return self.stock.on_hand

    @property
    def in_transit(self) -> Ints:
        """[rows] units under way to each row."""
        return self.transit.by_row(len(self.stock.on_hand))

    def arrays(self) -> dict[str, Ints]:
        """All of it as named arrays."""
        return {f"{name}_{each.name}": getattr(getattr(self, name), each.name) for name, kind in _PARTS.items() for each in fields(kind)}

    @classmethod
    def of(cls, arrays: Mapping[str, Ints]) -> Goods:
        """Back from ``arrays``."""
        stock, transit = ({each.name: arrays[f"{name}_{each.name}"] for each in fields(kind)} for name, kind in _PARTS.items())
        return cls(Stock(**stock), Transit(**transit))


_PARTS: dict[str, type[Stock] | type[Transit]] = {"stock": Stock, "transit": Transit}


@dataclass(frozen=True)
class Moves:
    """What a night moved [rows]: opening + received - shipped - sold - wasted = closing; ``ordered``: what went under way."""

    opening: Ints
    received: Ints
    shipped: Ints
    sold: Ints
    wasted: Ints
    closing: Ints
    ordered: Ints


#: What becomes of a night's orders, given [rows] units on hand: the lines that go under way, and [rows] units that leave for them.
Place = Callable[[Ints], tuple[Transit, Ints]]
#: [rows] units that sell, given those on hand.
Sell = Callable[[Ints], Ints]


def pass_night(goods: Goods, day: int, place: Place, sell: Sell, newest: Bools | None = None) -> tuple[Goods, Moves, Transit]:
    """Let a night (ordinal) happen: what is due arrives; orders are placed and leave their source, oldest first; what arrives on the
    same day arrives; sales, of rows that are ``newest`` the newest units first; what is past its last day is thrown away. Returns the
    next morning's goods, moves, and lines that came.

    Raises ValueError where a source is asked for more than it has.
    """
    rows, before = len(goods.on_hand), goods.on_hand
    came, waiting = goods.transit.due(day)
    stock = goods.stock.receive(came.by_row(rows))
    placed, shipped = place(stock.on_hand)
    if (shipped > stock.on_hand).any():
        raise ValueError(f"orders take more than their source has at {int((shipped > stock.on_hand).sum())} places")
    at_once, ahead = placed.due(day)
    stock = stock.take(shipped).receive(at_once.by_row(rows))
    sold = sell(stock.on_hand)
    stock, wasted = stock.take(sold, newest).close()
    came = came.plus(at_once)
    moves = Moves(before, came.by_row(rows), shipped, sold, wasted, stock.on_hand, placed.by_row(rows))
    return Goods(stock, waiting.plus(ahead)), moves, came
