"""Training whose workers are killed or stopped, by real signals to real processes."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import psutil
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.config import Config, Training
from jobs.forecast import boosting
from jobs.forecast.boosting import Fit
from jobs.forecast.watch import Late, NotTrained, Watch
from jobs.lake import Lake
from tests.jobs.forecast.boosters import fault, made_up, trainers

QUICK = Training(rounds=300, max_depth=3, checkpoint_rounds=10, hang_seconds=8)
SETTINGS = Config(training=QUICK)


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    return made_up(spark, 1_000).persist()


@pytest.fixture(scope="module")
def unharmed(spark: SparkSession, rows: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    return fit(rows, Lake(str(tmp_path_factory.mktemp("unharmed")), spark))


def fit(rows: DataFrame, lake: Lake, seconds: float = 300, config: Config = SETTINGS, **more: object) -> Fit:
    watch = Watch(rows.sparkSession.sparkContext, time.monotonic() + seconds)
    return boosting.fit(rows, lake, config, watch, **more)  # type: ignore[arg-type]


def checkpoints(lake: Lake) -> list[Path]:
    return sorted(Path(lake.root).glob("ops/training/*/*.ubj"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_lost_worker_is_replaced_and_the_booster_is_the_same(
    spark: SparkSession, rows: DataFrame, unharmed: Fit, tmp_path: Path, caplog: pytest.LogCaptureFixture, number: signal.Signals
) -> None:
    lake = Lake(str(tmp_path), spark)
    with fault(lambda: bool(checkpoints(lake)), number) as hit:
        harmed = fit(rows, lake)
    assert len(hit) == 1
    why, reached = re.findall(r"training stopped \((.*)\); last checkpoint: (\d+)", caplog.text)[0]
    assert 0 < int(reached) < QUICK.rounds, "it went on from a checkpoint, whichever training had come to"
    assert ("hang_seconds" in why) == (number is signal.SIGSTOP)
    assert gone(hit[0]), "Spark kills it two seconds after the task was interrupted"
    assert harmed == unharmed


def test_another_layout_of_the_rows_gives_the_same_booster(spark: SparkSession, rows: DataFrame, unharmed: Fit, tmp_path: Path) -> None:
    assert fit(rows.orderBy(F.rand(3)).repartition(7), Lake(str(tmp_path), spark)) == unharmed


def test_what_a_killed_run_has_left_is_used_for_the_same_data_and_settings_alone(
    spark: SparkSession, rows: DataFrame, unharmed: Fit, tmp_path: Path
) -> None:
    lake = Lake(str(tmp_path), spark)
    fit(rows, lake, rounds=10, config=Config(training=QUICK.model_copy(update={"max_depth": 2})))
    (other,) = checkpoints(lake)
    fit(rows, lake, rounds=10)
    (own,) = set(checkpoints(lake)) - {other}
    assert own.parent != other.parent
    own.write_bytes(other.read_bytes())  # a booster that can be told from its own: it goes on from what it finds there
    found = fit(rows, lake)
    assert found.rounds == 300
    assert found != unharmed
    fit(rows.where("origin > 0"), lake, rounds=10)
    assert len({path.parent for path in checkpoints(lake)}) == 3


def test_boosters_of_several_outputs_stop_early_and_go_on_from_checkpoints(spark: SparkSession, rows: DataFrame, tmp_path: Path) -> None:
    chosen = {**boosting.parameters(SETTINGS), "objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}
    whole = fit(rows, Lake(str(tmp_path / "whole"), spark), held_out="held_out", chosen=chosen)
    part = Lake(str(tmp_path / "part"), spark)
    fit(rows, part, held_out="held_out", chosen=chosen, rounds=25)
    assert fit(rows, part, held_out="held_out", chosen=chosen) == whole
    assert 20 < whole.rounds <= 300


def test_restarts_are_used_up(spark: SparkSession, rows: DataFrame, tmp_path: Path) -> None:
    config = Config(training=QUICK.model_copy(update={"restarts": 1}))
    with pytest.raises(NotTrained, match=r"failed 2 times .*no-such"):
        fit(rows, Lake(str(tmp_path), spark), config=config, chosen={"objective": "reg:no-such"})


@pytest.mark.torture
def test_the_deadline_ends_training_and_its_workers(spark: SparkSession, rows: DataFrame, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path), spark)
    with pytest.raises(Late):
        fit(rows, lake, seconds=25, rounds=1_000_000)
    end = time.monotonic() + 20
    while busy() and time.monotonic() < end:
        time.sleep(0.2)
    assert not busy()


def gone(process: psutil.Process) -> bool:
    """Whether a process ends within a while."""
    return not psutil.wait_procs([process], timeout=30)[1]


def busy() -> list[psutil.Process]:
    """Trainers that still compute."""
    before = {process: _computed(process) for process in trainers()}
    time.sleep(1)
    return [process for process, seconds in before.items() if _computed(process) - seconds > 0.05]


def _computed(process: psutil.Process) -> float:
    """Seconds of CPU so far; 0 once it is gone, as it may be at any moment."""
    try:
        return float(process.cpu_times().user)
    except psutil.NoSuchProcess:
        return 0.0
