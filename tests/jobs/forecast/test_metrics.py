"""Metrics against naive loops."""

import math

import numpy as np
import pytest

from jobs.forecast.distribution import LEVELS
from jobs.forecast.metrics import bias, coverage, measures, pinball, wape

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


def test_coverage_counts_both_ends() -> None:
    assert coverage(ACTUAL, QUANTILES) == pytest.approx(1 / 3)
    edge = QUANTILES[:1, 2]
    assert coverage(edge, QUANTILES[:1]) == 1


def test_nothing_sold_has_no_relative_error() -> None:
    assert math.isnan(measures(np.zeros(3), np.ones(3), QUANTILES)["wape"])
