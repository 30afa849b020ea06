"""The record of forecast errors: quantiles of ratios by segment, their correlation over periods, and what days add up to."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from jobs.features.names import KEY
from jobs.forecast import errors, model
from jobs.forecast.calibration import Calibration
from jobs.forecast.distribution import LEVELS, NAMES, draw
from jobs.forecast.model import INPUTS
from jobs.forecast.ranks import INDEPENDENT, PathRanks

SERIES, STEPS = 3_000, 5


def record(lasting: float, deviation: float = 0.3, mean: float = 20.0) -> errors.Errors:
    """Of made-up series whose ratios are normal about one, with a correlation of any two periods of a series."""
    rng = np.random.default_rng(1)
    z = np.sqrt(lasting) * rng.normal(size=(SERIES, 1)) + np.sqrt(1 - lasting) * rng.normal(size=(SERIES, STEPS))
    forecast = np.full(z.shape, mean)
    group, step = np.broadcast_to(np.arange(SERIES)[:, None], z.shape), np.broadcast_to(np.arange(STEPS), z.shape)
    actual = forecast * np.maximum(1 + deviation * z, 0)
    return errors.fit(forecast.ravel(), actual.ravel(), step.ravel(), group.ravel(), "day")


@pytest.mark.parametrize("lasting", [0.0, 0.4])
def test_quantiles_spread_and_correlation_are_found_again(lasting: float) -> None:
    found = record(lasting)
    assert found.lasting == pytest.approx(lasting, abs=0.03)
    assert found.deviation == pytest.approx([0.3] * len(found.deviation), rel=0.04)
    p_zero, quantiles = found.apply(np.array([20.0]), np.array([0]))
    assert p_zero[0] < 0.002
    assert quantiles[0, NAMES.index("q90")] == pytest.approx(20 * (1 + 0.3 * 1.2816), rel=0.02)
    normal = found.apply(np.array([20.0]), np.array([0]), normal=True)[1]
    assert normal == pytest.approx(quantiles, rel=0.08)


def test_days_add_up_with_their_correlation() -> None:
    """The deviation of five days' demand on drawn paths is sigma sqrt(n + n (n - 1) lasting)."""
    found = record(0.4)
    names = {name: np.array(["a"], object) for name in ("item_id", "location_id", "channel")}
    ranks = PathRanks(4_096, 7, found.dependence).of(names, STEPS)
    p_zero, quantiles = found.apply(np.full(1, 20.0), np.zeros(1, int))
    total = sum(draw(quantiles, p_zero, np.full(1, 20.0), ranks[:, step]) for step in range(STEPS))
    assert total.mean() == pytest.approx(100.0)
    assert total.std() == pytest.approx(6 * np.sqrt(STEPS + STEPS * (STEPS - 1) * found.lasting), rel=0.05)


def test_large_and_small_near_and_far_have_their_own() -> None:
    rng = np.random.default_rng(2)
    mean = rng.uniform(0.2, 40, 20_000)
    step = rng.integers(0, 7, 20_000)
    actual = rng.poisson(rng.gamma(1 / 0.04, 0.04 * mean)) * np.where(step >= 3, rng.choice([0.5, 1.5], 20_000), 1)
    found = errors.fit(mean, actual.astype(float), step, np.arange(20_000), "day")
    assert found.lasting == 0.0, "no group has two periods"
    spread = np.array(found.deviation).reshape(-1, 2)
    assert (np.diff(spread[:, 0]) < 0).mean() > 0.8, "the larger, the smaller the relative error"
    assert (spread[:, 1] > spread[:, 0]).all(), "far is wider"
    assert found.p_zero[0] > found.p_zero[-2]


def test_few_rows_have_one_record_and_zeros_are_zeros() -> None:
    found = errors.fit(np.full(30, 2.0), np.array([0.0] * 20 + [6.0] * 10), np.zeros(30, int), np.arange(30), "day")
    assert (found.sizes, len(found.ratios)) == ([], 2)
    p_zero, quantiles = found.apply(np.array([1.0]), np.array([5]))
    assert p_zero[0] == pytest.approx(2 / 3)
    assert (quantiles[0][LEVELS < 0.66] == 0).all()
    assert quantiles[0, NAMES.index("q80")] == pytest.approx(3.0)


def test_a_forecast_takes_its_spread_from_the_record_and_its_mean_from_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows: near, far, closed. Without a record the calibrated spread stands."""
    columns = {name: [0.0, 0.0, 0.0] for name in INPUTS} | {name: ["a"] * 3 for name in KEY}
    columns |= {"step": [0.0, 5.0, 0.0], "closed": [0.0, 0.0, 1.0], "whole_units": [False] * 3, "target_date": [date(2024, 5, 1)] * 3}
    monkeypatch.setattr(model, "points", lambda _, rows: np.full(rows.num_rows, 10.0))
    calibrated = Calibration([], [], 3, [1.1] * 2, [0.0] * 2, [[1.0] * 15] * 2)
    kept = errors.Errors([], 3, [0.1, 0.2], [[0.5] * 15, [0.7] * 15], [0.2, 0.4], 0.3)
    with_record = model.Model(b"", calibrated, errors=kept)
    rows = pa.table(columns)
    found = {spread: model.forecast(with_record, rows, spread).to_pydict() for spread in ("calibrated", "empirical", "normal")}
    for each in found.values():
        assert each["mean"] == pytest.approx([11.0, 11.0, 0.0])
    assert found["calibrated"]["q50"] == [10.0, 10.0, 0.0]
    assert found["empirical"]["q50"] == pytest.approx([5.5, 7.7, 0.0])
    assert found["empirical"]["p_zero"] == [0.1, 0.2, 1.0]
    assert found["normal"]["q50"] == pytest.approx([11.0, 11.0, 0.0])
    assert found["normal"]["q90"] == pytest.approx([11 * 1.25631, 11 * 1.51262, 0.0], rel=1e-4)
    assert model.dependence_of(with_record, "empirical") == kept.dependence
    bare = model.Model(b"", calibrated)
    assert model.forecast(bare, rows, "empirical").equals(model.forecast(bare, rows))
    assert model.dependence_of(bare, "empirical") == INDEPENDENT
