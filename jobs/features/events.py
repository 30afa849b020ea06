"""The calendar as arrays: events and closures by region and period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.block import Span
from jobs.features.clock import Clock
from jobs.features.levels import EVENT_KIND

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Events further away than this many periods are not seen.
EVENT_REACH = 7
#: Reserved event: no sales and no delivery.
CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Events:
    """Events per region (the last row: locations without a region), from period ``first`` on.

    event   [regions, periods] number of event days in the period
    closed  [regions, periods] share of the period that is closed
    """

    clock: Clock
    first: int
    regions: dict[str, int]
    event: Floats
    closed: Floats

    @classmethod
    def build(cls, calendar: pa.Table, clock: Clock, span: Span) -> Events:
        """From the calendar as the night sees it; a row without a region holds everywhere."""
        rows = calendar.select(["region", "date", "event"]).to_pylist()
        regions = {name: i for i, name in enumerate(sorted({r["region"] for r in rows if r["region"]}))}
        first, last = span.first - EVENT_REACH, span.last + EVENT_REACH
        event, closed = np.zeros((len(regions) + 1, last - first)), np.zeros((len(regions) + 1, last - first))
        days = {(regions.get(r["region"] or ""), r["date"], r["event"].strip().lower() == CLOSED) for r in rows}
        for row, day, is_closed in days:
            column = clock.index(day) - first
            if 0 <= column < last - first:
                target = closed if is_closed else event
                target[slice(None) if row is None else row, column] += 1
        return cls(clock, first, regions, np.minimum(event, clock.period_days), np.minimum(closed / clock.period_days, 1.0))

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
