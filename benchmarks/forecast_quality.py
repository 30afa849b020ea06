"""Forecast quality on the full FreshRetailNet data, beside naive, seasonal naive, the 7-day and the 28-day in-stock mean.

    python benchmarks/forecast_quality.py [--data FILE] [--origins 2024-05-15,2024-05-22,2024-05-29,2024-06-05] [--series 50000]

Four origins, 7 days each; the truth are the days in stock from 06:00 to 22:00. Prices, promotions and the holiday
calendar are known ahead; weather is not used. Demand of days short of stock is recovered from the hours, as ingest does
where sales and availability come by the hour. Each origin's model sees only what came before it. Prints, per origin
and on average: WAPE of the mean and of the median, bias of the mean, pinball over q05 q10 q20 .. q90 q95 scaled by mean
demand, coverage of q10..q90, the quantile that is furthest from its level, and seconds (training included); the same of
sums over 3 and 7 days, over the stores of an item and over the items of a store. Skips with a reason where the data is
missing.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import schemas
from benchmarks.demand_recovery import recovered
from jobs.config import Config
from jobs.features.clock import CLOCKS
from jobs.features.job import EXAMPLES, examined, past
from jobs.features.names import KEY
from jobs.forecast.backtest import paths_of
from jobs.forecast.distribution import NAMES
from jobs.forecast.metrics import SCORED, bias, coverage, miss, pinball, wape
from jobs.forecast.model import numbers
from jobs.forecast.scoring import scored
from jobs.forecast.sums import sums
from jobs.forecast.train import regions, train
from jobs.lake import Lake
from jobs.session import start

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "freshretailnet" / "train.parquet"

#: Silver as ingest would leave it: everything landed in the first drop, each day known from the next one on.
SILVER = {
    "demand": """
        SELECT product_id::varchar AS item_id, store_id::varchar AS location_id, 'store' AS channel, dt AS period,
            sale_amount::decimal(18,4) AS units, 0::decimal(18,4) AS returns, 1 - stock_hour6_22_cnt / 16.0 AS in_stock_fraction,
            discount::decimal(18,4) AS price, CASE WHEN activity_flag = 1 THEN 'activity' END AS promotion,
            1 AS sales_rows, date_trunc('month', dt)::date AS month, dt + 1 AS known_from, NULL::date AS known_to,
            CASE WHEN stock_hour6_22_cnt = 0 THEN sale_amount::decimal(18,4) ELSE found.demand::decimal(18,4) END AS demand,
            CASE WHEN stock_hour6_22_cnt = 0 THEN 0::decimal(18,4) ELSE found.demand_std::decimal(18,4) END AS demand_std,
            CASE WHEN stock_hour6_22_cnt = 0 THEN 'observed' WHEN found.demand IS NULL THEN 'floor' ELSE 'profile' END AS demand_source
        FROM data LEFT JOIN found USING (store_id, product_id, dt) ORDER BY item_id, location_id, period""",
    "prices": """
        SELECT product_id::varchar AS item_id, store_id::varchar AS location_id, NULL AS channel, dt AS date,
            discount::decimal(18,4) AS unit_price, CASE WHEN activity_flag = 1 THEN 'activity' END AS promotion FROM data""",
    "calendar": "SELECT DISTINCT NULL AS region, dt AS date, 'holiday' AS event FROM data WHERE holiday_flag = 1 ORDER BY date",
    "items": """
        SELECT DISTINCT product_id::varchar AS item_id, first_category_id::varchar AS department,
            second_category_id::varchar AS category FROM data ORDER BY item_id""",
    "locations": """
        SELECT DISTINCT store_id::varchar AS location_id, 'store' AS kind, city_id::varchar AS region FROM data ORDER BY location_id""",
}
_LANDED = "DATE '0001-01-01'"


def fill(lake: Lake, data: Path, series: int) -> None:
    """Write the silver tables of the first ``series`` series (by hash)."""
    con = duckdb.connect()
    con.register("found", recovered(data).to_arrow())
    con.execute(f"CREATE VIEW data AS SELECT * FROM read_parquet('{data}') WHERE hash(store_id * 100003 + product_id) % 50000 < {series}")
    for name, query in SILVER.items():
        table = schemas.TABLES[f"silver/{name}"]
        rows: pa.Table = con.sql(query).to_arrow_table()
        fixed = {"known_from": _LANDED, "drop_date": _LANDED, "known_to": "NULL::date", "deleted": "false", "file": "'import'", "row": "0"}
        columns = [c if c in rows.column_names else f"{fixed.get(c, 'NULL')} AS {c}" for c in table.column_names]
        lake.write_arrow(table.path, con.sql(f"SELECT {', '.join(columns)} FROM rows").to_arrow_table(), None)


Floats = npt.NDArray[np.float64]
Row = dict[str, float | str]

#: Plain forecasts by features in shares of level; where one is not known, the next.
PLAIN = {
    "naive": ("last", "mean_4"),
    "seasonal naive": ("like_1", "like_2", "like_3", "mean_4"),
    "7-day mean": ("mean_2", "mean_4"),
    "28-day mean": ("mean_4",),
}
_KEEP = ("step", "age", "level", "units", *dict.fromkeys(name for names in PLAIN.values() for name in names))


def judge(spark: SparkSession, lake: Lake, config: Config, origin: date) -> list[Row]:
    """Train as of the origin, forecast, and measure on what was then sold in stock."""
    clock, horizon = CLOCKS[config.grain], config.horizon or 7
    began = time.monotonic()
    fitted = train(spark, lake, config, origin)
    model = fitted[0] if fitted else None
    after = clock.first_day(clock.index(origin) + horizon)
    kernel = scored(spark, {clock.index(origin): model}, (EXAMPLES, examined), _KEEP)
    made = past(spark, lake, config, after, (clock.index(origin),), horizon, kernel).where(F.col("age") > 0).toArrow()
    seconds = time.monotonic() - began
    actual, mean = numbers(made, "units"), numbers(made, "mean")
    quantiles = np.column_stack([numbers(made, name) for name in NAMES])
    rows: list[Row] = [{"method": "model", **distribution(actual, mean, quantiles), "seconds": seconds}]
    series = made.sort_by([(name, "ascending") for name in (*KEY, "step")])
    draw = paths_of(config, clock, clock.index(origin), model, regions(lake, origin))
    for kind, (sold, expected, spread) in sums(series, draw).items():
        rows.append({"method": f"model: {kind}", **distribution(sold, expected, spread)})
    rows.extend({"method": name, **points(actual, plain(made, name))} for name in PLAIN)
    return [{"origin": origin.isoformat(), **row} for row in rows]


def points(actual: Floats, forecast: Floats) -> dict[str, float]:
    """WAPE and bias."""
    return {"wape_mean": wape(actual, forecast), "bias": bias(actual, forecast)}


def distribution(actual: Floats, mean: Floats, quantiles: Floats) -> dict[str, float]:
    """Everything that a distribution is judged by."""
    off = dict(zip(NAMES, miss(actual, quantiles), strict=True))
    shown = {f"off_{name}": float(off[name]) for name in SCORED}
    return {
        **points(actual, mean),
        "wape_q50": wape(actual, quantiles[:, NAMES.index("q50")]),
        "pinball_11": pinball(actual, quantiles),
        "coverage_80": coverage(actual, quantiles),
        "worst_quantile": max(abs(value) for value in off.values()),
        **shown,
    }


def plain(made: pa.Table, method: str) -> Floats:
    """A plain forecast in units."""
    value = np.full(made.num_rows, np.nan)
    for name in PLAIN[method]:
        value = np.where(np.isnan(value), numbers(made, name), value)
    forecast: Floats = np.nan_to_num(value, nan=1.0) * numbers(made, "level")
    return forecast


def average(rows: list[Row]) -> list[Row]:
    """Each method's mean over the origins."""
    methods = list(dict.fromkeys(str(row["method"]) for row in rows))
    found: list[Row] = []
    for method in methods:
        own = [row for row in rows if row["method"] == method]
        means = {name: float(np.mean([float(row[name]) for row in own])) for name in own[0] if name not in ("origin", "method")}
        # Origins taken together, beside the mean of each origin's worst.
        off = [abs(value) for name, value in means.items() if name.startswith("off_")]
        means |= {"worst_of_all": max(off)} if off else {}
        found.append({"origin": "average", "method": method, **means})
    return found


def show(rows: list[Row]) -> str:
    """The rows as a table, columns in the order in which they first appear."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([_cell(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.4f}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--origins", default="2024-05-15,2024-05-22,2024-05-29,2024-06-05")
    parser.add_argument("--series", type=int, default=50_000)
    parser.add_argument("--horizon", type=int, default=7)
    arguments = parser.parse_args()
    if not arguments.data.exists():
        print(f"skipped: {arguments.data} is not on this machine")
        return 0
    spark = start("forecast quality")
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder, spark, "benchmark")
        lake.create_tables()
        began = time.monotonic()
        fill(lake, arguments.data, arguments.series)
        print(f"lake filled in {time.monotonic() - began:.0f} s")
        origins = [date.fromisoformat(text) for text in arguments.origins.split(",")]
        rows: list[Row] = []
        for origin in origins:
            rows.extend(judge(spark, lake, Config(horizon=arguments.horizon), origin))
            # Each origin as it is done: a run takes minutes.
            print(show([row for row in rows if row["origin"] == origin.isoformat()]), flush=True)
        print(show(average(rows)))
    print(f"peak memory of the driver's Python: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
