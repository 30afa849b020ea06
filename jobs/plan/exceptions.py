"""What the plan found that a person should look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config
    from jobs.lake import Lake

#: Kinds that the plan writes; all others are the evaluation's.
KINDS = (
    "no_stock_record",
    "negative_stock",
    "overdue_order",
    "no_unit_cost",
    "no_lane",
    "no_order_day",
    "forecast_too_short",
    "conflicting_limits",
    "order_multiple_too_small",
    "lane_cycle",
    "order_below_minimum",
    "plan_cut_short",
)


def found(spark: SparkSession, lake: Lake, config: Config, business_date: date) -> DataFrame:  # noqa: ARG001 - signature of a stage
    """The run's planning exceptions: kind, item_id, location_id, source_id, money, message, action.

    The plan has left them in the run's partition of gold/exceptions, which the evaluation replaces by all exceptions,
    ranked together. Taking only the plan's kinds, it finds the same rows however often it runs.
    """
    from pyspark.sql import functions as F

    rows = lake.run("gold/exceptions", business_date).where(F.col("kind").isin(*KINDS))
    return rows.select("kind", "item_id", "location_id", "source_id", "money", "message", "action")
