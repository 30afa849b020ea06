"""Versions of demand rows: what is held, cut where it is computed anew, joined with the new, written in one commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

import schemas
from jobs.ingest.demand.batches import Batch, firsts_table
from jobs.ingest.demand.progress import DEMAND, Note, is_empty, last_period, noting
from jobs.lake import Lake

KEY = ("item_id", "location_id", "channel", "period")
VALUES = ("units", "returns", "in_stock_fraction", "price", "promotion", "sales_rows", "demand", "demand_std", "demand_source")
MONTH = "trunc(period, 'month')"


@dataclass(frozen=True)
class Change:
    """How many versions come, end or change, and in which months."""

    added: int
    altered: int
    months: tuple[date, ...]


def store(lake: Lake, batches: list[Batch], new: DataFrame, note: Note) -> Change:
    """Bring silver/demand to the new versions in one commit; without any change nothing is committed."""
    if not _holds_any(lake, batches):
        rows = new if len(batches) == 1 else coalesce(new)
        with noting(lake, note):
            _append(lake, rows.withColumn("month", F.expr(MONTH)))
        return Change(-1, 0, ())
    changes = difference(held(lake, batches), new, batches, lake).persist()
    try:
        change = _count(changes)
        with noting(lake, note):
            _write(lake, changes, change)
    finally:
        changes.unpersist()
    return change


def _holds_any(lake: Lake, batches: list[Batch]) -> bool:
    """Whether demand may hold any of the periods to compute; not so on a first load, nor on most nights."""
    if is_empty(lake, DEMAND):
        return False
    last = last_period(lake)
    return last is None or any(first <= last for batch in batches for first in batch.scope.values())


def held(lake: Lake, batches: list[Batch]) -> DataFrame:
    """Versions of the locations and periods that any batch computes."""
    widest: dict[str, date] = {}
    for batch in batches:
        for place, first in batch.scope.items():
            widest[place] = min(first, widest.get(place, first))
    earliest = min(widest.values())
    bound = f"DATE'{earliest.isoformat()}'"
    rows = lake.read(DEMAND).where(f"month >= trunc({bound}, 'month') AND period >= {bound}")
    scope = lake.session.createDataFrame(firsts_table(widest))
    return rows.join(F.broadcast(scope), "location_id").where("period >= first").drop("first", "month")


def difference(before: DataFrame, computed: DataFrame, batches: list[Batch], lake: Lake) -> DataFrame:
    """Versions to write: new and altered ones, and those to remove (``gone``)."""
    named = [*KEY, *VALUES, "known_from", "known_to"]
    after = coalesce(_cut(before, batches, lake).select(*named).unionAll(computed.select(*named)))
    columns = [*KEY, "known_from"]
    old = before.select(*columns, F.struct(*VALUES, "known_to").alias("old"))
    new = after.select(*columns, F.struct(*VALUES, "known_to").alias("new"))
    both = old.join(new, columns, "full").where("NOT (old <=> new)")
    return both.select(
        *columns, "new.*", F.expr(MONTH).alias("month"), F.expr("new IS NULL").alias("gone"), F.expr("old IS NULL").alias("fresh")
    )


def coalesce(rows: DataFrame) -> DataFrame:
    """Join versions of a key that follow each other without a gap and say the same."""
    by_start = Window.partitionBy(*KEY).orderBy("known_from")
    same = F.lag(F.struct(*VALUES)).over(by_start).eqNullSafe(F.struct(*VALUES)) & (F.lag("known_to").over(by_start) == F.col("known_from"))
    marked = rows.withColumn("begins", F.when(same, 0).otherwise(1))
    numbered = marked.withColumn("version", F.sum("begins").over(by_start))
    joined = numbered.groupBy(*KEY, "version").agg(
        *(F.min_by(F.struct(F.col(name)), "known_from").alias(name) for name in VALUES),
        F.min("known_from").alias("known_from"),
        F.max_by(F.struct("known_to"), "known_from").alias("known_to"),
    )
    values = (F.col(f"{name}.{name}").alias(name) for name in VALUES)
    return joined.select(*KEY, *values, "known_from", F.col("known_to.known_to").alias("known_to"))


def _cut(before: DataFrame, batches: list[Batch], lake: Lake) -> DataFrame:
    """End held versions on the first night from which their location and period are computed anew."""
    cuts = pa.concat_tables([b.firsts.append_column("cut", pa.array([b.start] * len(b.scope), pa.date32())) for b in batches])
    in_order = F.sort_array(F.collect_list(F.struct("cut", "first"))).alias("cuts")
    by_place = lake.session.createDataFrame(cuts).groupBy("location_id").agg(in_order)
    rows = before.join(F.broadcast(by_place), "location_id").withColumn("cut", F.expr("filter(cuts, c -> c.first <= period)[0].cut"))
    ended = F.when(F.col("known_to") < F.col("cut"), F.col("known_to")).otherwise(F.col("cut"))
    return rows.where("known_from < cut").withColumn("known_to", ended)


def _append(lake: Lake, rows: DataFrame) -> None:
    """Append, sorted by series: who reads some items finds them by the statistics of row groups."""
    lake.append(DEMAND, rows.sortWithinPartitions("month", *KEY))


def _count(changes: DataFrame) -> Change:
    rows = changes.groupBy("month").agg(F.count_if("fresh").alias("added"), F.count_if(~F.col("fresh")).alias("altered")).collect()
    altered = sorted(row["month"] for row in rows if row["altered"])
    return Change(sum(row["added"] for row in rows), sum(row["altered"] for row in rows), tuple(altered))


def _write(lake: Lake, changes: DataFrame, change: Change) -> None:
    if change.altered == 0:
        if change.added:
            _append(lake, changes)
        return
    names = schemas.TABLES[DEMAND].column_names
    months = ", ".join(f"DATE'{month.isoformat()}'" for month in change.months)
    key = " AND ".join(f"t.{name} = s.{name}" for name in (*KEY, "known_from"))
    update = ("NOT s.gone", {name: f"s.{name}" for name in names})
    lake.merge(DEMAND, changes, f"t.month IN ({months}) AND {key}", {"delete": "s.gone", "update": update, "insert": True})
