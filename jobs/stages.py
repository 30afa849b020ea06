"""The night as a list of stages, and the one way in which a stage runs.

A night is: prepare (ingest, quality) -> predict (features, train, forecast) -> decide (plan, evaluate, check) ->
publish. Airflow runs the four as tasks, `nightfill nightly` runs all in one session, and each stage can be run alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jobs.errors import Blocked, NightfillError
from jobs.publish import nights
from jobs.session import let_go

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.lake import Lake
    from jobs.publish.nights import Night


@dataclass(frozen=True)
class Job:
    """What a stage needs to know of the command that runs it."""

    spark: SparkSession
    lake: Lake
    config: Config
    business_date: date
    landing: str
    train: Literal["auto", "always", "never"] = "auto"
    dry_run: bool = False
    keep_problem: str | None = None


def _ingest(job: Job) -> None:
    from jobs.ingest import demand
    from jobs.ingest import job as ingest

    ingest.main(job.spark, job.lake, job.config, job.business_date, job.landing)
    demand.main(job.spark, job.lake, job.config, job.business_date)


def _quality(job: Job) -> None:
    from jobs.quality import landing_gate

    landing_gate(job.spark, job.lake, job.config, job.business_date)


def _features(job: Job) -> None:
    from jobs.features import job as features

    features.main(job.spark, job.lake, job.config, job.business_date)


def _train(job: Job) -> str:
    from jobs.forecast import train
    from jobs.simulate.models import in_money

    return train.main(job.spark, job.lake, job.config, job.business_date, job.train, in_money)


def _forecast(job: Job) -> None:
    from jobs.forecast import predict

    predict.main(job.spark, job.lake, job.config, job.business_date)


def _plan(job: Job) -> None:
    from jobs.plan import job as plan

    plan.main(job.spark, job.lake, job.config, job.business_date, job.keep_problem)


def _evaluate(job: Job) -> None:
    from jobs.publish import evaluate

    evaluate.main(job.spark, job.lake, job.config, job.business_date)


def _check(job: Job) -> str:
    from jobs.plan.check import job as check
    from jobs.quality import publish_gate

    publish_gate(job.spark, job.lake, job.config, job.business_date)
    return check.main(job.lake, job.config, job.business_date)


def _publish(job: Job) -> None:
    from jobs.publish import publish

    publish.main(job.spark, job.lake, job.config, job.business_date, job.dry_run)


#: What a stage returns is printed behind its time.
STAGES: dict[str, Callable[[Job], str | None]] = {
    "ingest": _ingest,
    "quality": _quality,
    "features": _features,
    "train": _train,
    "forecast": _forecast,
    "plan": _plan,
    "evaluate": _evaluate,
    "check": _check,
    "publish": _publish,
}

#: What Airflow runs as one task: each Spark start costs 15-20 s, so few, whole tasks beat many small ones.
TASKS: dict[str, tuple[str, ...]] = {
    "prepare": ("ingest", "quality"),
    "predict": ("features", "train", "forecast"),
    "decide": ("plan", "evaluate", "check"),
    "publish": ("publish",),
}


def stages_of(name: str) -> tuple[str, ...]:
    """The stages of a job: all of them for `nightly`, several for a task, one for a stage."""
    if name == "nightly":
        return tuple(STAGES)
    return TASKS.get(name, (name,))


def run(job: Job, names: tuple[str, ...], launched_by: str | None, say: Callable[[str], None] = print) -> Night:
    """Run stages of a night in order and keep its state in ops/nights.

    The first stage starts an attempt; every other goes on with it. Raises what stopped a stage, after noting it.
    """
    from jobs.publish.hashes import code_hash

    _check_slots(job, names)
    job.lake.create_tables()
    if names[0] == "ingest":
        night = nights.start(job.lake, job.config, code_hash(), job.business_date, launched_by)
    else:
        night = nights.current(job.lake, job.business_date, launched_by)
        if names == ("publish",) and night.status == "published":
            say(f"{night.name} is published already")
            return night
        if names == ("check",) and night.status == "published":
            say(f"{night.name} is published ({night.run_id})")
            say(f"  check    {_look_again(job, night)}")
            return night
        nights.check_open(night)
        nights.note(job.lake, night, status="running", message=None)
    say(f"{night.name} ({night.run_id})")
    try:
        for name in names:
            night = _run_stage(job, name, night, say)
    except BaseException as error:
        _note_failure(job.lake, night, error)
        raise
    return night


def _look_again(job: Job, night: Night) -> str:
    """Check the orders of a published night, with the settings that decided it."""
    from jobs.config import Config
    from jobs.plan.check import job as check

    row = job.lake.arrow("ops/nights", ["config"], [("run_id", "=", night.run_id)]).to_pylist()[0]
    config = Config.model_validate_json(row["config"]) if row["config"] else job.config
    return check.main(job.lake.for_run(night.run_id, night.versions_read), config, job.business_date)


def _check_slots(job: Job, names: tuple[str, ...]) -> None:
    """UsageError before anything starts where training asks for more workers than this machine has slots.

    A cluster's executors come and go: there the training stage looks, and a night that can't train goes on.
    """
    if "train" in names and job.train != "never" and str(job.spark.sparkContext.master).startswith("local"):
        from jobs.forecast import boosting

        boosting.workers(job.spark, job.config)


def _run_stage(job: Job, name: str, night: Night, say: Callable[[str], None]) -> Night:
    began = time.monotonic()
    order = list(STAGES)
    nights.note(job.lake, night, stage=name, stages_done=order[: order.index(name)])
    lake = job.lake.for_run(night.run_id, night.versions_read)
    said = STAGES[name](Job(**{**job.__dict__, "lake": lake}))
    let_go()
    if name == "quality":
        nights.pin(job.lake, night)
        night = nights.current(job.lake, job.business_date, night.launched_by)
    say(f"  {name:<9}{time.monotonic() - began:7.1f} s" + (f"  {said}" if said else ""))
    return night


def _note_failure(lake: Lake, night: Night, error: BaseException) -> None:
    status = "blocked" if isinstance(error, Blocked) else "failed"
    message = str(error) if isinstance(error, NightfillError) else f"{type(error).__name__}: {error}"
    nights.note(lake, night, status=status, message=message[:4000])
