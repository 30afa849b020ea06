"""What a location sold, period by period, zeros included: the pure core, Arrow in, Arrow out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.ingest.demand.facts import NONE, Bools, Codes, Floats, Ints, carry, decimals, locate, numbers
from jobs.ingest.demand.prices import PriceLevel, PriceRows, listed_prices
from jobs.ingest.demand.shelf import Movements, StockRows, in_stock

#: What the core returns: silver/demand without its partition column.
ROWS = pa.schema(
    [
        ("item_id", pa.string()),
        ("location_id", pa.string()),
        ("channel", pa.string()),
        ("period", pa.date32()),
        ("units", pa.decimal128(18, 4)),
        ("returns", pa.decimal128(18, 4)),
        ("in_stock_fraction", pa.float64()),
        ("price", pa.decimal128(18, 4)),
        ("promotion", pa.string()),
        ("sales_rows", pa.int32()),
        ("known_from", pa.date32()),
        ("known_to", pa.date32()),
    ]
)


@dataclass(frozen=True)
class Rules:
    """The settings that decide; ``step`` is the number of days of a period."""

    step: int
    missing_share: float
    missing_periods: int
    inactive_after: int


@dataclass(frozen=True)
class View:
    """What one batch of nights sees beside the facts of single locations.

    nights       the batch's nights on which something became known, ascending, days since 1970
    landed       periods of which sales of any location are visible, ascending
    first        first period that counts (week: the first complete one)
    places       location_id, first (period to compute from), kind, region
    closed       region (null: everywhere), date
    everywhere   price rows without location: item_id, channel, day, price, promotion
    list_prices  item_id, price
    later        (night, location_id -> first period) of later batches, which compute these periods anew
    """

    nights: tuple[int, ...]
    landed: tuple[int, ...]
    first: int
    places: pa.Table
    closed: pa.Table
    everywhere: pa.Table
    list_prices: pa.Table
    later: tuple[tuple[int, dict[str, int]], ...] = ()


@dataclass(frozen=True)
class Axes:
    """Places, items, channels; pairs (item at location) and series (pair and channel); periods from ``first`` on."""

    places: Codes
    items: Codes
    channels: Codes
    pairs: Ints
    series: Ints
    first: int
    periods: int
    step: int

    @property
    def pair_of_series(self) -> Ints:
        """Place of each series' pair."""
        return locate(self.pairs, self.series // len(self.channels))

    @property
    def place_of_pair(self) -> Ints:
        """Code of each pair's location."""
        return self.pairs // max(len(self.items), 1)

    def pair(self, facts: pa.Table) -> Ints:
        """Place of each fact's pair, -1 if it is none."""
        return locate(self.pairs, pair_keys(facts, self.places, self.items))

    def column(self, day: Ints) -> Ints:
        """Place of each day's period on the axis of periods; may lie outside."""
        return np.floor_divide(day - self.first, self.step)


def pair_keys(facts: pa.Table, places: Codes, items: Codes) -> Ints:
    """One number for each pair of location and item."""
    return places.encode(facts["location_id"]) * max(len(items), 1) + items.encode(facts["item_id"])


def compute_all(facts: pa.Table, views: tuple[View, ...], rules: Rules) -> pa.Table:
    """Demand rows of every batch: facts of batch n are seen by views[n]."""
    parts = [compute(facts.filter(pc.equal(facts["batch"], number)), view, rules) for number, view in enumerate(views)]
    return pa.concat_tables(parts)


def compute(facts: pa.Table, view: View, rules: Rules) -> pa.Table:
    """Demand rows of all locations whose facts these are, from each location's first period to compute on.

    Returns a table of schema ROWS, one row an item, location, channel and period.
    """
    kinds = {kind: facts.filter(pc.equal(facts["kind"], kind)) for kind in pc.unique(facts["kind"]).to_pylist()}
    work = _Work(kinds, facts.schema, view, rules)
    axes = work.axes()
    if axes is None:
        return ROWS.empty_table()
    return work.rows(axes)


@dataclass(frozen=True)
class _Work:
    """The facts by kind, and what holds for all of them."""

    kinds: dict[str, pa.Table]
    schema: pa.Schema
    view: View
    rules: Rules

    def of(self, *kinds: str) -> pa.Table:
        """Facts of these kinds."""
        return pa.concat_tables([self.kinds.get(kind, self.schema.empty_table()) for kind in kinds])

    # ---- axes ---------------------------------------------------------------------------------------------------
    def axes(self) -> Axes | None:
        """The axes; None when there is nothing to say."""
        sold, ranged = self.of("sale", "before"), self.of("assortment")
        named = pa.concat_tables([sold, ranged])
        span = self._span(named["location_id"])
        if span is None:
            return None
        places, items = Codes.of(named["location_id"]), Codes.of(named["item_id"])
        channels = Codes.of(sold["channel"], pa.array(["online", "store"]))
        pairs = np.unique(pair_keys(named, places, items))
        own = pair_keys(sold, places, items) * len(channels) + channels.encode(sold["channel"])
        keys = pair_keys(ranged, places, items)
        default = keys * len(channels) + self._default_channel(places, channels)[keys // len(items)]
        return Axes(places, items, channels, pairs, np.unique(np.concatenate([own, default])), *span, self.rules.step)

    def _span(self, present: pa.ChunkedArray) -> tuple[int, int] | None:
        """First period and number of periods that facts can fill."""
        step = self.rules.step
        ends = numbers(self.of("sale", "available")["day"])
        candidates = np.concatenate([ends, np.array(self.view.landed, dtype=np.int64)])
        known = self.view.places
        wanted = numbers(known.filter(pc.is_in(known["location_id"], value_set=pc.unique(present)))["first"])
        if len(candidates) == 0 or len(wanted) == 0:
            return None
        first = max(int(wanted.min()), int(candidates.min()), self.view.first)
        last = min(int(candidates.max()), _last_period(self.view.nights[-1], step))
        return (first, (last - first) // step + 1) if last >= first else None

    def _default_channel(self, places: Codes, channels: Codes) -> Ints:
        online = self._place_kind(places, "online")
        code = channels.encode(pa.array(["online", "store"]))
        return np.where(online, code[0], code[1])

    def _place_kind(self, places: Codes, *kinds: str) -> Bools:
        known = self.view.places
        matching = known.filter(pc.is_in(known["kind"], value_set=pa.array(kinds, pa.string())))["location_id"]
        return np.asarray(pc.is_in(places.values, value_set=matching.combine_chunks()).to_numpy(zero_copy_only=False))

    # ---- rows ---------------------------------------------------------------------------------------------------
    def rows(self, axes: Axes) -> pa.Table:
        """All rows on the axes."""
        sale = self.of("sale")
        series = self._series(axes, sale)
        column = axes.column(numbers(sale["day"]))
        inside = (column >= 0) & (column < axes.periods)
        sold = np.zeros((len(axes.series), axes.periods), dtype=np.int64)
        sold[series[inside], column[inside]] = numbers(sale["sales_rows"])[inside]
        amounts = [_fill(sold.shape, series[inside], column[inside], numbers(sale[name])[inside]) for name in ("units", "returns")]
        stated, zero = self._zeros(axes, series, column)
        period = axes.first + axes.step * np.arange(axes.periods)
        from_period = self._first_of(axes)[axes.place_of_pair][axes.pair_of_series]
        s, t = np.nonzero(((sold > 0) | zero) & (period[None, :] >= from_period[:, None]))
        share = np.where(np.isnan(stated), self._shelf(axes), stated)[axes.pair_of_series]
        price, promotion, promotions = self._prices(axes, series, column, inside)
        return self._table(axes, s, t, [*amounts, sold, price, promotion], share[s, t], promotions)

    def _series(self, axes: Axes, facts: pa.Table) -> Ints:
        keys = pair_keys(facts, axes.places, axes.items) * len(axes.channels) + axes.channels.encode(facts["channel"])
        return locate(axes.series, keys)

    def _first_of(self, axes: Axes) -> Ints:
        """First period to compute of each location; never for one that is not asked for."""
        place = axes.places.encode(self.view.places["location_id"])
        first = np.full(len(axes.places) + 1, np.iinfo(np.int64).max, dtype=np.int64)
        first[place] = numbers(self.view.places["first"])
        return first[:-1]

    def _zeros(self, axes: Axes, series: Ints, column: Ints) -> tuple[Floats, Bools]:
        """Stated in-stock share (pair x period, NaN: none) and where a period without sale is a zero (series x period)."""
        from jobs.ingest.demand.zeros import Presence, is_missing, is_open

        before = self.of("before")
        first_sale = np.full(len(axes.series), axes.periods, dtype=np.int64)
        np.minimum.at(first_sale, series, column)
        np.minimum.at(first_sale, self._series(axes, before), axes.column(numbers(before["day"])))
        pairs = axes.pair_of_series
        stated = np.full((len(axes.pairs), axes.periods), np.nan)
        available = self.of("available")
        pair, at = axes.pair(available), axes.column(numbers(available["day"]))
        inside = (pair >= 0) & (at >= 0) & (at < axes.periods)
        stated[pair[inside], at[inside]] = np.asarray(available["fraction"])[inside]
        presence = Presence(first_sale, pairs, axes.place_of_pair, len(axes.pairs), len(axes.places), axes.periods)
        missing = is_missing(presence, self._sold_periods(axes), self._landed(axes), self.rules.missing_share, self.rules.missing_periods)
        own_sales = np.arange(axes.periods) >= presence.first_of_place[:, None]
        never_own = self._place_kind(axes.places, "dc", "supplier")[:, None] & ~own_sales
        place = axes.place_of_pair
        real = np.where(np.isnan(stated), (~missing & own_sales)[place], ~never_own[place])
        real &= ~self._closed(axes)[place] & self._active(axes, presence)
        default = self._default_channel(axes.places, axes.channels)[place][pairs]
        open_now = is_open(presence, axes.series % len(axes.channels) == default)
        return stated, np.asarray(real[pairs] & open_now, dtype=np.bool_)

    def _sold_periods(self, axes: Axes) -> tuple[Ints, Ints]:
        """(location, period's place) of all periods in which a location sold, as far back as the share looks."""
        facts = self.of("sale", "sold")
        place, at = axes.places.encode(facts["location_id"]), axes.column(numbers(facts["day"]))
        return place[place >= 0], at[place >= 0]

    def _landed(self, axes: Axes) -> Bools:
        landed = np.zeros(axes.periods, dtype=np.bool_)
        at = axes.column(np.array(self.view.landed, dtype=np.int64))
        landed[at[(at >= 0) & (at < axes.periods)]] = True
        return landed

    def _closed(self, axes: Axes) -> Bools:
        """Location x period: closed on all its days."""
        shut = np.zeros((len(axes.places), axes.periods * axes.step), dtype=np.bool_)
        known, closed = self.view.places, self.view.closed
        regions = dict(zip(known["location_id"].to_pylist(), known["region"].to_pylist(), strict=True))
        region_of = [regions.get(place) for place in axes.places.values.to_pylist()]
        for region, day in zip(closed["region"].to_pylist(), (numbers(closed["date"]) - axes.first).tolist(), strict=True):
            if 0 <= day < shut.shape[1]:
                shut[[region is None or r == region for r in region_of], day] = True
        return np.asarray(shut.reshape(len(axes.places), axes.periods, axes.step).all(axis=2))

    def _active(self, axes: Axes, presence: object) -> Bools:
        from jobs.ingest.demand.zeros import Presence, is_active

        assert isinstance(presence, Presence)
        before, ranged = self.of("before"), self.of("assortment")
        alive = self.of("stock", "received", "alive").filter(pc.field("units") > 0)
        sales = self.of("sale")
        events = [(axes.pair(rows), numbers(rows[day])) for rows, day in ((before, "until"), (sales, "day"), (alive, "day"))]
        last = np.full((len(axes.pairs), axes.periods), NONE * axes.step, dtype=np.int64)
        for pair, day in events:
            at = axes.column(day)
            keep = (pair >= 0) & (at < axes.periods)
            np.maximum.at(last, (pair[keep], np.maximum(at[keep], 0)), at[keep])
        spans = (axes.pair(ranged), axes.column(numbers(ranged["day"])), axes.column(numbers(ranged["until"], -NONE)))
        return is_active(presence, carry(last), spans, self.rules.inactive_after // axes.step)

    def _shelf(self, axes: Axes) -> Floats:
        stock, moved, arriving = self.of("stock"), self.of("moved"), self.of("received", "expected")
        return in_stock(
            StockRows(axes.pair(stock), numbers(stock["day"]), numbers(stock["units"])),
            Movements(axes.pair(moved), numbers(moved["day"]), numbers(moved["units"])),
            (axes.pair(arriving), numbers(arriving["day"])),
            len(axes.pairs),
            axes.first,
            axes.periods * axes.step,
            axes.step,
        )

    def _prices(self, axes: Axes, series: Ints, column: Ints, inside: Bools) -> tuple[Ints, Ints, Codes]:
        """Price (-1: none) and promotion (code, -1: none), series x period, and the promotions' codes."""
        sale, before = self.of("sale"), self.of("before")
        local, wide = self.of("price"), self.view.everywhere
        promotions = Codes.of(local["promotion"], wide["promotion"])
        levels = self._levels(axes, local, wide, promotions)
        listed, promotion = listed_prices(levels, len(axes.series), axes.first, axes.periods * axes.step, axes.step)
        paid = np.full((len(axes.series), axes.periods), -1, dtype=np.int64)
        paid[series[inside], column[inside]] = numbers(sale["price"], -1)[inside]
        earlier = np.full(len(axes.series), -1, dtype=np.int64)
        earlier[self._series(axes, before)] = numbers(before["price"], -1)
        at = carry(np.where(paid >= 0, np.arange(axes.periods), -1))
        last = np.where(at >= 0, np.take_along_axis(paid, np.maximum(at, 0), axis=1), earlier[:, None])
        item = self.view.list_prices
        of_item = np.full(len(axes.items) + 1, -1, dtype=np.int64)
        of_item[axes.items.encode(item["item_id"])] = numbers(item["price"], -1)
        of_item[-1] = -1
        fallback = of_item[(axes.series // len(axes.channels)) % len(axes.items)][:, None]
        price = np.where(listed >= 0, listed, np.where(last >= 0, last, fallback))
        return price, promotion, promotions

    def _levels(self, axes: Axes, local: pa.Table, wide: pa.Table, promotions: Codes) -> list[PriceLevel]:
        channels, items = len(axes.channels), len(axes.items)
        item_of = (axes.series // channels) % items
        sets = [
            (local, True, lambda f: self._series(axes, f), len(axes.series), np.arange(len(axes.series))),
            (local, False, axes.pair, len(axes.pairs), axes.pair_of_series),
            (wide, True, lambda f: _item_channel(axes, f), items * channels, item_of * channels + axes.series % channels),
            (wide, False, lambda f: axes.items.encode(f["item_id"]), items, item_of),
        ]
        levels = []
        for facts, by_channel, owner, keys, key_of_series in sets:
            rows = facts.filter(pc.field("channel").is_valid() if by_channel else pc.field("channel").is_null())
            chosen = PriceRows(owner(rows), numbers(rows["day"]), numbers(rows["price"]), promotions.encode(rows["promotion"]))
            levels.append(PriceLevel(chosen, keys, key_of_series))
        return levels

    def _table(self, axes: Axes, s: Ints, t: Ints, cells: list[Ints], share: Floats, promotions: Codes) -> pa.Table:
        units, returns, sold, price, promotion = (cell[s, t] for cell in cells)
        pair = axes.series[s] // len(axes.channels)
        place = pair // len(axes.items)
        period = axes.first + axes.step * t
        nights = np.array(self.view.nights, dtype=np.int64)
        known_from = nights[np.searchsorted(nights, period + axes.step)]
        known_to = self._known_to(axes)[place, t]
        columns = [
            axes.items.decode(pair % len(axes.items)),
            axes.places.decode(place),
            axes.channels.decode(axes.series[s] % len(axes.channels)),
            _dates(period),
            decimals(units),
            decimals(returns),
            pa.array(share),
            decimals(price, price < 0),
            promotions.decode(promotion),
            pa.array(sold.astype(np.int32)),
            _dates(known_from),
            _dates(known_to, known_to == NONE),
        ]
        return pa.Table.from_arrays(columns, schema=ROWS)

    def _known_to(self, axes: Axes) -> Ints:
        """Location x period: night of the next batch that computes it anew; NONE if none does."""
        ends = np.full((len(axes.places), axes.periods), NONE, dtype=np.int64)
        period = axes.first + axes.step * np.arange(axes.periods)
        for night, first in reversed(self.view.later):
            asked = np.array([first.get(place, np.iinfo(np.int64).max) for place in axes.places.values.to_pylist()])
            ends[period[None, :] >= asked[:, None]] = night
        return ends


def _item_channel(axes: Axes, facts: pa.Table) -> Ints:
    item, channel = axes.items.encode(facts["item_id"]), axes.channels.encode(facts["channel"])
    return np.where((item >= 0) & (channel >= 0), item * len(axes.channels) + channel, -1)


def _last_period(night: int, step: int) -> int:
    """The last period that is over when the night begins."""
    last = night - step
    return last if step == 1 else last - (last + 3) % 7


def _fill(shape: tuple[int, ...], row: Ints, column: Ints, values: Ints) -> Ints:
    table = np.zeros(shape, dtype=np.int64)
    table[row, column] = values
    return table


def _dates(days: Ints, missing: Bools | None = None) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())
