"""Weeks of a real bakery chain with years of history: better than plain forecasts, and better for knowing earlier years."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bakery import Bakery, methods, name_of, named
from jobs.config import Config, Training
from jobs.features.clock import CLOCKS
from jobs.forecast.metrics import wape

#: Small enough for half a minute; the full figures are benchmarks/bakery.py's.
CONFIG = Config(grain="week", training=Training(rounds=40, max_depth=5))


@pytest.fixture(scope="module")
def scores(shared_data: Path) -> dict[str, float]:
    """WAPE by method over two origins twelve weeks apart, so that they share training origins; horizons 1-4."""
    nights = [CLOCKS["week"].index(day) for day in (date(2018, 5, 14), date(2018, 8, 6))]
    bakery = Bakery.load(shared_data / "bakery" / "bakery.parquet", "week", nights, 4)
    found = [methods(bakery, night, CONFIG) for night in nights]
    pooled = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    return {name: wape(pooled["actual"], values) for name, values in pooled.items() if name != "actual"}


def test_the_model_beats_last_year_and_the_mean(scores: dict[str, float]) -> None:
    assert scores["model"] < scores["13-week mean"]
    assert scores["model"] < 0.75 * scores["seasonal naive 52"]


def test_knowing_earlier_years_helps(scores: dict[str, float]) -> None:
    assert scores["model"] < scores["without yearly features"]


def test_holidays_have_the_names_of_a_calendar() -> None:
    days = [date(2018, 3, 30), date(2018, 4, 1), date(2018, 5, 31), date(2017, 10, 31), date(2018, 12, 26)]
    assert [name_of(day) for day in days] == ["easter -2", "easter +0", "easter +60", "10-31", "12-26"]


def test_the_calendar_goes_on_after_the_data_with_what_earlier_years_had() -> None:
    """All Saints' was a holiday twice; Reformation Day once, in 2017, and is no more."""
    known = [date(2016, 11, 1), date(2017, 10, 31), date(2017, 11, 1), date(2018, 10, 3)]
    assert named(known).to_pylist()[4:] == [{"date": date(2018, 11, 1), "event": "11-01"}]
