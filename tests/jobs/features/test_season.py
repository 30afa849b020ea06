"""Yearly season against naive loops; and nothing of the future in it, nor in what is known of events."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from jobs.features.block import PRICE_OF_PAIR
from jobs.features.season import Lifts, Window, chance, season
from tests.jobs.features.blocks import CLOCK, features, past, sold

D = date(2024, 5, 29)
DAY = timedelta(days=1)
YEAR = timedelta(days=364)
BEFORE, HORIZON = CLOCK.trend[1], 3


def window(seed: int = 0, groups: int = 2, width: int = BEFORE + HORIZON + CLOCK.beyond) -> Window:
    rng = np.random.default_rng(seed)
    marks = np.where(rng.random((groups, width)) < 0.1, 2, 0)
    spells = np.zeros((groups, width), int)
    spells[:, 20:32] = 1
    count = rng.integers(0, 5, (groups, width)).astype(float)
    return Window(rng.poisson(4, (groups, width)) * count, count, marks, spells, marks > 0)


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
    years = [window(1), window(2)]
    made, top = season(years, CLOCK, HORIZON, np.full((1, HORIZON), 2.0)), season(years, CLOCK, HORIZON, None)
    for group in range(2):
        for step in range(HORIZON):
            total, weight = _season(years, group, step)
            assert made[group, step] == pytest.approx((total + 30 * 2) / (weight + 30))
            assert top[group, step] == pytest.approx(total / weight)


def test_a_period_among_events_takes_the_season_of_its_neighbours() -> None:
    year = window(6, groups=1)
    around = slice(BEFORE + 1 - CLOCK.around, BEFORE + 1 + CLOCK.around + 1)
    year.event[:] = False
    whole = season([year], CLOCK, HORIZON, None)
    year.event[:, around] = True
    made = season([year], CLOCK, HORIZON, None)
    assert not np.isnan(whole).any()
    assert made[0, 1] == pytest.approx((made[0, 0] + made[0, 2]) / 2)


def _turning(turns: np.ndarray, seed: int = 0) -> Window:
    """Groups whose last two weeks of four sell exp(turn) times what the two before did, each day of the same count."""
    width = BEFORE + HORIZON + CLOCK.beyond
    level = np.ones((len(turns), width)) * np.random.default_rng(seed).uniform(5, 50, (len(turns), 1))
    level[:, BEFORE // 2 : BEFORE] *= np.exp(turns)[:, None]
    none = np.zeros(level.shape, int)
    return Window(level, np.ones(level.shape), none, none, none > 0)


def _now(year: Window) -> Window:
    """The same groups, the last periods being those before the origin."""
    return Window(*(getattr(year, name)[:, :BEFORE] for name in ("units", "count", "marks", "spells", "event")))


def test_chance_is_what_years_differ_by() -> None:
    """Years that turn by a season of their own, and by chance of a known size: of one year, and less of the mean of three."""
    rng, groups, std = np.random.default_rng(3), 2_000, 0.2
    own = rng.normal(0, 0.3, groups)
    now, *years = (_turning(own + rng.normal(0, std, groups), seed) for seed in range(4))
    assert chance(_now(now), years[:1], CLOCK) == pytest.approx(std, rel=0.05)
    assert chance(_now(now), years, CLOCK) == pytest.approx(std / np.sqrt(3), rel=0.05)
    # What repeats to the full is not chance, nor what all groups do alike.
    assert chance(_now(_turning(own + 1.0)), [_turning(own)], CLOCK) == pytest.approx(0, abs=1e-9)


def test_few_groups_tell_little_of_chance_and_years_too_short_nothing() -> None:
    differ = np.array([-0.3, 0.0, 0.3])
    few = chance(_now(_turning(differ)), [_turning(0 * differ)], CLOCK)
    assert few == pytest.approx(np.sqrt((differ**2).sum() / 2 / (3 + 30)))
    young = _turning(differ)
    young.count[:, : BEFORE // 2] = young.units[:, : BEFORE // 2] = 0.0
    assert chance(_now(_turning(differ)), [young], CLOCK) == np.inf
    young.count[:] = 0.0
    assert chance(_now(_turning(differ)), [young], CLOCK) == 0


def test_lifts_that_chance_explains_are_their_parents() -> None:
    parent = np.array([[1.2]])
    own = parent * np.exp([[0.0], [0.1], [0.39], [0.8], [-0.8]])
    made = Lifts(*[own] * 4).told_apart(Lifts(*[np.repeat(parent, 5, axis=0)] * 4), 0.2)
    wanted = 1.2 * np.exp([0, 0, 0, 0.8 * (1 - (0.4 / 0.8) ** 2), -0.8 * (1 - (0.4 / 0.8) ** 2)])
    for lifts in made:
        assert lifts[:, 0] == pytest.approx(wanted)
    unknown = Lifts(*[np.array([[np.nan], [0.0]])] * 4).told_apart(Lifts(*[np.ones((2, 1))] * 4), np.inf)
    assert np.array_equal(unknown.share, [[np.nan], [0.0]], equal_nan=True)


def test_items_whose_last_year_was_chance_have_their_category_s_season() -> None:
    """Forty items that wander by themselves for weeks on end: what one did a year ago says nothing of this year."""
    rng, rows = np.random.default_rng(5), []
    for number in range(40):
        wander = np.repeat(rng.normal(0, 0.5, 120), 7)
        rows += [{**row, "units": 10 * np.exp(w)} for row, w in zip(past(f"i{number:02}", "S1", D, 420, seed=number), wander, strict=False)]
    season = features(rows, D, horizon=9)["item_season"].to_numpy()
    assert np.log(season).std() < 0.1


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
        assert late["expected"] == pytest.approx(late["level"] * late["season"] * late["weekday"], rel=1e-5)


def test_without_earlier_years_nothing_is_known_and_nothing_changes() -> None:
    made = features(past("a", "S1", D, 90), D)
    assert made["season"].null_count == made["item_season"].null_count == made.num_rows
    assert np.allclose(made["expected"], made["level"])
    assert set(made["event_lift"].to_pylist()) == set(made["promotion_lift"].to_pylist()) == {1.0}


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
