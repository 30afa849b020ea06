"""The facts of all batches: what the last night of each sees of the locations it computes, by Spark SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config import Config
from jobs.ingest.demand.changes import EXISTS, period_of
from jobs.ingest.demand.facts import FACTS, SCALE
from jobs.ingest.demand.progress import is_empty
from jobs.ingest.demand.recovery import WINDOW
from jobs.lake import Lake

#: Exact mean price of positive rows, weighted by units.
PAID = (
    "CAST(round(sum(units * unit_price) FILTER (WHERE units > 0 AND unit_price IS NOT NULL)"
    f" / sum(units) FILTER (WHERE units > 0 AND unit_price IS NOT NULL), 4) * {SCALE} AS bigint)"
)
SERIES = ("batch", "location_id", "item_id", "channel")
PAIR = ("batch", "location_id", "item_id")


def fact(frame: DataFrame, kind: str, **columns: str) -> DataFrame:
    """Facts of one kind: columns not given are null."""
    from pyspark.sql.pandas.types import from_arrow_schema

    given = {"kind": f"'{kind}'", "batch": "batch", "location_id": "location_id", **columns}
    return frame.select(
        *(F.expr(f"CAST({given.get(f.name, 'NULL')} AS {f.dataType.simpleString()})").alias(f.name) for f in from_arrow_schema(FACTS))
    )


@dataclass(frozen=True)
class Inputs:
    """The inputs as the last night of each batch sees them.

    ``scope`` says what each batch computes: location_id, batch, night, first (period), first_day (that counts), zone.
    """

    lake: Lake
    scope: pa.Table
    config: Config

    @property
    def step(self) -> int:
        """Days of a period."""
        return self.config.period_days

    @property
    def floor(self) -> date:
        """The earliest period to compute."""
        first: date = pc.min(self.scope["first"]).as_py()
        return first

    def has(self, table: str) -> bool:
        """Whether anything ever landed of the feed."""
        return not is_empty(self.lake, f"silver/{table}")

    def seen(self, table: str, where: str = "true") -> DataFrame:
        """Rows that a batch's night sees of a location that it computes: once for each such batch."""
        rows = self.asked(self.lake.read(f"silver/{table}").where(EXISTS).where(where))
        return rows.where("known_from <= night AND (known_to IS NULL OR known_to > night)")

    def asked(self, rows: DataFrame) -> DataFrame:
        """Rows of the locations to compute, once for each batch that does, with the scope's columns."""
        return rows.join(F.broadcast(self._asked), "location_id")

    @cached_property
    def _asked(self) -> DataFrame:
        """The scope in Spark: one frame, so that Spark broadcasts it once."""
        return self.lake.session.createDataFrame(self.scope)

    def in_periods(self, table: str) -> DataFrame:
        """Seen rows of periods to compute, with their period."""
        rows = self.seen(table, f"date >= DATE'{self.floor.isoformat()}'").withColumn("period", F.expr(period_of("date", self.step)))
        return rows.where("date < night AND period >= first")

    def earlier_sales(self) -> DataFrame:
        """Seen sales of periods that count, before those to compute."""
        rows = self.seen("sales").withColumn("period", F.expr(period_of("date", self.step)))
        return rows.where("period < first AND date >= first_day AND date < night")


def facts(inputs: Inputs) -> DataFrame:
    """All facts of all batches, in the schema FACTS."""
    parts = [*_sales(inputs)]
    if inputs.has("availability"):
        parts += [_availability(inputs), *_intraday(inputs)]
    if inputs.has("assortment"):
        parts.append(fact(inputs.seen("assortment"), "assortment", item_id="item_id", day="active_from", until="active_to"))
    if inputs.has("prices"):
        parts += _prices(inputs)
    if inputs.has("stock"):
        parts += _stock(inputs)
    if inputs.has("receipts"):
        parts += _receipts(inputs)
    if inputs.has("inbound"):
        parts.append(_expected(inputs))
    union = parts[0]
    for part in parts[1:]:
        union = union.unionAll(part)
    return union


def _sales(inputs: Inputs) -> list[DataFrame]:
    """sale: a period's sales of a series. before: a series' first and last sale and last price paid before ``first``. sold: periods."""
    of_period = (
        inputs.in_periods("sales")
        .where("date >= first_day")
        .groupBy(*SERIES, "period")
        .agg(
            F.expr("sum(greatest(units, 0))").alias("sold"),
            F.expr("sum(greatest(-units, 0))").alias("returned"),
            F.count("*").alias("sales_rows"),
            F.expr(PAID).alias("price"),
        )
    )
    named = {"item_id": "item_id", "channel": "channel"}
    amounts = {"units": f"sold * {SCALE}", "returns": f"returned * {SCALE}", "sales_rows": "sales_rows", "price": "price"}
    sale = fact(of_period, "sale", **named, day="period", **amounts)
    earlier = inputs.earlier_sales()
    priced = "units > 0 AND unit_price IS NOT NULL"
    ends = earlier.groupBy(*SERIES).agg(
        F.min("period").alias("first_sale"),
        F.max("period").alias("last_sale"),
        F.expr(f"max(period) FILTER (WHERE {priced})").alias("paid_in"),
    )
    # One row a series: small enough to send to every task, where grouping all earlier sales by period is not.
    last = F.broadcast(ends.select(*SERIES, "paid_in"))
    paid = earlier.where(priced).join(last, list(SERIES)).where("period = paid_in").groupBy(*SERIES).agg(F.expr(PAID).alias("price"))
    before = fact(ends.join(paid, list(SERIES), "left"), "before", **named, day="first_sale", until="last_sale", price="price")
    back = inputs.config.landing.missing_periods * inputs.step
    sold = earlier.where(f"period >= date_sub(first, {back})").select("batch", "location_id", "period").distinct()
    return [sale, before, fact(sold, "sold", day="period")]


def _availability(inputs: Inputs) -> DataFrame:
    """available: the stated in-stock share of a period (week: mean of its rows, added up by date)."""
    rows = inputs.in_periods("availability")
    if inputs.step == 1:
        named = "split(replace(out_of_stock_hours, ' ', ''), ',')"
        out = f"transform(sequence(0, 23), h -> CAST(array_contains({named}, CAST(h AS string)) AS bigint))"
        known = f"CASE WHEN out_of_stock_hours IS NOT NULL THEN {out} END"
        return fact(rows, "available", item_id="item_id", day="period", fraction="in_stock_fraction", hours=known)
    listed = rows.groupBy(*PAIR, "period").agg(F.expr("sort_array(collect_list(struct(date, in_stock_fraction)))").alias("days"))
    mean = "aggregate(days, 0D, (sum, day) -> sum + day.in_stock_fraction) / size(days)"
    return fact(listed, "available", item_id="item_id", day="period", fraction=mean)


def _intraday(inputs: Inputs) -> list[DataFrame]:
    """hourly: units sold on a day, and by hour as far as sales have one. short: days before ``first`` not in stock throughout.

    Both from WINDOW days before ``first`` on. Nothing for grain week, nor where no sale has a time of day: a date alone
    stands for its midnight.
    """
    if inputs.step != 1:
        return []
    within, recent = f"date >= date_sub(DATE'{inputs.floor.isoformat()}', {WINDOW})", f"date >= date_sub(first, {WINDOW}) AND date < night"
    sales = inputs.seen("sales", f"{within} AND units > 0").where(recent)
    local = sales.withColumn("at", F.expr("from_utc_timestamp(sold_at, zone)"))
    timed = "CAST(at AS date) = date AND at <> CAST(date AS timestamp)"
    if local.where(timed).isEmpty():
        return []
    scaled = local.selectExpr(*SERIES, "date", f"IF({timed}, hour(at), NULL) AS hour", f"CAST(units * {SCALE} AS bigint) AS scaled")
    by_hour = ", ".join(f"sum(IF(hour = {hour}, scaled, 0L))" for hour in range(24))
    hourly = scaled.groupBy(*SERIES, "date").agg(F.expr(f"array({by_hour})").alias("hours"), F.sum("scaled").alias("units"))
    short = inputs.seen("availability", f"{within} AND in_stock_fraction < 1").where(recent).where("date < first")
    return [
        fact(hourly, "hourly", item_id="item_id", channel="channel", day="date", units="units", hours="hours"),
        fact(short, "short", item_id="item_id", day="date"),
    ]


def _prices(inputs: Inputs) -> list[DataFrame]:
    """price: rows of single locations, those before ``first`` only as far as they still hold."""
    rows = inputs.seen("prices").where("date < night")
    amount = f"unit_price * {SCALE}"
    named = {"item_id": "item_id", "channel": "channel"}
    held = rows.where("date < first").groupBy(*SERIES).agg(F.max_by("unit_price", "date").alias("unit_price"), F.max("date").alias("date"))
    return [
        fact(rows.where("date >= first"), "price", **named, day="date", price=amount, promotion="promotion"),
        fact(held, "price", **named, day="date", price=amount),
    ]


def _stock(inputs: Inputs) -> list[DataFrame]:
    """stock: records from the last one before ``first`` on. moved: net change a day since. alive: last positive record before."""
    records = (
        inputs.seen("stock")
        .where("as_of < night")
        .groupBy(*PAIR, "as_of", "first")
        .agg(F.expr(f"CAST(sum(greatest(on_hand, 0)) * {SCALE} AS bigint)").alias("units"))
    )
    before = (
        records.where("as_of < first")
        .groupBy(*PAIR)
        .agg(
            F.max_by("units", "as_of").alias("units"),
            F.max("as_of").alias("as_of"),
            F.expr("max(as_of) FILTER (WHERE units > 0)").alias("alive"),
        )
    )
    item = {"item_id": "item_id"}
    since = records.where("as_of >= first").groupBy(*PAIR).agg(F.min("as_of").alias("as_of"))
    start = before.select(*PAIR, "as_of").unionAll(since).groupBy(*PAIR).agg(F.min("as_of").alias("since"))
    return [
        fact(records.where("as_of >= first"), "stock", **item, day="as_of", units="units"),
        fact(before, "stock", **item, day="as_of", units="units"),
        fact(before.where("alive IS NOT NULL"), "alive", **item, day="alive", units="1"),
        fact(_moves(inputs).join(start, list(PAIR)).where("day > since"), "moved", **item, day="day", units="units"),
    ]


def _moves(inputs: Inputs) -> DataFrame:
    share = inputs.config.landing.returns_to_stock
    back = f"CAST(round(sum(greatest(-units, 0)) * {share!r}D * {SCALE}) AS bigint)"
    gone = f"CAST(sum(greatest(units, 0)) * {SCALE} AS bigint)"
    sold = inputs.seen("sales").where("date < night").groupBy(*PAIR, "date").agg(F.expr(f"{back} - {gone}").alias("units"))
    moves = sold.withColumnRenamed("date", "day")
    if not inputs.has("receipts"):
        return moves
    got = inputs.seen("receipts").where("received_on < night").groupBy(*PAIR, "received_on")
    received = got.agg(F.expr(f"CAST(sum(units) * {SCALE} AS bigint)").alias("units"))
    return moves.unionAll(received).groupBy(*PAIR, "day").agg(F.sum("units").alias("units"))


def _receipts(inputs: Inputs) -> list[DataFrame]:
    """received: something came in on a day. alive: the last such day before ``first``."""
    rows = inputs.seen("receipts").where("received_on < night AND units > 0")
    before = rows.where("received_on < first").groupBy(*PAIR).agg(F.max("received_on").alias("day"))
    return [
        fact(rows.where("received_on >= first"), "received", item_id="item_id", day="received_on", units="1"),
        fact(before, "alive", item_id="item_id", day="day", units="1"),
    ]


def _expected(inputs: Inputs) -> DataFrame:
    """expected: an order that was due on a day, as the night of that day saw it."""
    due = "units > 0 AND known_from <= expected_on AND (known_to IS NULL OR known_to > expected_on)"
    rows = inputs.asked(inputs.lake.read("silver/inbound").where(EXISTS).where(due))
    return fact(rows.where("expected_on < night AND expected_on >= first"), "expected", item_id="item_id", day="expected_on")
