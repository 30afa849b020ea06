"""The closed loop: night after night, decide with what is known, order, receive, sell, remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from jobs.features.horizon import horizon
from jobs.forecast.ranks import USUAL, PathRanks
from jobs.plan import inputs, lanes
from jobs.plan.night import PAIR
from jobs.plan.pools import SCALE
from jobs.simulate import deciding, history, ledger
from jobs.simulate.ground import Opening
from jobs.simulate.ledger import Ledger
from jobs.simulate.lessons import Lessons
from jobs.simulate.places import Places
from jobs.simulate.policies import Evening
from jobs.workers import both

if TYPE_CHECKING:
    from jobs.config import Config
    from jobs.forecast.model import Model
    from jobs.lake import Lake
    from jobs.plan.night import Night
    from jobs.simulate.ground import Where
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
    state: Where
    begun: Where
    books: Ledger
    known: pa.Table
    model: Model | None
    counts: dict[str, int] = field(default_factory=dict)
    lessons: Lessons = field(default_factory=Lessons)


class Run:
    """A policy's nights in a market."""

    def __init__(self, given: Given, policy: Policy) -> None:
        given = replace(given, config=policy.settings(given.config))
        self.given, self.policy = given, policy
        day = given.span.first
        first = inputs.night_of(given.lake, given.config, day, _NO_RANKS)
        tables = inputs.tables_here(given.lake, first)
        pairs = [_pairs(tables["stock"]), *(_pairs(given.base.tables[f"silver/{name}"]) for name in ("assortment", "demand"))]
        self.places = Places.of(given.market.series, *pairs)
        self.life = self.places.lives(tables["items"])
        known, sources = given.base.tables["silver/demand"], given.base.tables["silver/lanes"]["source_id"].to_pylist()
        self.ground = given.market.ground(Opening(tables, first, self.places, self.life, sources, known))
        state, books = self.ground.begin(), Ledger(given.span.nights, len(self.places))
        self.progress = Progress(0, state, state, books, known, given.model, dict(self.ground.counts))
        self.rates: Rates | None = None
        self.source = np.full(len(self.places), -1)

    def step(self) -> None:
        """Simulate the next night."""
        given, at = self.given, self.progress
        number, day = at.done, given.span.day(at.done)
        lake = self.policy.sees(self.seen(day))
        if self.policy.learns and number and number % given.retrain_every == 0:
            at.model = given.train(lake, given.config, day) or at.model
        if self.policy.teaches and at.model is not None:
            at.model = self.policy.teaches(at.model, lake, given.config, day)
        steps = horizon(lake.arrow_as_of("silver/lanes", day, ("lead_time_days", "order_days")).to_pylist(), given.config)
        bare = self.policy.records and (at.model is None or at.model.errors is None)
        at.counts["nights_without_errors"] = at.counts.get("nights_without_errors", 0) + int(bare)
        evening = Evening(lake, given.config, day, number, at.model, steps, given.market, at.lessons)
        (forecasts, ranks), (tables, night) = both(lambda: self.policy.foresee(evening), lambda: self._state(lake, day))
        tables, night = inputs.with_forecasts(tables, forecasts), replace(night, ranks=ranks)
        orders = deciding.decide(tables, night, self.policy.lists_of)
        if self.policy.recalls:
            at.lessons.judge(lake, given.config, day)
            at.lessons.remember(orders.believed, day)
        self._pass(number, day, orders, night)

    def _state(self, lake: Memory, day: date) -> tuple[dict[str, pa.Table], Night]:
        """What a night's plan reads beside forecasts and their paths; finds the night's rates and sources."""
        night = inputs.night_of(lake, self.given.config, day, _NO_RANKS)
        tables = inputs.tables_here(lake, night)
        self.rates, self.source = self.places.rates(tables, night), self._sources(tables, night)
        return tables, night

    def _pass(self, number: int, day: date, orders: deciding.Orders, night: Night) -> None:
        """Let the night happen and write it down."""
        at, places = self.progress, self.places
        at.state, found = self.ground.pass_night(at.state, number, day, orders.lines)
        open_ = np.zeros(len(places), bool)
        open_[places.of_series[found.shown.open]] = True
        assert self.rates is not None
        borne = ledger.of_orders(orders.lines, places.numbers(orders.lines), lanes.order_terms(night), len(places))
        at.books.enter(number, found.moves, found.wanted, open_, self.rates, borne)
        added = history.rows(self.given.market.series, day, found.sold, found.fraction, found.shown)
        at.known = pa.concat_tables([at.known, added])
        for name, more in (("degraded_nights", int(orders.degraded)), ("refused_units", found.refused)):
            at.counts[name] = at.counts.get(name, 0) + more
        at.done += 1

    def seen(self, day: date) -> Memory:
        """Silver as the night sees it: stock after closing on the day before, all that is under way, what was sold until then."""
        came = self.progress.books.units["received"].sum(axis=0) > 0
        return self.given.base.having(**self.ground.seen(self.progress.state, day, came), demand=self.progress.known)

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
        units = (state.on_hand + state.in_transit) / SCALE
        pace = ledger.paces(self.progress.books.units["wanted"][span.counted], self.source)
        assert self.rates is not None
        return ledger.until_sold(units, pace, self.life, self.rates)


def _pairs(rows: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(rows.select(PAIR))).unique()
