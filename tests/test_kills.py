"""A night that is killed and run again is the night that was never killed: one kill for each kind of commit.

The kills are real: a second process sends SIGKILL to the driver's JVM and Python. `make torture` kills every stage.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lake import Lake
from jobs.stages import STAGES
from tests.small_night import D, Story, contents, hashes, kill_night, run_night

#: Kind of commit -> where the night is killed.
POINTS = {
    "delta-rs, after the data and before what says that they are there": "ops/files:before",
    "Spark, between orders and the rest of the plan": "gold/orders:after",
    "MERGE, between the data and the publication": "ops/nights:publish:before",
}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Story().land(tmp_path_factory.mktemp("kills") / "landing")


@pytest.fixture(scope="module")
def unkilled(spark: SparkSession, landing: Path) -> Lake:
    lake = Lake(str(landing.parent / "unkilled"), spark)
    run_night(lake, landing)
    return lake


def test_a_night_killed_three_times_is_the_night_that_was_not(spark: SparkSession, landing: Path, unkilled: Lake, tmp_path: Path) -> None:
    """One lake, killed once for each kind of commit; each run goes over what the killed ones left."""
    lake = Lake(str(tmp_path / "lake"), spark)
    for point in POINTS.values():
        kill_night(landing, tmp_path / "lake", point)
        assert D not in lake.published_runs(), f"the night killed at {point} must not be visible"
    run_night(lake, landing)
    assert hashes(lake) == hashes(unkilled)
    assert contents(lake) == contents(unkilled)
    stages = list(STAGES)
    assert attempts(lake) == [(1, "running", []), (2, "running", stages[:5]), (3, "running", stages[:8]), (4, "published", stages)]


def attempts(lake: Lake) -> list[tuple[int, str, list[str]]]:
    """Number, status and the stages done of each attempt."""
    columns = ["attempt", "status", "stages_done"]
    return sorted((row["attempt"], row["status"], row["stages_done"]) for row in lake.arrow("ops/nights", columns).to_pylist())
