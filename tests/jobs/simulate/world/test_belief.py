"""What past demand tells of the hidden factors: errors are as large as the belief says, and knowing more is knowing better."""

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.simulate.world import belief
from jobs.simulate.world.demand import draw
from jobs.simulate.world.hidden import Keyed
from tests.jobs.simulate.world.worlds import FIRST, world

DAY = FIRST.toordinal()
LEVEL = {"median": 20, "item": 0, "location": 0, "line": 0}


Bursts = list[tuple[NDArray[np.bool_], NDArray[np.float64]]]


def followed(days: int, *effects: str, **settings: object) -> tuple[NDArray[np.float64], NDArray[np.float64], Bursts]:
    """Errors of the believed scores and their believed deviations [days, scores], and of each day bursts and their believed chances."""
    made = world(*effects, level=LEVEL, **settings)
    hidden, believed = made.start().hidden, belief.ignorant(made.randomness)
    errors, deviations, bursts = [], [], []
    for day in range(DAY, DAY + days):
        hidden = made.randomness.step(hidden, Keyed(day))
        found = draw(made.law, made.randomness, hidden, day)
        believed = belief.after(believed, made.randomness, found.mean.sum(axis=1), found.units.sum(axis=1))
        scores = np.concatenate([hidden.item, hidden.category, hidden.location, hidden.line])
        errors.append(scores - believed.mean)
        deviations.append(np.sqrt(np.diag(believed.covariance)))
        bursts.append((hidden.bursting, believed.bursting))
    return np.array(errors)[20:], np.array(deviations)[20:], bursts[20:]


def test_errors_are_as_large_as_is_believed() -> None:
    factors = {"item": {"std": 0.3, "memory": 0.8}, "location": {"std": 0.2, "memory": 0.5}, "line": {"std": 0.2, "memory": 0.9}}
    errors, deviations, _ = followed(80, "dependence", "wander", randomness=factors)
    scaled = errors / deviations
    assert scaled.std() == pytest.approx(1, abs=0.1)
    assert abs(scaled.mean()) < 0.2
    assert deviations.mean() < 0.8


def test_bursts_are_noticed() -> None:
    bursty = {"bursty": 1, "burst_begins": 0.05, "burst_ends": 0.2, "burst": 4}
    _, _, days = followed(80, "bursts", randomness=bursty)
    there, chance = (np.array(each) for each in zip(*days, strict=True))
    assert chance.mean() == pytest.approx(there.mean(), abs=0.03)
    assert chance[there].mean() > 0.8


def test_draws_have_the_beliefs_mean_and_spread() -> None:
    made = world("dependence", "wander", level=LEVEL, randomness={"item": {"std": 0.3, "memory": 0.8}})
    before = belief.ignorant(made.randomness)
    told = belief.after(before, made.randomness, np.full(made.lines, 20.0), np.full(made.lines, 35))
    hidden = belief.drawn(told, made.randomness, np.random.default_rng(1), 4000)
    items = hidden.item.shape[0]
    assert hidden.item.mean(axis=1) == pytest.approx(told.mean[:items], abs=0.06)
    assert hidden.item.std(axis=1) == pytest.approx(np.sqrt(np.diag(told.covariance)[:items]), rel=0.06)
    assert (told.mean[:items] > 0.5).all()
