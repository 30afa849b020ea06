"""What the trees learn: with linear costs and without multiples the critical ratio's quantile; nothing where nothing is to be learned."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.config import Config
from jobs.learn.joint_fit import fit
from tests.jobs.learn.made_lessons import MEAN, RATIO, SPREAD, N, taught

CONFIG = Config(training={"rounds": 150, "learning_rate": 0.1})


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
    assert fit(given.take(some), CONFIG).rounds == 0
