"""The calendar as arrays: events and closures by region and period."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.block import Span
from jobs.features.clock import Clock
from jobs.features.levels import EVENT_KIND

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DAY = timedelta(days=1)
#: Events further away than this many periods are not seen.
EVENT_REACH = 7
#: Reserved event: no sales and no delivery.
CLOSED = "closed"
#: An event that goes on for more days than this has every weekday in it: it is a spell (school holidays), not a kind of day.
LONGEST_EVENT = 7
#: Events that have a lift of their own: the commonest; others only count as an event.
NAMES = 40
#: Periods around an event with a lift of their own, the nearest last: two before it, two after, ...
OFFSETS: dict[str, tuple[int, ...]] = {"day": (-2, 2, -1, 1, 0), "week": (0,)}


@dataclass(frozen=True, slots=True)
class Events:
    """Events per region (the last row: locations without a region), from period ``first`` on.

    event   [regions, periods] number of event days in the period, spells not counted
    closed  [regions, periods] share of the period that is closed
    spell   [regions, periods] days of the period within a spell
    marks   [regions, periods] code of the event at the period or next to it: 1 + name x offsets + offset; 0: none;
            grain week: of several names in a week a code of their own, after those of single names
    sets    code of several names in a week -> the codes of each
    spells  [regions, periods] 1 + name of the spell; 0: none
    common  [2, periods] marks and spells that most regions have, for what spans regions
    """

    clock: Clock
    first: int
    regions: dict[str, int]
    event: Floats
    closed: Floats
    spell: Floats
    marks: Ints
    spells: Ints
    common: Ints
    sets: dict[int, tuple[int, ...]]

    @classmethod
    def build(cls, calendar: pa.Table, clock: Clock, span: Span) -> Events:
        """From the calendar as the night sees it; a row without a region holds everywhere."""
        rows = calendar.select(["region", "date", "event"]).to_pylist()
        regions = {name: i for i, name in enumerate(sorted({r["region"] for r in rows if r["region"]}))}
        # As far back as earlier years' seasons are learned from.
        first = min(span.first, span.ahead - clock.years * clock.year - clock.trend[1]) - EVENT_REACH
        last = span.last + EVENT_REACH
        days = {(r["region"] or "", r["date"], r["event"].strip().lower()) for r in rows}
        long = _long({day for day in days if day[2] != CLOSED})
        shape = (len(regions) + 1, last - first)
        event, closed, spell = (np.zeros(shape) for _ in range(3))
        named: dict[str, npt.NDArray[np.bool_]] = {}
        for region, day, name in {(r, d, "" if n != CLOSED and n not in long else n) for r, d, n in days}:
            _mark(closed if name == CLOSED else spell if name else event, regions.get(region), clock.index(day) - first)
        for region, day, name in days:
            if name != CLOSED:
                _mark(named.setdefault(name, np.zeros(shape, bool)), regions.get(region), clock.index(day) - first)
        known = {name for name, _ in Counter(sorted(name for _, _, name in days)).most_common(NAMES)}
        short = {n: v for n, v in named.items() if n in known and n not in long}
        marks, sets = _sets(short, shape) if clock.period_days > 1 else (_codes(short, shape, OFFSETS[clock.grain]), {})
        spells = _codes({n: v for n, v in named.items() if n in known and n in long}, shape, (0,))
        most = np.stack([_commonest(marks), _commonest(spells)])
        limit = float(clock.period_days)
        return cls(
            clock, first, regions, np.minimum(event, limit), np.minimum(closed / limit, 1.0), np.minimum(spell, limit),
            marks, spells, most, sets,
        )  # fmt: skip

    @property
    def codes(self) -> int:
        """Number of the marks' codes."""
        return int(max(self.marks.max(initial=0), *self.sets, *(max(names) for names in self.sets.values()), 0)) + 1

    def row(self, region: str) -> int:
        """Row of a region."""
        return self.regions.get(region, len(self.regions))

    def window(self, start: int, end: int) -> Floats:
        """Event days of the periods [start, end)."""
        return self.event[:, start - self.first : end - self.first]

    def kinds(self, start: int, end: int) -> Ints:
        """Kind of the periods [start, end) by region: weekday, or EVENT_KIND."""
        kinds: Ints = np.where(self.window(start, end) > 0, EVENT_KIND, self.clock.weekday(np.arange(start, end)))
        return kinds

    def closed_share(self, start: int, end: int) -> Floats:
        """Share of the periods [start, end) that is closed, by region."""
        return self.closed[:, start - self.first : end - self.first]

    def distances(self, start: int, end: int) -> tuple[Floats, Floats]:
        """Periods to the next and since the last event for [start, end), by region; EVENT_REACH where further."""
        ahead = np.full((len(self.event), end - start), float(EVENT_REACH))
        since = ahead.copy()
        for distance in range(EVENT_REACH - 1, 0, -1):
            ahead[self.window(start + distance, end + distance) > 0] = distance
            since[self.window(start - distance, end - distance) > 0] = distance
        return ahead, since


def _mark(target: npt.NDArray[Any], row: int | None, column: int) -> None:
    """Count a day in its region's row; one without region holds in all."""
    if 0 <= column < target.shape[1]:
        target[slice(None) if row is None else row, column] += True


def _long(days: set[tuple[str, date, str]]) -> set[str]:
    """Names of events that anywhere go on for more than LONGEST_EVENT days."""
    long = set()
    for region, day, name in days:
        if name not in long and (region, day - _DAY, name) not in days:
            run = 1
            while (region, day + run * _DAY, name) in days:
                run += 1
            if run > LONGEST_EVENT:
                long.add(name)
    return long


def _codes(named: dict[str, npt.NDArray[np.bool_]], shape: tuple[int, int], offsets: tuple[int, ...]) -> Ints:
    """Code of each period: of several events the nearest, of those the last by name."""
    codes = np.zeros(shape, np.int64)
    for place, offset in enumerate(offsets):
        for number, name in enumerate(sorted(named)):
            here = np.zeros(shape, bool)
            width = shape[1] - abs(offset)
            here[:, max(offset, 0) : max(offset, 0) + width] = named[name][:, max(-offset, 0) : max(-offset, 0) + width]
            codes[here] = 1 + number * len(offsets) + place
    return codes


def _sets(named: dict[str, npt.NDArray[np.bool_]], shape: tuple[int, int]) -> tuple[Ints, dict[int, tuple[int, ...]]]:
    """Code of each week's events: 1 + name of one, a code of their own for several; and the names' codes that those are made of."""
    if not named:
        return np.zeros(shape, np.int64), {}
    held = np.stack([named[name] for name in sorted(named)], axis=-1).reshape(-1, len(named))
    kinds, row = np.unique(held, axis=0, return_inverse=True)
    codes = np.zeros(len(kinds), np.int64)
    sets: dict[int, tuple[int, ...]] = {}
    for number, kind in enumerate(kinds):
        names = tuple(int(name) + 1 for name in np.flatnonzero(kind))
        codes[number] = names[0] if len(names) == 1 else len(named) + 1 + len(sets) if names else 0
        if len(names) > 1:
            sets[int(codes[number])] = names
    return codes[row.reshape(-1)].reshape(shape), sets


def _commonest(codes: Ints) -> Ints:
    """The code that most regions have in each period, the lowest of several; without regions that of everywhere."""
    rows = codes[:-1] if len(codes) > 1 else codes
    found = np.unique(rows)
    counts = np.stack([(rows == code).sum(axis=0) for code in found])
    common: Ints = found[counts.argmax(axis=0)]
    return common
