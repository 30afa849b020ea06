"""What a series' periods usually sell as a share of its level: their weekday, and what events do to them.

Known where earlier years are; before that 1, for an event has then been seen once or twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.features import history
from jobs.features.block import Block
from jobs.features.context import Context
from jobs.features.levels import LOCATION
from jobs.features.season import Lifts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: A weekday that sells less than this share of the level is one on which the place is closed.
_LEAST_WEEKDAY = 0.1


@dataclass(frozen=True, slots=True)
class Usual:
    """Shares of a series' level.

    past      [n, recent] of the past periods
    weekdays  [n, periods of a week] of the weekdays without event, from the origin's on
    """

    past: Floats
    weekdays: Floats


def usual_of(block: Block, context: Context, origin: int, locations: Ints, lifts: Lifts) -> Usual:
    """The shares at an origin; ``locations``: row of each series' location in the levels, ``lifts``: its item's and location's together."""
    clock, events = context.clock, context.events
    if not context.knows_years(origin):
        return Usual(np.ones((len(block), clock.recent)), np.ones((len(block), clock.like)))
    regions = context.region_rows(block.keys["location_id"])
    marks = events.marks[regions, origin - clock.recent - events.first : origin - events.first]
    lift, share = (np.take_along_axis(values, marks, axis=1) for values in (lifts.event, lifts.share))
    ahead = clock.weekday(np.arange(origin, origin + clock.like))
    profile = context.levels(origin)[LOCATION].profile[locations][:, ahead]
    weekdays = history.weekdays(block, clock, origin, lift, profile / profile.mean(axis=1, keepdims=True))
    back = np.arange(-clock.recent, 0) % clock.like
    return Usual(on_day(lift, share, weekdays[:, back]), weekdays)


def on_day(lift: Floats, share: Floats, weekday: Floats) -> Floats:
    """Share of a day in a series' level: its weekday's times the event's lift; or the event's own, where the weekday sells at all."""
    usual: Floats = np.where(np.isnan(share) | (weekday < _LEAST_WEEKDAY), weekday * lift, share)
    return usual
