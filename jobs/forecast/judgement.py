"""Whether a challenger takes the champion's place, and why: both forecast the same periods, that neither has seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.clock import CLOCKS
from jobs.features.names import KEY
from jobs.forecast import censored
from jobs.forecast.metrics import pinball, pinball_losses
from jobs.forecast.model import numbers, quantiles_of
from jobs.forecast.segments import ALL, ORIGIN, Segmentation, segmentations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.config import Config

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the challenger becomes champion, and what spoke for and against it, a sentence each."""

    wins: bool
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return ("champion: " if self.wins else "not champion: ") + "; ".join(self.reasons)


#: Without a champion there is nothing to beat but the baseline.
FIRST = Verdict(wins=True, reasons=("the first model",))


def compare(challenger: pa.Table, champion: pa.Table, config: Config, departments: Mapping[str, str]) -> Verdict:
    """The challenger wins if it is better by a margin, not worse on all days, and in no big segment worse by much.

    - its pinball loss on in-stock periods is below the champion's by [training] margin
    - on all periods, stock-outs censored, its log score is not below the champion's
    - in no big segment (at least [training] big_segment of demand) is its pinball loss more than [training] tolerated_loss above

    Both tables are forecasts of the same rows in the same order: columns of jobs.forecast.model.SCHEMA with origin, step,
    level, promotion, units and in_stock. Segments are those of the backtest. Raises ValueError where the rows differ.
    """
    for name in (*KEY, "target_date", "units"):
        if not challenger[name].equals(champion[name]):
            raise ValueError(f"challenger and champion were judged on different rows: {name} differs")
    training = config.training
    in_stock = np.asarray(challenger["in_stock"].to_numpy(zero_copy_only=False), bool)
    actual = numbers(challenger, "units")[in_stock]
    ours, theirs = quantiles_of(challenger)[in_stock], quantiles_of(champion)[in_stock]
    gain = 1 - pinball(actual, ours) / pinball(actual, theirs) if pinball(actual, theirs) > 0 else 0.0
    better = gain >= training.margin
    said = [f"pinball loss {pinball(actual, ours):.4f} against {pinball(actual, theirs):.4f}, {_percent(gain, training.margin)}"]
    scores = _mean_score(challenger, in_stock), _mean_score(champion, in_stock)
    said.append(f"log score on all days {scores[0]:.4f} against {scores[1]:.4f}" + ("" if scores[0] >= scores[1] else ": worse"))
    cuts = segmentations(challenger, CLOCKS[config.grain], departments)
    within = {kind: Segmentation(cut.labels, cut.code[in_stock]) for kind, cut in cuts.items() if kind not in (ALL, ORIGIN)}
    lost = list(_lost(actual, (pinball_losses(actual, ours), pinball_losses(actual, theirs)), within, config))
    return Verdict(better and scores[0] >= scores[1] and not lost, (*said, *lost))


def _percent(gain: float, margin: float) -> str:
    return f"{abs(gain):.1%} {'less' if gain >= 0 else 'more'}" + ("" if gain >= margin else f" (must be {margin:.1%} less)")


def _mean_score(rows: pa.Table, in_stock: Bools) -> float:
    whole = np.asarray(rows["whole_units"].to_numpy(zero_copy_only=False), bool)
    quantiles, p_zero, units = quantiles_of(rows), numbers(rows, "p_zero"), numbers(rows, "units")
    return float(censored.log_scores(quantiles, p_zero, units, in_stock, whole).mean())


def _lost(actual: Floats, losses: tuple[Floats, Floats], cuts: Mapping[str, Segmentation], config: Config) -> Iterator[str]:
    """A sentence for each big segment in which the challenger loses too much."""
    for kind, cut in cuts.items():
        demand, ours, theirs = (np.bincount(cut.code, values, len(cut.labels)) for values in (actual, *losses))
        for number, label in enumerate(cut.labels):
            big = demand[number] >= config.training.big_segment * actual.sum()
            if big and ours[number] > (1 + config.training.tolerated_loss) * theirs[number]:
                more = ours[number] / theirs[number] - 1 if theirs[number] > 0 else np.inf
                yield f"{kind} {label} ({demand[number] / actual.sum():.0%} of demand): {more:.1%} more loss"
