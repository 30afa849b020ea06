"""A night's plan into the lake: lines by Spark, what is small from the driver."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from jobs.plan.cover import MICRO
from jobs.plan.decimals import decimals
from jobs.plan.fresh import PLANS
from jobs.plan.night import ALL, EXCEPTION
from jobs.plan.pools import SCALE, UNLIMITED
from jobs.plan.shards import decode, unpack
from schemas import CERTIFICATES, EXCEPTIONS, ORDER_REASONS, ORDERS, SHADOW_PRICES
from schemas.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from pyspark.sql import DataFrame

    from jobs.lake import Lake
    from jobs.plan.night import Floats

#: A plan this close to its bound, as a share of cost, is proven.
_CLOSE = 1e-6


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


def write_small(lake: Lake, small: dict[str, pl.DataFrame], business_date: date, mode: str = "stochastic") -> None:
    """gold/shadow_prices, gold/certificates and the planning rows of gold/exceptions.

    small  pools, fresh, exceptions; and prices, certificate where the night was decided as a whole (else empty)
    """
    together = not small["certificate"].is_empty()
    certified = certificates_together(small["certificate"], small["fresh"]) if together else certificates(small["pools"], small["fresh"])
    if mode == "sequential":
        # Cost is then the rule's own account: what it is apart from expected cost on fresh paths has other reasons than sampling.
        certified = certified.with_columns(sampling_bias=pl.lit(None, pl.Float64))
    for table, rows in (
        (SHADOW_PRICES, dated(small["prices"], business_date) if together else shadow_prices(small["pools"], business_date)),
        (CERTIFICATES, certified),
        (EXCEPTIONS, ranked(small["exceptions"])),
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
        kept=pl.col("kept") / SCALE,
        price="price",
        cost="cost",
        lower_bound="lower_bound",
        kept_cost="kept_cost",
        bound_price=pl.lit(None, pl.Float64),
        kept_multiple="kept_multiple",
        kept_costs="kept_costs",
    )


def dated(prices: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """Prices of a night decided as a whole; a limit without a date is tonight's."""
    alone = pl.lit(None, pl.Float64)
    return prices.with_columns(pl.col("date").fill_null(pl.lit(business_date)), cost=alone, lower_bound=alone, kept_cost=alone)


def certificates_together(parts: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """The certificates of a night decided as a whole: solution.PARTS; orders are not costed afresh one by one."""
    # Sums of bounds may exceed sums of equal costs by their last bit.
    parts = parts.with_columns(lower_bound=pl.min_horizontal("lower_bound", "cost"))
    above = pl.col("cost") - pl.col("lower_bound")
    saved = pl.col("cost_of_nothing") - pl.col("cost")
    rows = parts.with_columns(
        shards="orders",
        solver_calls=(pl.col("source_id") == ALL).cast(pl.Int64),
        gap=above / pl.max_horizontal(pl.col("cost").abs(), 1e-9),
        gap_saving=pl.when(saved.is_finite() & (saved > 0)).then(above / saved),
    )
    drawn = []
    for row in rows.filter(pl.col("location_id") == ALL).iter_rows(named=True):
        mine = fresh if row["source_id"] == ALL else fresh.filter(pl.col("source_id") == row["source_id"])
        of_orders = {name: row[f"of_orders_{name}"] for name in PLANS}
        drawn.append({name: row[name] for name in ("source_id", "location_id")} | afresh(mine, row["cost"], of_orders))
    again = pl.DataFrame(drawn, infer_schema_length=None)
    return rows.join(again, on=["source_id", "location_id"], how="left", maintain_order="left")


def certificates(pools: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """A row each source, and one for the night. Sums are exact (fsum), so that shards don't matter."""
    groups = [(ALL, pools, fresh)]
    if not pools.is_empty():
        of_source = pools.sort("source_id", "item_id").group_by("source_id", maintain_order=True)
        groups += [(str(key[0]), rows, fresh.filter(pl.col("source_id") == key[0])) for key, rows in of_source]
    return pl.DataFrame([_certificate(*group) for group in groups])


def _certificate(source: str, pools: pl.DataFrame, fresh: pl.DataFrame) -> dict[str, object]:
    counts: dict[str, Any] = dict.fromkeys(("lines", "scarce", "called", "degraded"), 0)
    money, kept = (0.0, 0.0, 0.0), 0.0
    if not pools.is_empty():
        counts = {name: int(pools[name].sum()) for name in counts}
        money = (math.fsum(pools["cost"]), math.fsum(pools["lower_bound"]), math.fsum(pools["cost_of_nothing"]))
        kept = math.fsum(pools["kept_cost"])
    counts |= {"shards": len(pools), "solver_calls": counts["called"], "rounds": 0}
    close = money[0] - money[1] <= _CLOSE * max(abs(money[0]), 1e-9)
    rung = "proven" if close else "marginal value" if counts["degraded"] else "best found"
    return _certified(source, counts | {"rung": rung, "kept_cost": kept}, money) | afresh(fresh, money[0], dict.fromkeys(PLANS, 0.0))


def _certified(source: str, found: Mapping[str, Any], money: tuple[float, float, float]) -> dict[str, Any]:
    """A row of gold/certificates; ``money``: cost, lower bound, cost of ordering nothing (inf: not allowed)."""
    cost, bound, nothing = money[0], min(money[1], money[0]), money[2]
    saved = nothing - cost
    return {
        "source_id": source,
        "location_id": ALL,
        "order_cost": None,
        "lines": found["lines"],
        "shards": found["shards"],
        "scarce": found["scarce"],
        "solver_calls": found["solver_calls"],
        "cost": cost,
        "kept_cost": found["kept_cost"],
        "lower_bound": bound,
        "gap": (cost - bound) / max(abs(cost), 1e-9),
        "gap_saving": (cost - bound) / saved if math.isfinite(saved) and saved > 0 else None,
        "degraded": found["degraded"],
        "rung": found["rung"],
        "rounds": found["rounds"],
    }


def afresh(fresh: pl.DataFrame, cost: float, of_orders: Mapping[str, float]) -> dict[str, Any]:
    """The columns of a certificate that come from fresh paths.

    fresh  rows of fresh.SUMS;  of_orders  what each plan's orders cost beside their lines (inf: not allowed)

    Standard errors are those of independent paths. Ranks are stratified, so the true ones are smaller (Owen, 1997).
    """
    paths = fresh.group_by("path").agg(pl.col(PLANS).sum()).sort("path") if len(fresh) else pl.DataFrame({n: [0] for n in PLANS})
    money = {name: paths[name].to_numpy() / MICRO for name in PLANS}
    mean = {name: math.fsum(values) / len(values) + of_orders[name] for name, values in money.items()}
    error = {name: _standard_error(money[name] - (0.0 if name == "chosen" else money["chosen"])) for name in PLANS}
    row: dict[str, Any] = {"cost_fresh": mean["chosen"], "cost_fresh_se": error["chosen"], "sampling_bias": mean["chosen"] - cost}
    for name in ("nothing", "base_stock"):
        allowed = math.isfinite(mean[name])
        row |= {f"cost_fresh_{name}": mean[name] if allowed else None, f"{name}_se": error[name] if allowed else None}
    return row


def _standard_error(values: Floats) -> float:
    """Of the mean."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


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
