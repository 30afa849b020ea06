"""What the trees learn: with linear costs and without multiples the critical ratio's quantile; nothing where nothing is to be learned."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from jobs.config import Config
from jobs.learn.joint_fit import Taught, fit
from jobs.learn.joint_loss import NODES, SCALES, Lessons, Windows

N, SHORTAGE, HOLDING, MEAN, SPREAD = 6_000, 4.0, 1.0, 20.0, 5.0
RATIO = SHORTAGE / (SHORTAGE + HOLDING)
CONFIG = Config(training={"rounds": 150, "learning_rate": 0.1})


def taught(believed: float, mean: float = MEAN) -> Taught:
    """Windows of one period of normal demand, whose spread (and mean) is taken for another than it is."""
    rng = np.random.default_rng(1)
    demand = np.maximum(rng.normal(MEAN, SPREAD, N), 0.0)[None, :, None]
    ones = np.ones(N)
    one = Windows(
        HOLDING * ones,
        SHORTAGE * ones,
        ones,
        0 * ones,
        0 * ones,
        demand,
        np.ones((1, N), bool),
        np.zeros((1, N), bool),
        np.full((N, 1), np.inf),
    )
    levels = np.tile(mean + np.exp(SCALES) * believed * norm.ppf(RATIO), (N, 1))
    turn = (SHORTAGE + HOLDING) * norm.pdf(norm.ppf(RATIO)) / believed * ones
    lessons = Lessons(
        one, mean * ones, believed * ones, levels, turn, np.zeros((N, len(NODES))), ones, 0 * ones, 1e-3 * ones, 0 * ones, ones
    )
    items = np.array([f"i{k % 50}" for k in range(N)], object)
    return Taught(lessons, rng.normal(size=(N, 4)).astype(np.float32), items, np.arange(N) % 4 == 0)


@pytest.mark.parametrize(("believed", "mean"), [(2.5, MEAN), (9.0, MEAN), (SPREAD, 16.0)])
def test_packless_with_linear_costs_it_is_the_quantile_at_the_critical_ratio(believed: float, mean: float) -> None:
    given = taught(believed, mean)
    found = fit(given, CONFIG, prior=0.0)
    level = given.lessons.moved(found.moves(given.inputs))[0]
    demand = given.lessons.windows.cumulated[0, :, 0]
    assert found.gain > 2 * found.error
    assert level.mean() == pytest.approx(np.quantile(demand, RATIO), rel=0.02)
    assert (demand <= level).mean() == pytest.approx(RATIO, abs=0.015)


def test_where_the_distribution_is_right_nothing_is_moved() -> None:
    found = fit(taught(SPREAD), CONFIG, prior=0.0)
    assert (found.rounds, found.booster) == (0, b"")
    assert "decides as stochastic" in str(found)


def test_few_lines_teach_nothing() -> None:
    given = taught(2.5)
    some = np.arange(N) < 200
    few = Taught(given.lessons.take(some), given.inputs[some], given.items[some], given.held_out[some])
    assert fit(few, CONFIG).rounds == 0
