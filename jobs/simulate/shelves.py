"""A landing's own places as what nights happen in: orders are delivered as asked, on the expected day; sales are as the market wants."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.plan import lanes, position
from jobs.plan.night import PAIR
from jobs.plan.pools import SCALE
from jobs.simulate.goods import Goods, Stock, Transit, pass_night
from jobs.simulate.ground import Happened, silver
from jobs.simulate.history import in_stock

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.simulate.ground import Opening
    from jobs.simulate.market import Replayed

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Shelves:
    """Goods in ten-thousandths by pair. Stock and transit begin as the lake's night of the first date has them.

    Units on hand are those the plan sees: rolled forward from the last count, less what is reserved. They count as having come the
    day before the first night, since a count does not say how old they are.
    """

    def __init__(self, market: Replayed, opening: Opening) -> None:
        self.market, self.places, self.life = market, opening.places, opening.life
        tables = opening.tables
        published = tables["published"]["source_id"].to_pylist() if "published" in tables else []
        named = [*opening.sources, *tables["inbound"]["source_id"].to_pylist(), *published]
        self.origins = sorted({lanes.DEFAULT_SOURCE, *named})
        orders = position.on_order(tables, opening.night)
        stock, _ = position.stock(self.places.pairs.select(PAIR), tables, orders, opening.night)
        placed = self.places.pairs.join(stock, on=PAIR, how="left", maintain_order="left")
        self._on_hand = np.floor(placed["on_hand"].to_numpy() * SCALE + 0.5).astype(np.int64)
        self.fenced, self.share = opening.night.config.planning.channels == "fenced", self._shares()
        self.newest = placed["location_id"].is_in(opening.night.newest_first).to_numpy()
        self.record = placed["has_record"].to_numpy().astype(bool)
        coming = orders.filter(~pl.col("done")).with_columns(units=(pl.col("units") * SCALE).cast(pl.Int64))
        ours = self.places.numbers(coming) >= 0
        self._coming = self._transit(coming.filter(pl.Series(ours)), "expected_on")
        self.counts = {"without_stock_record": int((~self.record).sum()), "orders_to_nowhere": int((~ours).sum())}

    def begin(self) -> Goods:
        """The state before the first night."""
        return Goods(Stock.of(self._on_hand, self.life), self._coming)

    def pass_night(self, before: Goods, number: int, day: date, lines: pl.DataFrame) -> tuple[Goods, Happened]:
        """See Ground."""
        placed = self._transit(lines.with_columns(ordered_on=pl.lit(day)), "arrives_on")
        assert (placed.row >= 0).all(), "the plan ordered for a place that the simulation does not know"
        asked, shown = self.market.wanted(number), self.market.shown(number)
        wanted = self.places.sums(asked)
        shipped = self._shipped(lines, placed)

        def sell(on_hand: Ints) -> Ints:
            return self.places.sums(np.minimum(self._parts(on_hand), asked)) if self.fenced else np.minimum(on_hand, wanted)

        after, moves, _ = pass_night(before, day.toordinal(), lambda _: (placed, shipped), sell, self.newest)
        there = moves.opening + moves.received - moves.shipped
        if not self.fenced:
            fraction = in_stock(wanted, moves.sold, there, day)[self.places.of_series]
            return after, Happened(moves, wanted, self.places.split(asked, moves.sold), fraction, shown)
        parts = self._parts(there)
        sold = np.minimum(parts, asked)
        return after, Happened(moves, wanted, sold, in_stock(asked, sold, parts, day), shown)

    def _shares(self) -> Floats:
        """[series] part of its pair's stock that is a channel's own: its share of what the record sold."""
        sold = np.maximum(self.market.sold, 0).sum(axis=1)
        total, channels = (self.places.sums(each)[self.places.of_series] for each in (sold, np.ones_like(sold)))
        return np.where(total > 0, sold / np.maximum(total, 1), 1 / channels)

    def _parts(self, on_hand: Ints) -> Ints:
        """[series] each channel's part of stock [pairs], set anew every morning; what does not divide is the first channel's."""
        whole = ((self.market.sold < 0) | (self.market.sold % SCALE == 0)).all(axis=1)
        unit = np.where(whole, SCALE, 1)
        parts = np.floor(on_hand[self.places.of_series] * self.share / unit).astype(np.int64) * unit
        first = np.r_[True, self.places.of_series[1:] != self.places.of_series[:-1]]
        parts[first] += (on_hand - self.places.sums(parts))[self.places.of_series[first]]
        return parts

    def seen(self, before: Goods, day: date, came: npt.NDArray[np.bool_]) -> dict[str, pa.Table]:
        """A count after closing on the day before, batch by batch, of what had one or ever had stock; all that is under way."""
        row, units, left = before.stock.listed()
        counted = np.flatnonzero((self.record | (before.on_hand > 0) | came)[row])
        last = _dates(day.toordinal() + left[counted])
        stock = self.places.pairs[row[counted]].select(PAIR).with_columns(
            as_of=pl.lit(date.fromordinal(day.toordinal() - 1)),
            on_hand=_units(units[counted]),
            reserved=pl.lit(0),
            expires_on=pl.when(pl.Series(left[counted] >= 0)).then(last),
        )  # fmt: skip
        transit = before.transit
        inbound = self.places.pairs[transit.row].select(PAIR).with_columns(
            order_id=pl.Series([f"sim-{n}" for n in range(len(transit))], dtype=pl.String),
            source_id=pl.Series([self.origins[number] for number in transit.source], dtype=pl.String),
            units=_units(transit.units),
            **{name: _dates(getattr(transit, name)) for name in ("ordered_on", "expected_on")},
        )  # fmt: skip
        return {"stock": silver("stock", stock.to_arrow(), day), "inbound": silver("inbound", inbound.to_arrow(), day)}

    def arrays(self, where: Goods) -> dict[str, Ints]:
        """See Ground."""
        return where.arrays()

    def of(self, arrays: Mapping[str, Ints]) -> Goods:
        """See Ground."""
        return Goods.of(arrays)

    def _transit(self, lines: pl.DataFrame, arrives: str) -> Transit:
        """Order lines as transit; row -1: no pair of the simulation."""
        at = {name: number for number, name in enumerate(self.origins)}
        source = np.array([at[name] for name in lines["source_id"]], np.int64)
        comes = _ordinals(lines[arrives])
        return Transit(self.places.numbers(lines), source, lines["units"].to_numpy(), _ordinals(lines["ordered_on"]), comes, comes)

    def _shipped(self, lines: pl.DataFrame, placed: Transit) -> Ints:
        """[pairs] units that leave sources with a record; one without is unlimited, as in the night."""
        source = self.places.numbers(lines, "source_id")
        inside = np.flatnonzero((source >= 0) & self.record[source])
        shipped = np.zeros(len(self.places), np.int64)
        np.add.at(shipped, source[inside], placed.units[inside])
        return shipped


def _units(scaled: Ints) -> pl.Series:
    return pl.Series(scaled).cast(pl.Decimal(38, 4)) / pl.Series([SCALE]).cast(pl.Decimal(38, 4))


def _dates(ordinals: Ints) -> pl.Series:
    return pl.Series([date.fromordinal(int(day)) for day in ordinals], dtype=pl.Date)


def _ordinals(days: pl.Series) -> Ints:
    """Dates as ordinals, as date.toordinal counts them."""
    epoch = 719_163  # of 1970-01-01
    return np.asarray(days.cast(pl.Int32).cast(pl.Int64).to_numpy() + epoch)
