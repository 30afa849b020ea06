"""How good a forecast was: pure functions of arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.forecast.distribution import LEVELS, NAMES

Floats = npt.NDArray[np.float64]

#: The eleven levels that forecasts are judged by.
JUDGED: tuple[str, ...] = ("q05", "q10", "q20", "q30", "q40", "q50", "q60", "q70", "q80", "q90", "q95")


def wape(actual: Floats, forecast: Floats) -> float:
    """Weighted absolute percentage error: sum |y - f| / sum y; NaN where nothing was sold."""
    return _ratio(float(np.abs(actual - forecast).sum()), actual)


def bias(actual: Floats, forecast: Floats) -> float:
    """(sum f - sum y) / sum y; NaN where nothing was sold."""
    return _ratio(float((forecast - actual).sum()), actual)


def pinball(actual: Floats, quantiles: Floats, names: tuple[str, ...] = NAMES) -> float:
    """Pinball loss averaged over the levels named, scaled: sum over rows / sum y. quantiles [n, 15]."""
    chosen = [NAMES.index(name) for name in names]
    levels, error = LEVELS[chosen], actual[:, None] - quantiles[:, chosen]
    loss = np.maximum(levels * error, (levels - 1) * error)
    return _ratio(float(loss.mean(axis=1).sum()), actual)


def coverage(actual: Floats, quantiles: Floats, low: str = "q10", high: str = "q90") -> float:
    """Share of rows within [low, high], both included."""
    inside = (actual >= quantiles[:, NAMES.index(low)]) & (actual <= quantiles[:, NAMES.index(high)])
    return float(inside.mean()) if len(actual) else float("nan")


def miss(actual: Floats, quantiles: Floats) -> Floats:
    """How far the share of rows up to each quantile is from its level [15]: positive where it is too high.

    Where demand lies on the quantile itself (zeros, whole units) any share between those below and those up to it is right.
    """
    below, up_to = (actual[:, None] < quantiles).mean(axis=0), (actual[:, None] <= quantiles).mean(axis=0)
    off: Floats = np.where(below > LEVELS, below - LEVELS, np.where(up_to < LEVELS, up_to - LEVELS, 0.0))
    return off


def measures(actual: Floats, mean: Floats, quantiles: Floats) -> dict[str, float]:
    """All of them: WAPE of the median, bias of the mean, pinball, coverage of q10..q90."""
    return {
        "rows": float(len(actual)),
        "wape": wape(actual, quantiles[:, NAMES.index("q50")]),
        "wape_mean": wape(actual, mean),
        "bias": bias(actual, mean),
        "pinball": pinball(actual, quantiles),
        "coverage_80": coverage(actual, quantiles),
    }


def _ratio(loss: float, actual: Floats) -> float:
    total = float(actual.sum())
    return loss / total if total > 0 else float("nan")
