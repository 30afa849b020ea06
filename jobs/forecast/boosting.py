"""Fit one global booster by xgboost.spark: workers train together in one barrier stage, which is watched and restarted."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil, log2
from typing import TYPE_CHECKING, Any

import xgboost

from jobs.errors import UsageError
from jobs.forecast.checkpoints import Checkpointing, Checkpoints, EarlyStopping, best_rounds
from jobs.forecast.examples import LABEL, WEIGHT
from jobs.forecast.model import INPUTS
from jobs.forecast.packing import PACKED
from jobs.forecast.partitions import deal
from jobs.forecast.watch import Late, NotTrained, Watch

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config
    from jobs.lake import Lake

#: Parameters of a regressor, as xgboost names them.
Parameters = Mapping[str, Any]

#: At least so many rounds x learning rate: 98% of what the trees have to say. On few held-out days a drift of the level can
#: make the loss rise after 28 rounds of .05 (docs/decisions/forecast_model.md).
LEAST_STEPS = 4.0

#: Rows for a leaf of a full tree: fewer rows than that ask for flatter trees, though of at least this depth
#: (docs/decisions/seasonality.md).
_ROWS_PER_LEAF, _LEAST_DEPTH = 1_500, 5

_LOG = logging.getLogger("nightfill.training")
_ADAPTIVE = "spark.sql.adaptive.enabled"


@dataclass(frozen=True, slots=True)
class Fit:
    """A booster as UBJ bytes, and its rounds."""

    booster: bytes
    rounds: int


@dataclass(frozen=True, slots=True)
class _Task:
    """What an attempt needs: parameters, rows as dealt and names of their inputs, the rounds to reach, where the checkpoints are."""

    parameters: Parameters
    rows: DataFrame
    inputs: Sequence[str]
    rounds: int
    held_out: str | None
    checkpoints: Checkpoints


def parameters(config: Config, rows: int | None = None) -> Parameters:
    """The regressor's parameters, without rounds and workers; ``rows``: to learn from, None: as many as the depth asks for."""
    full = config.training.max_depth if rows is None else int(log2(max(rows / _ROWS_PER_LEAF, 1)))
    return {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "max_depth": min(config.training.max_depth, max(full, _LEAST_DEPTH)),
        "learning_rate": config.training.learning_rate,
        # Trees that differ: as good as four times as many alike, in less time (docs/decisions/forecast_model.md).
        "subsample": 0.6,
        # Two fifths of the columns a split; histograms only of the tree's half.
        "colsample_bytree": 0.5,
        "colsample_bynode": 0.8,
        "random_state": config.seed % 2**31,
    }


def fit(
    rows: DataFrame,
    lake: Lake,
    config: Config,
    watch: Watch,
    *,
    held_out: str | None = None,
    rounds: int | None = None,
    chosen: Parameters | None = None,
    inputs: Sequence[str] = INPUTS,
) -> Fit:
    """The booster of the rows; equal rows, settings and workers give equal bytes, restarted or not.

    held_out  boolean column: rows not learned from, on which the number of rounds is chosen (early stopping)
    rounds    at most so many; None: [training] rounds
    chosen    other parameters than ``parameters(config)``
    inputs    names of what the booster sees, the values of the rows' array packing.PACKED

    A lost worker or a hang starts it again from the last checkpoint, also one that a killed run of equal rows and
    settings has left. Raises Late at the watch's deadline, NotTrained when the restarts are used up.
    """
    training, count = config.training, workers(rows.sparkSession, config)
    settings = chosen or parameters(config)
    dealt = watch.run(lambda: deal(rows, count, held_out))
    limit = rounds or training.rounds
    # Rounds are no part of the key: a fit of more rounds begins as one of fewer does.
    checkpoints = checkpoints_of(lake, config, [sorted(settings.items()), count, held_out, list(inputs), dealt.fingerprint])
    task = _Task(settings, dealt.rows, inputs, limit, held_out, checkpoints)
    return persevere(lambda attempt: _attempt(task, config, count, attempt), checkpoints, config, watch)


def checkpoints_of(lake: Lake, config: Config, known: Sequence[Any]) -> Checkpoints:
    """Checkpoints of the fits of which all is equal: ``known`` of them, the settings, XGBoost's version."""
    training = config.training
    text = json.dumps([*known, training.early_stopping_rounds, training.checkpoint_rounds, xgboost.__version__])
    return Checkpoints(lake.checkpoint_folder(hashlib.sha256(text.encode()).hexdigest()[:20]))


def persevere(attempt: Callable[[str], Fit], checkpoints: Checkpoints, config: Config, watch: Watch) -> Fit:
    """Attempt, each time by another name, until one succeeds or [training] restarts are used up.

    An attempt begins at the newest checkpoint and reports its rounds there by its name. Raises Late, NotTrained.
    """
    restarts = config.training.restarts
    for left in range(restarts, -1, -1):
        name = uuid.uuid4().hex[:8]
        try:
            return watch.run(partial(attempt, name), partial(checkpoints.reported, name), config.training.hang_seconds)
        except Late:
            raise
        except Exception as error:  # noqa: BLE001 - whatever ends a job: a lost worker comes as many an error
            why = _cause(error)
            reached = checkpoints.names()[-1:] or ["none"]
            _LOG.warning("training stopped (%s); last checkpoint: %s; restarts left: %d", why, reached[0], left)
    raise NotTrained(f"training failed {restarts + 1} times ([training] restarts = {restarts}); the last time: {why}")


def _cause(error: Exception) -> str:
    """An error in a line: of the many that Spark wraps around it the one that says most."""
    text = str(error).strip()
    telling = re.search(r"Python worker exited unexpectedly|(XGBoost|Arithmetic)Error: [^\n]+", text) or re.search(r"[^\n]+", text)
    return f"{type(error).__name__}: {telling.group()[:300] if telling else ''}"


def _attempt(task: _Task, config: Config, count: int, attempt: str) -> Fit:
    """One Spark job, from the newest checkpoint to the last round."""
    from xgboost.spark import SparkXGBRegressor

    # It logs its parameters at every fit; ops/models keeps what matters.
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    training, begun = config.training, task.checkpoints.newest()
    done = begun.num_boosted_rounds() if begun else 0
    if begun is not None and done >= task.rounds:
        return finished(begun[: task.rounds])
    checking = Checkpointing(task.checkpoints, attempt, training.checkpoint_rounds, int(task.parameters.get("random_state", 0)))
    columns: dict[str, Any] = {"features_col": PACKED, "label_col": LABEL, "weight_col": WEIGHT}
    callbacks: list[Any] = [checking]
    if task.held_out:
        columns["validation_indicator_col"] = task.held_out
        least = ceil(LEAST_STEPS / float(task.parameters.get("learning_rate", 0.3)))
        callbacks.insert(0, EarlyStopping(training.early_stopping_rounds, least))
    regressor = SparkXGBRegressor(
        **columns,
        **task.parameters,
        feature_names=list(task.inputs),
        num_workers=count,
        n_estimators=task.rounds - done,
        callbacks=callbacks,
        xgb_model=begun,
        verbosity=0,
        verbose=False,
    )
    with planned_once(task.rows.sparkSession):
        return finished(regressor.fit(task.rows).get_booster())


def finished(booster: xgboost.Booster) -> Fit:
    """The booster without the rounds after its best."""
    rounds = best_rounds(booster)
    kept = booster[:rounds] if rounds < booster.num_boosted_rounds() else booster
    return Fit(bytes(kept.save_raw("ubj")), rounds)


@contextmanager
def planned_once(spark: SparkSession) -> Iterator[None]:
    """Without adaptive planning: to count the partitions it would read and shuffle all rows, and then do it again to train."""
    before = spark.conf.get(_ADAPTIVE)
    spark.conf.set(_ADAPTIVE, "false")
    try:
        yield
    finally:
        spark.conf.set(_ADAPTIVE, str(before))


def workers(spark: SparkSession, config: Config) -> int:
    """Tasks that train together: [training] workers; where that is not set, no more than Spark has slots.

    Raises UsageError where it is set to more than there are slots: the barrier stage would wait for ever.
    """
    context, wanted = spark.sparkContext, config.training.workers
    slots = context.defaultParallelism // int(context.getConf().get("spark.task.cpus", "1") or 1)
    if wanted <= slots:
        return wanted
    if "workers" not in config.training.model_fields_set:
        _LOG.warning("training with %d workers instead of %d: Spark has no more slots; the model depends on the number", slots, wanted)
        return max(slots, 1)
    raise UsageError(
        f"[training] workers = {wanted}, but Spark has only {slots} slots, so training would wait for ever. "
        f"Set workers to at most {slots} (the model then differs), or give Spark more cores. Nothing was changed."
    )
