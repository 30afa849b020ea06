"""Distributions that are moved: nothing by nothing, monotone, sums moved exactly; the forecasts they come out as."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import xgboost

from jobs.forecast.distribution import LEVELS, NAMES
from jobs.learn.joint import Joint, moved
from jobs.learn.joint_loss import MOST_SCALE, MOST_SHIFT
from jobs.learn.joint_move import replaced

N = 50


def distributions(level: float = 10.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gamma-like: mean, p_zero, quantiles; every fifth row sells on less than half of its days."""
    rng = np.random.default_rng(1)
    draws = np.sort(rng.gamma(4.0, level / 4, (N, 500)), axis=1)
    p_zero = np.where(np.arange(N) % 5 == 0, 0.55, 0.0)
    draws[p_zero > 0, :275] = 0
    return draws.mean(axis=1), p_zero, np.quantile(draws, LEVELS, axis=1).T


def test_no_move_changes_no_bit() -> None:
    mean, p_zero, quantiles = distributions()
    found = moved(mean, p_zero, quantiles, np.zeros(N, bool), np.zeros((N, 2)))
    assert all((new == old).all() for new, old in zip(found, (mean, p_zero, quantiles), strict=True))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("move", [(0.3, 0.8), (-0.4, 0.9), (0.0, -0.8), (-0.5, -0.2)])
def test_what_is_moved_stays_a_distribution(move: tuple[float, float], whole: bool) -> None:
    mean, p_zero, quantiles = moved(*distributions(), np.full(N, whole), np.tile(move, (N, 1)))
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (quantiles >= 0).all()
    assert ((p_zero >= 0) & (p_zero <= 1)).all()
    assert (quantiles[p_zero[:, None] > LEVELS[None, :]] == 0).all()
    assert (mean > 0).all()


def test_above_the_floor_every_quantile_is_moved_by_the_same_line() -> None:
    mean, p_zero, quantiles = distributions(40.0)
    found, _, wider = moved(mean, p_zero, quantiles, np.zeros(N, bool), np.tile((0.1, 0.2), (N, 1)))
    wanted = mean[:, None] * 1.1 + np.exp(0.2) * (quantiles - mean[:, None])
    above = (wanted > 0) & (quantiles > 0)
    assert above[:, NAMES.index("q60") :].all()
    assert wider[above] == pytest.approx(wanted[above])
    assert (found >= 1.1 * mean - 1e-9).all(), "what the floor adds belongs to the mean"


def test_a_small_move_changes_the_chance_of_nothing_by_little() -> None:
    mean, p_zero, quantiles = distributions()
    found = moved(mean, p_zero, quantiles, np.ones(N, bool), np.full((N, 2), 1e-6))[1]
    assert found == pytest.approx(p_zero, abs=1e-4)


def test_forecasts_are_settled_and_closed_days_stay_closed() -> None:
    mean, p_zero, quantiles = distributions(1.0)
    mean[0], p_zero[0], quantiles[0] = 0.0, 1.0, 0.0
    columns = {"mean": mean, "p_zero": p_zero, **dict(zip(NAMES, quantiles.T, strict=True)), "whole_units": np.ones(N, bool)}
    found = replaced(pa.table(columns), np.tile((0.5, 0.5), (N, 1)))
    assert (found["mean"][0].as_py(), found["p_zero"][0].as_py(), found["q99"][0].as_py()) == (0.0, 1.0, 0.0)
    assert (found["p_zero"].to_numpy() >= 1 - found["mean"].to_numpy() - 1e-9).all()
    positive = np.column_stack([found[name].to_numpy() for name in NAMES])
    assert (positive[positive > 0] >= 1).all()


def test_trees_move_within_bounds() -> None:
    inputs = np.random.default_rng(2).normal(size=(200, 3)).astype(np.float32)
    matrix = xgboost.DMatrix(inputs, np.column_stack([9 * inputs[:, 0], -9 * inputs[:, 0]]))
    booster = xgboost.train({"base_score": 0.0}, matrix, 5)
    moves = Joint(bytes(booster.save_raw("ubj")), 5).moves(inputs)
    assert np.abs(moves).max(axis=0) == pytest.approx([MOST_SHIFT, MOST_SCALE])
    assert (Joint().moves(inputs) == 0).all()
