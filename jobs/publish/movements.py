"""What moves the stock of each item and location over the horizon, brought together item by item in Spark."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.plan import position
from jobs.publish.projections import MOVEMENTS, PROJECTED, project

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.sql import DataFrame

    from jobs.lake import Lake
    from jobs.plan.night import Night

_PAIR = ["item_id", "location_id"]
#: What each table brings; the others' columns are null in its rows.
_TABLES = {
    "forecasts": ("target_date", "mean"),
    "orders": ("expected_on", "units"),
    "stock": ("as_of", "on_hand", "reserved", "expires_on"),
    "sales": ("date", "units"),
    "receipts": ("source_id", "order_id", "received_on", "units"),
    "inbound": ("order_id", "source_id", "ordered_on", "expected_on", "units"),
    "published": ("business_date", "order_id", "source_id", "expected_on", "units"),
}


def projected(lake: Lake, night: Night, dates: Sequence[date], shards: int) -> DataFrame:
    """Projections of this run's forecasts and orders: rows of PROJECTED."""
    rows = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), _tables(lake, night).values())
    shard = F.pmod(F.hash("item_id"), F.lit(shards)).alias("shard")

    def work(shard_rows: pa.Table) -> pa.Table:
        return project(move(split(shard_rows), night), dates)

    return rows.groupBy(shard).applyInArrow(work, from_arrow_schema(PROJECTED))


def _tables(lake: Lake, night: Night) -> dict[str, DataFrame]:
    """The tables that have rows; of counts only each pair's newest, of sales only those since: history costs nothing."""
    day = night.business_date
    counts = lake.as_of("silver/stock", day).where(F.col("as_of") < F.lit(day))
    newest = counts.groupBy(*_PAIR).agg(F.max("as_of").alias("as_of"))
    sales = lake.as_of("silver/sales", day).where(F.col("date") > newest.agg(F.min("as_of")).scalar())
    frames = {
        "forecasts": lake.run("gold/forecasts", day),
        "orders": lake.run("gold/orders", day),
        "stock": counts.join(newest, [*_PAIR, "as_of"]),
        "sales": sales.join(newest, _PAIR).where("date > as_of"),
    }
    if not lake.is_empty("silver/receipts"):
        frames["receipts"] = lake.as_of("silver/receipts", day)
    if not lake.is_empty("silver/inbound"):
        frames["inbound"] = lake.as_of("silver/inbound", day)
    if lake.published_runs(day):
        frames["published"] = lake.published("gold/orders", before=day)
    return {name: frame.select(F.lit(name).alias("table"), *_PAIR, *_TABLES[name]) for name, frame in frames.items()}


def split(rows: pa.Table) -> dict[str, pa.Table]:
    """The rows of each table that is among them, with its own columns."""
    names = [name for name, columns in _TABLES.items() if set(columns) <= set(rows.column_names)]
    return {name: rows.filter(pc.equal(rows["table"], name)).select([*_PAIR, *_TABLES[name]]) for name in names}


def move(tables: dict[str, pa.Table], night: Night) -> pa.Table:
    """Demand, stock at opening, arrivals and new orders of the pairs with a forecast: rows of MOVEMENTS."""
    frames = {name: _frame(tables[name]) for name in ("forecasts", "orders")}
    pairs = frames["forecasts"].select(_PAIR).unique()
    orders = position.on_order(tables, night)
    stock, _ = position.stock(pairs, tables, orders, night)
    parts = {
        "demand": frames["forecasts"].select(*_PAIR, pl.col("target_date").alias("date"), pl.col("mean").alias("units")),
        "stock": stock.select(*_PAIR, pl.lit(night.business_date).alias("date"), pl.col("on_hand").alias("units")),
        "arrival": orders.filter(pl.col("units") > 0).select(*_PAIR, pl.col("expected_on").alias("date"), "units"),
        "order": frames["orders"].select(*_PAIR, pl.col("expected_on").alias("date"), "units"),
    }
    typed = [rows.with_columns(pl.lit(kind).alias("kind"), pl.col("units").cast(pl.Float64)) for kind, rows in parts.items()]
    return pl.concat([rows.select(MOVEMENTS.names) for rows in typed]).to_arrow().cast(MOVEMENTS)


def _frame(rows: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame
