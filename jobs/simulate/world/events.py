"""Events of the year and closed days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.simulate.world.config import Event, WorldConfig

#: How an event's lift spreads over the days about it: from three days before to two days after.
PROFILE = {-3: 0.2, -2: 0.4, -1: 0.7, 0: 1.0, 1: -0.3, 2: -0.15}


@dataclass(frozen=True)
class Calendar:
    """The events of a world."""

    events: tuple[Event, ...]

    def around(self, day: int) -> dict[int, float]:
        """Event's index -> its part of PROFILE on a day (ordinal), for the events near it."""
        found: dict[int, float] = {}
        for offset, weight in PROFILE.items():
            that = date.fromordinal(day - offset)
            for index, event in enumerate(self.events):
                if (event.month, event.day) == (that.month, that.day):
                    found[index] = found.get(index, 0.0) + weight
        return found

    def closed(self, day: int) -> bool:
        """Whether everything is closed."""
        that = date.fromordinal(day)
        return any(event.closed and (event.month, event.day) == (that.month, that.day) for event in self.events)

    def next_open(self, day: int) -> int:
        """The day itself, or the first after it that is not closed (settings allow 60 closed days a year)."""
        while self.closed(day):
            day += 1
        return day


def of(config: WorldConfig) -> Calendar:
    """The calendar of a world: empty with effect `events` off."""
    return Calendar(config.events if config.has("events") else ())
