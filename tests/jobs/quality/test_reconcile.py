"""Reconciliation: what was delivered is somewhere, and nothing is there that was not delivered."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jobs.quality.outcome import Outcome
from jobs.quality.reconcile import Counted, compare_periods, reconcile_files, sold_by_period

FILES: list[dict[str, Any]] = [
    {"file": "sales/a.csv", "feed": "sales", "delivered": 10, "duplicate": 0, "current": True},
    {"file": "sales/b.csv", "feed": "sales", "delivered": 5, "duplicate": 5, "current": True},
    # an earlier content of a: its rows were replaced
    {"file": "sales/a.csv", "feed": "sales", "delivered": 7, "duplicate": 0, "current": False},
    {"file": "items/i.csv", "feed": "items", "delivered": 2, "duplicate": 0, "current": True},
]
SILVER = {"sales/a.csv": 8, "items/i.csv": 2}
BAD = {"sales/a.csv": 2}


def reconcile(silver: dict[str, int], bad: dict[str, int]) -> dict[str, Outcome]:
    return {o.table: o for o in reconcile_files(FILES, Counted(silver, bad, {}))}


def test_everything_is_accounted_for() -> None:
    found = reconcile(SILVER, BAD)

    assert {table: (o.passed, o.rows) for table, o in found.items()} == {"sales": (True, 15), "items": (True, 2)}


@pytest.mark.parametrize(
    ("silver", "bad", "feed", "off"),
    [
        pytest.param({**SILVER, "sales/a.csv": 7}, BAD, "sales", 1, id="a silver row is gone"),
        pytest.param(SILVER, {"sales/a.csv": 1}, "sales", 1, id="a quarantined row is gone"),
        pytest.param({**SILVER, "items/i.csv": 4}, BAD, "items", 2, id="rows came twice"),
        pytest.param({**SILVER, "prices/p.csv": 3}, BAD, "prices", 3, id="rows of a file that was never delivered"),
        pytest.param({"sales/a.csv": 8}, BAD, "items", 2, id="a whole file is gone"),
    ],
)
def test_what_is_lost_or_doubled_stops_the_night(silver: dict[str, int], bad: dict[str, int], feed: str, off: int) -> None:
    found = reconcile(silver, bad)

    assert {table for table, o in found.items() if o.stops} == {feed}
    assert found[feed].failed_rows == off
    assert "delivered" in found[feed].examples[0]


def test_sales_and_demand_agree_period_by_period() -> None:
    first, second = date(2024, 5, 1), date(2024, 5, 2)

    assert compare_periods({first: 3, second: 4}, {first: 3, second: 4}).passed
    # Equal in sum, but not by period.
    found = compare_periods({first: 3, second: 4}, {first: 4, second: 3})
    assert found.stops
    assert found.failed_rows == 2
    assert found.examples[0] == "period 2024-05-01: 3 rows in silver/sales, 4 in silver/demand"


def test_the_first_week_counts_only_if_it_is_whole() -> None:
    # Sales begin on Wednesday the 1st; the night is Monday the 20th: the weeks of the 6th and the 13th count.
    days = {date(2024, 5, day): 1 for day in range(1, 20)}

    assert sold_by_period(days, 7, date(2024, 5, 20)) == {date(2024, 5, 6): 7, date(2024, 5, 13): 7}
    assert sold_by_period(days, 1, date(2024, 5, 19)) == {day: 1 for day in days if day < date(2024, 5, 19)}
    assert sold_by_period({}, 1, date(2024, 5, 19)) == {}
