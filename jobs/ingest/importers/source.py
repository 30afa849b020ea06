"""FreshRetailNet's own rows, and the ids that the landing feeds give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from jobs.errors import UsageError
from jobs.ingest.importers import made_up

#: Closing hour in hours_stock_status: 21:00 to 22:00.
CLOSING_HOUR = 21
WEATHER = {"precpt": "precipitation", "avg_temperature": "temperature", "avg_humidity": "humidity", "avg_wind_level": "wind"}
_COLUMNS = (
    "city_id", "store_id", "product_id", "management_group_id", "first_category_id", "second_category_id", "dt", "sale_amount",
    "stock_hour6_22_cnt", "hours_stock_status", "discount", "holiday_flag", "activity_flag", *WEATHER,
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """The publisher's rows (sorted by city, store, product, date), the drops wanted and the seed of what is made up."""

    rows: pl.DataFrame
    first: date
    last: date
    seed: int

    @property
    def past(self) -> pl.DataFrame:
        """Rows of what has happened, each with the drop that brings it: the morning after, and history in the first."""
        happened = self.rows.filter(pl.col("date") < self.last)
        return happened.with_columns(drop=pl.max_horizontal(pl.col("date") + pl.duration(days=1), pl.lit(self.first)))

    def distinct(self, *columns: str) -> pl.DataFrame:
        """Distinct values of columns, sorted, all in the first drop."""
        return self.rows.select(columns).unique().sort(columns).with_columns(drop=pl.lit(self.first))


def read(file: Path, wanted: Mapping[str, Sequence[int] | None], hourly: bool = False) -> pl.DataFrame:
    """The rows wanted, with ids and numbers as the feeds want them; ``hourly``: also units by hour and the hours out of stock."""
    if not file.is_file():
        raise UsageError(f"no file {file}")
    scan = pl.scan_parquet(file)
    columns = (*_COLUMNS, "hours_sale") if hourly else _COLUMNS
    if missing := set(columns) - set(scan.collect_schema().names()):
        raise UsageError(f"{file} is not FreshRetailNet: it has no column {', '.join(sorted(missing))}")
    for column, ids in wanted.items():
        if ids is not None:
            scan = scan.filter(pl.col(column).is_in(list(ids)))
    scan = scan.select(columns).with_columns(
        out_at_close=pl.col("hours_stock_status").list.get(CLOSING_HOUR) == 1,
        units=pl.col("sale_amount").cast(pl.Float64).round(4),
        # 0.4% of the discounts are 0: no price was recorded, so the last one goes on.
        discount=pl.when(pl.col("discount") > 0.05).then(pl.col("discount").cast(pl.Float64)),
        location_id=_text("S", "store_id", 3),
        item_id=_text("P", "product_id", 3),
        dc_id=_text("DC", "city_id", 2),
        region=_text("city_", "city_id", 2),
    )
    if hourly:
        out = pl.col("hours_stock_status").list.eval((pl.element() == 1).arg_true()).cast(pl.List(pl.String)).list.join(",")
        scan = scan.with_columns(out_of_stock_hours=pl.when(out != "").then(out))
    rows = scan.drop("hours_stock_status", "sale_amount").rename({"dt": "date"}).sort("city_id", "store_id", "product_id", "date").collect()
    if rows.is_empty():
        raise UsageError(f"{file} has no rows of these cities, stores and products")
    return rows


def ids(rows: pl.DataFrame, column: str) -> made_up.Ids:
    """The publisher's ids of a column, as the made-up draws take them."""
    return rows[column].to_numpy().astype(np.int64)


def _text(prefix: str, column: str, digits: int) -> pl.Expr:
    """The publisher's number as a text id with leading zeros."""
    return pl.format(prefix + "{}", pl.col(column).cast(pl.String).str.zfill(digits))
