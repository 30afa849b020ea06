"""Levels of items, locations and categories against naive loops."""

from datetime import date, timedelta

import numpy as np
import pytest

from jobs.features.levels import EVENT_KIND, Sums, add_up, stats
from tests.jobs.features.blocks import CLOCK, context, past, sold

D = date(2024, 5, 29)
ORIGIN = CLOCK.index(D)
DAY = timedelta(days=1)


def test_mean_is_of_the_long_window_and_unknown_ids_take_everybodys() -> None:
    rows = [*past("a", "S1", D, 60), *past("b", "S1", D, 60)]
    levels = context(rows, [D]).levels(ORIGIN)
    seen = [r["units"] for r in rows if r["in_stock_fraction"] >= 1 and (D - r["period"]).days <= CLOCK.trend[1]]
    assert levels["location"].mean[0] == pytest.approx(np.mean(seen))
    assert levels["item"].mean[-1] == pytest.approx(np.mean(seen))
    assert context(rows, [D]).sums["item"].rows(np.array(["b", "none"], object)).tolist() == [1, -1]


def test_trend_compares_the_short_with_the_long_window_shrunk() -> None:
    rows = [sold("a", "S1", D - DAY * k, 6.0 if k <= 7 else 2.0) for k in range(1, 57)]
    top = context(rows, [D]).levels(ORIGIN)["item"]
    raw, weight = 6 / 3, 28
    overall = (raw * weight + 30) / (weight + 30)  # everybody's, shrunk to one
    assert top.trend[0] == pytest.approx((raw * weight + overall * 30) / (weight + 30))


def test_profile_against_a_naive_loop() -> None:
    rng = np.random.default_rng(0)
    units = rng.poisson(5, (1, 60)).astype(float)
    sums = Sums(ORIGIN - 60, np.array(["a"], object), units, np.full((1, 60), 2.0))
    kinds = np.where(np.arange(60) % 9 == 0, EVENT_KIND, np.arange(60) % 7)
    made = stats(sums, None, kinds, ORIGIN, CLOCK).profile[0]
    window = range(60 - CLOCK.spans[-1], 60)
    mean = sum(units[0, t] for t in window) / (2 * len(window))
    for kind in range(8):
        like = [t for t in window if kinds[t] == kind]
        assert made[kind] == pytest.approx((sum(units[0, t] for t in like) / mean + 30) / (2 * len(like) + 30))


def test_groups_add_up_and_no_ids_make_one_empty_group() -> None:
    sums = Sums(0, np.array(["a", "b", "c"], object), np.array([[1.0], [2.0], [4.0]]), np.ones((3, 1)))
    made = add_up(sums, np.array(["y", "x", "y"], object))
    assert made.ids.tolist() == ["x", "y"]
    assert made.units.tolist() == [[2], [5]]
    empty = add_up(Sums(0, np.array([], object), np.zeros((0, 1)), np.zeros((0, 1))), np.array([], object))
    assert np.isnan(stats(empty, None, np.zeros(1, int), 1, CLOCK).mean).all()
