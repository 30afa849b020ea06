"""The linear forecast beside the booster's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from xgboost import DMatrix, train

from jobs.forecast.linear import WIDTH, Linear, attached, beside, design, fit, of_spark, ordinary, sums
from jobs.forecast.model import INPUTS
from tests.jobs.forecast.boosters import made_up

KERNEL, PRICE = INPUTS.index("kernel"), INPUTS.index("price_ratio")


def _rows(count: int, seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Features, roots and weights: roots rise with the kernel's logarithm and fall with the price."""
    random = np.random.default_rng(seed)
    inputs = np.full((count, len(INPUTS)), np.nan, np.float32)
    inputs[:, INPUTS.index("step")] = 0
    inputs[:, KERNEL], inputs[:, PRICE] = random.uniform(0.2, 3, count), random.normal(0, 0.2, count)
    roots = 1 + 0.4 * np.log(inputs[:, KERNEL] + 0.1) - 0.5 * inputs[:, PRICE] + random.normal(0, 0.1, count)
    return inputs, np.maximum(roots, 0.0), random.uniform(0.5, 1, count)


def test_the_effects_are_those_of_least_squares() -> None:
    """Against numpy's own, rows weighted; of so many rows the prior takes next to nothing away."""
    inputs, roots, weight = _rows(400_000)
    plain = np.column_stack([np.ones(len(roots)), np.log(inputs[:, KERNEL] + 0.1), inputs[:, PRICE]]).astype(float)
    wanted = np.linalg.lstsq(plain * np.sqrt(weight)[:, None], roots * np.sqrt(weight), rcond=None)[0]
    found = np.array(fit(sums(inputs, roots, weight)).coefficients)
    assert found[[0, 1 + KERNEL, 1 + PRICE]] == pytest.approx(wanted, rel=0.03)
    assert np.count_nonzero(found) == 3  # what is never known has no effect


def test_of_few_rows_what_is_expected_stays() -> None:
    inputs, roots, weight = _rows(100)
    made = fit(sums(inputs, roots, weight)).roots(inputs)
    assert made == pytest.approx(np.average(roots, weights=weight), abs=0.05)


def test_sums_are_exact_in_any_order_and_in_any_parts() -> None:
    inputs, roots, weight = _rows(120_001)
    whole, shuffled = sums(inputs, roots, weight), np.random.default_rng(0).permutation(len(roots))
    parts = [sums(inputs[some], roots[some], weight[some]) for some in np.array_split(shuffled, 7)]
    assert np.array_equal(whole, np.sum(parts, axis=0))
    assert np.array_equal(whole, np.round(whole))


def test_what_is_not_known_is_taken_for_usual() -> None:
    inputs = np.full((2, len(INPUTS)), np.nan, np.float32)
    inputs[:, INPUTS.index("step")] = 0
    inputs[1, KERNEL], inputs[1, PRICE] = 1.0, 0.0
    assert np.array_equal(*design(inputs))
    inputs[1, KERNEL] = np.inf
    assert design(inputs).max() == 8 * 256


def test_spark_adds_up_the_same(spark: SparkSession) -> None:
    rows = made_up(spark, 700).withColumn("label", F.abs("label"))
    before = F.col("origin") < 60
    first, everything = of_spark(rows.repartition(3), before, ("inputs", "label", "weight"))
    table = rows.toPandas()
    inputs = np.array(table["inputs"].tolist(), np.float32)
    some = table["origin"].to_numpy() < 60
    for found, chosen in ((first, some), (everything, np.ones(700, bool))):
        assert found == fit(sums(inputs[chosen], table["label"].to_numpy()[chosen], table["weight"].to_numpy()[chosen]))


def test_of_no_rows_the_booster_forecasts_alone() -> None:
    assert fit(sums(np.zeros((0, len(INPUTS)), np.float32), np.zeros(0), np.zeros(0))) == Linear()


def test_pulses_die_away_with_the_periods_ahead() -> None:
    """An item that sells twice the usual today, and comes back to it: the effect is found for every step."""
    random, count = np.random.default_rng(1), 100_000
    inputs = np.full((count, len(INPUTS)), np.nan, np.float32)
    step, pulse = random.integers(0, 12, count), np.exp(random.normal(0, 0.3, count))
    inputs[:, INPUTS.index("step")], inputs[:, INPUTS.index("item_pulse_1")] = step, pulse
    roots = 1 + 0.4 * 0.8**step * np.log(pulse + 0.1)
    found = fit(sums(inputs, roots, np.ones(count)))
    off = np.abs(found.roots(inputs) - roots)
    assert off.mean() < 0.005
    assert off.max() < 0.05


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [("closed", 0.0, True), ("closed", 1.0, False), ("event_lift", 1.4, True), ("event_lift", 1.6, False), ("event_lift", 0.5, False),
     ("event_share", 0.5, False), ("weekday", 0.5, False), ("weekday", 1.7, True), ("location_profile", 0.3, False)],
)  # fmt: skip
def test_closed_days_and_large_events_are_left_to_the_booster(name: str, value: float, known: bool) -> None:
    inputs = np.full((1, len(INPUTS)), np.nan, np.float32)
    inputs[0, INPUTS.index("step")], inputs[0, INPUTS.index(name)] = 0, value
    assert ordinary(inputs)[0] == known
    alone, together = 4.0, (0.6 * 2 + 0.4 * 0.5) ** 2
    half = Linear((0.5, *[0.0] * (WIDTH - 1)))
    assert half.together(np.array([2.0]), inputs) == pytest.approx(together if known else alone)
    assert (sums(inputs, np.ones(1), np.ones(1))[0, 0] > 0) == known


def test_a_booster_keeps_what_is_beside_it() -> None:
    inputs, roots, _ = _rows(100)
    booster = bytes(train({"nthread": 1, "max_depth": 2}, DMatrix(inputs, roots, nthread=1), 2).save_raw("ubj"))
    assert beside(attached(booster, None)) is None
    assert beside(attached(booster, Linear())) == Linear()
    linear = Linear(tuple(np.random.default_rng(1).normal(size=WIDTH).tolist()))
    assert beside(attached(booster, linear)) == linear


def test_together_roots_are_averaged_and_squared() -> None:
    inputs, _, _ = _rows(3)
    booster = np.array([1.0, 2.0, -1.0])
    assert Linear().together(booster, inputs) == pytest.approx([1, 4, 0])
    half = Linear((0.5, *[0.0] * (WIDTH - 1)))
    assert half.together(booster, inputs) == pytest.approx(np.maximum(0.6 * booster + 0.4 * 0.5, 0) ** 2)
