"""The joint part's trees where lines are too many for one process: lines made shard by shard, trees by XGBoost's workers together.

Each task of one barrier stage has some of the lines and is a worker of XGBoost's collective: cuts of the inputs, histograms, the
objective's scale and the cost of the held-out lines are those of all lines. So the trees are those of one process, but for the order
of sums and for what XGBoost draws at random (rows are drawn worker by worker). Dealing, checkpoints, restarts, watch and deadline are
the plain model's (docs/decisions/training.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import xgboost
from xgboost.collective import CommunicatorContext

from jobs.forecast import boosting
from jobs.forecast.boosting import Fit
from jobs.forecast.checkpoints import Checkpointing
from jobs.forecast.packing import packed
from jobs.forecast.partitions import deal
from jobs.learn.joint_fit import PRIOR, Costs, Taught, boosted, costs, kept, parameters
from jobs.learn.joint_lessons import KNOWN, LATE, before, lines
from jobs.learn.joint_loss import Lessons, Windows
from jobs.plan import inputs
from jobs.plan.shards import split

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config
    from jobs.forecast.checkpoints import Checkpoints
    from jobs.forecast.watch import Watch
    from jobs.lake import Lake
    from jobs.learn.joint import Joint
    from jobs.learn.joint_lessons import Halves, Past

Batches = Iterable[pa.RecordBatch]

#: What names a line.
_NAMES = ("item_id", "location_id", "origin")
_HELD_OUT = "held_out"
_LISTS = {"inputs": pa.float32(), "counts": pa.bool_(), "spoilt": pa.bool_()}
_LISTS |= dict.fromkeys(("cumulated", "sellable", "levels", "slopes"), pa.float64())
_OF_WINDOWS = [f.name for f in fields(Windows)]
_OF_LESSONS = [f.name for f in fields(Lessons) if f.name != "windows"]
#: A line as it travels: its name, what the trees are told, and what Windows and Lessons keep of it; periods are lists.
LINES = pa.schema(
    [
        *((name, pa.string()) for name in _NAMES[:2]),
        ("origin", pa.int64()),
        (_HELD_OUT, pa.bool_()),
        *((name, pa.list_(_LISTS[name]) if name in _LISTS else pa.float64()) for name in ("inputs", *_OF_WINDOWS, *_OF_LESSONS)),
    ]
)
#: Rows of past origins for a task that makes lines of them, about.
_SHARD_ROWS = 100_000


def fit(rows: DataFrame, past: Past, by: Halves, lake: Lake, watch: Watch) -> Joint:
    """The trees of rows (joint_lessons.KNOWN), forecast by boosters of those in ``past``.

    Raises as boosting.fit.
    """
    made = made_of(rows, past, by, lake).persist()
    try:
        return learned(made, lake, past.night.config, watch)
    finally:
        made.unpersist()


def made_of(rows: DataFrame, past: Past, by: Halves, lake: Lake) -> DataFrame:
    """LINES of rows, made as joint_lessons.lines does of some items at a time."""
    from pyspark.sql.pandas.types import from_arrow_schema

    small = replace(past, rows=past.rows.slice(0, 0), tables={})
    sent = rows.sparkSession.sparkContext.broadcast((small, by))

    def make(batches: Batches) -> Iterator[pa.RecordBatch]:
        own = [batch for batch in batches if batch.num_rows]
        taught = _lines(split(pa.Table.from_batches(own)), *sent.value) if own else None
        if taught is not None:
            yield from to_rows(taught).to_batches()

    shards = max(past.night.config.planning.shards, -(-past.plan.rows // _SHARD_ROWS))
    tables = {"known": rows, **inputs.masters(lake, past.night)}
    return inputs.by_shard(tables, shards).mapInArrow(make, from_arrow_schema(LINES))


def _lines(tables: dict[str, pa.Table], past: Past, by: Halves) -> Taught | None:
    """The lines of a shard's tables."""
    rows = before(tables.pop("known").select(KNOWN.names).cast(KNOWN), past.night)
    return lines(replace(past, rows=rows, tables=tables), by) if rows.num_rows else None


def to_rows(taught: Taught) -> pa.Table:
    """Lines in LINES."""
    lessons, windows, count = taught.lessons, taught.lessons.windows, len(taught.items)
    values: dict[str, Any] = dict(zip(_NAMES, (taught.items, taught.places, taught.origins), strict=True))
    values |= {_HELD_OUT: taught.held_out, "inputs": taught.inputs}
    for name in _OF_WINDOWS:
        each = getattr(windows, name)
        values[name] = each.reshape(len(each), count).T if name in LATE else each
    values |= {name: getattr(lessons, name) for name in _OF_LESSONS}
    arrays = [packed(np.ascontiguousarray(values[f.name])) if f.name in _LISTS else pa.array(values[f.name], f.type) for f in LINES]
    return pa.Table.from_arrays([array.cast(f.type) for array, f in zip(arrays, LINES, strict=True)], schema=LINES)


def of_rows(rows: pa.Table) -> Taught:
    """Lines of LINES."""
    values = {name: _dense(rows[name]) if name in _LISTS else rows[name].to_numpy() for name in LINES.names}
    values |= {name: values[name].T for name in LATE}
    values["cumulated"] = values["cumulated"][:, :, None]
    # A list that goes on behind its end does so with its last value: windows that are over count no more.
    periods = np.arange(len(values["counts"]))[:, None]
    values["counts"] = values["counts"] & (periods < rows["counts"].combine_chunks().value_lengths().to_numpy())
    windows = Windows(**{name: values[name] for name in _OF_WINDOWS})
    lessons = Lessons(windows, **{name: values[name] for name in _OF_LESSONS})
    items, places, origins = (values[name] for name in _NAMES)
    return Taught(lessons, values["inputs"], items, places, origins, values[_HELD_OUT])


def _dense(lists: pa.ChunkedArray) -> np.ndarray:
    """Lists [n] as [n, longest]; shorter ones go on with their last value."""
    whole = lists.combine_chunks()
    begin, length = whole.offsets.to_numpy()[:-1], whole.value_lengths().to_numpy()
    at = begin[:, None] + np.minimum(np.arange(length.max()), length[:, None] - 1)
    found: np.ndarray = whole.values.to_numpy(zero_copy_only=False)[at]
    return found


def learned(rows: DataFrame, lake: Lake, config: Config, watch: Watch, prior: float = PRIOR) -> Joint:
    """The trees of LINES, as joint_fit.fit has them of lines in one process; equal lines and workers give equal bytes."""
    counted = watch.run(lambda: {row[_HELD_OUT]: row["count"] for row in rows.groupBy(_HELD_OUT).count().collect()})
    own, held_out = counted.get(False, 0), counted.get(True, 0)
    return kept(_Together(rows, lake, config, watch, prior / max(own + held_out, 1), own, own + held_out), own, held_out)


@dataclass(frozen=True)
class _Together:
    """Trains in one barrier stage; ``learned``, ``count``: lines that are not held out, and all."""

    rows: DataFrame
    lake: Lake
    config: Config
    watch: Watch
    prior: float
    learned: int
    count: int

    def fit(self, rounds: int | None = None) -> Fit:
        workers = boosting.workers(self.rows.sparkSession, self.config)
        dealt = self.watch.run(lambda: deal(self.rows, workers, _HELD_OUT, _NAMES))
        chosen = parameters(self.config, self.count if rounds else self.learned)
        known = ["joint", sorted(chosen.items()), workers, self.prior, rounds is None, dealt.fingerprint]
        task = _Task(chosen, self.prior, workers, rounds, boosting.checkpoints_of(self.lake, self.config, known))
        return boosting.persevere(lambda name: _attempt(task, dealt.rows, self.config, name), task.checkpoints, self.config, self.watch)

    def held_out(self, found: Fit) -> Costs:
        prior, columns = self.prior, ("items", "before", "after")

        def cost(batches: Batches) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                if batch.num_rows:
                    own = costs(of_rows(pa.Table.from_batches([batch])).expecting(prior), found.booster)
                    yield pa.RecordBatch.from_pydict({name: getattr(own, name) for name in columns})

        asked = self.rows.where(_HELD_OUT).mapInArrow(cost, "items string, before double, after double")
        # Sorted, so that sums come out the same whichever task was first.
        rows = self.watch.run(asked.toArrow).sort_by([(name, "ascending") for name in columns])
        return Costs(*(rows[name].to_numpy() for name in columns))


@dataclass(frozen=True)
class _Task:
    """What an attempt needs beside the rows: parameters, the prior of a line, workers, the rounds as Trainer.fit has them."""

    chosen: dict[str, Any]
    prior: float
    workers: int
    rounds: int | None
    checkpoints: Checkpoints


def _attempt(task: _Task, rows: DataFrame, config: Config, name: str) -> Fit:
    """One Spark job, from the newest checkpoint to the last round; ``rows``: a partition a worker."""
    begun, limit = task.checkpoints.newest(), task.rounds or config.training.rounds
    if begun is not None and begun.num_boosted_rounds() >= limit:
        return boosting.finished(begun[:limit])
    spark = rows.sparkSession
    with boosting.planned_once(spark), _tracked(spark, task.workers) as tracker:

        def train(batches: Batches) -> Iterator[pa.RecordBatch]:
            from pyspark import BarrierTaskContext

            taught = of_rows(pa.Table.from_batches(batches)).expecting(task.prior)
            context = BarrierTaskContext.get()
            checking = Checkpointing(task.checkpoints, name, config.training.checkpoint_rounds, task.chosen["seed"])
            # None waits for another at the tracker, which is not watched: all have read their rows.
            context.barrier()
            with CommunicatorContext(**tracker, dmlc_task_id=str(context.partitionId())):
                booster = boosted(taught, config, task.chosen, task.rounds, [checking], begun)
            if context.partitionId() == 0:
                yield pa.RecordBatch.from_pydict({"booster": [bytes(booster.save_raw("ubj"))]})

        (row,) = rows.mapInArrow(train, "booster binary", barrier=True).collect()
    return boosting.finished(xgboost.Booster(model_file=bytearray(row["booster"])))


@contextmanager
def _tracked(spark: SparkSession, workers: int) -> Iterator[dict[str, Any]]:
    """What workers need to find each other: a tracker on the driver, as xgboost.spark has it; ranks follow the tasks' numbers."""
    tracker = xgboost.RabitTracker(n_workers=workers, host_ip=spark.sparkContext.getConf().get("spark.driver.host"), sortby="task")
    tracker.start()
    try:
        yield tracker.worker_args()
    finally:
        # It says so where workers were lost; so does the job, and better.
        with suppress(ValueError, xgboost.core.XGBoostError):
            tracker.free()
