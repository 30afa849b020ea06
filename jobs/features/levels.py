"""What an item, a location or a category sells: levels, trends and profiles, from data before the origin only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.clock import Clock
from jobs.features.names import Names

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ITEM, LOCATION, CATEGORY, ALL = "item", "location", "category", "all"
#: Of what was sold under promotion, beside what was sold in all: level -> its own level.
PROMOTED = {level: f"promoted {level}" for level in (ITEM, CATEGORY, ALL)}
#: Kinds of a period: weekday 0..6, or 7 where there is an event.
EVENT_KIND = 7
KINDS = 8
#: Series-periods of a parent's profile that are mixed into an own one.
_SHRINK = 30.0


@dataclass(frozen=True, slots=True)
class Sums:
    """In-stock sales per id and period: ids sorted; ``units`` and ``count`` [ids, periods from ``first``]."""

    first: int
    ids: Names
    units: Floats
    count: Floats

    def rows(self, names: Names) -> Ints:
        """Row of each name; -1 where it has none."""
        if not len(self.ids):
            return np.full(len(names), -1)
        place = np.minimum(np.searchsorted(self.ids, names), len(self.ids) - 1)
        return np.where(self.ids[place] == names, place, -1)

    def window(self, start: int, end: int) -> tuple[Floats, Floats]:
        """Units and counts of the periods [start, end)."""
        low, high = max(start - self.first, 0), max(end - self.first, 0)
        return self.units[:, low:high], self.count[:, low:high]


@dataclass(frozen=True, slots=True)
class LevelStats:
    """At one origin, per id (a last row stands for unknown ids): mean, trend [ids], profile by kind of period [ids, 8]."""

    mean: Floats
    trend: Floats
    profile: Floats


def to_sums(rows: pa.Table, level: str, clock: Clock, first: int, last: int) -> Sums:
    """Dense sums of one level from rows (level, id, period, units, count)."""
    mine = rows.filter(pa.compute.equal(rows["level"], level))
    names = np.asarray(mine["id"].to_numpy(zero_copy_only=False), object)
    ids, row = np.unique(names, return_inverse=True)
    column = clock.indices(np.asarray(mine["period"].cast(pa.int32()).cast(pa.int64()))) - first
    units, count = np.zeros((len(ids), last - first)), np.zeros((len(ids), last - first))
    inside = (column >= 0) & (column < last - first)
    units[row[inside], column[inside]] = np.asarray(mine["units"].cast(pa.float64()))[inside]
    count[row[inside], column[inside]] = np.asarray(mine["count"].cast(pa.float64()))[inside]
    return Sums(first, ids, units, count)


def add_up(sums: Sums, groups: Names) -> Sums:
    """Sums of groups of ids, always added in the order of the ids; one group at least."""
    names, row = np.unique(groups, return_inverse=True) if len(groups) else (np.array([""], object), np.zeros(0, np.int64))
    units, count = np.zeros((len(names), sums.units.shape[1])), np.zeros((len(names), sums.units.shape[1]))
    np.add.at(units, row, sums.units)
    np.add.at(count, row, sums.count)
    return Sums(sums.first, names.astype(object), units, count)


def stats(sums: Sums, parent: LevelStats | None, kinds: Ints, origin: int, clock: Clock) -> LevelStats:
    """Levels at the origin, from the periods before it.

    kinds   [ids, periods] or [periods] kind of each of the sums' periods
    parent  stats of the level above (its row 0), towards which trends and profiles are shrunk
    """
    short, long = clock.trend
    mean_short, _ = _mean(*sums.window(origin - short, origin))
    mean, weight = _mean(*sums.window(origin - long, origin))
    parent_trend = parent.trend[0] if parent else 1.0
    raw = np.divide(mean_short, mean, out=np.ones_like(mean), where=(mean > 0) & ~np.isnan(mean_short))
    trend = (raw * weight + parent_trend * _SHRINK) / (weight + _SHRINK)
    profile = _profile(sums, parent, kinds, origin, clock)
    top = parent.mean[0] if parent else float(np.nan)
    return LevelStats(
        np.append(mean, top), np.append(trend, parent_trend), np.vstack([profile, parent.profile[:1] if parent else np.ones((1, KINDS))])
    )


def _mean(units: Floats, count: Floats) -> tuple[Floats, Floats]:
    total = count.sum(axis=1)
    return np.divide(units.sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0), total


def _profile(sums: Sums, parent: LevelStats | None, kinds: Ints, origin: int, clock: Clock) -> Floats:
    """Mean of each kind of period against the mean of all, shrunk towards the parent's."""
    start = origin - clock.spans[-1]
    units, count = sums.window(start, origin)
    columns = slice(max(start - sums.first, 0), max(origin - sums.first, 0))
    here = np.broadcast_to(kinds, (len(sums.ids), kinds.shape[-1]))[:, columns]
    overall, _ = _mean(units, count)
    safe = np.where(np.nan_to_num(overall) > 0, overall, 1.0)
    above = parent.profile[0] if parent else np.ones(KINDS)
    profile = np.empty((len(sums.ids), KINDS))
    for kind in range(KINDS):
        of_kind = here == kind
        sold, seen = np.where(of_kind, units, 0).sum(axis=1), np.where(of_kind, count, 0).sum(axis=1)
        profile[:, kind] = (sold / safe + above[kind] * _SHRINK) / (seen + _SHRINK)
    return np.clip(profile, 0.1, 10.0)
