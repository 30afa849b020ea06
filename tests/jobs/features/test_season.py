"""Yearly season, events, long events and promotions, against naive loops; and nothing of the future in them."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from jobs.features.block import PRICE_OF_PAIR
from jobs.features.season import Window, event_lifts, near, promotion_lifts, season, spell_lifts
from tests.jobs.features.blocks import CLOCK, features, past, sold

D = date(2024, 5, 29)
DAY = timedelta(days=1)
YEAR = timedelta(days=364)
BEFORE, HORIZON = CLOCK.trend[1], 3


def _window(seed: int = 0, groups: int = 2, width: int = BEFORE + HORIZON + CLOCK.beyond) -> Window:
    rng = np.random.default_rng(seed)
    marks = np.where(rng.random((groups, width)) < 0.1, 2, 0)
    spells = np.zeros((groups, width), int)
    spells[:, 20:32] = 1
    count = rng.integers(0, 5, (groups, width)).astype(float)
    return Window(rng.poisson(4, (groups, width)) * count, count, marks, spells, marks > 0)


def _near(units: np.ndarray, count: np.ndarray, free: np.ndarray, t: int) -> float:
    """Naive loop."""
    like = [u for k in range(1, 5) for u in (t - 7 * k, t + 7 * k) if 0 <= u < len(units) and free[u]]
    seen = sum(count[u] for u in like)
    return sum(units[u] for u in like) / seen if seen else float("nan")


def _season(years: list[Window], group: int, step: int) -> tuple[float, float]:
    """Naive loop: total of lift x count, and count."""
    total = weight = 0.0
    for w in years:
        units, count, plain = w.units[group], w.count[group], ~w.event[group]
        sold_ = due = seen = 0.0
        for t in range(BEFORE + step - CLOCK.around, BEFORE + step + CLOCK.around + 1):
            like = [u for u in range(BEFORE) if u % 7 == t % 7 and plain[u]]
            usual = sum(units[u] for u in like) / max(sum(count[u] for u in like), 1e-9)
            if plain[t] and count[t] and usual > 0:
                sold_, due, seen = sold_ + units[t], due + count[t] * usual, seen + count[t]
        if seen:
            total, weight = total + np.clip(sold_ / due, 0.1, 10) * seen, weight + seen
    return total, weight


def test_season_against_a_naive_loop_shrunk_to_its_parent() -> None:
    years = [_window(1), _window(2)]
    made, top = season(years, CLOCK, HORIZON, np.full((1, HORIZON), 2.0)), season(years, CLOCK, HORIZON, None)
    for group in range(2):
        for step in range(HORIZON):
            total, weight = _season(years, group, step)
            assert made[group, step] == pytest.approx((total + 30 * 2) / (weight + 30))
            assert top[group, step] == pytest.approx(total / weight)


def test_near_and_events_against_naive_loops() -> None:
    window = _window(3)
    made = event_lifts([window], CLOCK, 4, np.array([[1.0, 1.0, 0.5, 7.0]]))
    free = window.marks == 0
    for group in range(2):
        units, count = window.units[group], window.count[group]
        expected = [_near(units, count, free[group], t) for t in range(len(units))]
        assert np.allclose(near(window.units, window.count, free, 7)[group], expected, equal_nan=True)
        days = [t for t in range(len(units)) if window.marks[group, t] == 2 and count[t] and expected[t] > 0]
        lift = sum(units[t] for t in days) / sum(count[t] * expected[t] for t in days)
        seen = sum(count[t] for t in days)
        assert made[group, 2] == pytest.approx((lift * seen + 0.5 * 10) / (seen + 10))
    # Nothing is known of code 3 but what the parent says; code 0 is no event.
    assert made[:, 3].tolist() == [7.0, 7.0]
    assert made[:, 0].tolist() == [1.0, 1.0]


def test_long_events_are_compared_with_what_lies_outside() -> None:
    window = _window(4, groups=1)
    units = np.where(window.spells == 1, 6.0, 3.0) * window.count
    made = spell_lifts([Window(units, window.count, window.marks, window.spells, window.event)], CLOCK, 2, None)
    days = (window.spells == 1) & (window.marks == 0)
    seen = window.count[days].sum()
    assert made[0, 1] == pytest.approx((2 * seen + 10) / (seen + 10))


def test_promotions_are_compared_with_like_days_without() -> None:
    every = _window(5, groups=1)
    none = np.zeros_like(every.marks)
    promoted = np.zeros_like(every.count)
    promoted[0, 10:13] = 2.0
    count = np.full_like(every.count, 5.0)
    sales = Window(3 * (count - promoted) + 9 * promoted, count, none, none, none > 0)
    made = promotion_lifts([sales], [Window(9 * promoted, promoted, none, none, none > 0)], CLOCK, None)
    assert made[0] == pytest.approx((3 * 6 + 10) / (6 + 10))


def _years(item: str, place: str, days: int = 800) -> list[dict]:
    """Summer sells double: from 20 May to the end of August."""
    rows = past(item, place, D, days, seed=7)
    return [{**r, "units": 20.0 if (5, 29) <= (r["period"].month, r["period"].day) < (9, 1) else 10.0} for r in rows]


def test_a_series_without_a_year_of_its_own_takes_the_season_of_its_item() -> None:
    rows = [*_years("a", "S1"), *_years("a", "S2"), *_years("b", "S1", 60), *_years("a", "S3", 20)]
    made = features(rows, D, horizon=9).to_pandas().set_index(["item_id", "location_id"])
    for series in (("a", "S1"), ("a", "S3")):
        late = made.loc[[series]].iloc[-1]
        assert late["season"] > 1.8, series
        assert late["expected"] == pytest.approx(late["level"] * late["season"], rel=1e-5)


def test_without_earlier_years_nothing_is_known_and_nothing_changes() -> None:
    made = features(past("a", "S1", D, 90), D)
    assert made["season"].null_count == made["item_season"].null_count == made.num_rows
    assert np.allclose(made["expected"], made["level"])
    assert set(made["event_lift"].to_pylist()) == set(made["promotion_lift"].to_pylist()) == {1.0}


def test_an_event_has_the_lift_it_had_and_one_never_seen_has_none() -> None:
    fair = [D - 7 * DAY, D - 21 * DAY, D + DAY]
    rows = [sold("a", "S1", D - DAY * k, 30.0 if D - DAY * k in fair else 10.0) for k in range(1, 57)]
    calendar = [{"region": "north", "date": day, "event": "fair"} for day in fair]
    made = features(rows, D, calendar=[*calendar, {"region": "north", "date": D + 20 * DAY, "event": "ball"}], horizon=23).to_pandas()
    # Everybody's, the category's and the location's, the item's: each shrunk by ten to the one above.
    top = (3 * 2 + 10) / 12
    below = (3 * 2 + top * 10) / 12
    item = (3 * 2 + below * 10) / 12
    assert made["event_lift"][1] == pytest.approx(item * below / top, rel=1e-5)
    assert made["location_event"][1] == pytest.approx(below, rel=1e-5)
    assert made["event_lift"][20] == 1


def test_a_long_event_is_no_kind_of_day() -> None:
    holidays = [{"region": "north", "date": D + DAY * k, "event": "school holiday"} for k in range(-30, -20)]
    coming = [{"region": "north", "date": D + DAY * k, "event": "school holiday"} for k in (1, 2)]
    made = features(past("a", "S1", D, 60), D, calendar=holidays + coming)
    assert made["spell"].to_pylist() == [0, 1, 1]
    assert made["event_kind"].to_pylist() == made["event"].to_pylist() == [0, 0, 0]


def test_days_after_a_promotion_know_it_before_and_after_the_origin() -> None:
    rows = [{**sold("a", "S1", D - DAY * k, 4.0), "promotion": k <= 2} for k in range(1, 30)]
    ahead = {"item_id": "a", "location_id": "S1", "kind": PRICE_OF_PAIR, "period": D + DAY, "promotion": True}
    made = features([*rows, ahead], D, horizon=9)["promoted_before"].to_pylist()
    known = {D - DAY, D - 2 * DAY, D + DAY}
    expected = [sum(D + DAY * (step - k) in known for k in range(1, 8)) / 7 for step in range(9)]
    assert np.allclose(made, expected)


def test_nothing_from_the_origin_on_is_seen_with_years_of_history() -> None:
    rng = np.random.default_rng(1)
    history = [*past("a", "S1", D, 800), *past("a", "S2", D, 500), *past("b", "S1", D, 90)]
    fair = [{"region": "north", "date": D - YEAR + DAY * k, "event": "fair"} for k in (1, 366)]
    future = [
        {**sold(item, place, D + DAY * k, float(rng.integers(0, 900)), rng.random(), 9.0), "promotion": bool(k % 2)}
        for item, place in (("a", "S1"), ("a", "S2"), ("b", "S1"), ("c", "S2"))
        for k in range(30)
    ]
    then = features(history, D, calendar=fair)
    later = features(history + future, D, [D + 10 * DAY, D - 5 * DAY], night=D + 30 * DAY, calendar=fair)
    later = later.filter(pa.compute.is_in(later["item_id"], pa.array(["a", "b"])))
    for name in then.column_names:
        assert np.array_equal(*(np.asarray(t[name].to_pandas()).astype(str) for t in (then, later))), name
    changed = [{**r, "units": r["units"] + 5} if D - YEAR <= r["period"] < D - YEAR + 3 * DAY else r for r in history]
    assert not features(changed, D, calendar=fair)["season"].equals(then["season"])
