"""The last stage: hash what the night wrote and make it visible in one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.publish import nights
from jobs.publish.hashes import table_hash
from schemas import GOLD

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.lake import Lake


def main(spark: SparkSession, lake: Lake, config: Config, business_date: date, dry_run: bool = False) -> None:  # noqa: ARG001
    """Publish this run, or mark it as a dry run. Raises Superseded when a newer attempt has taken over."""
    night = next(n for n in nights.attempts(lake.for_run(lake.run_id), business_date) if n.run_id == lake.run_id)
    newest = lake.for_run(lake.run_id)
    hashes = {table.path: table_hash(newest, table.path, business_date, lake.run_id) for table in GOLD}
    versions = {table.path: newest.version(table.path) for table in GOLD}
    model_id = _model_of(newest, business_date)
    if dry_run:
        nights.note(newest, night, status="dry_run", hashes=hashes, model_id=model_id)
        return
    nights.publish(newest, night, hashes, versions, model_id)


def _model_of(lake: Lake, business_date: date) -> str | None:
    """The model that made this run's forecasts; None where there was nothing to forecast."""
    models = lake.arrow("gold/forecasts", ["model_id"], [("business_date", "=", business_date), ("run_id", "=", lake.run_id)])
    return models["model_id"][0].as_py() if models.num_rows else None
