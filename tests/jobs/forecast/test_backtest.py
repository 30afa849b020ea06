"""Backtests in Spark: as of each origin, whatever landed when and whatever happened later; kept once; a page."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from jobs.config import Config, Training
from jobs.errors import UsageError
from jobs.features import job as features
from jobs.forecast import backtest, registry, train
from jobs.forecast.design import Design, origins_of
from jobs.forecast.distribution import NAMES
from jobs.forecast.plain import NAIVE, PLAIN
from jobs.forecast.scoring import score
from jobs.lake import Lake
from tests.jobs.features.lakes import fill, history, masters

D = date(2024, 5, 29)
DAY = timedelta(days=1)
CONFIG = Config(training=Training(rounds=4, max_depth=3, rows=1_500))
SETTINGS = CONFIG.model_copy(update={"horizon": 4})


def _history() -> list[dict[str, Any]]:
    """A hundred series, 70 days before D and the 10 from D on."""
    return history(10, 10, D - 70 * DAY, 80)


def _lake(spark: SparkSession, folder: Path, demand: list[dict[str, Any]]) -> Lake:
    lake = Lake(str(folder), spark, "r1")
    lake.create_tables()
    fill(lake, **masters(10, 10), demand=demand)
    return lake


@pytest.fixture(scope="module")
def daily(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Each day landed on the next."""
    return _lake(spark, tmp_path_factory.mktemp("daily"), _history())


@pytest.fixture(scope="module")
def late(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """All of it landed in one drop after the last day, and from D on twice as much was sold."""
    landed = {"known_from": D + 12 * DAY}
    rows = [row | landed | ({"units": row["units"] * 2} if row["period"] >= D else {}) for row in _history()]
    return _lake(spark, tmp_path_factory.mktemp("late"), rows)


def test_a_model_is_trained_as_of_its_origin(spark: SparkSession, daily: Lake, late: Lake) -> None:
    """What a night there would have trained, a backtest trains later, to the byte, from a history that landed after it."""
    then = train.train(spark, daily, SETTINGS, D)
    later = train.train(spark, late, SETTINGS, D, seen_by=D + 12 * DAY)
    assert then is not None
    assert later is not None
    assert then[0].model_id == later[0].model_id


def test_forecasts_are_those_of_the_night_and_nothing_later_changes_them(spark: SparkSession, daily: Lake, late: Lake) -> None:
    made = {
        name: backtest.backtest(spark, lake, CONFIG, [D - 7 * DAY, D], 4, "champion") for name, lake in (("daily", daily), ("late", late))
    }
    rows = {name: found.rows for name, found in made.items()}
    forecast = ["origin", "item_id", "location_id", "target_date", "mean", "p_zero", *NAMES, *PLAIN]
    assert rows["daily"].select(forecast).equals(rows["late"].select(forecast))
    assert not rows["daily"]["units"].equals(rows["late"]["units"])
    assert rows["daily"].num_rows == 2 * 100 * 4
    night = score(spark, None, features.at(spark, daily, SETTINGS, D)).toArrow()
    keys = [("item_id", "ascending"), ("location_id", "ascending"), ("target_date", "ascending")]
    own = rows["daily"].slice(400).select(night.column_names)
    assert own.equals(night.sort_by(keys))


def test_what_happened_and_the_naive_forecast_are_those_of_the_lake(spark: SparkSession, daily: Lake) -> None:
    found = backtest.backtest(spark, daily, CONFIG, [D], 4, "champion").rows.to_pylist()
    sold = {(r["item_id"], r["location_id"], r["period"]): r for r in daily.arrow("silver/demand").to_pylist()}
    for row in found[::37]:
        day = sold[row["item_id"], row["location_id"], row["target_date"]]
        assert (row["units"], row["in_stock"]) == (float(day["units"]), day["in_stock_fraction"] >= 1)
        last = next(d for k in range(1, 70) if (d := sold[row["item_id"], row["location_id"], D - k * DAY])["in_stock_fraction"] >= 1)
        assert row[NAIVE] == float(last["units"])


def test_main_keeps_the_board_once_and_writes_the_page(spark: SparkSession, daily: Lake, tmp_path: Path) -> None:
    file = tmp_path / "pages" / "backtest.html"
    design = Design((D - 7 * DAY, D), 4, "train", retrain_every=2)
    said = [backtest.main(spark, daily, CONFIG, design, str(file)) for _ in range(2)]
    board = daily.arrow("ops/backtests").to_pylist()
    assert len({row["backtest_id"] for row in board}) == 1
    keys = [(row["method"], row["basis"], row["kind"], row["segment"]) for row in board]
    assert len(set(keys)) == len(keys)
    assert board[0]["models"] == "trained at every 2 origins"
    assert not [row for row in board if isinstance(row["wape"], float) and np.isnan(row["wape"])]
    assert board[0]["backtest_id"] in said[1]
    assert "<svg" in file.read_text(encoding="utf-8")
    assert not registry.rows(daily), "a backtest registers no model"


def test_nothing_to_judge_is_said(spark: SparkSession, daily: Lake, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="knows nothing of"):
        backtest.backtest(spark, daily, CONFIG, [D + 30 * DAY], 4, "champion")
    empty = Lake(str(tmp_path), spark)
    empty.create_tables()
    with pytest.raises(UsageError, match="is empty"):
        backtest.backtest(spark, empty, CONFIG, [D], 4)


def test_origins() -> None:
    assert origins_of("2024-05-29, 2024-05-22", None, None, 7, "day") == (D - 7 * DAY, D)
    assert origins_of(None, D - 15 * DAY, D, 7, "day") == (D - 15 * DAY, D - 8 * DAY, D - DAY)
    assert origins_of(None, date(2024, 5, 6), date(2024, 5, 27), 2, "week") == (date(2024, 5, 6), date(2024, 5, 20))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("2024-5-29", None, None, 7, "day"), "2024-5-29"),
        ((None, D, None, 7, "day"), "name the origins"),
        ((None, D, D - DAY, 7, "day"), "before --first"),
        ((None, D, D, 0, "day"), "below 1"),
        (("2024-05-29", None, None, 1, "week"), "is a Monday"),
    ],
)
def test_origins_that_make_no_sense(asked: tuple[Any, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        origins_of(*asked)
