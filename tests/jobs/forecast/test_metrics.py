"""Metrics against naive loops."""

import math

import numpy as np
import pytest

from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.metrics import (
    BELOW,
    SCORED,
    add_up,
    below,
    bias,
    coverage,
    measures,
    measures_of,
    miss,
    pinball,
    pinball_losses,
    terms,
    value_added,
    wape,
)

ACTUAL = np.array([2.0, 0.0, 5.0])
MEAN = np.array([1.0, 1.0, 6.0])
QUANTILES = np.vstack([np.linspace(0, 4, 15), np.linspace(1, 3, 15), np.linspace(0, 2, 15)])


def test_point_measures_on_literal_rows() -> None:
    assert wape(ACTUAL, MEAN) == pytest.approx(3 / 7)
    assert bias(ACTUAL, MEAN) == pytest.approx(1 / 7)


def test_pinball_against_a_naive_loop() -> None:
    loss = 0.0
    for y, row in zip(ACTUAL, QUANTILES, strict=True):
        for name in SCORED:
            level, q = LEVELS[NAMES.index(name)], row[NAMES.index(name)]
            loss += (level * (y - q) if y >= q else (1 - level) * (q - y)) / 11
    assert pinball(ACTUAL, QUANTILES) == pytest.approx(loss / 7)


def test_pinball_of_a_point_is_half_its_absolute_error() -> None:
    point = np.repeat(MEAN[:, None], 15, axis=1)
    assert pinball_losses(ACTUAL, point) == pytest.approx(np.abs(ACTUAL - MEAN) / 2)
    assert terms(ACTUAL, MEAN)["pinball"] == pytest.approx(pinball_losses(ACTUAL, point))


def test_miss_is_the_distance_to_the_share_of_rows_below() -> None:
    actual = np.array([0.0, 0.0, 1.0, 2.0])
    quantiles = np.zeros((4, 15))
    quantiles[:, NAMES.index("q60") :] = 1.5
    made = dict(zip(NAMES, miss(actual, quantiles), strict=True))
    assert made["q25"] == 0  # half of the rows lie on it, so any share up to .5 is right
    assert made["q60"] == pytest.approx(0.15)  # three of four rows are below 1.5
    assert made["q90"] == pytest.approx(-0.15)


def test_coverage_counts_both_ends() -> None:
    assert coverage(ACTUAL, QUANTILES) == pytest.approx(1 / 3)
    edge = QUANTILES[:1, 2]
    assert coverage(edge, QUANTILES[:1]) == 1


def test_below_against_a_naive_loop() -> None:
    shares = [sum(y <= row[i] for y, row in zip(ACTUAL, QUANTILES, strict=True)) / 3 for i in range(15)]
    assert below(ACTUAL, QUANTILES) == pytest.approx(shares)


def test_value_added_in_percent() -> None:
    assert value_added(0.30, 0.40) == pytest.approx(25)
    assert value_added(0.50, 0.40) == pytest.approx(-25)
    assert math.isnan(value_added(0.1, 0.0))


def test_groups_add_up_to_what_the_rows_of_each_give() -> None:
    group = np.array([1, 0, 1])
    found = [measures_of(sums) for sums in add_up(terms(ACTUAL, MEAN, QUANTILES), group, 2)]
    for g in (0, 1):
        y, f, q = ACTUAL[group == g], MEAN[group == g], QUANTILES[group == g]
        assert (found[g]["rows"], found[g]["demand"]) == (len(y), y.sum())
        assert found[g]["wape_mean"] == pytest.approx(wape(y, f), nan_ok=True)
        assert found[g]["wape"] == pytest.approx(wape(y, q[:, NAMES.index("q50")]), nan_ok=True)
        assert found[g]["bias"] == pytest.approx(bias(y, f), nan_ok=True)
        assert found[g]["pinball"] == pytest.approx(pinball(y, q), nan_ok=True)
        assert found[g]["coverage_80"] == coverage(y, q)
        assert [found[g][name] for name in BELOW] == below(y, q).tolist()


def test_nothing_sold_has_no_relative_error() -> None:
    assert math.isnan(measures(np.zeros(3), np.ones(3), QUANTILES)["wape"])
