"""A made-up world as what nights happen in: it accepts orders as its network can, delivers when it draws, sells what its law draws.

What a night sees of it is what the world's landing folder would tell it: the same rows (world/feeds.py), by what ingest makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from jobs.errors import UsageError
from jobs.plan import position
from jobs.plan.night import PAIR
from jobs.plan.pools import SCALE
from jobs.simulate.goods import Moves
from jobs.simulate.ground import Happened, Shown, silver
from jobs.simulate.world import State, prices
from jobs.simulate.world.feeds import Feeds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from jobs.simulate.ground import Opening
    from jobs.simulate.lawful import Lawful
    from jobs.simulate.memory import Memory
    from jobs.simulate.world import Night, World

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_SIGNAL = ["location_id", "region", "date", "name"]


@dataclass(frozen=True)
class Standing:
    """The world on the morning of a night; ``pair`` [rows] number of each of its rows among the pairs; ``sold`` [series]: it ever sold."""

    world: State
    pair: Ints
    sold: Bools

    @property
    def on_hand(self) -> Ints:
        """[pairs] ten-thousandths in stock."""
        return by_pair(self.world.goods.on_hand, self.pair)

    @property
    def in_transit(self) -> Ints:
        """[pairs] ten-thousandths under way, whether accepted from a shelf or a supplier."""
        return by_pair(self.world.goods.in_transit, self.pair)


def by_pair(rows: Ints, pair: Ints) -> Ints:
    """[pairs] ten-thousandths of whole units [rows]."""
    scaled = np.zeros(len(rows), np.int64)
    scaled[pair] = rows * SCALE
    return scaled


class Made:
    """Raises UsageError where the lake is not one that has read this world's landing folder."""

    def __init__(self, market: Lawful, opening: Opening) -> None:
        self.market, self.world, self.feeds = market, market.world, Feeds(market.world)
        rows = self.world.rows
        named = pl.DataFrame({"item_id": rows.item_id.tolist(), "location_id": rows.location_id.tolist()})
        self.pair = opening.places.numbers(named)
        self.counts: dict[str, int] = {}
        self.fenced = opening.night.config.planning.channels == "fenced"
        _check(market.begins, self.pair, opening)
        known = pl.DataFrame(pl.from_arrow(opening.known)).filter(pl.col("sales_rows") > 0)
        key = self.market.series.columns
        before = market.series.join(known.select(key).unique().with_columns(sold=True), on=key, how="left", maintain_order="left")
        self._sold = before["sold"].fill_null(value=False).to_numpy()

    def begin(self) -> Standing:
        """The state in which the world's own orders left it."""
        return Standing(self.market.begins, self.pair, self._sold)

    def pass_night(self, before: Standing, number: int, day: date, lines: pl.DataFrame) -> tuple[Standing, Happened]:
        """See Ground."""
        assert before.world.day == day == self.market.begins.day + timedelta(days=number)
        row = self.world.row_of(lines["item_id"].to_list(), lines["location_id"].to_list())
        orders = np.bincount(row, lines["units"].to_numpy() // SCALE, len(self.pair)).astype(np.int64)
        after, night = self.world.advance(before.world, orders, fenced=self.fenced)
        line, part = self.market.line, self.market.part
        moves = Moves(*(by_pair(getattr(night.moves, each.name), self.pair) for each in fields(Moves)))
        wanted = by_pair(np.append(night.demand.sum(axis=1), np.zeros(len(self.pair) - self.world.lines, np.int64)), self.pair)
        sold = night.sold[line, part]
        ever = before.sold | (sold > 0)
        shown = shown_of(self.market, night, ever)
        refused = int((night.asked - night.moves.ordered).sum())
        happened = Happened(moves, wanted, sold * SCALE, night.in_stock.round(4)[line], shown, refused)
        return Standing(after, self.pair, ever), happened

    def seen(self, before: Standing, day: date, came: Bools) -> dict[str, pa.Table]:  # noqa: ARG002 - all is counted every evening
        """The count and the open orders that land for the night."""
        counted, coming = self.feeds.inventory(before.world), self.feeds.open_orders(before.world)
        return {"stock": silver("stock", counted, day), "inbound": silver("inbound", coming, day)}

    def arrays(self, where: Standing) -> dict[str, np.ndarray]:
        """See Ground."""
        return {**where.world.arrays(), "sold": where.sold}

    def of(self, arrays: Mapping[str, np.ndarray]) -> Standing:
        """See Ground."""
        return Standing(State.of(arrays), self.pair, arrays["sold"])


def shown_of(market: Lawful, night: Night, ever: Bools) -> Shown:
    """Which series have a row in silver/demand: of a day with availability, channels that have sold (``ever`` [series], the day
    included), or the first channel where none has; and their price and promotion.
    """
    line, part, world = market.line, market.part, market.world
    lines = np.zeros(world.lines, bool)
    lines[line[ever]] = True
    open_ = ~np.isnan(night.in_stock)[line] & (ever | (~lines[line] & (part == 0)))
    today = prices.of(world.config, world.network.items, night.day.toordinal())
    item = world.rows.item[line]
    promotion = np.where(today.promoted[item], np.array("promotion", object), np.array(None, object))
    return Shown(open_, np.floor(today.price[item] * SCALE + 0.5).astype(np.int64), promotion)


def _check(begins: State, pair: Ints, opening: Opening) -> None:
    """The lake's stock of the first night must be the world's."""
    night, places = opening.night, opening.places
    wrong = f"the lake's night of {night.business_date} is not this world's: `nightfill world` writes it, `nightfill ingest` reads it"
    if len(pair) != len(places) or (pair < 0).any():
        raise UsageError(f"{wrong} ({len(places):,} item-locations there, {len(pair):,} here)")
    orders = position.on_order(opening.tables, night)
    stock, _ = position.stock(places.pairs.select(PAIR), opening.tables, orders, night)
    there = places.pairs.join(stock, on=PAIR, how="left", maintain_order="left")["on_hand"].to_numpy() * SCALE
    differ = int((np.abs(there - by_pair(begins.on_hand, pair)) >= 1).sum())
    if differ:
        raise UsageError(f"{wrong} ({differ:,} item-locations have another stock)")


def masters_ahead(base: Memory, world: World, first: date, last: date) -> Memory:
    """Masters as the first night knows them, and what the world's drops of the nights after it bring: prices and weather."""
    feeds, ahead = Feeds(world), world.config.files.ahead_days
    nights = [first + timedelta(days=number + 1) for number in range((last - first).days)]
    brought = {
        "prices": [feeds.prices(day.toordinal() + ahead - 1, day.toordinal() + ahead) for day in nights],
        "signals": [feeds.signals(day.toordinal() - 1, day.toordinal()) for day in nights],
    }
    tables = {}
    for path, rows in base.tables.items():
        name = path.removeprefix("silver/")
        drops = [silver(name, drop, day) for drop, day in zip(brought.get(name, ()), nights, strict=False)]
        known = pl.DataFrame(pl.from_arrow(pa.concat_tables([_until(rows, first), *drops])))
        if name == "signals":
            known = known.sort("known_from").with_columns(known_to=pl.col("known_from").shift(-1).over(_SIGNAL))
        tables[name] = known.to_arrow().cast(rows.schema)
    return base.having(**tables)


def _until(rows: pa.Table, first: date) -> pa.Table:
    """Rows that were known on a night, as they were known then."""
    known = pl.DataFrame(pl.from_arrow(rows)).filter(pl.col("known_from") <= first)
    still = pl.when(pl.col("known_to") <= first).then("known_to").otherwise(None)
    return known.with_columns(known_to=still).to_arrow().cast(rows.schema)
