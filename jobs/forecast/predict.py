"""Features -> forecasts, and the ranks of the night's demand paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.forecast import baseline, registry
from jobs.forecast.model import dependence_of
from jobs.forecast.ranks import of_night, to_table
from jobs.forecast.scoring import score
from jobs.learn import joint_night
from jobs.learn import night as learning

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.forecast.model import Model, Spread
    from jobs.lake import Lake


def main(spark: SparkSession, lake: Lake, config: Config, business_date: date) -> None:
    """Write gold/forecasts and gold/path_ranks of the night, with its champion or, without one, the baseline.

    In mode feedback the forecasts are those that outcomes of past decisions correct, by gold/corrections, which is written first; in
    mode joint those that the model's joint part moves.
    """
    model = night_model(lake, config, business_date)
    features = lake.run("gold/features", business_date)
    spread: Spread = "empirical" if config.mode == "sequential" else "calibrated"
    dependence = dependence_of(model, spread)
    ranks = of_night(config, business_date, dependence)
    if config.mode == "joint":
        made = joint_night.moved(spark, lake, config, business_date, (model, features, ranks))
    else:
        then = learning.corrected(lake, config, business_date, dependence) if config.mode == "feedback" else None
        made = score(spark, model, features, spread, then)
    lake.write_run("gold/forecasts", made, business_date)
    where = f"business_date = DATE '{business_date}' AND run_id = '{lake.run_id}'"
    lake.write_arrow("gold/path_ranks", to_table(ranks, business_date, lake.run_id), where)


def night_model(lake: Lake, config: Config, business_date: date) -> Model | None:
    """The champion visible on business_date; None: the baseline. A replay names the night's model itself."""
    if lake.model_id is not None:
        return None if lake.model_id == baseline.MODEL_ID else registry.load(lake, lake.model_id)
    row = registry.champion(registry.rows(lake), business_date, config.grain)
    return registry.load(lake, row["model_id"]) if row else None
