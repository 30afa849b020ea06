"""The joint part of a model: trees that move a line's distribution to where its decision costs least.

Of a line with mean m the trees say a shift a and a logarithm of scale s; its demand of each period is then

    demand' = m (1 + a) + exp(s) (demand - m), not below 0

for the same a and s in every period and channel, so the sum over any window is moved in the same way, but for the floor. a = s = 0
changes nothing. What is published is the moved distribution: paths, cost lists, limits and the check know nothing of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jobs.forecast.distribution import LEVELS
from jobs.learn.joint_loss import within

if TYPE_CHECKING:
    from xgboost import Booster

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_KNOTS = np.concatenate([[0.0], LEVELS])
#: Whole units that round to none.
_HALF = 0.5


@dataclass(frozen=True)
class Joint:
    """The trees (UBJ bytes; none: they did not pay, and nothing is moved) and what was found of them.

    rounds    trees a move;  lessons: lines learned from
    gain      share of the held-out lines' cost that the moves saved;  error: its standard error
    """

    booster: bytes = b""
    rounds: int = 0
    lessons: int = 0
    gain: float = 0.0
    error: float = 0.0

    def facts_json(self) -> str:
        """What was found, as canonical JSON."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "booster"}, sort_keys=True)

    def moves(self, inputs: npt.NDArray[np.float32]) -> Floats:
        """Shift and logarithm of scale of lines [n, 2] from their inputs [n, joint_lines.INPUTS]."""
        from xgboost import DMatrix

        if not self.booster or not len(inputs):
            return np.zeros((len(inputs), 2))
        return within(_loaded(self.booster).predict(DMatrix(inputs, nthread=1)).astype(float).reshape(len(inputs), 2))

    def __str__(self) -> str:
        of = f"{self.lessons} lines"
        if not self.rounds:
            return f"joint: moving the distributions did not pay on held-out lines (of {of}): decides as stochastic"
        return f"joint: {self.rounds} rounds on {of} save {self.gain:.1%} (+-{self.error:.1%}) of the held-out ones' cost"


@lru_cache(maxsize=2)
def _loaded(booster: bytes) -> Booster:
    from xgboost import Booster

    loaded = Booster(model_file=bytearray(booster))
    loaded.set_param({"nthread": 1})
    return loaded


def moved(mean: Floats, p_zero: Floats, quantiles: Floats, whole: Bools, moves: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean [n], p_zero [n] and quantiles [n, 15] of rows moved by [n, 2]; rows that are not moved stay what they are to the bit.

    What the floor adds belongs to the mean: paths are scaled to it, and the highest quantiles would pay for it otherwise. A row's
    probability of nothing changes by the ranks that pass zero (half a unit where units are whole).
    """
    still = (moves == 0).all(axis=1)
    base = np.column_stack([np.zeros(len(mean)), quantiles])
    knots = mean[:, None] * (1 + moves[:, :1]) + np.exp(moves[:, 1:]) * (base - mean[:, None])
    nothing = np.where(whole, _HALF, 0.0)
    zero = np.clip(p_zero + _rank_at(knots, nothing) - _rank_at(base, nothing), 0.0, 1.0)
    below = np.maximum(-knots, 0.0)
    added = ((below[:, 1:] + below[:, :-1]) / 2 * np.diff(_KNOTS)).sum(axis=1)
    mean_ = mean * (1 + moves[:, 0]) + added
    zero = np.where(mean_ > 0, zero, 1.0)
    higher = np.where(zero[:, None] > LEVELS, 0.0, np.maximum(knots[:, 1:], 0.0))
    return np.where(still, mean, mean_), np.where(still, p_zero, zero), np.where(still[:, None], quantiles, higher)


def _rank_at(knots: Floats, units: Floats) -> Floats:
    """[n] share of ranks that stand for no more than so many units [n], linear between knots [n, 16]."""
    above = knots > units[:, None]
    first = np.where(above.any(axis=1), above.argmax(axis=1), len(_KNOTS) - 1)
    row, last = np.arange(len(knots)), np.maximum(first - 1, 0)
    low, high = knots[row, last], knots[row, first]
    share = np.clip(np.divide(units - low, high - low, out=np.zeros(len(units)), where=high > low), 0.0, 1.0)
    rank: Floats = np.where(first == 0, 0.0, _KNOTS[last] + share * (_KNOTS[first] - _KNOTS[last]))
    return rank
