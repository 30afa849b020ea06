"""Rolling-origin backtest: past origins forecast as they would have been, judged beside plain forecasts."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import schemas
from jobs.errors import UsageError
from jobs.features.clock import CLOCKS, Clock
from jobs.features.job import past
from jobs.features.names import KEY, columns_of, with_region
from jobs.forecast import registry, report
from jobs.forecast.design import Design, Source
from jobs.forecast.distribution import draw
from jobs.forecast.model import Model, distribution_of, numbers
from jobs.forecast.outcomes import HAPPENED, OUTCOMES, happened
from jobs.forecast.ranks import USUAL, PathRanks, seed_of
from jobs.forecast.scoreboard import scoreboard
from jobs.forecast.scoring import scored
from jobs.forecast.segments import departments
from jobs.forecast.train import regions, train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.forecast.metrics import Floats
    from jobs.forecast.sums import Draw
    from jobs.lake import Lake

#: Columns that go along with the forecasts.
KEEP = ("origin", "step", "level", "promotion", *HAPPENED)
_ORDER = [(name, "ascending") for name in ("origin", *KEY, "step")]


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a backtest found.

    board  rows of ops/backtests without its own columns (jobs.forecast.scoreboard)
    rows   the forecasts with what happened, sorted by origin, series and step
    trained, scored  seconds
    """

    design: Design
    clock: Clock
    board: list[dict[str, Any]]
    rows: pa.Table
    trained: float
    scored: float

    def __str__(self) -> str:
        from jobs.forecast.printout import text

        return text(self)


def main(spark: SparkSession, lake: Lake, config: Config, design: Design, page: str | None = None) -> str:
    """Run a backtest, keep its measures in ops/backtests, write a page if asked; returns what to print."""
    lake.create_tables()
    found = backtest(spark, lake, config, design.origins, design.horizon, design.source, design.retrain_every)
    name = record(lake, config, found)
    lines = [str(found), f"Kept as backtest {name} in {lake.location('ops/backtests')} (`nightfill sql`: view backtests)"]
    if page:
        report.write(lake, found, page)
        lines.append(f"Page with plots: {page}")
    return "\n\n".join(lines)


def backtest(
    spark: SparkSession,
    lake: Lake,
    config: Config,
    origins: Sequence[date],
    horizon: int = 7,
    source: Source = "train",
    retrain_every: int = 1,
) -> Backtest:
    """Forecast each origin by what a night there knew, compare with what happened; models are not registered.

    A row's own date decides what an origin knew (the history of years lands in the first drop); what happened is the
    newest state of silver/demand. All origins are scored in one Spark job; their rows come to the driver.
    Raises UsageError where nothing is known of the periods forecast.
    """
    design = Design(tuple(sorted(origins)), horizon, source, retrain_every)
    clock, settings = CLOCKS[config.grain], config.model_copy(update={"horizon": horizon})
    night = _newest_night(lake)
    began = time.monotonic()
    models = _models(spark, lake, settings, design, night)
    trained = time.monotonic() - began
    kernel = scored(spark, models, (OUTCOMES, happened), KEEP)
    rows = past(spark, lake, settings, night, tuple(models), horizon, kernel).toArrow().sort_by(_ORDER)
    if not rows.num_rows:
        raise UsageError(f"silver/demand knows nothing of {horizon} periods from {', '.join(map(str, design.origins))}")
    seconds = time.monotonic() - began - trained
    places = regions(lake, night)
    draws = {origin: paths_of(settings, clock, origin, model, places) for origin, model in models.items()}
    return Backtest(design, clock, scoreboard(rows, clock, departments(lake, night), draws), rows, trained, seconds)


def _newest_night(lake: Lake) -> date:
    """The first night that sees everything in silver/demand."""
    batches = lake.batches("silver/demand", ["known_from"])
    known: list[date] = [pc.max(batch.column("known_from")).as_py() for batch in batches if batch.num_rows]
    if not known:
        raise UsageError("silver/demand is empty: a night must have ingested something before there is a past to forecast")
    return max(known)


def _models(spark: SparkSession, lake: Lake, config: Config, design: Design, night: date) -> dict[int, Model | None]:
    """Origin (period number) -> its model; None: the baseline."""
    clock, models = CLOCKS[config.grain], {}
    model: Model | None = None
    for number, origin in enumerate(design.origins):
        if design.source == "champion":
            row = registry.champion(registry.rows(lake), origin, config.grain)
            model = registry.load(lake, row["model_id"]) if row else None
        elif number % design.retrain_every == 0:
            fitted = train(spark, lake, config, origin, seen_by=night)
            model = fitted[0] if fitted else None
        models[clock.index(origin)] = model
    return models


def paths_of(config: Config, clock: Clock, origin: int, model: Model | None, region: Mapping[str, str]) -> Draw:
    """Demand paths of an origin's forecasts, as a night there would draw them."""
    seed = seed_of(config.seed, clock.first_day(origin))
    ranks = PathRanks(config.planning.paths, seed, model.dependence if model else USUAL)

    def paths(rows: pa.Table) -> Floats:
        names = with_region(columns_of(rows), region)
        mean, p_zero, quantiles, whole = distribution_of(rows)
        units = np.empty((rows.num_rows, ranks.paths))
        for some, rank in ranks.of_rows(names, numbers(rows, "step").astype(np.int64)):
            units[some] = draw(quantiles[some], p_zero[some], mean[some], rank, whole[some])
        return units

    return paths


def record(lake: Lake, config: Config, found: Backtest) -> str:
    """Write the measures to ops/backtests; returns the backtest's id. The same backtest again replaces its rows."""
    from jobs.publish.hashes import code_hash

    design = found.design
    own = {
        "grain": config.grain,
        "first_origin": design.origins[0],
        "last_origin": design.origins[-1],
        "origins": len(design.origins),
        "horizon": design.horizon,
        "models": design.models,
        "code_hash": code_hash(),
        "config_hash": config.hash,
    }
    name = json.dumps({**own, "origins": design.origins, "demand_version": lake.version("silver/demand")}, default=str, sort_keys=True)
    own |= {"backtest_id": hashlib.sha256(name.encode()).hexdigest()[:12], "made": datetime.now(UTC)}
    table = schemas.TABLES["ops/backtests"]
    rows = [{**own, **{key: _known(value) for key, value in row.items()}} for row in found.board]
    lake.write_arrow(table.path, pa.Table.from_pylist(rows, table.schema), f"backtest_id = '{own['backtest_id']}'")
    return str(own["backtest_id"])


def _known(value: Any) -> Any:
    """NaN becomes null: the measure does not apply."""
    return None if isinstance(value, float) and np.isnan(value) else value
