"""The trees of the joint part, fitted to the realised cost of the orders that they lead to: XGBoost's own booster, the objective ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import xgboost
from xgboost import collective

from jobs.forecast import boosting
from jobs.forecast.boosting import Fit
from jobs.forecast.checkpoints import EarlyStopping
from jobs.learn.joint import Joint
from jobs.learn.joint_loss import within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xgboost.callback import TrainingCallback

    from jobs.config import Config
    from jobs.learn.joint_loss import Floats, Lessons

Bools = npt.NDArray[np.bool_]
Names = npt.NDArray[np.object_]

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

    inputs  [n, joint_lines.INPUTS];  held_out: [n] not learned from until the end
    items, places, origins  [n] what names a line: its item, its location, the period it would have been ordered in
    """

    lessons: Lessons
    inputs: npt.NDArray[np.float32]
    items: Names
    places: Names
    origins: npt.NDArray[np.int64]
    held_out: Bools

    def take(self, rows: Bools) -> Taught:
        """Some of the lines."""
        own = (getattr(self, name)[rows] for name in ("inputs", "items", "places", "origins", "held_out"))
        return Taught(self.lessons.take(rows), *own)

    def expecting(self, prior: float) -> Taught:
        """The same, what was expected of each line counting so much beside what happened."""
        return replace(self, lessons=replace(self.lessons, prior=np.full(len(self.items), prior)))


@dataclass(frozen=True)
class Costs:
    """What lines, or all lines of an item together, cost unmoved and moved [n];  items: [n] whose they are."""

    items: Names
    before: Floats
    after: Floats


class Trainer(Protocol):
    """What fits boosters of lines, wherever these are."""

    def fit(self, rounds: int | None = None) -> Fit:
        """So many rounds on all lines; None: on those not held out, as many as are best for the held-out ones."""

    def held_out(self, found: Fit) -> Costs:
        """Of the held-out lines."""


def fit(taught: Taught, config: Config, prior: float = PRIOR) -> Joint:
    """The trees of lines, fitted here; ``prior``: lines as which what was expected counts."""
    held = int(taught.held_out.sum())
    return kept(_Here(taught.expecting(prior / max(len(taught.items), 1)), config), len(taught.items) - held, held)


def kept(trainer: Trainer, learned: int, held_out: int) -> Joint:
    """The trees: rounds by the cost of the held-out lines, kept where that is less than unmoved; then as many on all lines.

    learned, held_out  numbers of lines
    """
    count = learned + held_out
    if learned < LEAST_LESSONS or held_out < LEAST_HELD_OUT:
        return Joint(lessons=count)
    found = trainer.fit()
    gain, error = saved(trainer.held_out(found))
    if gain <= SURE * error or gain <= 0:
        return Joint(lessons=count, gain=gain, error=error)
    return Joint(trainer.fit(found.rounds).booster, found.rounds, count, gain, error)


@dataclass(frozen=True)
class _Here:
    """Trains in this process."""

    taught: Taught
    config: Config

    def fit(self, rounds: int | None = None) -> Fit:
        lines = len(self.taught.items) if rounds else int((~self.taught.held_out).sum())
        return boosting.finished(boosted(self.taught, self.config, parameters(self.config, lines), rounds))

    def held_out(self, found: Fit) -> Costs:
        return costs(self.taught, found.booster)


def costs(taught: Taught, booster: bytes) -> Costs:
    """What the held-out lines cost, unmoved and moved by a booster's trees."""
    own = taught.take(taught.held_out)
    moves = Joint(booster).moves(own.inputs)
    before, after = (own.lessons.loss(each) * own.lessons.weight for each in (np.zeros_like(moves), moves))
    return Costs(own.items, before, after)


def saved(found: Costs) -> tuple[float, float]:
    """Share of the cost that moves save, and its standard error: items vary together."""
    before, gain = found.before, found.before - found.after
    _, item = np.unique(found.items.astype(str), return_inverse=True)
    share, cost = gain.sum() / max(before.sum(), 1e-12), np.bincount(item, before)
    left = np.bincount(item, gain) - share * cost
    return float(share), float(np.sqrt((left**2).sum()) / max(before.sum(), 1e-12))


def objective(lessons: Lessons) -> Any:
    """XGBoost's custom objective: gradients and curvatures [n, 2], each output's in units of its mean curvature when nothing is moved.

    The mean is over the lines of all workers that train together.
    """
    turns = lessons.gradients(np.zeros((len(lessons), 2)))[1].sum(axis=0)
    total = _of_all(np.append(turns, len(lessons)))
    scale = total[:2] / total[2]

    def found(predicted: Floats, _: xgboost.DMatrix) -> tuple[Floats, Floats]:
        moves = predicted.reshape(-1, 2).astype(float)
        slope, turn = lessons.gradients(within(moves))
        # Beyond the largest moves nothing draws further out.
        out = moves - within(moves)
        slope = np.where(out * slope < 0, 0.0, slope)
        return slope / scale, turn / scale

    return found


def metric(lessons: Lessons) -> Any:
    """XGBoost's custom metric: what the lines of all workers that train together cost."""

    def cost(predicted: Floats, _: xgboost.DMatrix) -> tuple[str, float]:
        own = (lessons.loss(within(predicted.reshape(-1, 2).astype(float))) * lessons.weight).sum()
        return "cost", float(_of_all(np.array([own]))[0])

    return cost


def _of_all(sums: Floats) -> Floats:
    """Sums over the workers that train together; in a single process what they are."""
    found: Floats = collective.allreduce(sums, collective.Op.SUM)
    return found


def parameters(config: Config, lines: int) -> dict[str, Any]:
    """The booster's parameters; ``lines``: that are learned from, by all workers together."""
    chosen = {
        **boosting.parameters(config, lines),
        "multi_strategy": "one_output_per_tree",
        "num_target": 2,
        "base_score": 0.0,
        "min_child_weight": _LEAF,
        "reg_lambda": _PRIOR,
        "max_depth": max(_LEAST_DEPTH, min(config.training.max_depth, int(log2(max(lines / _LINES_PER_LEAF, 1))))),
        "disable_default_eval_metric": 1,
        "nthread": 1,
        "verbosity": 0,
    }
    chosen["seed"] = chosen.pop("random_state")
    chosen.pop("objective")
    return chosen


def boosted(
    taught: Taught,
    config: Config,
    chosen: dict[str, Any],
    rounds: int | None,
    callbacks: Sequence[TrainingCallback] = (),
    begun: xgboost.Booster | None = None,
) -> xgboost.Booster:
    """A booster of lines, by itself or together with the other workers of a communicator; ``rounds`` as Trainer.fit has them.

    begun  a checkpoint to go on from
    """
    learned = taught if rounds else taught.take(~taught.held_out)
    more: dict[str, Any] = {"callbacks": [*callbacks]}
    matrix = _matrix(learned.inputs)
    if rounds is None:
        held = taught.take(taught.held_out)
        more |= {"evals": [(_matrix(held.inputs, matrix), "validation")], "custom_metric": metric(held.lessons)}
        more["callbacks"].insert(0, EarlyStopping(config.training.early_stopping_rounds))
    left = rounds or config.training.rounds
    if begun is not None:
        left -= begun.num_boosted_rounds()
        # It has one an output; XGBoost 3.2 takes the parameter for all of them only in a new booster.
        chosen = {name: value for name, value in chosen.items() if name != "base_score"}
    return xgboost.train(chosen, matrix, left, obj=objective(learned.lessons), xgb_model=begun, verbose_eval=False, **more)


def _matrix(inputs: npt.NDArray[np.float32], ref: xgboost.QuantileDMatrix | None = None) -> xgboost.QuantileDMatrix:
    return xgboost.QuantileDMatrix(inputs, np.zeros((len(inputs), 2)), nthread=1, ref=ref, max_bin=256)
