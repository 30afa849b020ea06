"""Demand of periods partly in stock, from the in-stock share."""

import numpy as np
import pytest

from jobs.features.clock import CLOCKS
from jobs.features.partial import completed
from jobs.ingest.demand.recovery import WINDOW

DAY = CLOCKS["day"]


def _series(units: list[float], stock: list[float]) -> tuple[np.ndarray, ...]:
    sold, share = np.array([units]), np.array([stock])
    return np.where(share >= 1, sold, np.nan), sold, share


def test_half_a_day_at_the_usual_rate_is_half_a_days_demand() -> None:
    whole = [8.0] * WINDOW
    assert completed(*_series([*whole, 4.0], [1.0] * WINDOW + [0.5]), DAY)[0, -1] == pytest.approx(8, rel=0.01)
    # Twice the usual rate is mostly believed, and never less than was sold.
    assert 12 < completed(*_series([*whole, 8.0], [1.0] * WINDOW + [0.5]), DAY)[0, -1] < 16
    assert completed(*_series([*whole, 0.0], [1.0] * WINDOW + [0.5]), DAY)[0, -1] < 2


def test_what_is_known_stays_and_what_nothing_says_anything_of_is_unknown() -> None:
    demand, units, stock = _series([5.0] * WINDOW + [3.0, 3.0, 0.0], [1.0] * WINDOW + [0.5, 0.04, 0.0])
    demand[0, WINDOW] = 7.0
    made = completed(demand, units, stock, DAY)
    assert np.array_equal(made, demand, equal_nan=True)
    assert np.isnan(made[0, -2:]).all()
    # Never in stock before: no level.
    assert np.isnan(completed(*_series([0.0] * WINDOW + [3.0], [0.0] * WINDOW + [0.5]), DAY)[0, -1])


def test_a_shelf_that_is_emptied_by_its_sales_gives_the_mean_demand() -> None:
    """Demand comes evenly, at a rate that differs from day to day; days in stock alone would say less than half of it."""
    rng = np.random.default_rng(5)
    days, there = 4_000, 5
    wanted = rng.poisson(rng.gamma(2.0, 3.0, days))
    moment = np.array([np.sort(rng.random(n))[there - 1] if n > there else 1.0 for n in wanted])
    units = np.minimum(wanted, there).astype(float)
    made = completed(*_series(units.tolist(), moment.tolist()), DAY)[0]
    known = ~np.isnan(made)
    assert known[WINDOW:].mean() > 0.98
    assert made[known].mean() == pytest.approx(wanted[known].mean(), rel=0.05)
    assert units[moment >= 1].mean() < 0.5 * wanted.mean()


def test_a_period_is_the_same_in_a_longer_block() -> None:
    rng = np.random.default_rng(6)
    units, stock = rng.poisson(3, (20, 90)).astype(float), rng.choice([0.0, 0.3, 0.7, 1.0], (20, 90))
    demand = np.where(stock >= 1, units, np.nan)
    whole = completed(demand, units, stock, DAY)[:, 30 + WINDOW :]
    assert np.array_equal(completed(demand[:, 30:], units[:, 30:], stock[:, 30:], DAY)[:, WINDOW:], whole, equal_nan=True)
