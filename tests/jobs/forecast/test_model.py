"""The baseline, and what makes mean, p_zero and quantiles agree."""

from datetime import date, timedelta

import numpy as np
import pytest

from jobs.forecast import baseline
from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.model import SCHEMA, forecast, numbers, settle
from tests.jobs.features.blocks import features, listed, past, sold

D = date(2024, 5, 29)
DAY = timedelta(days=1)


def test_baseline_forecasts_the_known_the_new_and_the_dead() -> None:
    rows = [*past("a", "S1", D, 60), listed("new", "S1"), *(sold("z", "S1", D - DAY * k, 0.0) for k in range(1, 60))]
    made = forecast(None, features(rows, D))
    assert made.schema == SCHEMA
    assert set(made["model_id"].to_pylist()) == {"baseline"}
    frame = made.to_pandas().set_index("item_id")
    # Four units a day; on one day of five in half of it, and demand is said of only two of three of these.
    assert 3 < frame.loc["a", "mean"].mean() < 6
    assert frame.loc["new", "mean"].between(0.5, 5).all()
    assert (frame.loc["z", "p_zero"] > 0.9).all()
    assert (frame.loc["z", "q90"] == 0).all()
    quantiles = np.column_stack([numbers(made, name) for name in NAMES])
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_baseline_with_nothing_known_is_finite() -> None:
    made = forecast(None, features([listed("new", "S1")], D))
    assert np.isfinite(np.column_stack([numbers(made, name) for name in ("mean", "p_zero", *NAMES)])).all()


def test_a_closed_day_sells_nothing() -> None:
    closed = [{"region": "north", "date": D + DAY, "event": "closed"}]
    made = forecast(None, features(past("a", "S1", D, 60), D, calendar=closed))
    assert made["p_zero"].to_pylist()[1] == 1
    assert [m > 0 for m in made["mean"].to_pylist()] == [True, False, True]
    assert made["q99"].to_pylist()[1] == 0


def test_gamma_quantiles_have_the_mean_they_are_given() -> None:
    quantiles = baseline.positive_gamma(np.array([3.0]), np.array([9.0]), np.array([0.0]))
    assert quantiles[0] == pytest.approx(-3 * np.log(1 - LEVELS))  # variance = mean squared: exponential


def test_whole_units_sell_at_least_one_when_they_sell() -> None:
    quantiles = np.tile(np.linspace(0.1, 1.5, 15), (2, 1))
    mean, p_zero, made = settle(np.array([0.4, 0.4]), np.array([0.2, 0.2]), quantiles, np.array([True, False]), np.zeros(2, bool))
    assert p_zero.tolist() == pytest.approx([0.6, 0.2])
    assert set(made[0][LEVELS > 0.6] >= 1) == {True}
    assert (made[0][LEVELS <= 0.6] == 0).all()
    assert made[1][LEVELS > 0.2] == pytest.approx(quantiles[1][LEVELS > 0.2])
    assert mean.tolist() == [0.4, 0.4]
