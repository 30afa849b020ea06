"""What a night learns from: earlier published runs only, each line once; without Spark."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jobs.config import Config
from jobs.forecast.distribution import NAMES
from jobs.forecast.ranks import USUAL
from jobs.lake import Lake
from jobs.learn.night import corrected, judged
from tests.published import attempt_row, write

D = date(2024, 5, 10)
DAY = timedelta(days=1)
LINE = {"item_id": "1", "location_id": "S", "source_id": "DC"}
SEEN = {"known_from": date(2024, 1, 1), "known_to": None, "deleted": False}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two nights published, the second after a superseded attempt; an item sold in a store."""
    made = Lake(str(tmp_path / "lake"), run_id="tonight")
    made.create_tables()
    attempts = ((D - 2 * DAY, 1, "a"), (D - DAY, 1, "old"), (D - DAY, 2, "b"))
    write(made, "ops/nights", [attempt_row(day, n, run, "published", "publish", None) for day, n, run in attempts])
    write(made, "silver/items", [SEEN | {"item_id": "1", "department": "dairy"}])
    write(made, "silver/locations", [SEEN | {"location_id": "S", "kind": "store", "region": "north"}])
    demand = {"item_id": "1", "location_id": "S", "channel": "store", "in_stock_fraction": 1.0, "demand_source": "observed"}
    days = [D - n * DAY for n in range(1, 4)]
    write(made, "silver/demand", [SEEN | demand | {"period": day, "month": day.replace(day=1), "units": 4, "demand": 4} for day in days])
    run = {"business_date": D, "run_id": "tonight"}
    write(made, "gold/features", [run | {"item_id": "1", "location_id": "S", "channel": "store", "step": 0, "level": 4.0}])
    return made


def reason(run: str, day: date, first: date, last: date) -> dict[str, Any]:
    window = {"arrives_on": first, "next_arrives_on": last, "binding": "", "window_quantiles": [float(n) for n in range(15)]}
    return LINE | {"business_date": day, "run_id": run} | window


def test_a_line_is_judged_by_the_first_night_that_knows_its_window(lake: Lake) -> None:
    lines = [
        reason("a", D - 2 * DAY, D - 2 * DAY, D - DAY),  # was known to the night before
        reason("a", D - 2 * DAY, D - DAY, D) | {"item_id": "1"},  # is known tonight
        reason("old", D - DAY, D - DAY, D),  # a superseded attempt's
        reason("b", D - DAY, D, D + DAY),  # goes on
    ]
    write(lake, "gold/order_reasons", lines)
    rows = judged(lake, Config(), D)
    assert rows is not None
    assert [(row["decided_on"], row["arrives_on"], row["sold"], row["status"]) for row in rows.to_pylist()] == [
        (D - 2 * DAY, D - DAY, 4, "observed")
    ]


def test_the_first_night_has_nothing_to_judge(tmp_path: Path) -> None:
    made = Lake(str(tmp_path / "empty"))
    made.create_tables()
    assert judged(made, Config(), D) is None


def outcomes(run: str, day: date, level: float, count: int = 300) -> list[dict[str, Any]]:
    happened = {"status": "observed", "level_low": level, "level_high": level, "level": level, "arrives_on": D - 3 * DAY}
    row = LINE | {"business_date": day, "run_id": run, "next_arrives_on": D - 2 * DAY} | happened
    return [row | {"decided_on": D - 4 * DAY, "source_id": f"DC{n}"} for n in range(count)]


def forecasts() -> pa.Table:
    names = {"item_id": ["1", "9"], "location_id": ["S", "S"]}
    numbers = {"mean": [4.0, 4.0], "p_zero": [0.0, 0.0], **{name: [n + 0.5, n + 0.5] for n, name in enumerate(NAMES)}}
    return pa.table({**names, **numbers, "whole_units": [False, False]})


def test_outcomes_of_published_runs_shift_forecasts(lake: Lake) -> None:
    write(lake, "gold/outcomes", [*outcomes("a", D - 2 * DAY, 0.9), *outcomes("old", D - DAY, 0.01, 900)])
    made = corrected(lake, Config(mode="feedback"), D, USUAL)(forecasts())
    row = next(r for r in lake.arrow("gold/corrections").to_pylist() if r["segment"] == "store/dairy/A")
    assert row["outcomes"] == 300
    assert row["shift"] > 0.05
    assert made["q50"].to_pylist()[0] > forecasts()["q50"].to_pylist()[0]
    assert made.slice(1).equals(forecasts().slice(1)), "an unknown item has no segment"


def test_the_next_night_goes_on_from_there_and_takes_nothing_twice(lake: Lake) -> None:
    """Outcomes of nights before the last corrections are in these already."""
    write(lake, "gold/outcomes", outcomes("a", D - 2 * DAY, 0.9))
    state = {"segment": "all", "log_odds": 0.3, "shift": 0.075, "estimate": 0.3, "last": 0.3, "last_on": D - 2 * DAY, "why": "acts"}
    write(lake, "gold/corrections", [{"business_date": D - DAY, "run_id": "b"} | state | {"standard_error": 0.05, "acts": True}])
    corrected(lake, Config(mode="feedback"), D, USUAL)
    rows = {r["segment"]: r for r in lake.arrow("gold/corrections", where=[("run_id", "=", "tonight")]).to_pylist()}
    assert rows["all"]["outcomes"] == 0
    assert rows["all"]["estimate"] == 0.3
    assert rows["all"]["shift_before"] == 0.075
    assert np.isclose(rows["store/dairy/A"]["log_odds"], rows["all"]["log_odds"])
