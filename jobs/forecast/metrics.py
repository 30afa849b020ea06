"""How good a forecast was: pure functions of arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.forecast.distribution import LEVELS, NAMES

Floats = npt.NDArray[np.float64]


def wape(actual: Floats, forecast: Floats) -> float:
    """Weighted absolute percentage error: sum |y - f| / sum y; NaN where nothing was sold."""
    return _ratio(float(np.abs(actual - forecast).sum()), actual)


def bias(actual: Floats, forecast: Floats) -> float:
    """(sum f - sum y) / sum y; NaN where nothing was sold."""
    return _ratio(float((forecast - actual).sum()), actual)


def pinball(actual: Floats, quantiles: Floats) -> float:
    """Pinball loss averaged over the 15 LEVELS, scaled: sum over rows / sum y. quantiles [n, 15]."""
    error = actual[:, None] - quantiles
    loss = np.maximum(LEVELS * error, (LEVELS - 1) * error)
    return _ratio(float(loss.mean(axis=1).sum()), actual)


def coverage(actual: Floats, quantiles: Floats, low: str = "q10", high: str = "q90") -> float:
    """Share of rows within [low, high], both included."""
    inside = (actual >= quantiles[:, NAMES.index(low)]) & (actual <= quantiles[:, NAMES.index(high)])
    return float(inside.mean()) if len(actual) else float("nan")


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
