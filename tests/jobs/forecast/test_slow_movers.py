"""Items of which most days sell none: their median is zero, their mean is what has to be ordered."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs.config import Config, Training
from jobs.features import job as features
from jobs.forecast import predict, train
from jobs.forecast.model import MEAN, ROOT
from jobs.lake import Lake
from tests.jobs.features.lakes import fill, history, masters, sale

D = date(2024, 5, 29)
DAY = timedelta(days=1)
CONFIG = Config(training=Training(rounds=40, max_depth=4, rows=8_000))
#: Units a day of each item: from one in twenty days to one a day.
RATES = np.geomspace(0.05, 1.0, 30)


@pytest.fixture(scope="module")
def made(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Forecasts of thirty slow items in six stores."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")), spark, "r1")
    lake.create_tables()
    random = np.random.default_rng(5)
    rows = [
        sale(f"i{item}", f"S{store}", D - k * DAY, int(random.poisson(rate)))
        for item, rate in enumerate(RATES)
        for store in range(6)
        for k in range(1, 71)
    ]
    fill(lake, **masters(30, 6), demand=rows)
    features.main(spark, lake, CONFIG, D)
    assert train.main(spark, lake, CONFIG, D).startswith("trained")
    predict.main(spark, lake, CONFIG, D)
    assert objective(lake) == MEAN
    return lake.arrow("gold/forecasts").to_pandas()


def objective(lake: Lake) -> str:
    """What the newest booster of a lake has learned to forecast."""
    (manifest,) = Path(lake.root).glob("ops/**/manifest.json")
    return str(json.loads(manifest.read_text())["objective"])


def test_the_sum_of_means_is_what_sells(made: pd.DataFrame) -> None:
    periods = len(made) / len(RATES)
    assert made["mean"].sum() == pytest.approx(RATES.sum() * periods, rel=0.1)


def test_slower_items_have_less(made: pd.DataFrame) -> None:
    rate = pd.Series(RATES, [f"i{item}" for item in range(30)])
    found = made.groupby("item_id")["mean"].mean()
    assert np.corrcoef(np.log(found), np.log(rate[found.index]))[0, 1] > 0.9
    assert np.corrcoef(made.groupby("item_id")["p_zero"].mean(), np.exp(-rate[found.index]))[0, 1] > 0.9


def test_items_that_sell_every_day_are_forecast_by_their_roots(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path), spark, "r1")
    lake.create_tables()
    fill(lake, **masters(10, 10), demand=history(10, 10, D - 70 * DAY, 70))
    assert train.main(spark, lake, Config(training=Training(rounds=8, max_depth=4, rows=1_500)), D).startswith("trained")
    assert objective(lake) == ROOT
