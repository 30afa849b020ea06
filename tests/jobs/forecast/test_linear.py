"""The linear forecast beside the booster's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from xgboost import DMatrix, train

from jobs.forecast.linear import Linear, attached, beside, design, fit, of_spark, sums
from jobs.forecast.model import INPUTS
from tests.jobs.forecast.boosters import made_up

KERNEL, PRICE = INPUTS.index("kernel"), INPUTS.index("price_ratio")


def _rows(count: int, seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Features, roots and weights: roots rise with the kernel's logarithm and fall with the price."""
    random = np.random.default_rng(seed)
    inputs = np.full((count, len(INPUTS)), np.nan, np.float32)
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


def test_no_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="no rows"):
        fit(sums(np.zeros((0, len(INPUTS)), np.float32), np.zeros(0), np.zeros(0)))


def test_a_booster_keeps_what_is_beside_it() -> None:
    inputs, roots, _ = _rows(100)
    booster = bytes(train({"nthread": 1, "max_depth": 2}, DMatrix(inputs, roots, nthread=1), 2).save_raw("ubj"))
    assert beside(attached(booster, None)) is None
    assert beside(attached(booster, Linear())) == Linear()
    linear = Linear(tuple(np.random.default_rng(1).normal(size=len(INPUTS) + 1).tolist()))
    assert beside(attached(booster, linear)) == linear


def test_together_roots_are_averaged_and_squared() -> None:
    inputs, _, _ = _rows(3)
    booster = np.array([1.0, 2.0, -1.0])
    assert Linear().together(booster, inputs) == pytest.approx([1, 4, 0])
    half = Linear((0.5, *[0.0] * len(INPUTS)))
    assert half.together(booster, inputs) == pytest.approx(np.maximum(0.65 * booster + 0.35 * 0.5, 0) ** 2)
