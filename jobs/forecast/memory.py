"""How far back training looks: further where there are years of history, so that it meets every season."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from jobs.features.clock import Clock

if TYPE_CHECKING:
    from jobs.config import Training

#: Half-life (periods) of a row's weight: the shortest and the longest, and the share of the history in between
#: (docs/decisions/seasonality.md).
_SHORTEST = {"day": 14.0, "week": 8.0}
_LONGEST = {"day": 120.0, "week": 52.0}
_SHARE = {"day": 1 / 8, "week": 1 / 3}
#: Half-lives that training origins cover where there is more than the shortest history.
_COVER = 2.5
#: The least share of the series in the training rows for which older origins are given up.
_LEAST_SERIES = 0.1


def half_life(clock: Clock, history: int) -> float:
    """Half-life of a row's weight, given the periods of history."""
    return min(max(_SHORTEST[clock.grain], history * _SHARE[clock.grain]), _LONGEST[clock.grain])


def origins(clock: Clock, history: int, training: Training, rows: float) -> int:
    """Number of training origins before the held-out ones, at least the configured.

    history  periods since the first one
    rows     rows of one origin with all series: many series leave room in the row budget for few origins
    """
    deep = ceil(_COVER * half_life(clock, history) / clock.stride) if history > clock.year // 2 else 0
    room = int(training.rows / (_LEAST_SERIES * rows)) if rows else deep
    return max(training.origins, min(deep, room))
