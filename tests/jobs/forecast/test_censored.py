"""Distribution functions against the quantiles they come from; a textbook product-limit estimate; scores by hand."""

import math

import numpy as np
import pytest

from jobs.forecast.censored import LEAST, at_most, coverage, less_than, log_scores, product_limit
from jobs.forecast.distribution import LEVELS, NAMES, rank_to_units
from jobs.forecast.metrics import below

SMOOTH = np.array([np.linspace(1, 15, 15)])
#: Half of the days nothing, then one, from q75 on two: what whole units look like.
WHOLE = np.array([[0.0] * 8 + [1.0] * 2 + [2.0] * 5])


def test_the_distribution_function_turns_the_quantile_function_round() -> None:
    ranks = np.array([[0.005, 0.01, 0.2, 0.33, 0.5, 0.77, 0.95, 0.99, 0.995, 0.9999]])
    units = rank_to_units(SMOOTH, ranks)[0]
    found = at_most(np.repeat(SMOOTH, len(units), axis=0), np.zeros(len(units)), units)
    assert found == pytest.approx(ranks[0])
    assert less_than(np.repeat(SMOOTH, len(units), axis=0), np.zeros(len(units)), units) == pytest.approx(ranks[0])


def test_atoms() -> None:
    def both(units: float) -> tuple[float, float]:
        where, zero = np.array([units]), np.array([0.5])
        return float(less_than(WHOLE, zero, where)[0]), float(at_most(WHOLE, zero, where)[0])

    assert both(-1) == (0, 0)
    assert both(0) == (0, 0.5)
    assert both(1) == (pytest.approx(0.6), pytest.approx(0.7))  # q60 = q70 = 1; linear from q50 = 0 to q60
    assert both(2) == (pytest.approx(0.75), 1)  # no spread above q99
    assert both(3) == (1, 1)


def test_product_limit_on_the_leukaemia_data() -> None:
    """6-MP group of Freireich et al. (1963): Kalbfleisch and Prentice, table 1.1; survival from its Kaplan-Meier table."""
    events = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23.0])
    censored = np.array([6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35.0])
    values = np.concatenate([events, censored])
    known = np.arange(len(values)) < len(events)
    survival = 1 - product_limit(values, known, np.array([5, 6, 7, 10, 13, 16, 22, 23, 34.0]))
    assert survival == pytest.approx([1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448, 0.448], abs=5e-4)


def test_coverage_without_stock_outs_is_the_plain_one() -> None:
    random = np.random.default_rng(0)
    quantiles = np.sort(random.gamma(2, 3, (300, 15)), axis=1)
    units = np.round(random.gamma(2, 3, 300), 1)
    units[:15] = quantiles[:15][np.arange(15), np.arange(15)]  # some exactly at a quantile
    assert coverage(quantiles, np.zeros(300), units, np.ones(300, bool)) == pytest.approx(below(units, quantiles))


def test_coverage_sees_through_stock_outs() -> None:
    """Demand of a known law, cut at a stock that knows nothing of it: in-stock days alone look over-covered."""
    random = np.random.default_rng(7)
    demand, stock = random.exponential(1, 20_000), random.exponential(1.5, 20_000)
    in_stock, sold = demand <= stock, np.minimum(demand, stock)
    quantiles = np.repeat(-np.log(1 - LEVELS)[None, :], len(sold), axis=0)
    found = coverage(quantiles, np.zeros(len(sold)), sold, in_stock)
    assert np.abs(found - LEVELS).max() < 0.015
    assert below(sold[in_stock], quantiles[in_stock])[NAMES.index("q50")] > 0.6


def test_log_scores_by_hand() -> None:
    """F of SMOOTH: q40 = 7, q50 = 8, q60 = 9; zero has 0.2 where units are whole."""
    rows = [
        (SMOOTH[0], 0.0, 8.0, True, False, math.log((0.54 - 0.46) / 0.8)),  # h = 5% of 8
        (SMOOTH[0], 0.0, 8.0, True, True, math.log(0.55 - 0.45)),
        (SMOOTH[0], 0.0, 8.0, False, False, math.log(0.5)),  # 8 or more
        (SMOOTH[0], 0.0, 0.0, False, False, 0.0),  # zero or more says nothing
        (WHOLE[0], 0.5, 0.0, True, True, math.log(0.5)),
        (WHOLE[0], 0.5, 1.0, False, True, math.log(0.4)),  # F(1 -) = 0.6
        (WHOLE[0], 0.5, 9.0, True, True, math.log(LEAST)),  # never heard of
        (WHOLE[0], 0.5, 9.0, False, True, math.log(LEAST)),
    ]
    quantiles, zero, units, stock, whole, expected = (np.array(column) for column in zip(*rows, strict=True))
    assert log_scores(quantiles, zero, units, stock, whole) == pytest.approx(expected)


def test_the_true_law_scores_best() -> None:
    """Cut demand scored by the law that made it, and by laws that forecast less and more."""
    random = np.random.default_rng(3)
    demand, stock = random.exponential(10, 5_000), random.exponential(15, 5_000)
    in_stock, sold = demand <= stock, np.minimum(demand, stock)
    law = np.repeat(-np.log(1 - LEVELS)[None, :] * 10, len(sold), axis=0)

    def score(factor: float) -> float:
        return float(log_scores(law * factor, np.zeros(len(sold)), sold, in_stock, np.zeros(len(sold), bool)).mean())

    assert score(1.0) > max(score(0.7), score(1.4))


def test_only_stock_outs_and_nothing_at_all() -> None:
    assert coverage(SMOOTH, np.zeros(1), np.array([3.0]), np.array([False])).tolist() == [0.0] * 15
    assert np.isnan(coverage(SMOOTH[:0], np.zeros(0), np.zeros(0), np.zeros(0, bool))).all()
