"""Spark jobs under watch, with real ones that stand still."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

from jobs.forecast.watch import Hung, Late, Watch


def sleeper(spark: SparkSession, file: Path) -> Callable[[], int]:
    """A Spark job whose worker writes its process id and sleeps."""
    name = str(file)

    def sleep(_: Iterator[int]) -> Iterator[int]:
        Path(name).write_text(str(os.getpid()))
        time.sleep(300)
        yield 0

    return lambda: spark.sparkContext.parallelize([0], 1).mapPartitions(sleep).count()


def gone(file: Path) -> bool:
    """Whether the worker has ended, within seconds."""
    end = time.monotonic() + 20
    pid = int(file.read_text())
    while psutil.pid_exists(pid) and time.monotonic() < end:
        time.sleep(0.1)
    return not psutil.pid_exists(pid)


def test_results_and_errors_come_through(spark: SparkSession) -> None:
    watch = Watch(spark.sparkContext, time.monotonic() + 60)
    assert watch.run(lambda: spark.range(3).count(), hang_seconds=50) == 3
    with pytest.raises(ZeroDivisionError):
        watch.run(lambda: 1 // 0)


def test_a_job_without_progress_is_cancelled_and_its_worker_killed(spark: SparkSession, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(Hung, match="no new round for 1 s"):
        Watch(spark.sparkContext, time.monotonic() + 100).run(sleeper(spark, pid), lambda: pid.exists() or None, hang_seconds=1)
    assert gone(pid)


def test_the_deadline_ends_a_job_that_makes_progress(spark: SparkSession, tmp_path: Path) -> None:
    pid, steps = tmp_path / "pid", count()
    with pytest.raises(Late, match="deadline_minutes"):
        Watch(spark.sparkContext, time.monotonic() + 10).run(sleeper(spark, pid), lambda: next(steps), hang_seconds=5)
    assert gone(pid)
    assert spark.range(5).count() == 5, "the session works on"
