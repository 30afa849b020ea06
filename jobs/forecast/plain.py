"""Plain forecasts that any model must beat, from a series' own past sales: pure functions of arrays.

| name | grain day | grain week |
|---|---|---|
| naive | the last in-stock day | the last in-stock week |
| seasonal_naive | the last in-stock day with the same weekday, 8 weeks back at most | the same week last year |
| short_mean | mean sales of 7 days, in stock or not | mean sales of 4 weeks, in stock or not |
| long_mean | mean of the in-stock days among 28 | mean of the in-stock weeks among 13 |
| season_mean | mean of the in-stock days with the same weekday among 8 weeks | mean of the in-stock weeks around the same week last year |

They share no code with the features, so that a change of the features doesn't move the yardstick.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from jobs.features.clock import Grain

Floats = npt.NDArray[np.float64]

NAIVE, SEASONAL, SHORT, LONG, SEASON = PLAIN = ("naive", "seasonal_naive", "short_mean", "long_mean", "season_mean")
#: What people call them.
LABELS: dict[Grain, dict[str, str]] = {
    "day": dict(zip(PLAIN, ("naive", "seasonal naive", "7-day mean", "28-day in-stock mean", "in-stock weekday mean"), strict=True)),
    "week": dict(zip(PLAIN, ("naive", "seasonal naive 52", "4-week mean", "13-week in-stock mean", "in-stock season mean"), strict=True)),
}
_SHORT = {"day": 7, "week": 4}
_LONG = {"day": 28, "week": 13}
#: Periods back from the target that are like it, newest first; for naive and for the mean.
_LIKE = {"day": tuple(range(7, 57, 7)), "week": (52,)}
_AROUND = {"day": _LIKE["day"], "week": (51, 52, 53)}


def plain_forecasts(units: Floats, stock: Floats, fallback: Floats, steps: int, grain: Grain) -> dict[str, Floats]:
    """Each of PLAIN as [n, steps] units.

    units     [n, periods] sales before the origin, the last column is the period before it; NaN: not known
    stock     [n, periods] in-stock fraction
    fallback  [n] where nothing at all is known of a series

    Where a method finds none of its periods it takes the long mean, else the mean of all in-stock periods, else of all sales.
    """
    in_stock = np.where(stock >= 1, units, np.nan)
    spare = _mean(in_stock[:, -_LONG[grain] :])
    for other in (_mean(in_stock), _mean(units), fallback):
        spare = np.where(np.isnan(spare), other, spare)
    flat = {NAIVE: _newest(in_stock), SHORT: _mean(units[:, -_SHORT[grain] :]), LONG: spare}
    made = {name: np.repeat(values[:, None], steps, axis=1) for name, values in flat.items()}
    for name, back, pick in ((SEASONAL, _LIKE[grain], _newest), (SEASON, _AROUND[grain], _mean)):
        made[name] = np.stack([pick(_columns(in_stock, step, back)) for step in range(steps)], axis=1)
    return {name: np.where(np.isnan(made[name]), spare[:, None], made[name]) for name in PLAIN}


def _columns(past: Floats, step: int, back: tuple[int, ...]) -> Floats:
    """The known periods that lie ``back`` before the origin's step, oldest first; NaN where the past doesn't reach."""
    behind = [k - step for k in sorted(back, reverse=True) if k - step > 0]
    columns = [past[:, -k] if k <= past.shape[1] else np.full(len(past), np.nan) for k in behind]
    return np.stack(columns, axis=1) if columns else np.full((len(past), 1), np.nan)


def _newest(values: Floats) -> Floats:
    """Last value of each row that is not NaN; NaN without one."""
    known = ~np.isnan(values)
    last = values.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    newest: Floats = values[np.arange(len(values)), last]
    return newest


def _mean(values: Floats) -> Floats:
    with warnings.catch_warnings():
        # Rows of nothing but NaN have no mean: NaN says so.
        warnings.simplefilter("ignore", RuntimeWarning)
        mean: Floats = np.nanmean(values, axis=1)
    return mean
