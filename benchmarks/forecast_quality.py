"""Forecast quality on the full FreshRetailNet data, beside naive, seasonal naive and the 28-day in-stock mean.

    python benchmarks/forecast_quality.py [--data FILE] [--origins 2024-05-29,2024-06-05] [--series 50000]

Origins 2024-05-29 and 2024-06-05, 7 days each; the truth are the days in stock from 06:00 to 22:00. Prices,
promotions and the holiday calendar are known ahead; weather is not used. Each origin's model sees only what came
before it. Skips with a reason where the data is missing.
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
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import schemas
from jobs.config import Config
from jobs.forecast.backtest import backtest
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
            CASE WHEN stock_hour6_22_cnt = 0 THEN sale_amount::decimal(18,4) END AS demand,
            CASE WHEN stock_hour6_22_cnt = 0 THEN 0::decimal(18,4) END AS demand_std,
            CASE WHEN stock_hour6_22_cnt = 0 THEN 'observed' ELSE 'floor' END AS demand_source
        FROM data ORDER BY item_id, location_id, period""",
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
    con.execute(f"CREATE VIEW data AS SELECT * FROM read_parquet('{data}') WHERE hash(store_id * 100003 + product_id) % 50000 < {series}")
    for name, query in SILVER.items():
        table = schemas.TABLES[f"silver/{name}"]
        rows: pa.Table = con.sql(query).to_arrow_table()
        fixed = {"known_from": _LANDED, "drop_date": _LANDED, "known_to": "NULL::date", "deleted": "false", "file": "'import'", "row": "0"}
        columns = [c if c in rows.column_names else f"{fixed.get(c, 'NULL')} AS {c}" for c in table.column_names]
        lake.write_arrow(table.path, con.sql(f"SELECT {', '.join(columns)} FROM rows").to_arrow_table(), None)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--origins", default="2024-05-29,2024-06-05")
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
        print(backtest(spark, lake, Config(), origins, arguments.horizon))
    print(f"peak memory of the driver's Python: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
