"""Ranks to units: literal rows, then the properties that anyone who draws paths again relies on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.forecast.distribution import LEVELS, draw, draw_strata, rank_to_units

RANKS = (np.arange(128) + 0.5) / 128


def _row(scale: float, p_zero: float) -> np.ndarray:
    """Quantiles of an exponential law with a mass at zero."""
    level = np.clip((LEVELS - p_zero) / (1 - p_zero), 0, None)
    return -scale * np.log(1 - level)


def test_linear_between_quantiles_and_from_zero_below_the_first() -> None:
    quantiles = np.arange(1.0, 16.0)[None, :]  # q01 = 1, q05 = 2, ..., q99 = 15
    units = rank_to_units(quantiles, np.array([[0.0, 0.005, 0.01, 0.03, 0.5, 0.99]]))
    assert units[0] == pytest.approx([0, 0.5, 1, 1.5, 8, 15])


def test_tail_is_exponential_through_q95_and_q99() -> None:
    quantiles = _row(2.0, 0.0)[None, :]  # an exponential law: the documented tail is exact
    assert rank_to_units(quantiles, np.array([[0.999]]))[0, 0] == pytest.approx(-2 * np.log(0.001))


def test_below_p_zero_nothing_is_sold() -> None:
    units = draw(np.full((1, 15), 4.0), np.array([0.5]), np.array([2.0]), RANKS)
    assert (units[0, :64] == 0).all()
    assert units[0, 64:] == pytest.approx(np.full(64, 4.0))


def test_mean_is_kept_even_where_every_rank_is_below_p_zero() -> None:
    units = draw(np.zeros((1, 15)), np.array([1.0]), np.array([0.25]), RANKS)
    assert units.mean() == pytest.approx(0.25)
    assert units[0, -1] == 32


def test_whole_units_have_at_least_one_above_p_zero() -> None:
    units = draw(_row(1.0, 0.6)[None, :], np.array([0.6]), np.array([0.7]), RANKS, whole=True)
    positive = RANKS >= 0.6
    assert (units[0, positive] >= 1).all()
    assert (units[0, ~positive] == 0).all()
    assert units.sum() == round(0.7 * 128)


def test_no_demand_draws_nothing() -> None:
    for whole in (True, False):
        assert not draw(np.zeros((1, 15)), np.array([1.0]), np.array([0.0]), RANKS, whole).any()


def test_rows_may_have_ranks_of_their_own() -> None:
    quantiles = np.vstack([_row(2, 0.1), _row(5, 0.0)])
    own = np.vstack([RANKS, RANKS[::-1]])
    both = draw(quantiles, np.array([0.1, 0.0]), np.array([1.9, 5.1]), own, np.array([True, False]))
    assert (both[0] == draw(quantiles[:1], np.array([0.1]), np.array([1.9]), RANKS, whole=True)[0]).all()
    assert (both[1] == draw(quantiles[1:], np.array([0.0]), np.array([5.1]), RANKS)[0, ::-1]).all()


@given(scale=st.floats(0.01, 500), p_zero=st.floats(0, 0.99), whole=st.booleans(), seed=st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_mean_order_and_wholeness_hold_for_any_ranks(scale: float, p_zero: float, whole: bool, seed: int) -> None:
    ranks = np.random.default_rng(seed).uniform(size=128)
    mean = scale * (1 - p_zero)
    units = draw(_row(scale, p_zero)[None, :], np.array([p_zero]), np.array([mean]), ranks, whole)[0]
    # Whole units can match a mean only to half a unit over all paths.
    assert abs(units.mean() - mean) <= (0.5 / 128 + 1e-9 if whole else 1e-9 * max(mean, 1))
    assert (units >= 0).all()
    assert (np.diff(units[np.argsort(ranks)]) >= -1e-9).all()
    if whole:
        assert (units == np.floor(units)).all()


@given(
    scale=st.lists(st.floats(1e-3, 50.0) | st.just(0.0), min_size=1, max_size=5),
    p_zero=st.floats(0.0, 1.0),
    mean=st.floats(0.0, 30.0),
    paths=st.integers(1, 130),
    whole=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_units_of_strata_are_those_of_their_ranks_to_the_bit(
    scale: list[float], p_zero: float, mean: float, paths: int, whole: bool, seed: int
) -> None:
    law = np.vstack([_row(each, min(p_zero, 0.99)) for each in scale]), np.full(len(scale), p_zero), np.full(len(scale), mean)
    generator = np.random.default_rng(seed)
    strata = np.stack([generator.permutation(paths) for _ in scale])
    assert (draw_strata(*law, strata, whole=whole) == draw(*law, (strata + 0.5) / paths, whole)).all()
