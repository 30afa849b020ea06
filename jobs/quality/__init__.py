"""Quality: which rows break which checks, and the gates that may stop a night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.quality.rows import judge

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.lake import Lake

__all__ = ["judge", "landing_gate", "publish_gate"]


def landing_gate(_: SparkSession, lake: Lake, config: Config, business_date: date) -> None:
    """Judge what has landed and whether all of it is accounted for; raises Blocked."""
    from jobs.quality import gates

    gates.judge_landing(lake, config, business_date)


def publish_gate(_: SparkSession, lake: Lake, __: Config, business_date: date) -> None:
    """Judge what this run is about to publish; raises Blocked."""
    from jobs.quality import gates

    gates.judge_gold(lake, business_date)
