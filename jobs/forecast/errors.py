"""How far off point forecasts were on held-out rows: the record from which a sequential plan takes its safety stock.

It knows less than the calibration on purpose: demand as a ratio of the mean forecast, by the forecast's size and by near and far
periods, as it was, drifts of the level included. Errors of one series' periods go together with one correlation:

    lasting = sum over pairs of periods of z z' / pairs      z: ratio less its segment's mean, over the segment's deviation

so the deviation of demand over n periods is about sigma sqrt(n + n (n - 1) lasting), not sigma sqrt(n) (Prak, Teunter and
Syntetos 2017, European Journal of Operational Research 256, on safety stocks from forecast errors).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from jobs.forecast.calibration import FAR, LEAST_ROWS, LEAST_UNITS, edges
from jobs.forecast.distribution import LEVELS
from jobs.forecast.ranks import Dependence

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SIZES = 12
_MOST_LASTING = 0.95


@dataclass(frozen=True, slots=True)
class Errors:
    """The record by segment, as nested lists so that it is written as JSON.

    sizes      upper edges of the size classes of the mean forecast (units a period);  far  first step that counts as far
    p_zero     [segments] share of periods without demand
    ratios     [segments][15] quantiles of demand as a ratio of the mean forecast
    deviation  [segments] standard deviation of these ratios
    lasting    correlation of the errors of two periods of a series, as forecast on one night
    """

    sizes: list[float]
    far: int
    p_zero: list[float]
    ratios: list[list[float]]
    deviation: list[float]
    lasting: float

    def segments(self, mean: Floats, step: Ints) -> Ints:
        """Segment of each row."""
        segment: Ints = np.searchsorted(self.sizes, mean, side="right") * 2 + (step >= self.far)
        return segment

    def apply(self, mean: Floats, step: Ints, *, normal: bool = False) -> tuple[Floats, Floats]:
        """p_zero [n] and quantiles [n, 15] of demand with such mean forecasts; ``normal``: of a normal law, cut off at zero."""
        segment = self.segments(mean, step)
        if normal:
            deviation = np.maximum(np.array(self.deviation)[segment], 1e-9)
            return ndtr(-1 / deviation), np.maximum(mean[:, None] * (1 + deviation[:, None] * ndtri(LEVELS)), 0.0)
        p_zero = np.array(self.p_zero)[segment]
        quantiles = mean[:, None] * np.array(self.ratios)[segment]
        return p_zero, np.where(p_zero[:, None] > LEVELS, 0.0, quantiles)

    @property
    def dependence(self) -> Dependence:
        """Of demand paths: every series for itself, its periods as far together as their errors were."""
        return Dependence({"series": 1.0}, {"series": self.lasting})

    def to_dict(self) -> dict[str, object]:
        """As JSON keeps it."""
        return asdict(self)


def fit(mean: Floats, actual: Floats, step: Ints, group: Ints, grain: str) -> Errors:
    """The record of held-out rows.

    mean, actual  [n] units forecast and sold;  step  [n] periods ahead
    group         [n] the same number for all periods of a series as forecast on one night
    """
    mean = np.maximum(mean, LEAST_UNITS)
    shell = Errors(edges(mean, int(np.clip(len(mean) // (LEAST_ROWS * 2), 1, _SIZES))), FAR[grain], [], [], [], 0.0)
    segment, ratio = shell.segments(mean, step), actual / mean
    zeros, ratios, centres, spreads = [], [], [], []
    for key in range((len(shell.sizes) + 1) * 2):
        # Itself, near and far together, all: the first with enough rows.
        groups = (segment == key, segment // 2 == key // 2, np.ones(len(mean), bool))
        rows = next((some for some in groups if some.sum() >= LEAST_ROWS), groups[-1])
        zeros.append(float((actual[rows] <= 0).mean()))
        ratios.append(np.quantile(ratio[rows], LEVELS).tolist())
        centres.append(float(ratio[rows].mean()))
        spreads.append(float(ratio[rows].std()))
    score = (ratio - np.array(centres)[segment]) / np.maximum(np.array(spreads)[segment], 1e-9)
    return Errors(shell.sizes, shell.far, zeros, ratios, spreads, _lasting(score, group))


def _lasting(score: Floats, group: Ints) -> float:
    """Mean product of the scores of two periods of a group, as a share of their mean square; 0 to _MOST_LASTING."""
    _, of = np.unique(group, return_inverse=True)
    count, total, squares = np.bincount(of), np.bincount(of, score), np.bincount(of, score**2)
    pairs = float((count * (count - 1)).sum())
    square = float(squares.sum()) / max(len(score), 1)
    if pairs == 0 or square <= 0:
        return 0.0
    return float(np.clip((total**2 - squares).sum() / pairs / square, 0.0, _MOST_LASTING))
