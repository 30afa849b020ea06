"""What a location sold, period by period, zeros included: the pure core, Arrow in, Arrow out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.ingest.demand.axes import Axes, build_axes
from jobs.ingest.demand.facts import NONE, Bools, Codes, Facts, Floats, Ints, carry, decimals, numbers
from jobs.ingest.demand.intraday import Intraday
from jobs.ingest.demand.prices import PriceLevel, PriceRows, listed_prices
from jobs.ingest.demand.shelf import Movements, StockRows, in_stock
from jobs.ingest.demand.view import ROWS, Rules, View
from jobs.ingest.demand.zeros import Zeros, stated_share


def compute_all(facts: pa.Table, views: tuple[View, ...], rules: Rules) -> pa.Table:
    """Demand rows of every batch: facts of batch n are seen by views[n]."""
    parts = [compute(facts.filter(pc.equal(facts["batch"], number)), view, rules) for number, view in enumerate(views)]
    return pa.concat_tables(parts)


def compute(facts: pa.Table, view: View, rules: Rules) -> pa.Table:
    """Demand rows of all locations whose facts these are, from each location's first period to compute on.

    Returns a table of schema ROWS, one row an item, location, channel and period.
    """
    split = Facts.split(facts)
    axes = build_axes(split, view, rules)
    return ROWS.empty_table() if axes is None else _Cells(split, view, axes).rows(rules)


@dataclass(frozen=True)
class _Cells:
    """All series and periods of a task: most cells become a row."""

    facts: Facts
    view: View
    axes: Axes

    def rows(self, rules: Rules) -> pa.Table:
        """The cells that are a row."""
        axes = self.axes
        sold, units, returns = (self._sale(name) for name in ("sales_rows", "units", "returns"))
        stated = stated_share(self.facts, axes)
        zeros = Zeros(self.facts, self.view, rules, axes)
        asked = axes.starts[None, :] >= self._first_of_place()[axes.place_of_pair][axes.pair_of_series][:, None]
        s, t = np.nonzero(((sold > 0) | zeros.real(stated)) & asked)
        share = np.where(np.isnan(stated), self._shelf(), stated)[axes.pair_of_series[s], t]
        promotions = Codes.of(self.facts.of("price")["promotion"], self.view.everywhere["promotion"])
        listed, promotion = listed_prices(self._levels(promotions), len(axes.series), axes.first, axes.days, axes.step)
        price = np.where(listed >= 0, listed, self._paid())
        values = [
            decimals(units[s, t]),
            decimals(returns[s, t]),
            pa.array(share),
            decimals(price[s, t], price[s, t] < 0),
            promotions.decode(promotion[s, t]),
            pa.array(sold[s, t].astype(np.int32)),
        ]
        demand = Intraday(self.facts, axes, stated, zeros.presence.first_sale).demand(s, t, units[s, t], share)
        return pa.Table.from_arrays([*self._keys(s, t), *values, *self._known(s, t), *demand], schema=ROWS)

    def _sale(self, name: str, empty: int = 0) -> Ints:
        """A column of the period's sales, series x period."""
        sale = self.facts.of("sale")
        table = np.full((len(self.axes.series), self.axes.periods), empty, dtype=np.int64)
        column = self.axes.column(numbers(sale["day"]))
        inside = (column >= 0) & (column < self.axes.periods)
        table[self.axes.of_series(sale)[inside], column[inside]] = numbers(sale[name], empty)[inside]
        return table

    def _first_of_place(self) -> Ints:
        """First period to compute of each location; never for one that is not asked for."""
        first = np.full(len(self.axes.places) + 1, np.iinfo(np.int64).max, dtype=np.int64)
        first[self.axes.places.encode(self.view.places["location_id"])] = numbers(self.view.places["first"])
        return first[:-1]

    def _shelf(self) -> Floats:
        axes = self.axes
        stock, moved, arriving = self.facts.of("stock"), self.facts.of("moved"), self.facts.of("received", "expected")
        return in_stock(
            StockRows(axes.pair(stock), numbers(stock["day"]), numbers(stock["units"])),
            Movements(axes.pair(moved), numbers(moved["day"]), numbers(moved["units"])),
            (axes.pair(arriving), numbers(arriving["day"])),
            len(axes.pairs),
            axes.first,
            axes.days,
            axes.step,
        )

    def _paid(self) -> Ints:
        """Price last paid up to the period, else the item's list price, series x period; -1 where there is neither."""
        axes, before, items = self.axes, self.facts.of("before"), self.view.list_prices
        paid = self._sale("price", -1)
        earlier = np.full(len(axes.series), -1, dtype=np.int64)
        earlier[axes.of_series(before)] = numbers(before["price"], -1)
        at = carry(np.where(paid >= 0, np.arange(axes.periods), -1))
        last = np.where(at >= 0, np.take_along_axis(paid, np.maximum(at, 0), axis=1), earlier[:, None])
        of_item = np.full(len(axes.items) + 1, -1, dtype=np.int64)
        of_item[axes.items.encode(items["item_id"])] = numbers(items["price"], -1)
        return np.where(last >= 0, last, of_item[:-1][axes.item_of_series][:, None])

    def _levels(self, promotions: Codes) -> list[PriceLevel]:
        """Price rows by kind of key, from the most to the least specific."""
        axes, local, wide = self.axes, self.facts.of("price"), self.view.everywhere
        channels, items, item = len(axes.channels), len(axes.items), axes.item_of_series
        sets = [
            (local, True, axes.of_series, len(axes.series), np.arange(len(axes.series))),
            (local, False, axes.pair, len(axes.pairs), axes.pair_of_series),
            (wide, True, axes.item_channel, items * channels, item * channels + axes.series % channels),
            (wide, False, lambda rows: axes.items.encode(rows["item_id"]), items, item),
        ]
        levels = []
        for facts, by_channel, owner, keys, key_of_series in sets:
            rows = facts.filter(pc.field("channel").is_valid() if by_channel else pc.field("channel").is_null())
            chosen = PriceRows(owner(rows), numbers(rows["day"]), numbers(rows["price"]), promotions.encode(rows["promotion"]))
            levels.append(PriceLevel(chosen, keys, key_of_series))
        return levels

    def _keys(self, s: Ints, t: Ints) -> list[pa.Array]:
        axes = self.axes
        place = axes.place_of_pair[axes.pair_of_series[s]]
        channel = axes.channels.decode(axes.series[s] % len(axes.channels))
        return [axes.items.decode(axes.item_of_series[s]), axes.places.decode(place), channel, _dates(axes.starts[t])]

    def _known(self, s: Ints, t: Ints) -> list[pa.Array]:
        """Nights of the rows: from the batch's first that comes after the period, to the next batch that computes it anew."""
        axes = self.axes
        nights = np.array(self.view.nights, dtype=np.int64)
        known_from = nights[np.searchsorted(nights, axes.starts[t] + axes.step)]
        ends = np.full((len(axes.places), axes.periods), NONE, dtype=np.int64)
        for night, first in reversed(self.view.later):
            asked = np.array([first.get(place, np.iinfo(np.int64).max) for place in axes.places.values.to_pylist()])
            ends[axes.starts[None, :] >= asked[:, None]] = night
        known_to = ends[axes.place_of_pair[axes.pair_of_series[s]], t]
        return [_dates(known_from), _dates(known_to, known_to == NONE)]


def _dates(days: Ints, missing: Bools | None = None) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())
