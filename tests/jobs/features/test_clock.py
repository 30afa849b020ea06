"""Periods by day and by week, and features of a weekly series."""

from datetime import date, timedelta

import numpy as np
import pytest

from jobs.features.block import Span, to_block
from jobs.features.clock import CLOCKS
from jobs.features.compute import compute
from jobs.features.context import Masters, build
from tests.jobs.features.blocks import CALENDAR, PRICES, SIGNALS, sold, stream, sums

WEEK = CLOCKS["week"]
MONDAY = date(2024, 5, 27)


@pytest.mark.parametrize("day", [MONDAY, MONDAY + timedelta(days=6)])
def test_a_week_is_from_monday_to_sunday(day: date) -> None:
    assert WEEK.first_day(WEEK.index(day)) == MONDAY
    assert WEEK.index(MONDAY - timedelta(days=1)) == WEEK.index(MONDAY) - 1


def test_days_number_themselves_and_know_their_weekday() -> None:
    clock = CLOCKS["day"]
    assert clock.first_day(clock.index(MONDAY)) == MONDAY
    numbers = np.arange(clock.index(MONDAY), clock.index(MONDAY) + 8)
    assert clock.weekday(numbers).tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert set(WEEK.weekday(numbers).tolist()) == {0}


def test_features_of_a_weekly_series() -> None:
    weeks = [MONDAY - timedelta(weeks=k) for k in range(1, 60)]
    rows = [sold("a", "S1", day, 30.0 if k == 52 else 10.0) for k, day in enumerate(weeks, 1)]
    origin = WEEK.index(MONDAY)
    masters = Masters(
        items=stream([{"item_id": "a"}]).select(["item_id"]).append_column("category", [["c"]]).append_column("department", [["d"]]),
        locations=stream([{"location_id": "S1"}]).select(["location_id"]).append_column("region", [["north"]]),
        calendar=CALENDAR.empty_table(),
        signals=SIGNALS.empty_table(),
        sums=sums(rows),
        prices=PRICES.empty_table(),
    )
    context = build(masters, WEEK, (origin,), 2, origin)
    block = to_block(stream(rows), WEEK, Span.around(WEEK, [origin], 2), context.prices)
    made = compute(block, context, origin)
    assert made["target_date"].to_pylist() == [MONDAY, MONDAY + timedelta(weeks=1)]
    assert made["position"].to_pylist() == [22, 23]
    assert made["level"][0].as_py() == pytest.approx(10, rel=0.01)
    # One of the three weeks around the same season last year sold three times as much.
    assert made["year_ago"][0].as_py() == pytest.approx(5 / 3, rel=0.01)
    assert made["like_1"][0].as_py() == pytest.approx(1, rel=0.01)
