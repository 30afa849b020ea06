"""Train when due: fit, calibrate on held-out periods, compare with the champion, register."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

import schemas
from jobs.errors import NightfillError, UsageError
from jobs.features.clock import CLOCKS
from jobs.features.names import KEY, columns_of, joined, regions_of, with_region
from jobs.forecast import boosting, days, dependence, errors, linear, registry
from jobs.forecast.examples import LABEL, LEAST_ROWS, WEIGHT, training_rows
from jobs.forecast.metrics import measures
from jobs.forecast.model import MEAN, ROOT, Model, distribution_of, forecast, numbers, quantiles_of
from jobs.forecast.packing import PACKED, of, unpack
from jobs.forecast.partitions import ROW
from jobs.forecast.ranks import Dependence
from jobs.forecast.trial import InMoney, asked, calibrated, half_calibrated, verdict
from jobs.forecast.watch import NotTrained, Watch

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import Column, DataFrame, SparkSession

    from jobs.config import Config
    from jobs.forecast.calibration import Calibration
    from jobs.forecast.errors import Errors
    from jobs.lake import Lake


#: Kind of the exception of a night whose training was given up.
GAVE_UP = "training_gave_up"
#: Tables that a model is made from.
SOURCES = ("demand", "prices", "calendar", "signals", "items", "locations", "lanes", "assortment")
#: With more than this share of slow movers among the rows the booster learns means.
MANY_SLOW = 0.4
#: Held-out rows, about, on which the number of rounds is chosen: evaluating them took half of the fit
#: (docs/decisions/training.md), and the loss is least in the same round on as many. All of them calibrate.
STOPPING_ROWS = 30_000
_HELD_OUT = "held_out"
_HELD_OUT_COLUMNS = (*KEY, "target_date", "whole_units", "origin", "units", "target", days.FACTOR, PACKED)


def main(
    spark: SparkSession, lake: Lake, config: Config, business_date: date, when: registry.When = "auto", in_money: InMoney | None = None
) -> str:
    """Train if ``when`` and the last model's age say so; returns what was done, in words.

    in_money  asked before a challenger takes a champion's place: whether its orders cost more
    """
    known = registry.rows(lake)
    reason = registry.due(known, business_date, config)
    if when == "never" or (when == "auto" and reason is None):
        return "not trained: " + ("not allowed" if when == "never" else "the last model is young enough")
    champion = registry.champion(known, business_date, config.grain)
    try:
        fitted = train(spark, lake, config, business_date, champion, in_money=in_money)
    except (NotTrained, UsageError) as error:
        return _give_up(lake, business_date, error, champion)
    _note(lake, business_date, None)
    if fitted is None:
        return "not trained: too little history, the baseline forecasts"
    model, facts = fitted
    registry.save(lake, model, facts)
    registry.record(lake, _row(lake, config, business_date, model, facts))
    return f"trained model {model.model_id} ({reason or 'as asked'}); {facts['reason']}"


def train(
    spark: SparkSession,
    lake: Lake,
    config: Config,
    business_date: date,
    champion: Mapping[str, Any] | None = None,
    seen_by: date | None = None,
    in_money: InMoney | None = None,
) -> tuple[Model, dict[str, Any]] | None:
    """The model of a night and its facts (rows, metrics, champion); None where there is too little history.

    Twice fitted: on what came before the held-out periods, to measure, calibrate and find the number of rounds; then on
    everything, because the newest origins are worth the most (measured on FreshRetailNet: WAPE .302 without them, .292 with them).
    A backtest reads what a later night sees (``seen_by``), and of it only what happened before business_date.

    Raises Late at [training] deadline_minutes, NotTrained when the restarts are used up, UsageError where there are
    fewer slots than workers.
    """
    watch = Watch(spark.sparkContext, time.monotonic() + 60 * config.training.deadline_minutes)
    theirs = champion["business_date"] if champion else None
    found = watch.run(lambda: training_rows(spark, lake, config, business_date, theirs, seen_by))
    if found is None:
        return None
    plan, rows = found
    rows = rows.withColumn(_HELD_OUT, F.col("origin") >= plan.held_out_from).persist()
    try:
        cells = watch.run(lambda: days.Cells.of_spark(rows.select("*", *(of(name).alias(name) for name in days.SEEN))))
        before, earlier = F.col("target") < plan.held_out_from, cells.where(cells.target < plan.held_out_from)
        if earlier.rows.sum() < LEAST_ROWS:
            return None
        count, kinds = int(cells.rows.sum()), [part.kinds(CLOCKS[config.grain]) for part in (earlier, cells)]
        chosen, learns = boosting.parameters(config, count), learned(cells)
        weighed = _labelled(days.with_factor(rows, cells, of("event") > 0), learns)
        held_out = unpack(watch.run(lambda: weighed.where(_HELD_OUT).select(*_HELD_OUT_COLUMNS).toArrow()))
        if held_out.num_rows < LEAST_ROWS // 10:
            return None
        watched = F.col(_HELD_OUT) & (F.pmod(F.xxhash64(*ROW), F.lit(-(-held_out.num_rows // STOPPING_ROWS))) == 0)
        beside = watch.run(lambda: _beside(weighed, before, learns))
        fitted = boosting.fit(weighed.where(before | watched), lake, config, watch, held_out=_HELD_OUT, chosen=chosen)
        challenger = linear.attached(fitted.booster, beside[0])
        spread, together, metrics = judge(challenger, held_out, config, regions(lake, business_date), kinds[0])
        record = errors_of(Model(challenger, spread), held_out, config)
        everything = boosting.fit(weighed, lake, config, watch, rounds=fitted.rounds, chosen=chosen)
        model = Model(linear.attached(everything.booster, beside[1]), replace(spread, days=kinds[1]), together, record)
    finally:
        rows.unpersist()
    found_better = watch.run(lambda: verdict(spark, lake, config, business_date, plan, (challenger, held_out, kinds[0]), champion))
    if champion and in_money and found_better.wins:
        unseen = Model(challenger, spread, together, record)
        found_better = asked(found_better, lake, config, business_date, plan, unseen, champion, in_money)
    facts = {"rows": count, "metrics": metrics, "champion": found_better.wins, "reason": str(found_better)}
    facts |= {"origins": len(plan.origins), "rounds": fitted.rounds, "workers": boosting.workers(spark, config)}
    facts["objective"] = learns
    if config.mode == "joint" and seen_by is None:
        # What decisions teach is learned by functions of here.py, which takes its own from this module.
        from jobs.learn import joint_train

        model = watch.run(lambda: joint_train.taught(spark, model, lake, config, business_date, theirs, watch))
        facts |= {"metrics": metrics | registry.taught(model), "reason": f"{facts['reason']}; {model.joint}"}
    lake.drop_checkpoints()
    return model, facts


def _give_up(lake: Lake, business_date: date, error: NightfillError, champion: Mapping[str, Any] | None) -> str:
    """Say that the night goes on without a new model, in its exceptions too; returns it in words."""
    stays = f"the champion {champion['model_id']} of {champion['business_date']} forecasts" if champion else "the baseline forecasts"
    _note(lake, business_date, f"No new model: {error}. Instead {stays}.")
    return f"not trained: {error}; {stays}"


def _note(lake: Lake, business_date: date, message: str | None) -> None:
    """Write this run's exception GAVE_UP; None removes what an earlier try of the run has written."""
    action = "Look at the log of the training stage; the next night tries again, or run `nightfill nightly --train always`."
    row = {
        "business_date": business_date,
        "run_id": lake.run_id,
        "rank": 1,
        "kind": GAVE_UP,
        "money": Decimal(0),
        "message": message,
        "action": action,
    }
    rows = pa.Table.from_pylist([row] if message else [], schemas.EXCEPTIONS.schema)
    lake.write_arrow("gold/exceptions", rows, f"business_date = '{business_date}' AND run_id = '{lake.run_id}' AND kind = '{GAVE_UP}'")


def regions(lake: Lake, business_date: date) -> dict[str, str]:
    """location_id -> region, as the night sees them."""
    return regions_of(lake.arrow_as_of("silver/locations", business_date, ("location_id", "region")))


def learned(cells: days.Cells) -> str:
    """What the booster learns of the rows in the cells: roots, or means where many are of slow movers."""
    return MEAN if cells.slow.sum() > MANY_SLOW * cells.rows.sum() else ROOT


def _beside(rows: DataFrame, before: Column, learns: str) -> tuple[linear.Linear | None, linear.Linear | None]:
    """What is beside the booster of the rows before the held-out periods, and beside that of all; None: it learns means."""
    return (None, None) if learns == MEAN else linear.of_spark(rows, before, (PACKED, LABEL, WEIGHT))


def _labelled(rows: DataFrame, learns: str) -> DataFrame:
    """Rows with label and weight for what is learned.

    Squared errors of roots weigh all rows alike, since their variance hardly depends on the mean (Anscombe 1948); those of
    units / expected are weighed like errors of units whose variance is their mean.
    """
    if learns == ROOT:
        return rows.withColumn(LABEL, F.sqrt(LABEL))
    return rows.withColumn(WEIGHT, F.col(WEIGHT) * of("expected"))


def judge(
    booster: bytes, held_out: pa.Table, config: Config, regions: Mapping[str, str], kinds: list[float]
) -> tuple[Calibration, Dependence, dict[str, float]]:
    """Calibration and dependence on all held-out rows; metrics of one half of the series under the other's calibration.

    ``kinds``: what was known of kinds of days before the held-out periods (days.Cells.kinds).
    """
    rows = held_out.sort_by([(name, "ascending") for name in (*KEY, "origin", "step")])
    metrics = _measured(*half_calibrated(booster, rows, config, kinds))
    final = calibrated(booster, rows, config, kinds)
    return final, _dependence(Model(booster, final), rows, regions), metrics


def errors_of(model: Model, held_out: pa.Table, config: Config) -> Errors:
    """How far off the model's means were on rows that its booster has not seen."""
    origin, step = (numbers(held_out, name).astype(np.int64) for name in ("origin", "step"))
    group = np.unique(joined(columns_of(held_out)).astype(str), return_inverse=True)[1]
    group = group * (int(origin.max(initial=0)) + 1) + origin
    return errors.fit(numbers(forecast(model, held_out), "mean"), numbers(held_out, "units"), step, group, config.grain)


def _dependence(model: Model, rows: pa.Table, regions: Mapping[str, str]) -> Dependence:
    """How what was sold depends across periods and series, within the distributions that the model gives it."""
    made = forecast(model, rows)
    found = dependence.Forecasts(*distribution_of(made))
    names = with_region(columns_of(rows), regions)
    origin, step = (numbers(rows, name).astype(np.int64) for name in ("origin", "step"))
    return dependence.fit(names, origin, step, numbers(rows, "units"), found)


def _measured(model: Model, rows: pa.Table) -> dict[str, float]:
    made = forecast(model, rows)
    return measures(numbers(rows, "units"), numbers(made, "mean"), quantiles_of(made))


def _row(lake: Lake, config: Config, business_date: date, model: Model, facts: Mapping[str, Any]) -> pa.Table:
    """The row of ops/models."""
    tables = [f"silver/{name}" for name in SOURCES]
    night = lake.arrow("ops/nights", ["code_hash"], [("run_id", "=", lake.run_id)]).to_pylist()
    row = {
        "model_id": model.model_id,
        "business_date": business_date,
        "run_id": lake.run_id,
        "grain": config.grain,
        "versions_read": {table: str(lake.pins.get(table, lake.version(table))) for table in tables},
        "code_hash": night[0]["code_hash"] if night else "",
        "config_hash": config.hash,
        "rows": facts["rows"],
        "workers": facts["workers"],
        "metrics": {name: f"{value:.6g}" for name, value in facts["metrics"].items()},
        "champion": facts["champion"],
        "trained": datetime.now(UTC),
        "reason": facts["reason"],
    }
    return pa.Table.from_pylist([row], schemas.TABLES["ops/models"].schema)
