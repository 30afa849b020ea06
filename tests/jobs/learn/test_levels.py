"""Shifted levels: consistent, invertible, and of a window as much as they say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from jobs.forecast.distribution import LEVELS, NAMES, draw, ranks_between
from jobs.forecast.model import settle
from jobs.learn.levels import intervals, log_odds_of, moved, seen_under, sensitivity, shift_of, shifted

SHIFTS = st.floats(-0.15, 0.15).map(log_odds_of)


def forecasts(mean: float, zero: float, spread: float, whole: bool) -> pa.Table:
    """One series whose positive demand is log-normal."""
    from scipy.special import ndtri

    above = np.clip((LEVELS - zero) / (1 - zero), 1e-9, None)
    quantiles = np.where(zero < LEVELS, mean * np.exp(spread * ndtri(above)), 0.0)[None]
    columns = settle(np.array([mean]), np.array([zero]), quantiles, np.array([whole]), np.array([False]))
    mean_, p_zero, quantiles = columns
    numbers = {"mean": mean_, "p_zero": p_zero, **dict(zip(NAMES, quantiles.T, strict=True)), "whole_units": np.array([whole])}
    return pa.table({name: pa.array(values) for name, values in numbers.items()})


def arrays(rows: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rows["mean"].to_numpy(), rows["p_zero"].to_numpy(), np.column_stack([rows[name].to_numpy() for name in NAMES])


@settings(max_examples=100, deadline=None)
@given(st.floats(0.05, 50), st.floats(0, 0.95), st.floats(0.1, 1.5), st.booleans(), SHIFTS)
def test_shifted_forecasts_are_consistent(mean: float, zero: float, spread: float, whole: bool, log_odds: float) -> None:
    before, after = forecasts(mean, zero, spread, whole), shifted(forecasts(mean, zero, spread, whole), np.array([log_odds]))
    (m0, p0, q0), (m1, p1, q1) = arrays(before), arrays(after)
    assert (np.diff(q1) >= -1e-9).all()
    assert 0 <= p1[0] <= 1
    assert (q1[0][p1 >= LEVELS] == 0).all()
    sign = np.sign(log_odds)
    assert sign * (m1[0] - m0[0]) >= -1e-6 * m0[0]
    assert sign * (p0[0] - p1[0]) >= -1e-9 or whole
    assert (sign * (q1 - q0) >= -1e-9).all() or whole
    if whole:
        assert (q1[0][p1 < LEVELS] >= 1).all()
        assert p1[0] >= 1 - m1[0] - 1e-9
    # What is published as q50 is the old quantile at the level to which 0.5 moves.
    level = moved(np.array(0.5), log_odds)
    inside = ranks_between(q0, np.zeros(1), q1[:, NAMES.index("q50")])
    assert q1[0, NAMES.index("q50")] <= 1 or inside[0][0] - 1e-6 <= level <= inside[1][0] + 1e-6


@pytest.mark.parametrize("whole", [False, True])
def test_the_mean_moves_as_the_mean_over_paths_would(whole: bool) -> None:
    """Paths scaled by the factor that was right before, drawn at the moved ranks."""
    log_odds, ranks = log_odds_of(0.12), (np.arange(4000) + 0.5) / 4000
    rows = forecasts(6.0, 0.2, 0.8, whole)
    mean, p_zero, quantiles = arrays(rows)
    free = draw(quantiles, p_zero, mean, ranks, whole)
    factor = mean / free.mean()
    expected = np.interp(moved(ranks, log_odds), ranks, np.sort(free[0])).mean() * factor
    assert arrays(shifted(rows, np.array([log_odds])))[0] == pytest.approx(expected, rel=0.02)


def test_rows_that_are_not_shifted_stay_to_the_last_bit() -> None:
    rows = pa.concat_tables([forecasts(3.0, 0.1, 0.7, whole=True), forecasts(2.0, 0.3, 0.7, whole=False)])
    found = shifted(rows, np.array([0.0, 0.4]))
    assert found.slice(0, 1).equals(rows.slice(0, 1))
    assert not found.slice(1, 1).equals(rows.slice(1, 1))


def test_a_closed_day_stays_closed() -> None:
    rows = forecasts(3.0, 0.1, 0.7, whole=True)
    nothing = {name: pa.array([1.0 if name == "p_zero" else 0.0]) for name in ("mean", "p_zero", *NAMES)}
    closed = pa.table({**nothing, "whole_units": rows["whole_units"]})
    assert shifted(closed, np.array([0.5])).equals(closed)


@given(st.floats(0.001, 0.999), SHIFTS, SHIFTS)
def test_shifts_add_up_and_are_undone(level: float, one: float, other: float) -> None:
    levels = np.array([level])
    assert moved(moved(levels, one), other) == pytest.approx(moved(levels, one + other))
    # A belief shifted up puts what happened lower, by as much.
    assert seen_under(moved(levels, one), np.array([one])) == pytest.approx(levels)
    assert shift_of(one) == pytest.approx(
        np.abs(moved(np.linspace(0, 1, 2001), one) - np.linspace(0, 1, 2001)).max() * np.sign(one), abs=1e-6
    )


def test_levels_of_whole_units_meet_each_other() -> None:
    counts = np.sort(np.random.default_rng(1).poisson(1.7, 1000))
    quantiles = counts[(LEVELS * 1000).astype(int)][None].astype(float).repeat(6, axis=0)
    low, high = intervals(quantiles, np.arange(6.0))
    assert low[0] == 0
    assert low[1:] == pytest.approx(high[:-1])
    assert high == pytest.approx([(counts <= units).mean() for units in range(6)], abs=0.06)


def test_zero_of_what_is_sold_by_weight_ends_where_demand_begins() -> None:
    quantiles = np.where(LEVELS > 0.3, LEVELS * 1.5, 0.0)[None]
    low, high = intervals(quantiles, np.zeros(1))
    assert (low[0], high[0]) == (0, pytest.approx(0.3, abs=0.1))


def test_a_window_of_days_moves_by_more_than_its_days() -> None:
    """Ranks by a copula with a correlation of 0.3 between days: the window's level of fixed units, before and after."""
    from scipy.special import ndtr

    random, days, paths = np.random.default_rng(3), 7, 20_000
    normal = np.sqrt(0.7) * random.standard_normal((days, paths)) + np.sqrt(0.3) * random.standard_normal(paths)
    log_odds = 0.3
    rows = forecasts(5.0, 0.0, 0.5, whole=False)
    before, after = (
        sum(draw(q, p, m, ndtr(normal[day]), False)[0] for day in range(days))
        for m, p, q in (arrays(rows), arrays(shifted(rows, np.array([log_odds]))))
    )
    units = np.quantile(before, 0.6)
    change = logit(0.6) - logit((after <= units).mean())
    assert change == pytest.approx(log_odds * sensitivity(np.array(7.0), 0.3), rel=0.15)
    assert expit(logit(0.6) - change) < 0.6
