"""Periods as whole numbers, and how far the features look, by grain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

_EPOCH = date(1970, 1, 1)
#: 1969-12-29 is a Monday: weeks are counted from it.
_MONDAY_SHIFT = 3

Grain = Literal["day", "week"]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Clock:
    """Periods numbered in a row, and the spans (in periods) that features look back.

    recent    history before the origin that features see
    spans     windows of the rolling statistics, short to long
    trend     short and long window of a level's trend
    half_life recency of own-history means
    year      periods to the same season last year; around: periods averaged on each side of it
    years     earlier years whose season is learned
    beyond    periods after the horizon's season that are read of an earlier year, so that an event that moves is met
    stride    periods between training origins (coprime with a week, so that steps meet every weekday)
    """

    grain: Grain
    period_days: int
    recent: int
    spans: tuple[int, ...]
    trend: tuple[int, int]
    half_life: float
    year: int
    around: int
    stride: int
    years: int = 3
    beyond: int = 21

    def index(self, day: date) -> int:
        """Number of the period that holds the day."""
        days = (day - _EPOCH).days
        return days if self.period_days == 1 else (days + _MONDAY_SHIFT) // 7

    def indices(self, days: npt.NDArray[np.int64]) -> Ints:
        """Numbers of the periods that hold days counted from 1970-01-01."""
        return days if self.period_days == 1 else (days + _MONDAY_SHIFT) // 7

    def first_day(self, index: int) -> date:
        """First day of a period."""
        return _EPOCH + timedelta(days=index if self.period_days == 1 else index * 7 - _MONDAY_SHIFT)

    def first_days(self, indices: Ints) -> Ints:
        """First days of periods, counted from 1970-01-01."""
        return indices if self.period_days == 1 else indices * 7 - _MONDAY_SHIFT

    def weekday(self, indices: Ints) -> Ints:
        """Weekday of the periods' first days, 0 = Monday; always 0 for weeks."""
        return (self.first_days(indices) + _MONDAY_SHIFT) % 7

    @property
    def like(self) -> int:
        """Periods from one to the next of the same kind: a week of days, one week."""
        return 7 // self.period_days

    @property
    def reach(self) -> int:
        """Periods before an origin that any feature may look at."""
        return self.year + self.around + self.spans[1]


CLOCKS: dict[Grain, Clock] = {
    "day": Clock("day", 1, recent=91, spans=(3, 7, 14, 28, 56), trend=(7, 28), half_life=14, year=364, around=3, stride=5),
    "week": Clock("week", 7, recent=39, spans=(2, 4, 8, 13, 26), trend=(4, 13), half_life=6, year=52, around=1, stride=3, beyond=3),
}
