"""Yearly seasonality shared over the hierarchy, and what events did: learned from sums before the origin.

Both compare what an item, a location or a category sold with what its like periods (same weekday) sold nearby, so that
neither weekday nor the level of a year nor the stores that happened to sell enter. Where a group has sold too little to
say, it takes its parent's. Weeks that lie 364 days apart have the same weekdays but not the same events: event days are
left out of the season, and have a lift of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.features.clock import Clock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Series-periods of the parent's lift that are mixed into an own one: of a season, of an event.
_SEASON_PRIOR = 30.0
_EVENT_PRIOR = 10.0
#: Like periods on each side with which a period is compared.
_NEAR = 4
_HIGHEST = 10.0


@dataclass(frozen=True, slots=True)
class Window:
    """In-stock sales of groups in a stretch of periods before the origin.

    units, count  [groups, periods] sold, and the series-periods in which it was
    marks         [groups, periods] code of the event at or near the period (events.Events.marks); 0: none
    spells        [groups, periods] code of the long event that holds; 0: none
    event         [groups, periods] whether the period itself has an event
    """

    units: Floats
    count: Floats
    marks: Ints
    spells: Ints
    event: Bools


def season(years: Sequence[Window], clock: Clock, horizon: int, parent: Floats | None) -> Floats:
    """Lift [groups, horizon] of each period ahead: what the periods around it sold in earlier years against what was usual just before.

    years   for each earlier year the periods from ``clock.trend[1]`` before the origin's season to the end of the horizon's
    parent  lifts of the level above, a row a group or one for all; None: the top, NaN where no year is known
    """
    shape = (len(years[0].units), horizon)
    total, weight = np.zeros(shape), np.zeros(shape)
    for year in years:
        lift, count = _lift(year, clock, horizon)
        total += np.where(count > 0, lift * count, 0.0)
        weight += count
    if parent is None:
        return _ratio(total, weight)
    lifts: Floats = (total + _SEASON_PRIOR * parent) / (weight + _SEASON_PRIOR)
    return lifts


def _lift(year: Window, clock: Clock, horizon: int) -> tuple[Floats, Floats]:
    """Lift and series-periods [groups, horizon] of one earlier year."""
    before, length = clock.trend[1], clock.like
    units, count = (np.where(year.event, 0.0, values) for values in (year.units, year.count))
    usual = _ratio(*(values[:, :before].reshape(len(values), -1, length).sum(axis=1) for values in (units, count)))
    expected = usual[:, np.arange(units.shape[1]) % length]
    known = (count > 0) & (expected > 0)
    sold = _around(np.where(known, units, 0.0), before, horizon, clock.around)
    due = _around(np.where(known, count * np.nan_to_num(expected), 0.0), before, horizon, clock.around)
    seen = _around(np.where(known, count, 0.0), before, horizon, clock.around)
    return np.clip(np.nan_to_num(_ratio(sold, due)), 1 / _HIGHEST, _HIGHEST), seen


def _around(values: Floats, first: int, horizon: int, around: int) -> Floats:
    """Sums of the periods up to ``around`` before and after each of [first, first + horizon)."""
    total = np.zeros((len(values), horizon))
    for shift in range(-around, around + 1):
        total += values[:, first + shift : first + shift + horizon]
    return total


def event_lifts(windows: Sequence[Window], clock: Clock, codes: int, parent: Floats | None) -> Floats:
    """Lift [groups, codes] of each event code: sales against the same weekday's nearby without event.

    Code 0 has 1; so has an event never seen.
    """
    return _effects(windows, [window.marks for window in windows], [window.marks == 0 for window in windows], clock, codes, parent)


def spell_lifts(windows: Sequence[Window], clock: Clock, codes: int, parent: Floats | None) -> Floats:
    """The same of long events, away from short ones."""
    plain = [(window.marks == 0) & (window.spells == 0) for window in windows]
    return _effects(windows, [np.where(window.marks == 0, window.spells, 0) for window in windows], plain, clock, codes, parent)


def _effects(
    windows: Sequence[Window], marks: Sequence[Ints], plain: Sequence[Bools], clock: Clock, codes: int, parent: Floats | None
) -> Floats:
    groups = len(windows[0].units)
    sold, due, seen = (np.zeros(groups * codes) for _ in range(3))
    for window, mark, free in zip(windows, marks, plain, strict=True):
        expected = near(window.units, window.count, free, clock.like)
        known = (window.count > 0) & (expected > 0) & (mark > 0)
        place = (np.arange(groups)[:, None] * codes + mark)[known]
        sold += np.bincount(place, window.units[known], minlength=groups * codes)
        due += np.bincount(place, (window.count * expected)[known], minlength=groups * codes)
        seen += np.bincount(place, window.count[known], minlength=groups * codes)
    above = np.ones(codes) if parent is None else parent
    lift = np.divide(sold, due, out=np.ones_like(sold), where=due > 0).reshape(groups, codes)
    count = seen.reshape(groups, codes)
    lifts: Floats = np.clip((lift * count + above * _EVENT_PRIOR) / (count + _EVENT_PRIOR), 0.0, _HIGHEST)
    return lifts


def promotion_lifts(windows: Sequence[Window], promoted: Sequence[Window], clock: Clock, parent: Floats | None) -> Floats:
    """Lift [groups] of a promotion: sales under promotion against the same weekday's nearby without.

    windows, promoted  all sales, and those under promotion
    parent             lifts of the level above, one a group or one for all
    """
    sold, due, seen = (np.zeros(len(windows[0].units)) for _ in range(3))
    for every, ours in zip(windows, promoted, strict=True):
        units, count = every.units - ours.units, every.count - ours.count
        expected = near(units, count, every.marks == 0, clock.like)
        known = (ours.count > 0) & (expected > 0) & (every.marks == 0)
        sold += np.where(known, ours.units, 0.0).sum(axis=1)
        due += np.where(known, ours.count * np.nan_to_num(expected), 0.0).sum(axis=1)
        seen += np.where(known, ours.count, 0.0).sum(axis=1)
    lift = np.divide(sold, due, out=np.ones_like(sold), where=due > 0)
    above = np.ones(1) if parent is None else parent
    lifts: Floats = np.clip((lift * seen + above * _EVENT_PRIOR) / (seen + _EVENT_PRIOR), 1 / _HIGHEST, _HIGHEST)
    return lifts


def near(units: Floats, count: Floats, free: Bools, length: int) -> Floats:
    """Mean per series-period of the free periods up to _NEAR times ``length`` before and after, the period itself left out; NaN: none."""
    sold, seen = np.where(free, units, 0.0), np.where(free, count, 0.0)
    total, weight = np.zeros_like(sold), np.zeros_like(seen)
    width = units.shape[1]
    for step in range(1, _NEAR + 1):
        shift = step * length
        if shift < width:
            total[:, shift:] += sold[:, : width - shift]
            total[:, : width - shift] += sold[:, shift:]
            weight[:, shift:] += seen[:, : width - shift]
            weight[:, : width - shift] += seen[:, shift:]
    return _ratio(total, weight)


def _ratio(total: Floats, weight: Floats) -> Floats:
    ratio: Floats = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
    return ratio
