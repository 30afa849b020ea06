"""A night knows nothing of what came after it, and a replay comes out in the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.errors import NotSame
from jobs.lake import Lake
from jobs.publish import nights
from jobs.publish.replay import replay
from jobs.publish.summary import text
from tests.published import attempt_row, write
from tests.small_night import DAY, ENOUGH_TO_TRAIN, ITEM_IDS, D, Story, hashes, run_night, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("leaks")


@pytest.fixture(scope="module")
def night(spark: SparkSession, folder: Path) -> Lake:
    """Night D with a model trained that night, when nothing later had landed."""
    lake = Lake(str(folder / "lake"), spark)
    run_night(lake, Story(stores=ENOUGH_TO_TRAIN).land(folder / "landing"), train="always")
    assert trained(lake)
    return lake


def test_a_night_run_late_knows_only_what_was_known_then(spark: SparkSession, folder: Path, night: Lake) -> None:
    """All values dated D or later are five times as large, D - 1 is corrected after D, and night D + 2 ran first."""
    landing = Story(later=5, last=D + 2 * DAY, stores=ENOUGH_TO_TRAIN).land(folder / "later")
    lake = Lake(str(folder / "late-lake"), spark)
    run_night(lake, landing, D + 2 * DAY, train="always")
    run_night(lake, landing, D, train="always")
    assert hashes(lake) == hashes(night)
    assert hashes(lake, D + 2 * DAY)["gold/forecasts"] != hashes(night)["gold/forecasts"], "the story must matter to someone"


def test_yesterday_counts(spark: SparkSession, folder: Path, night: Lake) -> None:
    """What was sold on D - 1 is doubled."""
    lake = Lake(str(folder / "other-lake"), spark)
    run_night(lake, Story(yesterday=2, stores=ENOUGH_TO_TRAIN).land(folder / "other"), train="always")
    found, wanted = hashes(lake), hashes(night)
    assert {t for t in wanted if found[t] != wanted[t]} >= {"gold/features", "gold/forecasts", "gold/order_reasons", "gold/projections"}


def test_replay_is_the_same(night: Lake) -> None:
    before = {table: night.version(table) for table in ("gold/orders", "gold/kpis", "ops/nights", "ops/models")}
    assert "comes out in the same bytes: 13 tables" in replay(night, D)
    assert {table: night.version(table) for table in before} == before, "a replay leaves the lake as it was"


def test_a_night_of_feedback_learns_from_outcomes_and_is_replayed(spark: SparkSession, folder: Path) -> None:
    """The night before had judged 240 windows, all of which wanted more than was believed; three of its own lines end tonight."""
    lake, before = Lake(str(folder / "learning-lake"), spark), {"business_date": D - DAY, "run_id": "r0"}
    lake.create_tables()
    write(lake, "ops/nights", [attempt_row(D - DAY, 1, "r0", "published", "publish", None)])
    judged = {
        "status": "observed",
        "level_low": 0.85,
        "level_high": 0.95,
        "level": 0.9,
        "arrives_on": D - 2 * DAY,
        "next_arrives_on": D - DAY,
    }
    lines = [{"item_id": item, "location_id": "S1", "source_id": "DC"} for item in ITEM_IDS]
    write(
        lake,
        "gold/outcomes",
        [before | judged | line | {"decided_on": D - 3 * DAY, "source_id": f"DC{n}"} for line in lines for n in range(80)],
    )
    window = {"arrives_on": D - DAY, "next_arrives_on": D, "binding": "", "window_quantiles": [float(n) for n in range(15)]}
    write(lake, "gold/order_reasons", [before | window | line for line in lines])
    run_night(lake, Story().land(folder / "learning"), mode="feedback")
    found, outcomes = ({row["segment"]: row for row in published(lake, "gold/corrections")}, published(lake, "gold/outcomes"))
    assert found["all"]["outcomes"] == 240
    assert found["all"]["bias_seen"] == pytest.approx(0.4)
    assert found["all"]["acts"]
    assert {(row["decided_on"], row["status"]) for row in outcomes} == {(D - DAY, "observed")}
    assert len(outcomes) == len(ITEM_IDS)
    assert "13 tables" in replay(lake, D)
    assert "  learned  240 outcomes, on average 0.400 above the middle" in text(lake, D)


def published(lake: Lake, table: str) -> list[dict[str, Any]]:
    return lake.arrow(table, where=[("run_id", "=", lake.published_runs()[D])]).to_pylist()


def test_replay_notices_other_bytes(night: Lake) -> None:
    """The record says that the orders had another hash."""
    attempt = nights.attempts(night, D)[-1]
    told = hashes(night)
    nights.note(night, attempt, hashes=told | {"gold/orders": "0" * 64})
    try:
        with pytest.raises(NotSame, match="in 1 of 13 tables: gold/orders"):
            replay(night, D)
    finally:
        nights.note(night, attempt, hashes=told)
