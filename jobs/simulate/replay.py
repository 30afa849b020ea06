"""The closed loop: night after night, decide with what is known, order, receive, sell, remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

import schemas
from jobs.features.horizon import horizon
from jobs.forecast.ranks import USUAL, PathRanks
from jobs.plan import inputs, lanes
from jobs.plan.night import PAIR
from jobs.plan.pools import SCALE
from jobs.simulate import deciding, history, ledger, start
from jobs.simulate.ledger import Ledger
from jobs.simulate.places import Places
from jobs.simulate.policies import Evening
from jobs.simulate.state import State, Transit, pass_night

if TYPE_CHECKING:
    from jobs.config import Config
    from jobs.forecast.model import Model
    from jobs.lake import Lake
    from jobs.plan.night import Night
    from jobs.simulate.market import Market
    from jobs.simulate.memory import Memory
    from jobs.simulate.places import Rates
    from jobs.simulate.policies import Policy
    from jobs.simulate.span import Span

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_NO_RANKS = PathRanks(1, 0, USUAL)
#: A model of a night's date from what was known then; None: too little is known, the baseline forecasts.
Trainer = Callable[["Memory", "Config", date], "Model | None"]


@dataclass(frozen=True)
class Given:
    """What a simulation is given.

    lake    where the night of the first date finds stock and transit;  base  masters and history in memory
    model   the model that the first night uses;  train  makes the later ones, every ``retrain_every`` nights
    """

    lake: Lake
    base: Memory
    market: Market
    span: Span
    config: Config
    model: Model | None
    train: Trainer
    retrain_every: int


@dataclass
class Progress:
    """Where a run stands after some nights: all that the next night depends on."""

    done: int
    state: State
    begun: State
    books: Ledger
    known: pa.Table
    model: Model | None
    counts: dict[str, int] = field(default_factory=dict)


class Run:
    """A policy's nights in a market."""

    def __init__(self, given: Given, policy: Policy) -> None:
        self.given, self.policy = given, policy
        day = given.span.first
        first = inputs.night_of(given.lake, given.config, day, _NO_RANKS)
        empty = schemas.FORECASTS.schema.empty_table()
        tables = inputs.tables_here(given.lake, first, empty)
        pairs = [_pairs(tables["stock"]), *(_pairs(given.base.tables[f"silver/{name}"]) for name in ("assortment", "demand"))]
        self.places = Places.of(given.market.series, *pairs)
        self.life = self.places.lives(tables["items"])
        lanes_ = given.base.tables["silver/lanes"]["source_id"].to_pylist()
        self.origins = sorted({lanes.DEFAULT_SOURCE, *lanes_, *tables["inbound"]["source_id"].to_pylist(), *_published(tables)})
        state, self.record, counts = start.initial(tables, first, self.places, self.life, self.origins)
        books = Ledger(given.span.nights, len(self.places))
        self.progress = Progress(0, state, state, books, given.base.tables["silver/demand"], given.model, counts)
        self.rates: Rates | None = None
        self.source = np.full(len(self.places), -1)

    def step(self) -> None:
        """Simulate the next night."""
        given, at = self.given, self.progress
        number, day = at.done, given.span.day(at.done)
        lake = self.policy.sees(self.seen(day))
        if self.policy.learns and number and number % given.retrain_every == 0:
            at.model = given.train(lake, given.config, day) or at.model
        steps = horizon(lake.arrow_as_of("silver/lanes", day, ("lead_time_days", "order_days")).to_pylist(), given.config)
        bare = self.policy.records and (at.model is None or at.model.errors is None)
        at.counts["nights_without_errors"] = at.counts.get("nights_without_errors", 0) + int(bare)
        forecasts, ranks = self.policy.foresee(Evening(lake, given.config, day, number, at.model, steps, given.market))
        night = inputs.night_of(lake, given.config, day, ranks)
        tables = inputs.tables_here(lake, night, forecasts)
        orders = deciding.decide(tables, night, self.policy.lists_of)
        self.rates = self.places.rates(tables, night)
        self.source = self._sources(tables, night)
        self._pass(number, day, orders, night)

    def _pass(self, number: int, day: date, orders: deciding.Orders, night: Night) -> None:
        """Let the night happen and write it down."""
        market, at, places = self.given.market, self.progress, self.places
        placed, lines = self._placed(orders.lines, day)
        asked, shown = market.wanted(number), market.shown(number)
        wanted = places.sums(asked)
        before = at.state
        at.state, moves = pass_night(before, placed, wanted, day.toordinal())
        open_ = np.zeros(len(places), bool)
        open_[places.of_series[shown.open]] = True
        assert self.rates is not None
        at.books.enter(
            number, moves, wanted, open_, self.rates, ledger.of_orders(lines, placed.pair, lanes.order_terms(night), len(places))
        )
        sold = places.split(asked, moves.sold)
        fraction = history.in_stock(wanted, moves.sold, moves.opening + moves.received - moves.shipped)
        added = history.rows(market.series, day, sold, fraction[places.of_series], shown)
        at.known = pa.concat_tables([at.known, added])
        at.counts["degraded_nights"] = at.counts.get("degraded_nights", 0) + int(orders.degraded)
        at.done += 1

    def seen(self, day: date) -> Memory:
        """Silver as the night sees it: stock after closing on the day before, all that is under way, what was sold until then."""
        before, state = day.toordinal() - 1, self.progress.state
        counted = np.flatnonzero(self.record | (state.on_hand > 0) | (self.progress.books.units["received"].sum(axis=0) > 0))
        stock = (
            self.places.pairs[counted]
            .select(PAIR)
            .with_columns(as_of=pl.lit(date.fromordinal(before)), on_hand=_units(state.on_hand[counted]), reserved=pl.lit(0))
        )
        transit = state.transit
        source = pl.Series([self.origins[number] for number in transit.origin], dtype=pl.String)
        dates = {name: _dates(getattr(transit, of)) for name, of in (("ordered_on", "ordered"), ("expected_on", "arrives"))}
        names = pl.Series([f"sim-{n}" for n in range(len(transit))], dtype=pl.String)
        inbound = (
            self.places.pairs[transit.pair]
            .select(PAIR)
            .with_columns(order_id=names, source_id=source, units=_units(transit.units), **dates)
        )
        made = {"stock": _silver("stock", stock, day), "inbound": _silver("inbound", inbound, day), "demand": self.progress.known}
        return self.given.base.having(**made)

    def _placed(self, lines: pl.DataFrame, day: date) -> tuple[Transit, pl.DataFrame]:
        """The night's orders as transit, those between places that the simulation knows, and their rows."""
        pair, source = self.places.numbers(lines), self.places.numbers(lines, "source_id")
        assert (pair >= 0).all(), "the plan ordered for a place that the simulation does not know"
        source = np.where((source >= 0) & self.record[source], source, -1)
        arrives = np.array([each.toordinal() for each in lines["arrives_on"]], np.int64)
        placed = np.full(len(lines), day.toordinal())
        return Transit(pair, source, lines["units"].to_numpy(), placed, arrives, start.numbered(lines["source_id"], self.origins)), lines

    def _sources(self, tables: dict[str, pa.Table], night: Night) -> Ints:
        """[pairs] where each pair is supplied from; -1: from outside."""
        named = self.places.pairs.select(PAIR).with_columns(
            item_cost=pl.lit(None, pl.Float64), override_source=pl.lit(None, pl.String), overridden=pl.lit(value=False)
        )
        found = lanes.sources(named, tables.get("lanes"), night)
        source = np.full(len(self.places), -1)
        source[self.places.numbers(found)] = self.places.numbers(found, "source_id")
        return source

    def left(self) -> Floats:
        """[pairs] what stock and transit after the last night cost until they have sold."""
        state, span = self.progress.state, self.given.span
        units = (state.on_hand + state.in_transit()) / SCALE
        pace = ledger.paces(self.progress.books.units["wanted"][span.counted], self.source)
        assert self.rates is not None
        return ledger.until_sold(units, pace, self.life, self.rates)


def _published(tables: dict[str, pa.Table]) -> list[str]:
    """Where published orders come from."""
    return list(tables["published"]["source_id"].to_pylist()) if "published" in tables else []


def _pairs(rows: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(rows.select(PAIR))).unique()


def _units(scaled: Ints) -> pl.Series:
    return pl.Series(scaled).cast(pl.Decimal(38, 4)) / pl.Series([SCALE]).cast(pl.Decimal(38, 4))


def _dates(ordinals: Ints) -> pl.Series:
    return pl.Series([date.fromordinal(int(day)) for day in ordinals], dtype=pl.Date)


def _silver(name: str, rows: pl.DataFrame, day: date) -> pa.Table:
    """Rows of a silver table that a drop of the night brought."""
    declared = schemas.TABLES[f"silver/{name}"].schema
    given = {"known_from": day, "drop_date": day}
    plain = {field.name: rows[field.name].to_arrow() for field in declared if field.name in rows.columns}
    n = len(rows)
    columns = []
    for each in declared:
        if each.name in plain:
            columns.append(plain[each.name].cast(each.type))
        elif each.name in given:
            columns.append(pa.array([given[each.name]] * n, each.type))
        else:
            columns.append(pa.nulls(n, each.type))
    return pa.Table.from_arrays(columns, schema=declared)
