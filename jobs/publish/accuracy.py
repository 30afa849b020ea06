"""``gold/accuracy``: earlier nights' forecasts against what then happened."""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from schemas.gold.forecasts import QUANTILES

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

    from jobs.config import Config
    from jobs.lake import Lake

KEYS = ("forecast_date", "target_date", "location_id", "department")
_SERIES = ("item_id", "location_id", "channel")
#: Exact, so that sums do not depend on the order in which partitions come.
_EXACT = "decimal(28,8)"


def targets(business_date: date, last_published: date, period_days: int) -> tuple[date, date]:
    """First and last target date that became known since the last published night before business_date.

    A night D knows the periods that ended before D. So these are the periods that began after
    ``last_published - period_days`` and at most ``business_date - period_days``.
    """
    period = timedelta(period_days)
    return last_published - period + timedelta(1), business_date - period


def measure(lake: Lake, config: Config, business_date: date) -> pa.Table | None:
    """Accuracy rows without business_date and run_id; None on the first night, which has nothing to look back at."""
    before = lake.published_runs(business_date)
    if not before:
        return None
    first, last = targets(business_date, max(before), config.period_days)
    within = f"BETWEEN DATE'{first}' AND DATE'{last}'"
    forecasts = lake.published("gold/forecasts", before=business_date).where(f"target_date {within}")
    demand = lake.as_of("silver/demand", business_date).where(f"period {within} AND month >= DATE'{first.replace(day=1)}'")
    items = lake.as_of("silver/items", business_date).select("item_id", "department")
    return score(forecasts, demand, items, config.period_days).toArrow()


def score(forecasts: DataFrame, demand: DataFrame, items: DataFrame, period_days: int) -> DataFrame:
    """Sum errors by forecast date, target date, location and department.

    Only periods in stock throughout count: elsewhere sales are a floor of demand, not demand. The absolute error is
    that of the median, the pinball loss the mean over the fixed quantiles, all in units.
    """
    known = demand.where("in_stock_fraction >= 1").select(
        *_SERIES, F.col("period").alias("target_date"), F.col("units").cast("double").alias("y")
    )
    rows = (
        forecasts.withColumnRenamed("business_date", "forecast_date")
        .join(known, [*_SERIES, "target_date"])
        .join(F.broadcast(items), "item_id", "left")
        .withColumn("department", F.coalesce("department", F.lit("")))
    )
    sums = rows.groupBy(*KEYS).agg(
        F.count("*").alias("series"),
        _sum(F.col("y")).alias("actual"),
        _sum(F.col("mean")).alias("forecast"),
        _sum(F.abs(F.col("y") - F.col("q50"))).alias("absolute_error"),
        _sum(_pinball()).alias("pinball"),
        F.sum(F.col("y").between(F.col("q10"), F.col("q90")).cast("long")).alias("covered_80"),
    )
    step = F.floor(F.datediff("target_date", "forecast_date") / period_days).cast("int")
    return sums.withColumn("step", step).orderBy(*KEYS)


def _pinball() -> Column:
    """Mean over the quantiles of max(p (y - q), (p - 1)(y - q)); Koenker and Bassett (1978)."""
    y = F.col("y")
    losses = [F.greatest(p * (y - F.col(q)), (p - 1) * (y - F.col(q))) for q, p in QUANTILES.items()]
    return reduce(lambda a, b: a + b, losses) / len(losses)


def _sum(value: Column) -> Column:
    return F.sum(value.cast(_EXACT)).cast("double")
