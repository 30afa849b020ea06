"""From points to distributions: ratios by segment, monotone, covering what they say."""

import json

import numpy as np
import pytest

from jobs.forecast.calibration import Calibration, centred, fit
from jobs.forecast.distribution import LEVELS


def _rows(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    forecast = rng.uniform(0.2, 20, n)
    spread = rng.uniform(0, 1, n)
    return forecast, rng.poisson(forecast).astype(float), spread, rng.integers(0, 7, n)


def test_covers_what_it_says_on_rows_it_has_not_seen() -> None:
    calibration = fit(*_rows(20_000), "day")
    forecast, actual, spread, step = _rows(20_000, 1)
    mean, p_zero, quantiles = calibration.apply(forecast, spread, step)
    assert mean.sum() == pytest.approx(actual.sum(), rel=0.02)
    assert p_zero.mean() == pytest.approx((actual == 0).mean(), abs=0.01)
    inside = (actual >= quantiles[:, 2]) & (actual <= quantiles[:, 12])
    # Poisson demand is lumpy: both ends of the interval count.
    assert 0.78 <= inside.mean() <= 0.88


@pytest.mark.parametrize("n", [50, 400, 20_000])
def test_quantiles_are_monotone_and_zero_below_p_zero(n: int) -> None:
    calibration = fit(*_rows(n), "day")
    forecast, _, spread, step = _rows(500, 2)
    _, p_zero, quantiles = calibration.apply(forecast, spread, step)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (quantiles[p_zero[:, None] > LEVELS] == 0).all()


def test_a_small_segment_takes_its_parents_ratios() -> None:
    calibration = fit(*_rows(100), "day")
    assert calibration.ratios[0] == calibration.ratios[1]


def test_unknown_spread_and_zero_forecast_are_finite() -> None:
    calibration = fit(*_rows(20_000), "day")
    made = calibration.apply(np.array([0.0, 3.0]), np.array([np.nan, np.nan]), np.array([0, 90]))
    assert all(np.isfinite(part).all() for part in made)


def test_a_level_that_moved_while_held_out_is_not_taken_for_the_forecasts() -> None:
    forecast, actual, spread, step = _rows(20_000)
    origin = np.repeat([0, 1], 10_000)
    moved = np.where(origin == 0, 1.3, 0.9) * forecast
    made = fit(moved, actual, spread, step, "day", origin).apply(*[part[:5000] for part in (forecast, spread, step)])
    expected = fit(forecast, actual, spread, step, "day").apply(*[part[:5000] for part in (forecast, spread, step)])
    assert made[0].sum() == pytest.approx(expected[0].sum(), rel=0.01)
    assert made[2].sum() == pytest.approx(expected[2].sum(), rel=0.01)
    not_centred = fit(moved, actual, spread, step, "day").apply(*[part[:5000] for part in (forecast, spread, step)])
    assert not_centred[0].sum() < 0.95 * expected[0].sum()


def test_centring_needs_rows_and_demand() -> None:
    forecast, actual = np.repeat([1.0, 2.0, 4.0], [100, 5, 100]), np.repeat([3.0, 9.0, 0.0], [100, 5, 100])
    made = centred(forecast, actual, np.repeat([1, 2, 3], [100, 5, 100]))
    assert np.array_equal(np.unique(made), [2.0, 3.0, 4.0])


def test_survives_json() -> None:
    calibration = fit(*_rows(500), "week")
    assert Calibration(**json.loads(json.dumps(calibration.to_dict()))) == calibration
