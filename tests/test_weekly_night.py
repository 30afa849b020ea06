"""A night at grain week, from weekly sales to published orders, with a model of its own."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.config import Config, Planning, Training
from jobs.lake import Lake
from jobs.stages import Job, run, stages_of
from tests.builders import ITEMS, Landing

pytestmark = pytest.mark.torture

#: A Monday; a year and a half of weeks before it.
D = date(2024, 6, 10)
WEEK = timedelta(weeks=1)
WEEKS = 78
STORES = tuple(f"S{n}" for n in range(1, 13))
CONFIG = Config(grain="week", training=Training(rows=10_000, rounds=5, origins=2), planning=Planning(paths=16, shards=2))


def _land(root: Path) -> Path:
    """Sales of each week on its Wednesday, twice as many in December; stock after closing on Sunday."""
    sales: list[dict[str, Any]] = []
    for n in range(1, WEEKS + 1):
        monday = D - n * WEEK
        for store in STORES:
            for item in ITEMS:
                mean = 20 if monday.month == 12 else 10
                units = mean + Random(f"{monday}{store}{item['item_id']}").randint(-5, 5)
                sold_at = (monday + timedelta(days=2)).isoformat()
                sales.append({"item_id": item["item_id"], "location_id": store, "sold_at": sold_at, "units": units, "unit_price": "2.00"})
    stock = [{"item_id": i["item_id"], "location_id": s, "as_of": (D - timedelta(days=1)).isoformat(), "on_hand": 4}
             for i in ITEMS for s in STORES]  # fmt: skip
    lanes = [{"source_id": "supplier", "location_id": store, "lead_time_days": 3, "order_multiple": 2} for store in STORES]
    locations = [*({"location_id": store, "kind": "store"} for store in STORES), {"location_id": "supplier", "kind": "supplier"}]
    holiday = [{"date": (D + WEEK).isoformat(), "event": "fair"}]
    Landing(root).masters(D.isoformat(), locations, ITEMS).drop(D.isoformat(), sales=sales, inventory=stock, lanes=lanes, calendar=holiday)
    return root


@pytest.fixture(scope="module")
def night(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The whole night, training included."""
    folder = tmp_path_factory.mktemp("weekly")
    lake = Lake(str(folder / "lake"), spark)
    run(Job(spark, lake, CONFIG, D, str(_land(folder / "landing")), "always"), stages_of("nightly"), None, say=lambda _: None)
    return lake


def test_its_own_model_forecasts_whole_weeks(night: Lake) -> None:
    (model,) = night.arrow("ops/models").to_pylist()
    forecasts = night.arrow("gold/forecasts").to_pandas()
    assert model["grain"] == "week"
    assert set(forecasts["model_id"]) == {model["model_id"]}
    assert {day.weekday() for day in forecasts["target_date"]} == {0}
    assert forecasts["target_date"].min() == D
    # Ten a week are sold; nothing of a day's size.
    assert forecasts["mean"].between(6, 16).all()


def test_it_publishes_orders_that_cover_weeks(night: Lake) -> None:
    assert list(night.published_runs()) == [D]
    orders = night.arrow("gold/orders").to_pandas()
    assert len(orders) > len(STORES)
    # A lead time of three days rounds up to a week.
    assert set(orders["expected_on"]) == {D + WEEK}
    assert (orders["units"] > 0).all()
    assert orders["units"].astype(float).mean() > 5


def test_demand_is_by_week_and_features_know_last_year(night: Lake) -> None:
    periods = {row["period"] for row in night.arrow("silver/demand", ["period"]).to_pylist()}
    assert {day.weekday() for day in periods} == {0}
    # The first week, sold in from its Wednesday on, is incomplete and left out.
    assert len(periods) == WEEKS - 1
    features = night.arrow("gold/features").to_pandas()
    assert features["season"].between(0.8, 1.25).all()
    assert features["event"].gt(0).groupby(features["target_date"]).all().to_dict()[D + WEEK]
