"""Weeks of a real bakery chain with years of history: better than plain forecasts, and better for knowing earlier years."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bakery import Bakery, methods
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
