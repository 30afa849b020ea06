"""Metrics against naive loops."""

import math

import numpy as np
import pytest

from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.metrics import bias, coverage, measures, miss, pinball, wape

ACTUAL = np.array([2.0, 0.0, 5.0])
QUANTILES = np.vstack([np.linspace(0, 4, 15), np.linspace(1, 3, 15), np.linspace(0, 2, 15)])


def test_point_measures_on_literal_rows() -> None:
    forecast = np.array([1.0, 1.0, 6.0])
    assert wape(ACTUAL, forecast) == pytest.approx(3 / 7)
    assert bias(ACTUAL, forecast) == pytest.approx(1 / 7)


def test_pinball_against_a_naive_loop() -> None:
    loss = 0.0
    for y, row in zip(ACTUAL, QUANTILES, strict=True):
        loss += sum(level * (y - q) if y >= q else (1 - level) * (q - y) for level, q in zip(LEVELS, row, strict=True)) / 15
    assert pinball(ACTUAL, QUANTILES) == pytest.approx(loss / 7)


def test_pinball_over_the_levels_named() -> None:
    chosen = [NAMES.index("q10"), NAMES.index("q90")]
    loss = np.mean([sum(max(level * (y - row[i]), (level - 1) * (y - row[i])) for y, row in zip(ACTUAL, QUANTILES, strict=True))
                    for i, level in zip(chosen, (0.1, 0.9), strict=True)])  # fmt: skip
    assert pinball(ACTUAL, QUANTILES, ("q10", "q90")) == pytest.approx(loss / 7)


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


def test_nothing_sold_has_no_relative_error() -> None:
    assert math.isnan(measures(np.zeros(3), np.ones(3), QUANTILES)["wape"])
