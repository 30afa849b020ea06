"""What earlier decisions believed of their window's demand, and what then happened: rows of gold/outcomes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.learn.levels import intervals
from schemas.gold.outcomes import OBSERVED, OUTCOMES, SHORT, UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa

#: What is read of gold/order_reasons, business_date being the night decided on.
BELIEFS = (
    "business_date", "item_id", "source_id", "location_id", "units", "arrives_on", "next_arrives_on", "demand_in_window",
    "shortage_cost", "expected_cost", "binding", "window_quantiles",
)  # fmt: skip
#: What is read of silver/demand.
DEMAND = ("item_id", "location_id", "period", "units", "demand", "in_stock_fraction")
_PAIR = ["item_id", "location_id"]
_LINE = ["decided_on", "item_id", "source_id", "location_id"]
_SUMS = {"sold": pl.Decimal(38, 4), "wanted": pl.Decimal(38, 4), "known": pl.UInt32, "short": pl.Boolean}


def judge(lines: pa.Table, demand: pa.Table, closed: frozenset[tuple[str, date]], period_days: int) -> pl.DataFrame:
    """Rows of gold/outcomes without business_date and run_id, one a line whose pair's cost counted on it (BELIEFS), in key order.

    demand  of all periods of the lines' windows (DEMAND), a row a channel
    closed  location and date: nothing is sold on it, so no row of demand is missing

    A window that was short of stock at some time tells that more was wanted than was sold: its levels are those above what was sold.
    """
    known = pl.DataFrame(pl.from_arrow(lines)).rename({"business_date": "decided_on"})
    known = known.filter(pl.col("window_quantiles").is_not_null() & ~pl.col("binding").str.contains("another_lane")).sort(_LINE)
    sums = _sums(known, pl.DataFrame(pl.from_arrow(demand)))
    found = known.join(sums, on=_LINE, how="left", maintain_order="left").with_columns(
        pl.col("sold", "wanted").fill_null(0),
        pl.col("known").fill_null(0) + _closed(known, closed, period_days),
        pl.col("short").fill_null(value=False),
    )
    periods = (pl.col("next_arrives_on") - pl.col("arrives_on")).dt.total_days() // period_days
    status = pl.when(pl.col("known") < periods).then(pl.lit(UNKNOWN)).when("short").then(pl.lit(SHORT)).otherwise(pl.lit(OBSERVED))
    found = found.with_columns(status=status)
    low, high = _levels(found)
    lost = pl.col("wanted") - pl.col("sold")
    return found.with_columns(
        pl.Series("level_low", low).fill_nan(None),
        pl.Series("level_high", high).fill_nan(None),
        pl.Series("level", (low + high) / 2).fill_nan(None),
        lost=lost,
        lost_cost=lost.cast(pl.Float64) * pl.col("shortage_cost").cast(pl.Float64),
    ).select([name for name in OUTCOMES.column_names if name not in ("business_date", "run_id")])


def _sums(lines: pl.DataFrame, demand: pl.DataFrame) -> pl.DataFrame:
    """Of each line with any row of demand in its window (_SUMS): sold, wanted, periods known, whether it was short of stock."""
    windows = lines.select(*_LINE, "arrives_on", "next_arrives_on")
    inside = windows.join(demand, on=_PAIR).filter(
        (pl.col("period") >= pl.col("arrives_on")) & (pl.col("period") < pl.col("next_arrives_on"))
    )
    sums = inside.group_by(_LINE).agg(
        sold=pl.col("units").sum(),
        wanted=pl.coalesce("demand", "units").sum(),
        known=pl.col("period").n_unique(),
        short=(pl.col("in_stock_fraction") < 1).any(),
    )
    return sums.cast(_SUMS)  # type: ignore[arg-type]


def _closed(lines: pl.DataFrame, closed: frozenset[tuple[str, date]], period_days: int) -> pl.Series:
    """[lines] closed periods of each window; of weeks none: a week has open days."""
    if not closed or period_days > 1:
        return pl.Series(np.zeros(len(lines), np.uint32))
    rows = pl.DataFrame(sorted(closed), schema={"location_id": pl.String, "date": pl.Date}, orient="row")
    windows = lines.select("location_id", "arrives_on", "next_arrives_on").with_row_index("line")
    inside = windows.join(rows, on="location_id").filter(pl.col("date").is_between("arrives_on", "next_arrives_on", closed="left"))
    count = np.bincount(inside["line"].to_numpy(), minlength=len(lines))
    return pl.Series(count.astype(np.uint32))


def _levels(found: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """[lines] lowest and highest level of what was wanted; NaN where it is not known."""
    if found.is_empty():
        return np.zeros(0), np.zeros(0)
    quantiles = np.array(found["window_quantiles"].to_list(), float)
    low, high = intervals(quantiles, found["sold"].cast(pl.Float64).to_numpy())
    status = found["status"].to_numpy()
    low, high = np.where(status == SHORT, high, low), np.where(status == SHORT, 1.0, high)
    unknown = status == UNKNOWN
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
