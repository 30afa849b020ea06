"""Trees fitted by workers together: as in one process, the same bytes each time, also when a worker is lost."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.config import Config
from jobs.forecast import boosting
from jobs.forecast.partitions import deal
from jobs.forecast.watch import Watch
from jobs.lake import Lake
from jobs.learn import joint_barrier, joint_fit
from jobs.learn.joint import Joint
from jobs.learn.joint_barrier import of_rows, to_rows
from jobs.learn.joint_fit import Taught
from tests.jobs.forecast.boosters import fault
from tests.jobs.learn.made_lessons import taught

CONFIG = Config(training={"rounds": 60, "learning_rate": 0.1, "checkpoint_rounds": 10, "hang_seconds": 8, "max_depth": 3})


@pytest.fixture(scope="module")
def lines() -> Taught:
    return taught(2.5, count=9_000, told=6.0)


@pytest.fixture(scope="module")
def rows(spark: SparkSession, lines: Taught) -> DataFrame:
    return spark.createDataFrame(to_rows(lines)).persist()


@pytest.fixture(scope="module")
def unharmed(spark: SparkSession, rows: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Joint:
    return together(rows, Lake(str(tmp_path_factory.mktemp("unharmed")), spark))


def together(rows: DataFrame, lake: Lake, config: Config = CONFIG) -> Joint:
    watch = Watch(rows.sparkSession.sparkContext, time.monotonic() + 300)
    return joint_barrier.learned(rows, lake, config, watch)


def test_lines_travel_unchanged_also_beside_longer_windows(lines: Taught) -> None:
    short, long = lines.take(np.arange(9_000) < 3), lines.take(np.arange(9_000) == 5)
    windows = long.lessons.windows
    for name in ("cumulated", "counts", "spoilt"):
        object.__setattr__(windows, name, np.concatenate([getattr(windows, name)] * 2))
    found = of_rows(pa.concat_tables([to_rows(short), to_rows(long)]))
    assert found.lessons.windows.counts.tolist() == [[True] * 4, [False] * 3 + [True]]
    assert (found.lessons.windows.cumulated[1, :3] == short.lessons.windows.cumulated[0]).all()
    assert to_rows(found.take(np.arange(4) == 3)) == to_rows(long)
    moves = np.full((4, 2), 0.3)
    assert found.lessons.loss(moves)[:3].tolist() == short.lessons.loss(moves[:3]).tolist()


@pytest.mark.parametrize(("digits", "apart"), [(1, 1e-4), (9, 0.05)], ids=["same cuts", "sketched cuts"])
def test_without_random_draws_the_workers_find_what_one_process_finds(
    spark: SparkSession, lines: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: int, apart: float
) -> None:
    drawn = boosting.parameters
    whole = {"subsample": 1.0, "colsample_bytree": 1.0, "colsample_bynode": 1.0}
    monkeypatch.setattr(boosting, "parameters", lambda *given: {**drawn(*given), **whole})
    # Of a hundred values every one is a cut; more are sketched, by each worker of its own lines.
    # Weights of which a few say most: the workers' own means of anything differ from those of all.
    weight = np.random.default_rng(3).exponential(size=9_000) ** 2
    given = replace(lines, inputs=lines.inputs.round(digits), lessons=replace(lines.lessons, weight=weight))
    one, both = joint_fit.fit(given, CONFIG), together(spark.createDataFrame(to_rows(given)), Lake(str(tmp_path), spark))
    assert both.lessons == one.lessons == 9_000
    assert (both.gain, both.error) == pytest.approx((one.gain, one.error), rel=apart)
    moves = one.moves(given.inputs)
    assert moves.std(axis=0).min() > 0.02
    assert (np.abs(both.moves(given.inputs) - moves).mean(axis=0) < apart * moves.std(axis=0)).all()
    assert digits > 1 or both.rounds == one.rounds


def test_with_random_draws_they_find_as_much(lines: Taught, unharmed: Joint) -> None:
    one = joint_fit.fit(lines, CONFIG)
    assert unharmed.gain == pytest.approx(one.gain, abs=one.error)
    assert unharmed.gain > 5 * unharmed.error
    moves = [found.moves(lines.inputs)[:, 0] for found in (one, unharmed)]
    assert np.corrcoef(*moves)[0, 1] > 0.98


def test_another_layout_of_the_lines_gives_the_same_bytes(spark: SparkSession, rows: DataFrame, unharmed: Joint, tmp_path: Path) -> None:
    assert together(rows.orderBy(F.rand(3)).repartition(7), Lake(str(tmp_path), spark)) == unharmed


def test_each_worker_has_lines_to_learn_from_and_held_out_ones(rows: DataFrame) -> None:
    dealt = deal(rows, 5, "held_out", ("item_id", "location_id", "origin")).rows.withColumn("part", F.spark_partition_id())
    found = dealt.groupBy("part", "held_out").count().collect()
    assert len(found) == 10
    assert min(row["count"] for row in found) > 9_000 / 4 / 5 / 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_lost_worker_is_replaced_and_the_trees_are_the_same(
    spark: SparkSession, rows: DataFrame, unharmed: Joint, tmp_path: Path, caplog: pytest.LogCaptureFixture, number: signal.Signals
) -> None:
    lake = Lake(str(tmp_path), spark)
    with fault(lambda: any(Path(lake.root).glob("ops/training/*/*.ubj")), number) as hit:
        harmed = together(rows, lake)
    assert len(hit) == 1
    why, reached = re.findall(r"training stopped \((.*)\); last checkpoint: (\d+)", caplog.text)[0]
    assert 0 < int(reached) < CONFIG.training.rounds, "it went on from a checkpoint, whichever training had come to"
    assert ("hang_seconds" in why) == (number is signal.SIGSTOP)
    assert harmed == unharmed


def test_few_lines_teach_nothing(rows: DataFrame, lake: Lake) -> None:
    assert together(rows.limit(200), lake) == Joint(lessons=200)
