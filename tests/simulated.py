"""Nights of a simulation that are run again by `nightfill nightly`: the simulation's model as champion, the night, its orders."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa

import schemas
from jobs.config import Config
from jobs.forecast import registry
from jobs.lake import Lake
from jobs.simulate.replay import Run
from jobs.stages import Job, run, stages_of

LINE = ["item_id", "source_id", "location_id"]


def nightly(lake: Lake, config: Config, landing: Path, day: date, simulated: Run | None) -> pl.DataFrame:
    """Run a night with the model that a simulation has; its orders as deciding.Orders.lines has them."""
    lake.create_tables()
    if simulated is not None and simulated.progress.model is not None:
        _register(lake, simulated, day)
    run(Job(lake.session, lake, config, day, str(landing), "never"), stages_of("nightly"), None, say=lambda _: None)
    where = [("business_date", "=", day)]
    orders = pl.DataFrame(pl.from_arrow(lake.arrow("gold/orders", [*LINE, "units", "expected_on"], where)))
    return orders.select(*LINE, units=(pl.col("units") * 10_000).cast(pl.Int64), arrives_on="expected_on").sort(LINE)


def _register(lake: Lake, simulated: Run, day: date) -> None:
    """The simulation's model as the champion of the lake."""
    model = simulated.progress.model
    assert model is not None
    registry.save(lake, model, {})
    row = dict.fromkeys(schemas.MODELS.column_names) | {"model_id": model.model_id, "business_date": day, "run_id": "sim"}
    row |= {"grain": "day", "champion": True, "trained": datetime.now(UTC), "metrics": {}, "versions_read": {}, "rows": 1, "workers": 1}
    registry.record(lake, pa.Table.from_pylist([row], schemas.MODELS.schema))
