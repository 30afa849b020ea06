"""Checkpoints and early stopping: interrupted and continued training is training that was never interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from xgboost import Booster, QuantileDMatrix

from jobs.forecast.checkpoints import Checkpointing, Checkpoints, EarlyStopping, best_rounds

PLAIN = {"objective": "reg:absoluteerror", "max_depth": 3, "learning_rate": 0.3, "nthread": 1, "seed": 5}
QUANTILES = PLAIN | {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}
SETTINGS = {
    "one output": PLAIN,
    "drawing rows and columns": PLAIN | {"subsample": 0.6, "colsample_bytree": 0.5, "colsample_bynode": 0.8, "num_parallel_tree": 2},
    "three outputs, a tree each": QUANTILES,
    "three outputs, one tree": QUANTILES | {"multi_strategy": "multi_output_tree"},
}


def data() -> tuple[QuantileDMatrix, QuantileDMatrix]:
    random = np.random.default_rng(3)
    x = random.normal(size=(300, 4))
    y = x[:, 0] + random.normal(size=300)
    learned = QuantileDMatrix(x[:200], y[:200])
    return learned, QuantileDMatrix(x[200:], y[200:], ref=learned)


def train(parameters: dict[str, Any], rounds: int, folder: Path, patience: int = 99, least: int = 1) -> Booster:
    """From the newest checkpoint of the folder to so many rounds, as a worker does it."""
    checkpoints = Checkpoints(folder)
    begun = checkpoints.newest()
    learned, held_out = data()
    done = begun.num_boosted_rounds() if begun else 0
    return xgboost.train(
        parameters,
        learned,
        rounds - done,
        evals=[(learned, "training"), (held_out, "validation")],
        callbacks=[EarlyStopping(patience, least), Checkpointing(checkpoints, "attempt", every=5)],
        xgb_model=begun,
        verbose_eval=False,
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_continued_from_a_checkpoint_it_is_the_same_booster(name: str, tmp_path: Path) -> None:
    whole = train(SETTINGS[name], 30, tmp_path / "whole")
    train(SETTINGS[name], 17, tmp_path / "part")
    assert Checkpoints(tmp_path / "part").names()[-1] == "000015.ubj"
    continued = train(SETTINGS[name], 30, tmp_path / "part")
    assert continued.save_raw("ubj") == whole.save_raw("ubj")


def test_it_stops_early_where_xgboost_does(tmp_path: Path) -> None:
    learned, held_out = data()
    theirs = xgboost.train(PLAIN, learned, 200, evals=[(held_out, "validation")], early_stopping_rounds=8, verbose_eval=False)
    ours = train(PLAIN, 200, tmp_path, patience=8)
    assert ours.num_boosted_rounds() == theirs.num_boosted_rounds() < 200
    assert best_rounds(ours) == theirs.best_iteration + 1


def test_rounds_before_the_least_are_never_the_best(tmp_path: Path) -> None:
    best = best_rounds(train(PLAIN, 200, tmp_path / "early", patience=8))
    later = train(PLAIN, 200, tmp_path / "late", patience=8, least=best + 5)
    assert best + 5 <= best_rounds(later) < 200
    short = train(PLAIN, 10, tmp_path / "short", least=20)
    assert best_rounds(short) == 10


def test_a_checkpoint_after_the_best_round_does_not_forget_it(tmp_path: Path) -> None:
    whole = train(PLAIN, 200, tmp_path / "whole", patience=8)
    best = best_rounds(whole)
    train(PLAIN, best + 6, tmp_path / "part", patience=8)  # 5 divides one of the rounds after the best
    assert int(Checkpoints(tmp_path / "part").names()[-1][:6]) > best
    assert train(PLAIN, 200, tmp_path / "part", patience=8).save_raw("ubj") == whole.save_raw("ubj")


def test_two_checkpoints_are_kept_and_a_half_written_one_is_not_read(tmp_path: Path) -> None:
    train(PLAIN, 18, tmp_path)
    (tmp_path / ".000020.ubj.1.tmp").write_bytes(b"half")
    assert Checkpoints(tmp_path).names() == ["000010.ubj", "000015.ubj"]
    newest = Checkpoints(tmp_path).newest()
    assert newest is not None
    assert newest.num_boosted_rounds() == 15
    assert Checkpoints(tmp_path / "none").newest() is None


def test_the_round_reached_is_reported(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path).reported("attempt") is None
    train(PLAIN, 2, tmp_path)
    assert Checkpoints(tmp_path).reported("attempt") == "0"  # less than a second has passed since the rows were loaded
    assert Checkpoints(tmp_path).reported("another") is None


def test_a_loss_that_is_not_a_number_ends_the_training(tmp_path: Path) -> None:
    checking = Checkpointing(Checkpoints(tmp_path), "attempt", every=1)
    booster = train(PLAIN, 3, tmp_path / "some")
    assert not checking.after_iteration(booster, 2, {"training": {"mae": [0.3]}, "validation": {"mae": [0.2]}})
    with pytest.raises(ArithmeticError, match="the loss of round 3"):
        checking.after_iteration(booster, 2, {"training": {"mae": [0.3]}, "validation": {"mae": [0.2, float("nan")]}})
