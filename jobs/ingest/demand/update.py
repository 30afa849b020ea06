"""Bring ``silver/demand`` up to date: find what changed, compute it, write it in one commit."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.config import Config
from jobs.ingest.demand.batches import Batch, Landed, plan
from jobs.ingest.demand.changes import EXISTS, INPUTS, Touch, net, night_of, since, steps
from jobs.ingest.demand.core import compute_all
from jobs.ingest.demand.facts import FACTS, SCALE
from jobs.ingest.demand.prepare import Inputs, facts
from jobs.ingest.demand.progress import Note, all_rows, changed_rows, input_versions, is_empty, last_night, last_note, row_count
from jobs.ingest.demand.versions import store
from jobs.ingest.demand.view import ROWS, Rules, View
from jobs.lake import FIRST_DAY, Lake

log = logging.getLogger(__name__)
EPOCH = date(1970, 1, 1)
#: Changes when a row's values would come out otherwise from the same inputs: demand is then computed from nothing.
FORMULA = "recovered demand"
#: Facts that one task holds at a time; bounds its memory.
FACTS_PER_TASK = 500_000


def main(spark: SparkSession, lake: Lake, config: Config, business_date: date) -> None:
    """Bring silver/demand up to date with all that landed, for the night of business_date and every other."""
    lake = replace(lake, spark=spark)
    note = Note(input_versions(lake), _settings(config))
    last = last_note(lake)
    if last == note:
        return
    update = Update(lake.for_run(lake.run_id, note.inputs), config)
    batches = update.batches(last if last and last.settings == note.settings else None)
    if batches:
        change = store(update.lake, batches, update.rows(batches), note)
        log.info("demand for %s: %s", business_date, change)


def aggregated_sales(sales: DataFrame, business_date: date, config: Config) -> DataFrame:
    """The rows of silver/sales that demand as of business_date adds up: each is in exactly one demand row.

    Grain week: rows of an incomplete first week are left out, and of the week not over yet.
    """
    day = f"DATE'{business_date.isoformat()}'"
    rows = sales.where(f"NOT deleted AND known_from <= {day} AND (known_to IS NULL OR known_to > {day}) AND date < {day}")
    if config.grain == "day":
        return rows
    first = rows.agg(F.expr("date_add(trunc(date_sub(min(date), 1), 'week'), 7)").alias("first_monday"))
    within = rows.crossJoin(F.broadcast(first)).where(f"date >= first_monday AND date < trunc({day}, 'week')")
    return within.drop("first_monday")


def _settings(config: Config) -> str:
    landing = config.landing
    rules = (landing.missing_share, landing.missing_periods, landing.inactive_after, landing.returns_to_stock)
    return repr((config.grain, *rules, config.timezone, FORMULA))


@dataclass(frozen=True)
class Update:
    """One update; ``lake`` is pinned to the input versions that it works on."""

    lake: Lake
    config: Config

    # ---- what to compute ----------------------------------------------------------------------------------------
    def batches(self, since: Note | None) -> list[Batch]:
        """What has to be computed after ``since``; all there is without it."""
        changed, since = self._changed(since)
        if not changed:
            return []
        start = min(touch.night for touch in changed)
        after = self.landed
        before = after.without(changed) if since else Landed({}, self.config.period_days)
        later = self._touches(after=start) if since and self._has_later(start) else []
        first, rest = [t for t in changed if t.night == start and not since], [t for t in changed if t.night > start or since]
        new = [*first, *self._narrowed(rest), *after.appeared(before)]
        every = [*self._narrowed(later), *after.changed_after(start)]
        return plan(new if since else [*new, *every], every, self.config.period_days, self._locations([*new, *every]))

    @cached_property
    def landed(self) -> Landed:
        """Which dates have sales, as each night sees it."""
        rows = self.lake.read("silver/sales").where(EXISTS).groupBy("date", "known_from", "known_to").count()
        step = self.config.period_days
        nights = rows.selectExpr("date", f"{night_of('known_from', step)} AS start", f"{night_of('known_to', step)} AS end", "count")
        return Landed.of([tuple(row) for row in nights.collect()], step)

    def _changed(self, since: Note | None) -> tuple[list[Touch], Note | None]:
        """Touches of what is new, and the note they start from: None when they are all there are."""
        if since is None:
            return self._touches(), None
        try:
            parts = [
                steps(rows, table, self.config.period_days)
                for table, version in since.inputs.items()
                if version != self.lake.pins[table] and (rows := changed_rows(self.lake, table, version)) is not None
            ]
        except FileNotFoundError:
            log.warning("an old version of silver is gone: demand is compared as a whole")
            return self._touches(), None
        return (net(parts) if parts else []), since

    def _touches(self, after: date | None = None) -> list[Touch]:
        """Touches of all rows (of nights after one, if given)."""
        tables = [table for table in INPUTS if not is_empty(self.lake, table)]
        step = self.config.period_days
        parts = [steps(all_rows(self.lake, table).where(since(table, after)), table, step) for table in tables]
        return net(parts, after) if parts else []

    def _has_later(self, start: date) -> bool:
        """Whether any row appears or vanishes after a night, so that later nights may hold versions already.

        Open orders don't count: what is expected on a later day touches no period that is over.
        """
        tables = [table for table in INPUTS if table != "silver/inbound" and not is_empty(self.lake, table)]
        ends = [last_night(self.lake, table) for table in tables]
        return any(end is None or end > start for end in ends)

    def _narrowed(self, touches: list[Touch]) -> list[Touch]:
        """Touches of an item start with its first sale or assortment row, at the locations that have one."""
        wide = [touch for touch in touches if touch.item is not None]
        if not wide:
            return touches
        starts = self._first_days(sorted({touch.item for touch in wide if touch.item}))
        narrow = [touch for touch in touches if touch.item is None]
        for touch in wide:
            for place, first in starts.get(touch.item, {}).items():
                if touch.location is None:
                    narrow.append(replace(touch, location=place, first=first))
                elif touch.location == place:
                    narrow.append(replace(touch, first=min(first, touch.first)))
            if touch.location is not None and touch.location not in starts.get(touch.item, {}):
                narrow.append(touch)
        return narrow

    def _first_days(self, items: list[str]) -> dict[str | None, dict[str, date]]:
        """First day by item and location that a sale or an assortment row of any night names."""
        wanted = F.broadcast(self.lake.session.createDataFrame(pa.table({"item_id": pa.array(items, pa.string())})))
        sold = self.lake.read("silver/sales").select("item_id", "location_id", "date")
        ranged = self.lake.read("silver/assortment").selectExpr("item_id", "location_id", "coalesce(active_from, DATE'0001-01-01')")
        rows = sold.unionAll(ranged).join(wanted, "item_id").groupBy("item_id", "location_id").agg(F.min("date").alias("first")).collect()
        starts: dict[str | None, dict[str, date]] = {}
        for row in rows:
            starts.setdefault(row["item_id"], {})[row["location_id"]] = row["first"]
        return starts

    def _locations(self, touches: list[Touch]) -> list[str]:
        known = self.lake.arrow("silver/locations", ["location_id"])["location_id"].to_pylist()
        return sorted({*known, *(touch.location for touch in touches if touch.location is not None)})

    # ---- computing it -------------------------------------------------------------------------------------------
    def rows(self, batches: list[Batch]) -> DataFrame:
        """The rows of all batches, by one query."""
        landed = self.landed
        views = tuple(self._view(batch, batches[place + 1 :]) for place, batch in enumerate(batches))
        rules = self._rules()
        counted = [(landed.first(batch.last) if self.config.grain == "week" else None) or FIRST_DAY for batch in batches]
        numbered = enumerate(zip(batches, counted, strict=True))
        scope = pa.concat_tables([_scope(number, batch, day, self._zones(batch)) for number, (batch, day) in numbered])

        def run(parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            records = list(parts)
            if records:
                table = pa.Table.from_batches(records).cast(FACTS)
                yield from compute_all(table, views, rules).to_batches(max_chunksize=100_000)

        found = facts(Inputs(self.lake, scope, self.config))
        return found.repartition(self._tasks(), "location_id").mapInArrow(run, from_arrow_schema(ROWS))

    def _zones(self, batch: Batch) -> pa.ChunkedArray:
        """Time zone of each location of the batch."""
        places = self._seen("silver/locations", batch.last)
        known = pc.take(places["timezone"], pc.index_in(batch.firsts["location_id"], value_set=places["location_id"]))
        return pc.fill_null(known, self.config.timezone)

    def _rules(self) -> Rules:
        landing = self.config.landing
        return Rules(self.config.period_days, landing.missing_share, landing.missing_periods, landing.inactive_after)

    def _tasks(self) -> int:
        """Tasks: a whole location goes to one; no result depends on how many there are."""
        rows = sum(row_count(self.lake, table) for table in ("silver/sales", "silver/availability", "silver/prices"))
        return max(2, min(200, rows // FACTS_PER_TASK))

    def _view(self, batch: Batch, later: list[Batch]) -> View:
        night = batch.last
        first = self.landed.first(night) or FIRST_DAY
        places = self._seen("silver/locations", night).select(["location_id", "kind", "region"])
        closed = self._seen("silver/calendar", night).filter(pc.field("event") == "closed")
        prices = self._seen("silver/prices", night).filter(pc.field("location_id").is_null() & (pc.field("date") < night))
        items = self._seen("silver/items", night).filter(pc.field("unit_price").is_valid())
        return View(
            nights=tuple(map(_number, batch.nights)),
            landed=tuple(map(_number, self.landed.periods(night))),
            first=_number(first) if self.config.grain == "week" else _number(FIRST_DAY),
            places=batch.firsts.join(places, "location_id"),
            closed=closed.select(["region", "date"]),
            everywhere=_scaled(prices).select(["item_id", "channel", "day", "price", "promotion"]),
            list_prices=_scaled(items).select(["item_id", "price"]),
            later=tuple((_number(b.start), {place: _number(day) for place, day in b.scope.items()}) for b in later),
        )

    def _seen(self, table: str, night: date) -> pa.Table:
        """The small rows of an input that hold for many locations, as a night sees them."""
        rows = self._wide[table]
        ended = pc.coalesce(pc.less_equal(rows["known_to"], pa.scalar(night, pa.date32())), pa.scalar(value=False))
        return rows.filter(pc.and_(pc.less_equal(rows["known_from"], pa.scalar(night, pa.date32())), pc.invert(ended)))

    @cached_property
    def _wide(self) -> dict[str, pa.Table]:
        live: list[tuple[str, str, object]] = [("deleted", "=", False)]
        small = {table: self.lake.arrow(table, where=live) for table in ("silver/locations", "silver/calendar", "silver/items")}
        return {**small, "silver/prices": self.lake.read("silver/prices").where("NOT deleted AND location_id IS NULL").toArrow()}


def _scope(number: int, batch: Batch, first_day: date, zones: pa.ChunkedArray) -> pa.Table:
    """What a batch computes: location_id, first, batch, night, first_day, zone."""
    rows = len(batch.scope)
    table = batch.firsts.append_column("batch", pa.array([number] * rows, pa.int32()))
    table = table.append_column("night", pa.array([batch.last] * rows, pa.date32()))
    return table.append_column("first_day", pa.array([first_day] * rows, pa.date32())).append_column("zone", zones)


def _scaled(rows: pa.Table) -> pa.Table:
    """With ``price`` in 1/10,000, and ``day`` for ``date``."""
    price = pc.multiply(rows["unit_price"], pa.scalar(Decimal(SCALE), pa.decimal128(5, 0))).cast(pa.int64())
    table = rows.append_column("price", price)
    return table.rename_columns(["day" if name == "date" else name for name in table.column_names])


def _number(day: date) -> int:
    return (day - EPOCH).days
