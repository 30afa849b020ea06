"""Lifts of events, long events and promotions, against naive loops."""

from datetime import date, timedelta

import numpy as np
import pytest

from jobs.features.clock import CLOCKS
from jobs.features.effects import event_lifts, event_shares, near, promotion_lifts, spell_lifts
from jobs.features.season import Window
from tests.jobs.features.blocks import CLOCK, features, sold
from tests.jobs.features.test_season import window

D = date(2024, 5, 29)
DAY = timedelta(days=1)
#: The codes of the first and the second event's own days.
FIRST, SECOND = 5, 10


def _near(units: np.ndarray, count: np.ndarray, free: np.ndarray, t: int) -> float:
    """Naive loop."""
    like = [u for k in range(1, 5) for u in (t - 7 * k, t + 7 * k) if 0 <= u < len(units) and free[u]]
    seen = sum(count[u] for u in like)
    return sum(units[u] for u in like) / seen if seen else float("nan")


def test_near_and_events_against_naive_loops() -> None:
    some = window(3)
    made = event_lifts([some], CLOCK, 4, np.array([[1.0, 1.0, 0.5, 7.0]]), {})
    free = some.marks == 0
    for group in range(2):
        units, count = some.units[group], some.count[group]
        expected = [_near(units, count, free[group], t) for t in range(len(units))]
        assert np.allclose(near(some.units, some.count, free, 7)[group], expected, equal_nan=True)
        days = [t for t in range(len(units)) if some.marks[group, t] == 2 and count[t] and expected[t] > 0]
        lift = sum(units[t] for t in days) / sum(count[t] * expected[t] for t in days)
        seen = sum(count[t] for t in days)
        assert made[group, 2] == pytest.approx((lift * seen + 0.5 * 10) / (seen + 10))
    # Nothing is known of code 3 but what the parent says; code 0 is no event.
    assert made[:, 3].tolist() == [7.0, 7.0]
    assert made[:, 0].tolist() == [1.0, 1.0]


def test_long_events_are_compared_with_what_lies_outside() -> None:
    some = window(4, groups=1)
    units = np.where(some.spells == 1, 6.0, 3.0) * some.count
    made = spell_lifts([Window(units, some.count, some.marks, some.spells, some.event)], CLOCK, 2, None)
    days = (some.spells == 1) & (some.marks == 0)
    seen = some.count[days].sum()
    assert made[0, 1] == pytest.approx((2 * seen + 10) / (seen + 10))


def test_promotions_are_compared_with_like_days_without() -> None:
    every = window(5, groups=1)
    none = np.zeros_like(every.marks)
    promoted = np.zeros_like(every.count)
    promoted[0, 10:13] = 2.0
    count = np.full_like(every.count, 5.0)
    sales = Window(3 * (count - promoted) + 9 * promoted, count, none, none, none > 0)
    made = promotion_lifts([sales], [Window(9 * promoted, promoted, none, none, none > 0)], CLOCK, None)
    assert made[0] == pytest.approx((3 * 6 + 10) / (6 + 10))


def _days(lifts: dict[int, list[float]], code: int, places: list[int], width: int = 56) -> Window:
    """Stores that sell 10 a day but for the event's days: group -> lift on each of them."""
    marks = np.zeros((len(lifts), width), int)
    marks[:, places] = code
    units = np.full(marks.shape, 10.0)
    units[:, places] = 10.0 * np.array(list(lifts.values()))
    return Window(units, np.ones_like(units), marks, np.zeros_like(marks), marks > 0)


def test_a_store_that_is_closed_on_holidays_is_closed_on_one_it_has_not_met() -> None:
    open_, closed = event_lifts([_days({0: [1.0] * 6, 1: [0.0] * 6}, FIRST, [3, 11, 19, 27, 35, 43])], CLOCK, 11, np.full((1, 11), 0.8), {})
    assert open_[SECOND] == pytest.approx(0.8 * (6 + 3) / (0.8 * 6 + 3))
    assert closed[SECOND] == pytest.approx(0.8 * 3 / (0.8 * 6 + 3))
    # The days next to it are as everywhere.
    assert open_[SECOND - 1] == closed[SECOND - 1] == 0.8


def test_at_the_top_a_name_never_seen_is_like_the_others_and_one_never_compared_has_no_lift() -> None:
    days = _days({0: [0.4]}, FIRST, [10])
    assert event_lifts([days], CLOCK, 11, None, {})[0, SECOND] == pytest.approx((0.4 + 1) / 2)
    every_sunday = _days({0: [0.4] * 8}, SECOND, list(range(6, 56, 7)))
    assert event_lifts([days, every_sunday], CLOCK, 11, None, {})[0, SECOND] == 1


def test_an_event_has_a_share_of_all_weekdays_on_its_day_only() -> None:
    some = window(3, groups=1)
    marks = np.where(some.marks > 0, FIRST, 0)
    marks[0, 5] = FIRST - 1
    some = Window(some.units, some.count, marks, some.spells, marks > 0)
    made, count, free = event_shares([some], CLOCK, 11, None)[0], some.count[0], marks[0] == 0
    sold_ = due = seen = 0.0
    for t in np.flatnonzero((marks[0] == FIRST) & (count > 0)):
        around = [u for u in range(max(t - 14, 0), min(t + 15, len(count))) if free[u]]
        sold_, seen = sold_ + some.units[0, t], seen + count[t]
        due += count[t] * some.units[0, around].sum() / count[around].sum()
    assert made[FIRST] == pytest.approx((sold_ / due * seen + (sold_ / due + 1) / 2 * 3) / (seen + 3))
    assert np.isnan(made[[0, FIRST - 1, SECOND]]).all()


def test_events_of_one_week_are_told_apart_by_weeks_with_one_of_them() -> None:
    """Alone the first doubles demand; with the second, which halves it, nothing is seen."""
    alone, both = _days({0: [2.0] * 200}, 1, list(range(0, 1000, 5)), 1000), _days({0: [1.0] * 200}, 3, list(range(0, 1000, 5)), 1000)
    made = event_lifts([alone, both], CLOCKS["week"], 4, None, {3: (1, 2)})[0]
    assert made == pytest.approx([1, 2, 0.5, 1], rel=0.05)


def test_an_event_has_the_lift_it_had_and_one_never_seen_that_of_others() -> None:
    fair = [D - 7 * DAY, D - 21 * DAY, D + DAY]
    rows = [sold("a", "S1", D - DAY * k, 30.0 if D - DAY * k in fair else 10.0) for k in range(1, 57)]
    calendar = [{"region": "north", "date": day, "event": "fair"} for day in fair]
    made = features(rows, D, calendar=[*calendar, {"region": "north", "date": D + 20 * DAY, "event": "ball"}], horizon=23).to_pandas()
    # Two of the three fairs are past. A name never seen: what the one name did, and one without effect.
    top = (3 * 2 + (3 + 1) / 2 * 3) / 5
    below = _shrunk(top)
    assert made["location_event"][1] == pytest.approx(below, rel=1e-5)
    assert made["item_event"][1] == pytest.approx(_shrunk(below), rel=1e-5)
    assert made["event_lift"][1] == pytest.approx(_shrunk(below) * below / top, rel=1e-5)
    assert 1.5 < made["event_lift"][20] < 3


def _shrunk(above: float) -> float:
    """A lift of three seen twice, shrunk by three periods to the one above, that one times how the group answers to events."""
    answer = (3 * 2 + 3) / (above * 2 + 3)
    return (3 * 2 + above * answer * 3) / 5


def test_every_sunday_a_holiday_is_no_event_with_a_lift() -> None:
    """One holiday fell on a Wednesday and sold three times as much; that says nothing about Sundays."""
    days = [D - DAY * k for k in range(1, 57)]
    holidays = [day for day in days if day.weekday() == 6] + [D - 14 * DAY]
    rows = [sold("a", "S1", day, 30.0 if day == D - 14 * DAY else 10.0) for day in days]
    made = features(rows, D, calendar=[{"region": "north", "date": day, "event": "holiday"} for day in [*holidays, D + 4 * DAY]], horizon=7)
    assert set(made["event_lift"].to_pylist()) == {1.0}
