"""How fast features are made: against polars in one process, against Spark's window functions, and as history grows.

    python benchmarks/features.py [--data ../shared/data/freshretailnet/train.parquet] [--runs 3]

1. The same features of every series at one origin (means of 3, 7, 14, 28, 56 days in stock, their deviation, share of
   zeros, last value), in one process each: the project's block and history code, and one polars group_by.
2. The features of a night by Spark (`jobs.features.job.at`), against the five rolling means and deviations by
   ``rowsBetween`` windows, on the same table of the lake.
3. The features of a night with 90 days and with 4 years of daily history of 2,000 series.

Prints medians; each pair is measured in turn in the same run. Skips with a reason where the data is missing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.forecast_quality import DATA, fill
from jobs.config import Config
from jobs.features import block, history
from jobs.features.clock import CLOCKS
from jobs.features.job import at
from jobs.features.prices import GeneralPrices
from jobs.lake import Lake
from jobs.session import start

ORIGIN = date(2024, 6, 12)
CLOCK = CLOCKS["day"]
SPANS = CLOCK.spans


def main() -> int:
    """Print the three comparisons; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--series", type=int, default=50_000)
    args = parser.parse_args()
    if not args.data.exists():
        print(f"skipped: {args.data} is not on this machine")
        return 0
    rows = _stream(args.data, args.series)
    ours, polars = _in_turn(args.runs, lambda: _ours(rows), lambda: _polars(rows))
    print(f"one process, {rows.num_rows:,} rows: ours {ours:.2f} s, polars {polars:.2f} s;", end=" ")
    print(f"{polars / ours:.2f} x polars' rows a second (limit 0.4)")
    spark = start("features benchmark")
    with tempfile.TemporaryDirectory() as folder:
        lake = _lake(folder, spark, "real")
        fill(lake, args.data, args.series)
        night, windows = _in_turn(args.runs, lambda: _spend(at(spark, lake, Config(), ORIGIN, 7)), lambda: _spend(_windows(lake)))
        print(f"Spark: night {night:.1f} s, rowsBetween windows {windows:.1f} s; {windows / night:.1f} x (limit 20)")
        short, long = (_grown(folder, spark, days) for days in (90, 4 * 365))
        few, many = _in_turn(
            args.runs, lambda: _spend(at(spark, short, Config(), ORIGIN, 7)), lambda: _spend(at(spark, long, Config(), ORIGIN, 7))
        )
        print(f"history: 90 days {few:.1f} s, 4 years {many:.1f} s; {many / few:.2f} x (limit 1.1)")
    return int(polars / ours < 0.4 or windows / night < 20 or many / few > 1.1)


def _in_turn(runs: int, *works: Callable[[], object]) -> list[float]:
    """Median seconds of each work, measured in turn after one run to warm up."""
    seconds: list[list[float]] = [[] for _ in works]
    for number in range(runs + 1):
        for work, taken in zip(works, seconds, strict=True):
            began = time.perf_counter()
            work()
            if number:
                taken.append(time.perf_counter() - began)
    return [statistics.median(taken) for taken in seconds]


def _stream(data: Path, series: int) -> pa.Table:
    """All rows of the data in the order and form in which the features read them."""
    con = duckdb.connect()
    found: pa.Table = con.sql(f"""
        SELECT product_id::varchar AS item_id, store_id::varchar AS location_id, 'store' AS channel, 0::int AS kind, dt AS period,
            sale_amount::double AS units, 1 - stock_hour6_22_cnt / 16.0 AS in_stock_fraction, NULL::double AS recovered,
            discount::double AS price, activity_flag = 1 AS promotion
        FROM read_parquet('{data}') WHERE hash(store_id * 100003 + product_id) % 50000 < {series} ORDER BY ALL""").to_arrow_table()
    return found.cast(block.STREAM)


def _ours(rows: pa.Table) -> int:
    """Features of all series at the origin."""
    origin = CLOCK.index(ORIGIN)
    span = block.Span.around(CLOCK, (origin,), 7)
    prices = GeneralPrices.build(pa.table({n: pa.array([], t) for n, t in _PRICES.items()}), CLOCK)
    made = 0
    for table in block.whole_pairs(rows.to_batches(max_chunksize=100_000)):
        series = block.to_block(table, CLOCK, span, prices)
        made += len(history.summary(series, CLOCK, origin, np.ones(len(series)))["mean_1"])
    return made


_PRICES = {"item_id": pa.string(), "channel": pa.string(), "period": pa.date32(), "price": pa.float64(), "promotion": pa.bool_()}


def _polars(rows: pa.Table) -> int:
    """The same numbers by one group_by."""
    data = pl.from_arrow(rows)
    assert isinstance(data, pl.DataFrame)
    days = (pl.lit(ORIGIN) - pl.col("period")).dt.total_days()
    demand = pl.when(pl.col("in_stock_fraction") >= 1).then(pl.col("units"))

    def within(values: pl.Expr, span: int) -> pl.Expr:
        return values.filter(days <= span)

    long, short = SPANS[3], SPANS[1]
    made = data.group_by("item_id", "location_id", "channel").agg(
        *(within(demand, span).mean().alias(f"mean_{span}") for span in SPANS),
        within(demand, long).std(ddof=0).alias("deviation"),
        within(demand, long).count().alias("periods_in_stock"),
        (within(demand, long) <= 0).mean().alias("share_of_zeros"),
        *(within(pl.col("in_stock_fraction"), span).mean().alias(f"stock_{span}") for span in (short, long)),
        *(within(pl.col("units"), span).mean().alias(f"sold_{span}") for span in (short, long)),
        demand.drop_nulls().last().alias("last"),
        days.filter(pl.col("units") > 0).min().alias("since_sale"),
        days.max().alias("age"),
    )
    return len(made)


def _windows(lake: Lake) -> DataFrame:
    """Rolling means and deviations of every row by window functions, as most feature jobs do it."""
    rows = lake.as_of("silver/demand", ORIGIN).withColumn("demand", F.expr("IF(in_stock_fraction >= 1, CAST(units AS double), NULL)"))
    by_series = Window.partitionBy("item_id", "location_id", "channel").orderBy("period")
    for span in SPANS:
        window = by_series.rowsBetween(-span, -1)
        rows = rows.withColumn(f"mean_{span}", F.avg("demand").over(window)).withColumn(f"std_{span}", F.stddev("demand").over(window))
    return rows


def _grown(folder: str, spark: SparkSession, days: int) -> Lake:
    """A lake with so many days of history of 2,000 series."""
    lake, series = _lake(folder, spark, f"days-{days}"), 2000
    first = ORIGIN - timedelta(days)
    con = duckdb.connect()
    con.sql(f"""CREATE TABLE grown AS SELECT 'I' || (s // 20) AS item_id, 'S' || (s % 20) AS location_id, 'store' AS channel,
            d::date AS period,
            (hash(s, d) % 20)::decimal(18,4) AS units, 0::decimal(18,4) AS returns, 1.0 AS in_stock_fraction, 2::decimal(18,4) AS price,
            NULL::varchar AS promotion, 1 AS sales_rows, date_trunc('month', d)::date AS month,
            d::date + 1 AS known_from, NULL::date AS known_to,
            units AS demand, 0::decimal(18,4) AS demand_std, 'observed' AS demand_source
        FROM range({series}) t(s), generate_series(DATE '{first}', DATE '{ORIGIN - timedelta(1)}', INTERVAL 1 DAY) g(d) ORDER BY 1, 2, 4""")
    lake.write_arrow("silver/demand", con.sql("SELECT * FROM grown").to_arrow_table(), None)
    common = (
        "DATE '0001-01-01' AS known_from, NULL::date AS known_to, DATE '0001-01-01' AS drop_date, false AS deleted, 'f' AS file, 1 AS row"
    )
    prices = (
        f"""SELECT item_id, location_id, NULL::varchar AS channel, period AS date, price AS unit_price, promotion, {common} FROM grown"""
    )
    _write(lake, con, "prices", prices)
    _write(lake, con, "locations", f"SELECT DISTINCT location_id, 'store' AS kind, {common} FROM grown")
    _write(lake, con, "items", f"SELECT DISTINCT item_id, {common} FROM grown")
    return lake


def _write(lake: Lake, con: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    import schemas

    declared = schemas.TABLES[f"silver/{name}"]
    rows = con.sql(query).to_arrow_table()
    missing = {f.name: pa.nulls(rows.num_rows, f.type) for f in declared.schema if f.name not in rows.column_names}
    lake.write_arrow(declared.path, pa.table({n: rows[n] if n in rows.column_names else missing[n] for n in declared.column_names}), None)


def _lake(folder: str, spark: SparkSession, name: str) -> Lake:
    lake = Lake(f"{folder}/{name}", spark, "benchmark")
    lake.create_tables()
    return lake


def _spend(frame: DataFrame) -> None:
    """Compute all rows and keep none."""
    frame.write.format("noop").mode("overwrite").save()


if __name__ == "__main__":
    raise SystemExit(main())
