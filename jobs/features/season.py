"""Yearly seasonality shared over the hierarchy, learned from sums before the origin.

What an item, a location or a category sold is compared with what its like periods (same weekday) sold nearby, so that
neither weekday nor the level of a year nor the stores that happened to sell enter. Where a group has sold too little to
say, it takes its parent's. Weeks that lie 364 days apart have the same weekdays but not the same events: event days are
left out of the season, and have a lift of their own (jobs/features/effects.py).

What a group did a year ago was partly chance: a week that went well, an offer. How much of it is seen where years meet: what
the last four weeks of this year and of earlier ones say of the same season differs by chance alone. Lifts that differ from their
parent's by less than twice that are taken for it (docs/decisions/seasonality.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.features.clock import Clock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Series-periods of the parent's lift that are mixed into an own one.
_SEASON_PRIOR = 30.0
HIGHEST = 10.0
#: Deviations by chance up to which a lift is its parent's.
_CHANCE = 2.0
#: Groups without any chance that are mixed into its deviation.
_CHANCE_PRIOR = 30.0


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


@dataclass(frozen=True, slots=True)
class Lifts:
    """Of some groups at an origin.

    season  [groups, horizon] yearly lift
    event   [groups, marks] lift of an event, or of a day next to it, against its weekday
    spell   [groups, spells] lift of a long event
    share   [groups, marks] an event's day against all days; NaN where the weekday's lift holds
    """

    season: Floats
    event: Floats
    spell: Floats
    share: Floats

    def __iter__(self) -> Iterator[Floats]:
        return iter((self.season, self.event, self.spell, self.share))

    def take(self, rows: Ints) -> Lifts:
        """The chosen rows."""
        return Lifts(*(part[rows] for part in self))

    def times(self, other: Lifts, shared: Lifts) -> Lifts:
        """Both lifts together, what they share counted once."""
        return Lifts(*(_together(*three) for three in zip(self, other, shared, strict=True)))

    def told_apart(self, parent: Lifts, by_chance: float) -> Lifts:
        """The lifts, drawn to their parents' as far as chance (a deviation of logarithms) can explain what differs."""
        return Lifts(*(_told_apart(own, above, by_chance) for own, above in zip(self, parent, strict=True)))


def season(years: Sequence[Window], clock: Clock, horizon: int, parent: Floats | None) -> Floats:
    """Lift [groups, horizon] of each period ahead: what the periods around it sold in earlier years against what was usual just before.

    years   for each earlier year the periods from ``clock.trend[1]`` before the origin's season to the end of the horizon's
    parent  lifts of the level above, a row a group or one for all; None: the top, NaN where no year is known at all
    """
    shape = (len(years[0].units), horizon)
    total, weight = np.zeros(shape), np.zeros(shape)
    for year in years:
        lift, count = _lift(year, clock, horizon)
        total += np.where(count > 0, lift * count, 0.0)
        weight += count
    if parent is None:
        return _filled(ratio(total, weight))
    lifts: Floats = (total + _SEASON_PRIOR * parent) / (weight + _SEASON_PRIOR)
    return lifts


def chance(now: Window, years: Sequence[Window], clock: Clock) -> float:
    """Deviation by chance of a group's yearly lift (logarithm): by how much turns of this year and of earlier ones differ.

    A turn is what the last half of ``clock.trend[1]`` periods sold against the half before, all groups' taken out.
    ``now`` ends at the origin, ``years`` begin as for ``season``. Few groups tell little of it: it is shrunk to none. Where a year
    is too short to tell, all may be chance: infinite; without any there is no lift of a year: 0.
    """
    before = clock.trend[1]
    this, told = _turn(now, slice(-before, None), clock)
    total, number = np.zeros(len(this)), np.zeros(len(this))
    for year in years:
        turn, known = _turn(year, slice(0, before), clock)
        total += np.where(known, turn, 0.0)
        number += known
    both = told & (number > 0)
    if not both.any():
        return float(np.inf) if any(year.count.any() for year in years) else 0.0
    differ = this[both] - total[both] / number[both]
    # The mean of n years has an n-th of the variance of one.
    return float(np.sqrt(((differ - differ.mean()) ** 2 / (number[both] + 1)).sum() / (both.sum() + _CHANCE_PRIOR)))


def _turn(window: Window, part: slice, clock: Clock) -> tuple[Floats, Bools]:
    """[groups] logarithm of what the later half of some periods sold against the earlier half, and whether both are known."""
    units, count = (np.where(window.event, 0.0, values)[:, part] for values in (window.units, window.count))
    half = units.shape[1] // (2 * clock.like) * clock.like
    ends = (slice(-half, None), slice(-2 * half, -half))
    later, earlier = (ratio(units[:, end].sum(axis=1), count[:, end].sum(axis=1)) for end in ends)
    known = (np.nan_to_num(later) > 0) & (np.nan_to_num(earlier) > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        turn: Floats = np.where(known, np.log(later / earlier), 0.0)
    return turn, known


def _told_apart(lifts: Floats, parent: Floats, by_chance: float) -> Floats:
    """The lifts, drawn to their parent's as far as chance can explain: the nonnegative garrote (Breiman 1995) of their logarithms."""
    with np.errstate(divide="ignore", invalid="ignore"):
        differ = np.log(lifts / parent)
    known = np.isfinite(differ) & (differ != 0)
    differ[~known] = 1.0
    kept = np.maximum(0.0, 1 - (_CHANCE * by_chance / differ) ** 2)
    return np.where(known, parent * np.exp(kept * differ), lifts)


def _filled(lifts: Floats) -> Floats:
    """Periods of which nothing is known (all around them are events) between those of which something is."""
    periods = np.arange(lifts.shape[1])
    for row in lifts:
        known = ~np.isnan(row)
        if known.any() and not known.all():
            row[~known] = np.interp(periods[~known], periods[known], row[known])
    return lifts


def _lift(year: Window, clock: Clock, horizon: int) -> tuple[Floats, Floats]:
    """Lift and series-periods [groups, horizon] of one earlier year."""
    before, length = clock.trend[1], clock.like
    units, count = (np.where(year.event, 0.0, values) for values in (year.units, year.count))
    usual = ratio(*(values[:, :before].reshape(len(values), -1, length).sum(axis=1) for values in (units, count)))
    expected = usual[:, np.arange(units.shape[1]) % length]
    known = (count > 0) & (expected > 0)
    sold = _around(np.where(known, units, 0.0), before, horizon, clock.around)
    due = _around(np.where(known, count * np.nan_to_num(expected), 0.0), before, horizon, clock.around)
    seen = _around(np.where(known, count, 0.0), before, horizon, clock.around)
    return np.clip(np.nan_to_num(ratio(sold, due)), 1 / HIGHEST, HIGHEST), seen


def _around(values: Floats, first: int, horizon: int, around: int) -> Floats:
    """Sums of the periods up to ``around`` before and after each of [first, first + horizon)."""
    total = np.zeros((len(values), horizon))
    for shift in range(-around, around + 1):
        total += values[:, first + shift : first + shift + horizon]
    return total


def ratio(total: Floats, weight: Floats) -> Floats:
    """The ratio; NaN where the weight is zero."""
    ratio: Floats = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
    return ratio


def _together(one: Floats, other: Floats, shared: Floats) -> Floats:
    empty = np.where(np.isnan(shared), np.nan, np.zeros_like(one))
    both: Floats = np.divide(one * other, shared, out=empty, where=shared > 0)
    return both
