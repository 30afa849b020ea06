"""The trees of the joint part, fitted to the realised cost of the orders that they lead to: XGBoost's own booster, the objective ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xgboost

from jobs.forecast import boosting
from jobs.forecast.checkpoints import EarlyStopping
from jobs.learn.joint import Joint
from jobs.learn.joint_loss import within

if TYPE_CHECKING:
    from jobs.config import Config
    from jobs.learn.joint_loss import Floats, Lessons

Bools = npt.NDArray[np.bool_]

#: Fewer lines that are learned from, or held out, say nothing.
LEAST_LESSONS, LEAST_HELD_OUT = 300, 60
#: Lines in a leaf at least, and as many whose saying so would be outweighed by the belief that nothing is to be moved.
_LEAF, _PRIOR = 100.0, 100.0
#: Lines for a leaf of a full tree, and the depth that few lines have: the cost of single windows scatters far more than demand does, and
#: deeper trees learn it by heart (docs/modes.md).
_LINES_PER_LEAF, _LEAST_DEPTH = 1_000, 2
#: Lines as which what was expected counts beside what happened: of windows that run out once in three hundred, three (docs/modes.md).
PRIOR = 1_000.0
#: Standard errors by which the held-out lines must be cheaper.
SURE = 2.0


@dataclass(frozen=True)
class Taught:
    """Lines whose windows are over.

    inputs  [n, joint_lines.INPUTS];  items: [n] name of each line's item;  held_out: [n] not learned from until the end
    """

    lessons: Lessons
    inputs: npt.NDArray[np.float32]
    items: npt.NDArray[np.object_]
    held_out: Bools


def fit(taught: Taught, config: Config, prior: float = PRIOR) -> Joint:
    """The trees: rounds by the cost of the held-out lines, kept where that is less than unmoved; then as many on all lines.

    prior  lines as which what was expected counts
    """
    held, count = taught.held_out, len(taught.lessons)
    taught = replace(taught, lessons=replace(taught.lessons, prior=np.full(count, prior / max(count, 1))))
    if (~held).sum() < LEAST_LESSONS or held.sum() < LEAST_HELD_OUT:
        return Joint(lessons=count)
    found = _boosted(taught, ~held, config, config.training.rounds, watched=True)
    rounds = int(found.attr("best_iteration") or 0) + 1
    own = taught.lessons.take(held)
    moves = within(found.predict(_matrix(taught.inputs[held]), iteration_range=(0, rounds)).astype(float))
    gain, error = saved(own, moves, taught.items[held])
    if gain <= SURE * error or gain <= 0:
        return Joint(lessons=count, gain=gain, error=error)
    final = _boosted(taught, np.ones(count, bool), config, rounds)
    return Joint(bytes(final.save_raw("ubj")), rounds, count, gain, error)


def saved(lessons: Lessons, moves: Floats, items: npt.NDArray[np.object_]) -> tuple[float, float]:
    """Share of the cost that moves save, and its standard error: items vary together."""
    before = lessons.loss(np.zeros_like(moves)) * lessons.weight
    gain = before - lessons.loss(moves) * lessons.weight
    _, item = np.unique(items.astype(str), return_inverse=True)
    share, cost = gain.sum() / max(before.sum(), 1e-12), np.bincount(item, before)
    left = np.bincount(item, gain) - share * cost
    return float(share), float(np.sqrt((left**2).sum()) / max(before.sum(), 1e-12))


def objective(lessons: Lessons) -> Any:
    """XGBoost's custom objective: gradients and curvatures [n, 2], each output's in units of its mean curvature when nothing is moved."""
    scale = lessons.gradients(np.zeros((len(lessons), 2)))[1].mean(axis=0)

    def found(predicted: Floats, _: xgboost.DMatrix) -> tuple[Floats, Floats]:
        moves = predicted.reshape(-1, 2).astype(float)
        slope, turn = lessons.gradients(within(moves))
        # Beyond the largest moves nothing draws further out.
        out = moves - within(moves)
        slope = np.where(out * slope < 0, 0.0, slope)
        return slope / scale, turn / scale

    return found


def _boosted(taught: Taught, learned: Bools, config: Config, rounds: int, *, watched: bool = False) -> xgboost.Booster:
    """A booster of some lines; ``watched``: stopped by the cost of the held-out ones."""
    lessons, held = taught.lessons.take(learned), taught.held_out
    parameters = {
        **boosting.parameters(config, len(lessons)),
        "multi_strategy": "one_output_per_tree",
        "num_target": 2,
        "base_score": 0.0,
        "min_child_weight": _LEAF,
        "reg_lambda": _PRIOR,
        "max_depth": max(_LEAST_DEPTH, min(config.training.max_depth, int(log2(max(len(lessons) / _LINES_PER_LEAF, 1))))),
        "disable_default_eval_metric": 1,
        "nthread": 1,
        "verbosity": 0,
    }
    parameters["seed"] = parameters.pop("random_state")
    parameters.pop("objective")
    more: dict[str, Any] = {}
    matrix = _matrix(taught.inputs[learned])
    if watched:
        own = taught.lessons.take(held)

        def cost(predicted: Floats, _: xgboost.DMatrix) -> tuple[str, float]:
            return "cost", float((own.loss(within(predicted.reshape(-1, 2).astype(float))) * own.weight).sum())

        more = {"evals": [(_matrix(taught.inputs[held], matrix), "validation")], "custom_metric": cost}
        more["callbacks"] = [EarlyStopping(config.training.early_stopping_rounds)]
    return xgboost.train(parameters, matrix, rounds, obj=objective(lessons), verbose_eval=False, **more)


def _matrix(inputs: npt.NDArray[np.float32], ref: xgboost.QuantileDMatrix | None = None) -> xgboost.QuantileDMatrix:
    return xgboost.QuantileDMatrix(inputs, np.zeros((len(inputs), 2)), nthread=1, ref=ref, max_bin=256)
