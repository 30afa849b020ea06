"""How good a forecast was: pure functions of arrays, on periods in stock throughout.

y is demand, f the mean forecast, q_p the forecast quantile at level p, n the number of rows; sums run over rows.
Everything is a ratio of sums of row terms, so segments are summed once and any of them is judged from its sums.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from jobs.forecast.distribution import LEVELS, NAMES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Quantiles that the pinball loss averages over.
SCORED = ("q05", "q10", "q20", "q30", "q40", "q50", "q60", "q70", "q80", "q90", "q95")
_SCORED = [NAMES.index(name) for name in SCORED]
#: Share of rows at or below each quantile.
BELOW: tuple[str, ...] = tuple(f"below_{name}" for name in NAMES)


def wape(actual: Floats, forecast: Floats) -> float:
    """Weighted absolute percentage error: sum |y - f| / sum y; NaN where nothing was sold."""
    return _ratio(float(np.abs(actual - forecast).sum()), float(actual.sum()))


def bias(actual: Floats, forecast: Floats) -> float:
    """(sum f - sum y) / sum y; NaN where nothing was sold."""
    return _ratio(float((forecast - actual).sum()), float(actual.sum()))


def pinball_losses(actual: Floats, quantiles: Floats) -> Floats:
    """Loss of each row, [n] units: mean over SCORED of max(p (y - q_p), (p - 1)(y - q_p)); Koenker and Bassett (1978).

    quantiles [n, 15] at LEVELS. A single point has the same loss as |y - f| / 2, because SCORED lies evenly around one half.
    """
    levels = LEVELS[_SCORED]
    error = actual[:, None] - quantiles[:, _SCORED]
    losses: Floats = np.maximum(levels * error, (levels - 1) * error).mean(axis=1)
    return losses


def pinball(actual: Floats, quantiles: Floats) -> float:
    """Scaled pinball loss: sum of pinball_losses / sum y, that is: in shares of mean demand."""
    return _ratio(float(pinball_losses(actual, quantiles).sum()), float(actual.sum()))


def coverage(actual: Floats, quantiles: Floats, low: str = "q10", high: str = "q90") -> float:
    """Share of rows within [q_low, q_high], both included."""
    inside = _inside(actual, quantiles, low, high)
    return float(inside.mean()) if len(actual) else float("nan")


def below(actual: Floats, quantiles: Floats) -> Floats:
    """Share of rows with y <= q_p, for each of LEVELS: [15]; calibrated is p itself, and above it where units are whole."""
    return (actual[:, None] <= quantiles).mean(axis=0) if len(actual) else np.full(len(LEVELS), np.nan)


def miss(actual: Floats, quantiles: Floats) -> Floats:
    """How far the share of rows up to each quantile is from its level [15]: positive where it is too high.

    Where demand lies on the quantile itself (zeros, whole units) any share between those below and those up to it is right.
    """
    under, up_to = (actual[:, None] < quantiles).mean(axis=0), (actual[:, None] <= quantiles).mean(axis=0)
    off: Floats = np.where(under > LEVELS, under - LEVELS, np.where(up_to < LEVELS, up_to - LEVELS, 0.0))
    return off


def value_added(loss: float, plain: float) -> float:
    """Forecast value added: the loss saved against a plain forecast, in percent of its loss; 100 (1 - loss / plain)."""
    return 100 * (1 - loss / plain) if plain > 0 else float("nan")


def terms(actual: Floats, mean: Floats, quantiles: Floats | None = None) -> dict[str, Floats]:
    """What each row adds to the sums, by name: [n]. A point forecast has no quantiles; its distribution is the point."""
    found = {"rows": np.ones(len(actual)), "demand": actual, "error": np.abs(actual - mean), "surplus": mean - actual}
    if quantiles is None:
        return found | {"pinball": found["error"] / 2}
    found |= {"error_median": np.abs(actual - quantiles[:, NAMES.index("q50")]), "pinball": pinball_losses(actual, quantiles)}
    found |= {"inside": _inside(actual, quantiles, "q10", "q90").astype(float)}
    under = actual[:, None] <= quantiles
    return found | {name: under[:, i].astype(float) for i, name in enumerate(BELOW)}


def add_up(parts: Mapping[str, Floats], group: Ints, groups: int) -> list[dict[str, float]]:
    """The terms summed by group (0 .. groups - 1)."""
    sums = {name: np.bincount(group, values, groups) for name, values in parts.items()}
    return [{name: float(values[g]) for name, values in sums.items()} for g in range(groups)]


def measures_of(sums: Mapping[str, float]) -> dict[str, float]:
    """Measures from summed terms: `wape` is that of the median, a point forecast being its own median."""
    rows, demand = sums["rows"], sums["demand"]
    found = {"rows": rows, "demand": demand, "wape_mean": _ratio(sums["error"], demand)}
    found |= {"wape": _ratio(sums.get("error_median", sums["error"]), demand), "bias": _ratio(sums["surplus"], demand)}
    found |= {"pinball": _ratio(sums["pinball"], demand)}
    if "inside" in sums:
        found |= {"coverage_80": _ratio(sums["inside"], rows)}
        found |= {name: _ratio(sums[name], rows) for name in BELOW}
    return found


def measures(actual: Floats, mean: Floats, quantiles: Floats) -> dict[str, float]:
    """All of them at once: WAPE of the median and of the mean, bias of the mean, pinball, coverage of q10..q90."""
    parts = terms(actual, mean, quantiles)
    found = measures_of(add_up(parts, np.zeros(len(actual), np.int64), 1)[0])
    return {name: found[name] for name in ("rows", "wape", "wape_mean", "bias", "pinball", "coverage_80")}


def _inside(actual: Floats, quantiles: Floats, low: str, high: str) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = (actual >= quantiles[:, NAMES.index(low)]) & (actual <= quantiles[:, NAMES.index(high)])
    return inside


def _ratio(loss: float, total: float) -> float:
    return loss / total if total > 0 else float("nan")
