"""Earlier nights' forecasts against what happened, by a loop over rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jobs.config import Config
from jobs.lake import Lake
from jobs.publish.accuracy import measure, targets
from schemas import DEMAND, FORECASTS, ITEMS, NIGHTS
from schemas.gold.forecasts import QUANTILES

D = date(2024, 6, 12)
DAY = timedelta(1)


@pytest.mark.parametrize(
    ("last", "period_days", "first_target", "last_target"),
    [
        (D - DAY, 1, D - DAY, D - DAY),  # yesterday ended since yesterday's night
        (D - 3 * DAY, 1, D - 3 * DAY, D - DAY),  # two nights were missed
        (D - 7 * DAY, 7, D - 13 * DAY, D - 7 * DAY),  # the one Monday among them is last week's
    ],
)
def test_targets(last: date, period_days: int, first_target: date, last_target: date) -> None:
    assert targets(D, last, period_days) == (first_target, last_target)


def forecast(night: date, run: str, target: date, item: str, location: str, mean: float) -> dict[str, Any]:
    quantiles = {name: mean * (0.5 + p) for name, p in QUANTILES.items()}
    keys = {"business_date": night, "run_id": run, "target_date": target, "item_id": item, "location_id": location, "channel": "store"}
    return keys | {"mean": mean, "p_zero": 0.1, "model_id": "m"} | quantiles


def demand(item: str, location: str, period: date, units: int, in_stock: float = 1.0, known: date | None = None) -> dict[str, Any]:
    keys = {"item_id": item, "location_id": location, "channel": "store", "period": period, "month": period.replace(day=1)}
    return keys | {"units": Decimal(units), "in_stock_fraction": in_stock, "known_from": known or period + DAY, "known_to": None}


def night(day: date, attempt: int, run: str, status: str) -> dict[str, Any]:
    return {"business_date": day, "attempt": attempt, "run_id": run, "status": status}


Y, B = D - DAY, D - 2 * DAY
FORECAST_ROWS = [
    *(forecast(Y, "y2", Y, item, "A", mean) for item, mean in (("1", 4.0), ("2", 0.3), ("3", 7.0))),
    forecast(B, "b1", Y, "1", "A", 5.0),  # two nights ago: another row of accuracy
    forecast(B, "b1", B, "1", "A", 5.0),  # was known to yesterday's night already
    forecast(Y, "y1", Y, "1", "A", 99.0),  # a superseded run
    forecast(D, "d1", D, "1", "A", 99.0),  # tonight's own
    forecast(Y, "y2", Y, "1", "B", 2.0),
]
DEMAND_ROWS = [
    demand("1", "A", Y, 6),
    demand("2", "A", Y, 0),
    demand("3", "A", Y, 3, in_stock=0.5),  # sold out: sales are a floor
    demand("1", "B", Y, 2, known=D + DAY),  # came late: tonight can't know it
    demand("1", "A", B, 5),
]


def naive() -> list[dict[str, Any]]:
    happened = {(r["item_id"], r["location_id"]): float(r["units"]) for r in DEMAND_ROWS[:2]}
    sums: dict[tuple[Any, ...], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in FORECAST_ROWS:
        pair = (row["item_id"], row["location_id"])
        if row["run_id"] not in ("y2", "b1") or row["target_date"] != Y or pair not in happened:
            continue
        y = happened[pair]
        department = "dairy" if row["item_id"] == "1" else ""
        group = sums[row["business_date"], Y, row["location_id"], department]
        group["series"] += 1
        group["actual"] += y
        group["forecast"] += row["mean"]
        group["absolute_error"] += abs(y - row["q50"])
        group["pinball"] += float(np.mean([max(p * (y - row[q]), (p - 1) * (y - row[q])) for q, p in QUANTILES.items()]))
        group["covered_80"] += row["q10"] <= y <= row["q90"]
    keys = ("forecast_date", "target_date", "location_id", "department")
    return [dict(zip(keys, key, strict=True)) | dict(values) for key, values in sorted(sums.items())]


def fill(lake: Lake) -> None:
    nights = [night(B, 1, "b1", "published"), night(Y, 1, "y1", "published"), night(Y, 2, "y2", "published"), night(D, 1, "d1", "running")]
    items = [
        {"item_id": item, "department": name, "known_from": date(1, 1, 1), "deleted": False}
        for item, name in (("1", "dairy"), ("2", None), ("3", None))
    ]
    lake.write_arrow("ops/nights", pa.Table.from_pylist(nights, NIGHTS.schema), None)
    lake.write_arrow("silver/items", pa.Table.from_pylist(items, ITEMS.silver().schema), None)
    lake.write_arrow("silver/demand", pa.Table.from_pylist(DEMAND_ROWS, DEMAND.schema), None)
    lake.write_arrow("gold/forecasts", pa.Table.from_pylist(FORECAST_ROWS, FORECASTS.schema), None)


def test_as_the_loop_does(lake: Lake) -> None:
    fill(lake)
    found = measure(lake, Config(), D)
    assert found is not None
    rows = found.to_pylist()
    assert [row.pop("step") for row in rows] == [1, 0, 0]
    for row, wanted in zip(rows, naive(), strict=True):
        assert {k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()} == {
            k: round(v, 6) if isinstance(v, float) else v for k, v in wanted.items()
        }


def test_first_night_has_nothing_to_look_back_at(lake: Lake) -> None:
    assert measure(lake, Config(), D) is None
