"""A model's joint part from what a night sees: rows of past origins, masters and prices in; the model with its trees out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from jobs.features import here
from jobs.features.job import past, periods
from jobs.forecast.examples import planned
from jobs.forecast.ranks import PathRanks
from jobs.learn import joint_fit, joint_lessons
from jobs.learn.joint import Joint
from jobs.learn.joint_lessons import KNOWN, known
from jobs.plan import inputs

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.forecast.examples import Layout
    from jobs.forecast.model import Model
    from jobs.lake import Lake
    from jobs.plan.night import Night

#: Rows of past origins that one process learns from; of more a share of the item-locations.
MOST_ROWS = 400_000


def taught_here(model: Model, lake: Lake, config: Config, business_date: date) -> Model:
    """The model with a joint part, without Spark; one that has it already, as it is."""
    found = None if model.joint is not None else planned(lake, config, business_date)
    if found is None:
        return model if model.joint is not None else replace(model, joint=Joint())
    plan, first = found
    rows = here.past(lake, config, business_date, plan.origins, periods(lake, config, business_date), (KNOWN, known), _share(plan, config))
    return _taught(model, lake, config, business_date, (plan, first), rows)


def taught(spark: SparkSession, model: Model, lake: Lake, config: Config, business_date: date, champion: date | None) -> Model:
    """The same with Spark, which makes the rows; the trees are fitted on the driver, on as many lines as fit."""
    found = planned(lake, config, business_date, champion)
    if found is None:
        return replace(model, joint=Joint())
    plan, first = found
    steps = periods(lake, config, business_date)
    rows = past(spark, lake, config, business_date, plan.origins, steps, (KNOWN, known), _share(plan, config)).toArrow()
    return _taught(model, lake, config, business_date, (plan, first), rows)


def _share(plan: Layout, config: Config) -> float:
    """Share of the item-locations of each origin: the plain model's, which keeps to [training] rows, or less."""
    return plan.share * min(1.0, MOST_ROWS / config.training.rows)


def _taught(model: Model, lake: Lake, config: Config, business_date: date, found: tuple[Layout, int], rows: pa.Table) -> Model:
    night = _night(lake, config, business_date, model)
    prices = joint_lessons.scarcity(lake, business_date)
    lessons = joint_lessons.Past(rows, *found, inputs.masters_here(lake, night), night, prices)
    lines = joint_lessons.taught(lessons, model, config)
    return replace(model, joint=joint_fit.fit(lines, config) if lines is not None else Joint())


def _night(lake: Lake, config: Config, business_date: date, model: Model) -> Night:
    """The small tables, with the closed days of the past."""
    night = inputs.night_of(lake, config, business_date, PathRanks(config.planning.paths, 0, model.dependence))
    events = lake.arrow_as_of("silver/calendar", business_date, ("region", "date", "event"))
    closed = events.filter(pc.equal(events["event"], "closed")).select(["region", "date"])
    return replace(night, closed=closed, _closed_days={})
