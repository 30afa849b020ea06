"""Features of the own past against naive loops."""

from datetime import date, timedelta

import numpy as np
import pytest

from jobs.features import history
from jobs.features.block import Block, Span, to_block
from jobs.features.past import Past
from tests.jobs.features.blocks import CLOCK, context, known, past, sold, stream

D = date(2024, 5, 29)
ORIGIN = CLOCK.index(D)
DAY = timedelta(days=1)


def _block(rows: list[dict], horizon: int = 9) -> Block:
    return to_block(stream(rows), CLOCK, Span.around(CLOCK, [ORIGIN], horizon), context(rows, [D]).prices)


def _in_stock(rows: list[dict]) -> dict[date, float]:
    return {r["period"]: r["units"] for r in rows if r["in_stock_fraction"] >= 1}


def _demand(rows: list[dict]) -> dict[date, float]:
    return {day: units for (_, _, day), units in known(rows).items()}


def test_level_is_the_weighted_mean_shrunk_to_the_prior() -> None:
    rows = past("a", "S1", D, 50)
    weights = {day: 0.5 ** ((D - day).days / CLOCK.half_life) for day in _demand(rows)}
    own = sum(weights[day] * units for day, units in _demand(rows).items())
    expected = (own + history.PRIOR_PERIODS * 9.0) / (sum(weights.values()) + history.PRIOR_PERIODS)
    assert history.level(_block(rows), CLOCK, ORIGIN, np.array([9.0]))[0] == pytest.approx(expected)


def test_level_of_a_series_that_always_runs_out() -> None:
    """In stock half of the day it sells half; what is in stock for a moment only says that demand is at least what was sold."""
    rows = [sold("a", "S1", D - DAY * k, 8.0, stock=0.5) for k in range(1, 40)]
    assert history.level(_block(rows), CLOCK, ORIGIN, np.array([16.0]))[0] == pytest.approx(16, rel=0.02)
    rows = [sold("a", "S1", D - DAY * k, 8.0, stock=0.01) for k in range(1, 40)]
    assert history.level(_block(rows), CLOCK, ORIGIN, np.array([1.0]))[0] == pytest.approx(8)


def test_level_takes_out_what_is_usual_of_a_day() -> None:
    """On holidays nothing is sold, and that is usual: the level is that of the other days."""
    rows = [sold("a", "S1", D - DAY * k, 0.0 if k % 4 == 0 else 8.0) for k in range(1, 92)]
    usual = np.where(np.arange(91, 0, -1) % 4 == 0, 0.0, 1.0)[None, :]
    assert history.level(_block(rows), CLOCK, ORIGIN, np.array([8.0]), usual)[0] == pytest.approx(8)
    assert history.level(_block(rows), CLOCK, ORIGIN, np.array([8.0]))[0] < 7


def test_weekdays_against_a_naive_loop() -> None:
    rows, rng = past("a", "S1", D, 91), np.random.default_rng(1)
    lift, prior = rng.uniform(0.5, 1.5, (1, CLOCK.recent)), rng.uniform(0.5, 1.5, (1, 7))
    made, sold_, due = history.weekdays(_block(rows), CLOCK, ORIGIN, lift, prior)[0], np.zeros(7), np.zeros(7)
    for day, units in _demand(rows).items():
        age = (D - day).days
        sold_[-age % 7] += 0.5 ** (age / 3 / CLOCK.half_life) * units
        due[-age % 7] += 0.5 ** (age / 3 / CLOCK.half_life) * lift[0, -age]
    share = (sold_ / (sold_ / due).mean() + 8 * prior[0]) / (due + 8)
    assert made == pytest.approx(share / share.mean())


def test_summary_against_naive_loops() -> None:
    rows = past("a", "S1", D, 50)
    made = history.summary(_block(rows), CLOCK, ORIGIN, np.array([2.0]))
    for i, span in enumerate(CLOCK.spans):
        near = [u / 2 for day, u in _in_stock(rows).items() if (D - day).days <= span]
        assert made[f"mean_{i + 1}"][0] == pytest.approx(np.mean(near))
    near = np.array([u / 2 for day, u in _in_stock(rows).items() if (D - day).days <= CLOCK.spans[3]])
    assert made["deviation"][0] == pytest.approx(near.std())
    assert made["share_of_zeros"][0] == pytest.approx((near == 0).mean())
    assert made["periods_in_stock"][0] == len(near)
    for name, days in (("rate_short", 7), ("rate", 14), ("rate_last", 1)):
        late = [r for r in rows if (D - r["period"]).days <= days]
        assert made[name][0] == pytest.approx(sum(r["units"] for r in late) / sum(r["in_stock_fraction"] for r in late) / 2)
    assert made["stock_last"][0] == next(r["in_stock_fraction"] for r in rows if r["period"] == D - DAY)
    assert made["age"][0] == 50
    assert made["since_sale"][0] == min((D - r["period"]).days for r in rows if r["units"] > 0)


def test_a_rate_is_units_for_the_time_in_stock() -> None:
    units = np.array([[4.0, 1.0], [2.0, np.nan], [np.nan, np.nan], [0.5, 0.0]])
    stock = np.array([[1.0, 0.25], [0.5, np.nan], [np.nan, np.nan], [0.1, 0.0]])
    # The last sold half a unit in a tenth of a day: at least a quarter is divided by.
    assert np.array_equal(history.in_stock_rate(units, stock), [4.0, 4.0, np.nan, 2.0], equal_nan=True)


@pytest.mark.parametrize("step", [0, 6, 7])
def test_like_lags_are_the_last_same_weekdays_before_the_origin(step: int) -> None:
    rows = [sold("a", "S1", D - DAY * k, float(k)) for k in range(1, 50)]
    made = history.like_lags(_block(rows), CLOCK, ORIGIN, ORIGIN + step, np.array([1.0]))
    target = D + DAY * step
    before = [k for k in range(1, 50) if (target - (D - DAY * k)).days % 7 == 0]
    assert [made[f"like_{i}"][0] for i in (1, 2, 3)] == before[:3]


def test_last_year_is_the_mean_around_the_same_weekday() -> None:
    rows = [sold("a", "S1", D - DAY * k, float(k)) for k in range(355, 372)]
    made = history.like_lags(_block(rows), CLOCK, ORIGIN, ORIGIN, np.array([1.0]))
    assert made["year_ago"][0] == pytest.approx(364)


def test_kernel_against_a_naive_loop() -> None:
    rows = past("a", "S1", D, 40)
    block = _block(rows)
    kinds = CLOCK.weekday(np.arange(ORIGIN - CLOCK.recent, ORIGIN))[None, :]
    seen = Past.of(block, CLOCK, ORIGIN, kinds, np.ones((1, CLOCK.recent)), np.array([4.0]))
    made = history.kernel(seen, seen.like(np.array([2]), np.array([1.6]), np.array([0.0])), CLOCK, np.ones(1))
    total = weight = 0.5  # the prior of half a period at the level
    for day, units in _demand(rows).items():
        w = 0.5 ** ((D - day).days / (1.5 * CLOCK.half_life)) * np.exp(-abs(np.log(2.0 / 1.6)) / 0.12)
        w *= 1.0 if day.weekday() == 2 else 0.2
        total, weight = total + w * units / 4, weight + w
    assert made["kernel"][0] == pytest.approx(total / weight)
