"""Mode joint night after night: its trees survive a kill, and without any it decides as stochastic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost

from jobs.forecast import here
from jobs.forecast.model import Model
from jobs.lake import Lake
from jobs.learn.joint import Joint
from jobs.learn.joint_lines import INPUTS
from jobs.simulate import checkpoint
from jobs.simulate.replay import Run
from tests.jobs.simulate.tiny import CONFIG, FIRST, SIZE, lake_of, made, run_of

#: Enough lines for a model.
WORLD = made(size={**SIZE, "lines": 180, "items": 60})
SETTINGS = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"rows": 8_000})})


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return lake_of(tmp_path_factory.mktemp("world"), WORLD)


@pytest.fixture(scope="module")
def model(lake: Lake) -> Model:
    """A model with trees that move every line upwards."""
    found = here.train(run_of(lake, WORLD, "stochastic", SETTINGS).given.base, SETTINGS, FIRST)
    assert found is not None
    rows = np.random.default_rng(1).normal(size=(300, len(INPUTS))).astype(np.float32)
    trees = xgboost.train({"base_score": 0.0, "max_depth": 2}, xgboost.DMatrix(rows, 0.4 + 0.1 * rows[:, :2]), 30)
    return replace(found, joint=Joint(bytes(trees.save_raw("ubj")), 30))


def passed(run: Run, nights: int) -> Run:
    for _ in range(nights):
        run.step()
    return run


def test_a_killed_run_goes_on_to_the_same(lake: Lake, model: Model, tmp_path: Path) -> None:
    whole = passed(run_of(lake, WORLD, "joint", SETTINGS, model=model), 5)
    checkpoint.save(passed(run_of(lake, WORLD, "joint", SETTINGS, model=model), 3), tmp_path / "kept")
    again = run_of(lake, WORLD, "joint", SETTINGS)
    checkpoint.load(again, tmp_path / "kept")
    assert again.progress.model == model
    passed(again, 2)
    assert again.progress.known.equals(whole.progress.known)
    assert (again.progress.books.units["ordered"] == whole.progress.books.units["ordered"]).all()
    plain = passed(run_of(lake, WORLD, "stochastic", SETTINGS, model=model), 5)
    assert whole.progress.books.units["ordered"].sum() > plain.progress.books.units["ordered"].sum()


def test_where_nothing_was_to_be_learned_it_decides_as_stochastic(lake: Lake, model: Model) -> None:
    plain = replace(model, joint=None)
    joint, stochastic = (passed(run_of(lake, WORLD, mode, SETTINGS, model=plain), 3) for mode in ("joint", "stochastic"))
    assert joint.progress.model is not None
    assert joint.progress.model.joint is not None
    assert joint.progress.model.joint.rounds == 0, "a hundred lines teach nothing"
    assert (joint.progress.books.units["ordered"] == stochastic.progress.books.units["ordered"]).all()
