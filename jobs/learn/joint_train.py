"""A model's joint part from what a night sees: rows of past origins, masters and prices in; the model with its trees out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from jobs.features import here
from jobs.features.job import past, periods
from jobs.forecast.examples import planned
from jobs.forecast.ranks import PathRanks
from jobs.learn import joint_barrier, joint_fit, joint_lessons
from jobs.learn.joint import Joint
from jobs.learn.joint_lessons import KNOWN, Past, before, known
from jobs.plan import inputs

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config
    from jobs.forecast.examples import Layout
    from jobs.forecast.model import Model
    from jobs.forecast.watch import Watch
    from jobs.lake import Lake
    from jobs.plan.night import Night


def taught_here(model: Model, lake: Lake, config: Config, business_date: date) -> Model:
    """The model with a joint part, without Spark; one that has it already, as it is. Of many rows it learns from a share."""
    found = None if model.joint is not None else planned(lake, config, business_date)
    if found is None:
        return model if model.joint is not None else replace(model, joint=Joint())
    plan, first = found
    rows = here.past(lake, config, business_date, plan.origins, periods(lake, config, business_date), (KNOWN, known), _share(plan, config))
    return replace(model, joint=_fitted(_past(rows, plan, first, lake, config, business_date, model), model, lake, config))


def taught(
    spark: SparkSession, model: Model, lake: Lake, config: Config, business_date: date, champion: date | None, watch: Watch
) -> Model:
    """The same with Spark, which makes the rows. Of more than [training] joint_rows only the boosters that forecast lines out of sample
    learn from a share: lines are made, and trees fitted, by the workers.

    Raises as boosting.fit.
    """
    found = planned(lake, config, business_date, champion)
    if found is None:
        return replace(model, joint=Joint())
    (plan, first), steps = found, periods(lake, config, business_date)

    def rows(share: float) -> DataFrame:
        return past(spark, lake, config, business_date, plan.origins, steps, (KNOWN, known), share)

    some = watch.run(lambda: rows(_share(plan, config)).toArrow())
    lessons = _past(some, plan, first, lake, config, business_date, model)
    if plan.rows <= config.training.joint_rows:
        return replace(model, joint=_fitted(lessons, model, lake, config))
    everything = watch.run(lambda: rows(plan.share))
    return replace(model, joint=joint_barrier.fit(everything, lessons, joint_lessons.halves(lessons, model, config), lake, watch))


def _share(plan: Layout, config: Config) -> float:
    """Share of the item-locations of each origin that one process learns from: the plain model's, or less."""
    return plan.share * min(1.0, config.training.joint_rows / max(plan.rows, 1))


def _past(rows: pa.Table, plan: Layout, first: int, lake: Lake, config: Config, business_date: date, model: Model) -> Past:
    """The past as one process has it, without masters."""
    night = _night(lake, config, business_date, model)
    return Past(before(rows, night), plan, first, {}, night, joint_lessons.scarcity(lake, business_date))


def _fitted(lessons: Past, model: Model, lake: Lake, config: Config) -> Joint:
    """The joint part, fitted in this process."""
    lines = joint_lessons.taught(replace(lessons, tables=inputs.masters_here(lake, lessons.night)), model, config)
    return joint_fit.fit(lines, config) if lines is not None else Joint()


def _night(lake: Lake, config: Config, business_date: date, model: Model) -> Night:
    """The small tables, with the closed days of the past."""
    night = inputs.night_of(lake, config, business_date, PathRanks(config.planning.paths, 0, model.dependence))
    events = lake.arrow_as_of("silver/calendar", business_date, ("region", "date", "event"))
    closed = events.filter(pc.equal(events["event"], "closed")).select(["region", "date"])
    return replace(night, closed=closed, _closed_days={})
