"""Outcomes of hand-made windows: what was believed, what happened, what is not known."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from jobs.forecast.distribution import LEVELS
from jobs.learn.outcomes import BELIEFS, DEMAND, judge
from schemas import DEMAND as SILVER
from schemas import ORDER_REASONS

D = date(2024, 6, 12)
DAY = timedelta(1)
#: Demand of the window from 0 to 100 units, not whole: its level is its hundredth.
EVEN = (LEVELS * 100 + 0.25).tolist()


def line(item: str, first: int = -3, last: int = -1, quantiles: list[float] | None = EVEN, **more: Any) -> dict[str, Any]:
    """Decided on five days before D; its window is from D + first to D + last, that day included."""
    dates = {"business_date": D - 5 * DAY, "arrives_on": D + first * DAY, "next_arrives_on": D + (last + 1) * DAY}
    money = {"units": Decimal(6), "shortage_cost": Decimal(2), "expected_cost": Decimal(3)}
    names = {"item_id": item, "source_id": "DC", "location_id": "S", "binding": "", "window_quantiles": quantiles}
    return {**names, **dates, **money, "demand_in_window": 50.0, **more}


def sold(item: str, day: int, units: int, in_stock: float = 1.0, demand: int | None = None) -> dict[str, Any]:
    recovered = Decimal(units) if in_stock >= 1 else None if demand is None else Decimal(demand)
    names = {"item_id": item, "location_id": "S", "period": D + day * DAY}
    return names | {"units": Decimal(units), "demand": recovered, "in_stock_fraction": in_stock}


def judged(lines: list[dict[str, Any]], demand: list[dict[str, Any]], closed: frozenset[tuple[str, date]] = frozenset()) -> dict[str, dict]:
    reasons = pa.Table.from_pylist(lines, pa.schema([ORDER_REASONS.schema.field(name) for name in BELIEFS]))
    rows = pa.Table.from_pylist(demand, pa.schema([SILVER.schema.field(name) for name in DEMAND]))
    return {row["item_id"]: row for row in judge(reasons, rows, closed, 1).iter_rows(named=True)}


def test_what_happened_has_its_level_in_what_was_believed() -> None:
    demand = [sold("1", -4, 99), *(sold("1", day, 10) for day in (-3, -2, -1))]
    row = judged([line("1")], demand)["1"]
    assert (row["decided_on"], row["status"], row["sold"], row["wanted"]) == (D - 5 * DAY, "observed", 30, 30)
    assert row["level"] == pytest.approx(0.2975, abs=1e-6)
    assert row["level_low"] == row["level_high"]
    assert row["lost_cost"] == 0


def test_channels_of_a_stock_count_together() -> None:
    row = judged([line("1", -1)], [sold("1", -1, 10), sold("1", -1, 30)])["1"]
    assert (row["sold"], row["status"]) == (40, "observed")


def test_a_window_short_of_stock_tells_only_that_demand_was_more() -> None:
    demand = [sold("1", -3, 10), sold("1", -2, 0, in_stock=0.0), sold("1", -1, 10, in_stock=0.5, demand=18)]
    row = judged([line("1")], demand)["1"]
    assert (row["status"], row["sold"], row["wanted"], row["lost"]) == ("short", 20, 28, 8)
    assert row["level_low"] == pytest.approx(0.1975, abs=1e-6)
    assert row["level_high"] == 1
    assert row["lost_cost"] == pytest.approx(16)


def test_a_missing_day_is_unknown_and_a_closed_one_is_not() -> None:
    demand = [sold(item, day, 10) for item in "12" for day in (-3, -1)]
    assert judged([line("1")], demand)["1"]["status"] == "unknown"
    assert judged([line("1")], demand)["1"]["level"] is None
    found = judged([line("1")], demand, frozenset({("S", D - 2 * DAY), ("T", D - DAY)}))["1"]
    assert (found["status"], found["sold"]) == ("observed", 20)


def test_who_believed_nothing_or_counts_on_another_lane_is_not_judged() -> None:
    lines = [line("1", quantiles=None), line("2", binding="dc_stock, another_lane"), line("3", binding="dc_stock")]
    assert set(judged(lines, [sold(item, day, 1) for item in "123" for day in (-3, -2, -1)])) == {"3"}


def test_levels_of_outcomes_that_follow_the_belief_are_even() -> None:
    """Whole units, many of them zero; half of the shelves are too small."""
    random = np.random.default_rng(5)
    paths = np.sort(random.poisson(1.2, 4000))
    quantiles = paths[(LEVELS * 4000).astype(int)].astype(float).tolist()
    wanted, stock = random.poisson(1.2, 1500).tolist(), random.integers(1, 4, 1500).tolist()
    lines = [line(f"{n}", -1, quantiles=quantiles) for n in range(1500)]
    demand = [sold(f"{n}", -1, min(w, s), 1.0 if w <= s else 0.5) for n, (w, s) in enumerate(zip(wanted, stock, strict=True))]
    rows = pl.DataFrame(list(judged(lines, demand).values()))
    assert 0.02 < (rows["status"] == "short").mean() < 0.5
    assert rows["level"].mean() == pytest.approx(0.5, abs=0.025)


def test_nothing_to_judge() -> None:
    assert judged([], []) == {}
