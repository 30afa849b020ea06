"""A night's plan into the lake: lines by Spark, what is small from the driver."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from jobs.plan.decimals import decimals
from jobs.plan.night import EXCEPTION
from jobs.plan.pools import SCALE, UNLIMITED
from jobs.plan.shards import decode, unpack
from schemas import CERTIFICATES, EXCEPTIONS, ORDER_REASONS, ORDERS, SHADOW_PRICES
from schemas.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.sql import DataFrame

    from jobs.lake import Lake

_NIGHT = "*"


def collect(result: DataFrame, names: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Tables of all shards, on the driver, in shard order."""
    from pyspark.sql import functions as F

    rows = sorted(result.where(F.col("name").isin(*names)).collect(), key=lambda row: row["shard"])
    return {
        name: pl.concat([pl.DataFrame(pl.from_arrow(decode(row["payload"]))) for row in rows if row["name"] == name] or [pl.DataFrame()])
        for name in names
    }


def write_lines(lake: Lake, result: DataFrame, business_date: date) -> None:
    """gold/orders and gold/order_reasons."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    reasons = unpack(result, "reasons", _schema(ORDER_REASONS, ())).coalesce(2)
    lake.write_run("gold/order_reasons", reasons, business_date)
    by_item = Window.partitionBy("order_id").orderBy("item_id")
    orders = unpack(result, "orders", _schema(ORDERS, ("line",))).withColumn("line", F.row_number().over(by_item))
    lake.write_run("gold/orders", orders.coalesce(1), business_date)


def write_few_lines(lake: Lake, orders: pl.DataFrame, reasons: pl.DataFrame, business_date: date) -> None:
    """The same tables from the driver: a small night's rows are there in less time than Spark takes to plan a write."""
    numbered = (
        orders
        if orders.is_empty()
        else orders.sort("order_id", "item_id").with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("order_id"))
    )
    for table, rows in ((ORDER_REASONS, reasons), (ORDERS, numbered)):
        lake.write_arrow(table.path, gold_rows(rows, table, lake.run_id, business_date), _mine(lake, business_date))


def write_small(lake: Lake, small: dict[str, pl.DataFrame], not_planned: pa.Table, business_date: date) -> None:
    """gold/shadow_prices, gold/certificates and the planning rows of gold/exceptions."""
    for table, rows in (
        (SHADOW_PRICES, shadow_prices(small["pools"], business_date)),
        (CERTIFICATES, certificates(small["pools"])),
        (EXCEPTIONS, ranked(small["exceptions"], capacity_exceptions(not_planned))),
    ):
        # What training has noted among the exceptions stays.
        where = _mine(lake, business_date) + (" AND kind <> 'training_gave_up'" if table is EXCEPTIONS else "")
        lake.write_arrow(table.path, gold_rows(rows, table, lake.run_id, business_date), where)


def _mine(lake: Lake, business_date: date) -> str:
    return f"business_date = '{business_date.isoformat()}' AND run_id = '{lake.run_id}'"


def shadow_prices(pools: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """A row each limited pool."""
    if pools.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(SHADOW_PRICES.column_names[2:], pl.String))
    return pools.filter(pl.col("limit") != UNLIMITED).select(
        resource=pl.lit("dc_stock"),
        location_id="source_id",
        item_id="item_id",
        date=pl.lit(business_date),
        unit=pl.lit("units"),
        limit=pl.col("limit") / SCALE,
        wanted=pl.col("wanted") / SCALE,
        used=pl.col("used") / SCALE,
        price="price",
    )


def certificates(pools: pl.DataFrame) -> pl.DataFrame:
    """A row each source, and one for the night. Sums are exact (fsum), so that shards don't matter."""
    groups = [(_NIGHT, pools)]
    if not pools.is_empty():
        groups += [(str(key[0]), rows) for key, rows in pools.sort("source_id", "item_id").group_by("source_id", maintain_order=True)]
    return pl.DataFrame([_certificate(source, rows) for source, rows in groups])


def _certificate(source: str, pools: pl.DataFrame) -> dict[str, object]:
    counts = dict.fromkeys(("lines", "scarce", "called", "degraded"), 0)
    cost = bound = 0.0
    if not pools.is_empty():
        counts = {name: int(pools[name].sum()) for name in counts}
        cost, bound = math.fsum(pools["cost"]), math.fsum(pools["lower_bound"])
    bound = min(bound, cost)
    return {
        "source_id": source,
        "lines": counts["lines"],
        "shards": len(pools),
        "scarce": counts["scarce"],
        "solver_calls": counts["called"],
        "cost": cost,
        "lower_bound": bound,
        "gap": (cost - bound) / max(abs(cost), 1e-9),
        "degraded": counts["degraded"],
    }


def capacity_exceptions(rows: pa.Table) -> pl.DataFrame:
    """limit_not_applied for each resource and location."""
    found = sorted({(row["resource"], row["location_id"]) for row in rows.to_pylist()}, key=str)
    return pl.DataFrame(
        [
            {
                "kind": "limit_not_applied",
                "item_id": None,
                "location_id": location,
                "source_id": None,
                "money": 0.0,
                "message": f"capacity {resource} of {location or 'all locations'} not applied (only dc_stock of an item in units is)",
                "action": "check tonight's orders against it by hand: it is not planned yet",
            }
            for resource, location in found
        ],
        schema=EXCEPTION,
    )


def ranked(*rows: pl.DataFrame) -> pl.DataFrame:
    """Exceptions, each once, dearest first. The evaluation ranks them again among its own."""
    filled = [frame.select(pl.col(n).cast(t) for n, t in EXCEPTION.items()) for frame in rows if not frame.is_empty()]
    together = pl.concat([pl.DataFrame(schema=EXCEPTION), *filled]).unique()
    ordered = together.sort("money", "kind", "item_id", "location_id", "source_id", "message", descending=[True] + [False] * 5)
    return ordered.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32))


def gold_rows(rows: pl.DataFrame, table: Table, run_id: str, business_date: date) -> pa.Table:
    """Rows as a gold table of a run."""
    if rows.is_empty():
        return table.schema.empty_table()
    run: dict[str, object] = {"business_date": business_date, "run_id": run_id}
    arrays = []
    for field in table.schema:
        if field.name in run:
            arrays.append(pa.array([run[field.name]] * len(rows), field.type))
        elif pa.types.is_decimal(field.type) and not rows[field.name].dtype.is_decimal():
            arrays.append(decimals(rows[field.name].cast(pl.Float64).to_numpy()))
        else:
            arrays.append(rows[field.name].to_arrow().cast(field.type))
    return pa.Table.from_arrays(arrays, schema=table.schema)


def _schema(table: Table, without: tuple[str, ...]) -> pa.Schema:
    return pa.schema([field for field in table.schema if field.name not in ("business_date", "run_id", *without)])
