"""Signals as arrays: what had landed of them by an origin, against their recent mean."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.features.clock import Clock
from jobs.features.history import masked_mean

Floats = npt.NDArray[np.float64]

#: How many signals become features: the first ones by name.
SIGNALS = 3


def at_origin(
    signals: pa.Table, clock: Clock, locations: dict[str, int], region: dict[str, str], origin: int, horizon: int, night: int
) -> Floats:
    """Values for the periods [origin, origin + horizon) against the mean of the periods just before the origin.

    A value for a period from the origin on counts only if its row had landed by the origin; for earlier periods
    the night's own state counts (design.md section 2). Returns [locations + 1, SIGNALS, horizon]; NaN: not known.
    The last row is for locations that are not in the masters.
    """
    result = np.full((len(locations) + 1, SIGNALS, horizon), np.nan)
    names = {name: i for i, name in enumerate(sorted(signals["name"].unique().to_pylist())[:SIGNALS])}
    if not names:
        return result
    period = clock.indices(np.asarray(signals["date"].cast(pa.int32()).cast(pa.int64())))
    back = clock.trend[1]
    ahead = _mean_by_scope(signals, period, names, origin, origin + horizon, _seen(signals, clock.first_day(origin)))
    recent = _mean_by_scope(signals, period, names, origin - back, origin, _seen(signals, clock.first_day(night)))
    for place, row in [*locations.items(), ("", len(locations))]:
        scopes = [("location", place), ("region", region.get(place, "")), ("everywhere", "")]
        usual, _ = masked_mean(_resolve(recent, scopes, back))
        result[row] = _resolve(ahead, scopes, horizon) - usual[:, None]
    return result


def _seen(signals: pa.Table, day: date) -> npt.NDArray[np.bool_]:
    """Rows that the night of a date sees."""
    still = pc.or_kleene(pc.is_null(signals["known_to"]), pc.greater(signals["known_to"], day))
    seen: npt.NDArray[np.bool_] = np.asarray(pc.and_(pc.less_equal(signals["known_from"], day), still))
    return seen


def _mean_by_scope(
    signals: pa.Table, period: npt.NDArray[np.int64], names: dict[str, int], start: int, end: int, seen: npt.NDArray[np.bool_]
) -> dict[tuple[str, str], Floats]:
    """Scope -> values [SIGNALS, end - start], the mean over the days of a period."""
    mask = seen & (period >= start) & (period < end)
    rows = signals.filter(pa.array(mask)).select(["location_id", "region", "name", "value"]).to_pylist()
    total: dict[tuple[str, str], Floats] = {}
    count: dict[tuple[str, str], Floats] = {}
    for row, column in zip(rows, (period[mask] - start).tolist(), strict=True):
        if row["name"] not in names:
            continue
        scope = _scope(row["location_id"], row["region"])
        total.setdefault(scope, np.zeros((SIGNALS, end - start)))[names[row["name"]], column] += row["value"]
        count.setdefault(scope, np.zeros((SIGNALS, end - start)))[names[row["name"]], column] += 1
    return {scope: np.divide(t, count[scope], out=np.full_like(t, np.nan), where=count[scope] > 0) for scope, t in total.items()}


def _scope(location: str | None, region: str | None) -> tuple[str, str]:
    if location:
        return ("location", location)
    return ("region", region) if region else ("everywhere", "")


def _resolve(values: dict[tuple[str, str], Floats], scopes: list[tuple[str, str]], width: int) -> Floats:
    """The most specific value of each signal and period."""
    result = np.full((SIGNALS, width), np.nan)
    for scope in scopes:
        if scope in values:
            result = np.where(np.isnan(result), values[scope], result)
    return result
