"""Every stage of a night is killed before and after its commits; the rerun is the night that was never killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import lake as storage
from jobs.lake import Lake
from tests.small_night import ENOUGH_TO_TRAIN, ROOT, D, Story, contents, hashes, kill_night, night_process, run_night, trained

pytestmark = pytest.mark.torture

#: Stage -> a commit of it, and whether the night trains.
COMMITS = {
    "start": ("ops/nights", False),
    "ingest, bronze": ("bronze/sales", False),
    "ingest, silver": ("silver/sales", False),
    "ingest, quarantine": ("ops/quarantine", False),
    "ingest, files": ("ops/files", False),
    "ingest, demand": ("silver/demand", False),
    "quality": ("ops/quality_results", False),
    "features": ("gold/features", False),
    "train": ("ops/models", True),
    "forecast": ("gold/forecasts", False),
    "plan, orders": ("gold/orders", False),
    "plan, reasons": ("gold/order_reasons", False),
    "plan, certificate": ("gold/certificates", False),
    "evaluate, projections": ("gold/projections", False),
    "evaluate, last": ("gold/exceptions", False),
    "publish": ("ops/nights:publish", False),
}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing folder with one row for quarantine, just large enough to train."""
    story = Story(stores=ENOUGH_TO_TRAIN)
    folder = story.land(tmp_path_factory.mktemp("torture") / "landing")
    with (folder / "sales" / D.isoformat() / "part-0.csv").open("a") as stream:
        stream.write("999,S1,2024-06-11,1,1.20,unknown-item\n")
    return folder


@pytest.fixture(scope="module")
def unkilled(spark: SparkSession, landing: Path) -> Callable[[str], Lake]:
    """The lake of a night that was not killed, with or without training."""

    @cache
    def run(train: str) -> Lake:
        lake = Lake(str(landing.parent / f"unkilled-{train}"), spark)
        run_night(lake, landing, train=train)
        assert trained(lake) == (train == "always")
        return lake

    return run


@pytest.mark.parametrize("stage", COMMITS)
def test_rerun_of_a_stage_killed_before_and_after_its_commit(
    spark: SparkSession, landing: Path, unkilled: Callable[[str], Lake], tmp_path: Path, stage: str
) -> None:
    """The second night goes over what the first has left, the third over what both have."""
    table, trains = COMMITS[stage]
    train = "always" if trains else "never"
    lake = Lake(str(tmp_path / "lake"), spark)
    for side in ("before", "after"):
        kill_night(landing, tmp_path / "lake", f"{table}:{side}", train)
        assert (D in lake.published_runs()) == (stage == "publish" and side == "after")
    run_night(lake, landing, train=train)
    assert hashes(lake) == hashes(unkilled(train))
    assert contents(lake) == contents(unkilled(train))


def test_every_commit_of_a_night_belongs_to_a_stage(
    spark: SparkSession, landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit at a place that no test kills would be found here."""
    points: list[str] = []
    monkeypatch.setattr(storage, "pause", points.append)
    run_night(Lake(str(tmp_path / "lake"), spark), landing, train="always")
    folders = {point.rsplit(":", 1)[0].split("/")[0] for point in points}
    missing = {table for table, _ in COMMITS.values()} - {point.rsplit(":", 1)[0] for point in points}
    assert folders == {"bronze", "silver", "gold", "ops"}
    assert not missing


def test_two_processes_start_the_same_night(spark: SparkSession, landing: Path, tmp_path: Path) -> None:
    """One wins and publishes; the other says so, or comes after it as a second attempt with the same bytes."""
    Lake(str(tmp_path / "lake"), spark).create_tables()
    both = [night_process(landing, tmp_path / "lake", tmp_path / f"{n}.log") for n in range(2)]
    codes = sorted(process.wait(timeout=600) for process in both)
    lake = Lake(str(tmp_path / "lake"), spark)
    assert codes in ([0, 4], [0, 0])
    assert D in lake.published_runs()
    if codes == [0, 4]:
        said = "".join((tmp_path / f"{n}.log").read_text() for n in range(2))
        assert "started at the same moment" in said or "is newer" in said


def test_status_says_where_a_killed_night_stopped(landing: Path, tmp_path: Path) -> None:
    kill_night(landing, tmp_path / "lake", "gold/orders:before")
    done = subprocess.run(
        [sys.executable, "-m", "jobs.run", "status", "--lake", str(tmp_path / "lake")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "plan" in done.stdout
    assert "nightfill nightly" in done.stdout
