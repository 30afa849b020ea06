"""From points to distributions: ratios by segment, monotone, covering what they say."""

import json
from dataclasses import replace

import numpy as np
import pytest

from jobs.forecast.calibration import Calibration, Traits, centred, fit, mean_over_root
from jobs.forecast.distribution import LEVELS


def _rows(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Traits]:
    rng = np.random.default_rng(seed)
    forecast = rng.uniform(0.2, 20, n)
    spread, step = rng.uniform(0, 1, n), rng.integers(0, 7, n)
    return forecast, rng.poisson(forecast).astype(float), Traits(spread, step, rng.random(n) < 0.2)


def test_covers_what_it_says_on_rows_it_has_not_seen() -> None:
    calibration = fit(*_rows(20_000), "day")
    forecast, actual, traits = _rows(20_000, 1)
    mean, p_zero, quantiles = calibration.apply(forecast, traits)
    assert mean.sum() == pytest.approx(actual.sum(), rel=0.02)
    assert p_zero.mean() == pytest.approx((actual == 0).mean(), abs=0.01)
    inside = (actual >= quantiles[:, 2]) & (actual <= quantiles[:, 12])
    # Poisson demand is lumpy: both ends of the interval count.
    assert 0.78 <= inside.mean() <= 0.88


@pytest.mark.parametrize("n", [50, 400, 20_000])
def test_quantiles_are_monotone_and_zero_below_p_zero(n: int) -> None:
    calibration = fit(*_rows(n), "day")
    forecast, _, traits = _rows(500, 2)
    _, p_zero, quantiles = calibration.apply(forecast, traits)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (quantiles[p_zero[:, None] > LEVELS] == 0).all()


def test_a_small_segment_takes_its_parents_ratios() -> None:
    calibration = fit(*_rows(60), "day")
    assert calibration.ratios[0] == calibration.ratios[1] == calibration.ratios[2]


def test_promoted_periods_have_ratios_of_their_own() -> None:
    """What sells under promotion is forecast too low by half, in every size and spread."""
    forecast, actual, traits = _rows(20_000)
    calibration = fit(forecast, np.where(traits.promoted, 1.5 * actual, actual), traits, "day")
    mean, _, quantiles = calibration.apply(forecast, traits)
    for promoted, wanted in ((True, 1.5), (False, 1.0)):
        mine = traits.promoted == promoted
        assert mean[mine].sum() / actual[mine].sum() == pytest.approx(wanted, rel=0.01)
        assert 0.88 <= (actual[mine] * wanted <= quantiles[mine, 12]).mean() <= 0.96


def test_a_holiday_while_held_out_is_no_measure_of_other_days() -> None:
    forecast, actual, plain = _rows(20_000)
    event = np.random.default_rng(3).random(20_000) < 0.1
    made = fit(forecast, np.where(event, 0.0, actual), replace(plain, event=event), "day", np.zeros(20_000, int))
    mean, _, quantiles = made.apply(forecast, replace(plain, event=event))
    assert mean[event].max() == quantiles[event].max() == 0
    assert mean[~event].sum() == pytest.approx(actual[~event].sum(), rel=0.01)
    assert (actual[~event] <= quantiles[~event, 7]).mean() == pytest.approx(0.55, abs=0.06)


def test_a_calibration_from_before_promotion_counted_still_applies() -> None:
    forecast, _, traits = _rows(500)
    old = Calibration([5.0], [], 3, [1.0, 2.0, 3.0, 4.0], [0.0] * 4, [[1.0] * 15] * 4)
    mean = old.apply(forecast, traits)[0]
    assert mean / forecast == pytest.approx(1 + 2.0 * (forecast >= 5) + (traits.step >= 3))


def test_unknown_spread_and_zero_forecast_are_finite() -> None:
    calibration = fit(*_rows(20_000), "day")
    made = calibration.apply(np.array([0.0, 3.0]), Traits(np.array([np.nan, np.nan]), np.array([0, 90]), np.array([True, False])))
    assert all(np.isfinite(part).all() for part in made)


def test_a_level_that_moved_while_held_out_is_not_taken_for_the_forecasts() -> None:
    forecast, actual, traits = _rows(20_000)
    origin = np.repeat([0, 1], 10_000)
    moved = np.where(origin == 0, 1.3, 0.9) * forecast
    made = fit(moved, actual, traits, "day", origin).apply(forecast, traits)
    expected = fit(forecast, actual, traits, "day").apply(forecast, traits)
    assert made[0].sum() == pytest.approx(expected[0].sum(), rel=0.01)
    assert made[2].sum() == pytest.approx(expected[2].sum(), rel=0.01)
    not_centred = fit(moved, actual, traits, "day").apply(forecast, traits)
    assert not_centred[0].sum() < 0.95 * expected[0].sum()


def test_centring_needs_rows_and_demand() -> None:
    forecast, actual = np.repeat([1.0, 2.0, 4.0], [100, 5, 100]), np.repeat([3.0, 9.0, 0.0], [100, 5, 100])
    made = centred(forecast, actual, np.repeat([1, 2, 3], [100, 5, 100]))
    assert np.array_equal(np.unique(made), [2.0, 3.0, 4.0])


def test_survives_json() -> None:
    calibration = fit(*_rows(500), "week")
    assert Calibration(**json.loads(json.dumps(calibration.to_dict()))) == calibration


def test_of_a_forecast_of_roots_the_mean_is_found_again() -> None:
    """Exponential demand, the square of whose mean root is pi / 4 of its mean; the level of every period moves a little."""
    rng = np.random.default_rng(3)
    period = rng.integers(0, 14, 40_000)
    drift = rng.normal(1, 0.02, 14)[period]
    forecast = rng.uniform(1, 20, 40_000)
    actual = rng.exponential(1, 40_000) * forecast * 4 / np.pi * drift
    assert mean_over_root(forecast, actual, period) == pytest.approx(4 / np.pi, rel=0.03)
    traits = Traits(np.full(40_000, 0.5), np.zeros(40_000, int), np.zeros(40_000, bool))
    mean = fit(forecast, actual, traits, "day", period, of_roots=True).apply(forecast, traits)[0]
    assert mean.sum() == pytest.approx(actual.sum(), rel=0.03)
    without = fit(forecast, actual, traits, "day", period).apply(forecast, traits)[0]
    assert without.sum() == pytest.approx(forecast.sum(), rel=0.03)


def test_a_level_that_moves_more_than_the_mean_lies_above_the_roots_is_left_alone() -> None:
    rng = np.random.default_rng(3)
    period = rng.integers(0, 14, 40_000)
    drift = np.exp(rng.normal(0, 0.2, 14))[period]
    forecast = rng.uniform(1, 20, 40_000)
    noise = np.exp(rng.normal(0, 0.5, 40_000))  # the mean lies 6% above the square of the mean root
    assert mean_over_root(forecast, forecast * noise, period) == pytest.approx(np.exp(0.0625), abs=0.005)
    assert mean_over_root(forecast, forecast * noise * drift, period) == pytest.approx(1.0, abs=0.01)
    assert mean_over_root(forecast[:50], forecast[:50], period[:50]) == 1.0
    assert mean_over_root(forecast, np.zeros(40_000), period) == 1.0


def test_series_that_scatter_more_have_the_level_of_their_size() -> None:
    """While they were held out, what scatters sold a fifth more, and the rest less: no reason to expect that again."""
    forecast, actual, traits = _rows(20_000)
    wide = traits.spread > 0.5
    found = fit(forecast, actual * np.where(wide, 1.2, 0.8), traits, "day")
    mean, _, quantiles = found.apply(forecast, traits)
    for group in (wide, ~wide):
        assert mean[group].sum() == pytest.approx(forecast[group].sum(), rel=0.02)
        assert np.median(quantiles[group, 7] / forecast[group]) == pytest.approx(1, abs=0.06)


def test_small_series_that_are_forecast_too_high_don_t_lift_the_mean() -> None:
    """Most rows are a tenth too high and small; most units are right: by units the median is the mean's own."""
    rng = np.random.default_rng(6)
    small = np.arange(20_000) % 4 > 0
    forecast = np.where(small, 1.0, 50.0)
    actual = forecast * np.where(small, 0.9, 1.0) * rng.normal(1, 0.1, 20_000)
    assert mean_over_root(forecast, actual, np.arange(20_000) % 14) == pytest.approx(1, abs=0.002)


def test_a_segments_mean_is_believed_by_its_standard_error() -> None:
    """Eighty rows that scatter by a half know a mean within 6%: one of 3% is chance, one of a half is not."""
    forecast = np.full(80, 4.0)
    scatter = np.tile([0.5, 1.5], 40)
    traits = Traits(np.full(80, 0.5), np.zeros(80, int), np.zeros(80, bool))
    for ratio, believed in ((1.03, 1.005), (1.5, 1.5)):
        mean, _, quantiles = fit(forecast, forecast * scatter * ratio, traits, "day").apply(forecast, traits)
        assert mean[0] / 4 == pytest.approx(believed, abs=0.015)
        assert quantiles[0, LEVELS.tolist().index(0.5)] / mean[0] == pytest.approx(1, abs=0.01)


def test_where_levels_are_centred_a_segments_mean_is_drift_as_well() -> None:
    """Small and large series each off by a tenth, of forty rows a segment and day: known, but not believed as it would be uncentred."""
    rng = np.random.default_rng(4)
    origin, small = np.repeat(np.arange(4), 80), np.arange(320) % 2 == 0
    forecast = np.where(small, 2.0, 20.0) * rng.uniform(0.9, 1.1, 320)
    actual = forecast * np.where(small, 1.2, 0.98) * rng.normal(1, 0.5, 320).clip(0)
    traits = Traits(np.full(320, 0.5), np.zeros(320, int), np.zeros(320, bool))
    plain, centred_ = (fit(forecast, actual, traits, "day", of).apply(forecast, traits)[0] for of in (None, origin))
    assert centred_[small].sum() / forecast[small].sum() < plain[small].sum() / forecast[small].sum() - 0.02


def test_a_planted_spread_scales_ratios_about_their_mean() -> None:
    found = Calibration([], [], 3, [1.0, 0.9], [0.0, 0.0], [[0.5] * 7 + [1.5] * 8, [0.1] * 7 + [1.7] * 8]).spread_by(0.5)
    assert found.ratios == [[0.75] * 7 + [1.25] * 8, pytest.approx([0.5] * 7 + [1.3] * 8)]
    assert (found.mean, found.spread_by(1.0)) == ([1.0, 0.9], found)
