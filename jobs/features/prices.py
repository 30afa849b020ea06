"""Prices and promotions known ahead, resolved for dense series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.clock import Clock
from jobs.features.names import Names

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Prices [n, periods] (NaN: no row says) and promotions [n, periods] (1: announced) of the periods ahead."""

    price: Floats
    promotion: Floats

    @classmethod
    def empty(cls, n: int, width: int) -> Ahead:
        """Nothing known."""
        return cls(np.full((n, width), np.nan), np.zeros((n, width)))

    def add(self, row: Ints, column: Ints, price: Floats, promotion: Floats) -> Ahead:
        """With the price rows of a less specific kind: each holds until the next, and only where nothing more specific says.

        row, column  series and period ahead of each price row; at most one price row each
        """
        inside = (column >= 0) & (column < self.price.shape[1])
        row, column = row[inside], column[inside]
        if not len(row):
            return self
        dense = np.full(self.price.shape, np.nan)
        dense[row, column] = price[inside]
        promoted = self.promotion.copy()
        np.maximum.at(promoted, (row, column), promotion[inside])
        return Ahead(np.where(np.isnan(self.price), fill_forward(dense), self.price), promoted)


@dataclass(frozen=True, slots=True)
class GeneralPrices:
    """Price rows of all locations, sorted by item; ``channel`` '' holds in every channel."""

    item: Names
    channel: Names
    period: Ints
    price: Floats
    promotion: Floats

    @classmethod
    def build(cls, rows: pa.Table, clock: Clock) -> GeneralPrices:
        """From rows (item_id, channel, period, price, promotion)."""
        rows = rows.sort_by([("item_id", "ascending"), ("period", "ascending")])
        item, channel = (np.asarray(rows[n].fill_null("").to_numpy(zero_copy_only=False), object) for n in ("item_id", "channel"))
        price, promotion = (np.asarray(rows[n].cast(pa.float64()).to_numpy(), float) for n in ("price", "promotion"))
        period = clock.indices(np.asarray(rows["period"].cast(pa.int32()).cast(pa.int64())))
        return cls(item, channel, period, price, promotion)

    def of(self, items: Names, channels: Names) -> Iterator[tuple[Ints, Ints]]:
        """(series row, price row) of the rows that hold for the series: first those of its channel, then those of all."""
        begin, end = np.searchsorted(self.item, items, "left"), np.searchsorted(self.item, items, "right")
        count = end - begin
        series = np.repeat(np.arange(len(items), dtype=np.int64), count)
        rows = np.arange(count.sum()) - np.repeat(count.cumsum() - count, count) + np.repeat(begin, count)
        own = self.channel[rows] == channels[series]
        anyone = self.channel[rows] == ""
        for held in (own, anyone):
            yield series[held], rows[held]


def fill_forward(values: Floats) -> Floats:
    """Each row's last value so far; NaN before the first."""
    last = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(values.shape[1])), axis=1)
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    return np.where(last < 0, np.nan, filled)
