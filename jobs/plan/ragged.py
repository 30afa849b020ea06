"""Lists of different lengths, one after another: entries start[i] .. start[i + 1] - 1 belong to list i."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NOWHERE = np.iinfo(np.int64).max


def positions(start: Ints) -> tuple[Ints, Ints]:
    """Of every entry the list that holds it, and its place there (the multiples that it costs)."""
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    return owner, np.arange(len(owner)) - start[:-1][owner]


def first_least(start: Ints, cost: Floats) -> Ints:
    """[lists] place of the first entry of least cost."""
    if len(start) < 2:
        return np.zeros(0, np.int64)
    owner, place = positions(start)
    least = np.minimum.reduceat(cost, start[:-1])
    return np.asarray(np.minimum.reduceat(np.where(cost == least[owner], place, _NOWHERE), start[:-1]), np.int64)


def first_allowed(start: Ints, cost: Floats) -> Ints:
    """[lists] place of the first entry that is finite; the largest integer where there is none."""
    if len(start) < 2:
        return np.zeros(0, np.int64)
    place = np.where(np.isfinite(cost), positions(start)[1], _NOWHERE)
    return np.asarray(np.minimum.reduceat(place, start[:-1]), np.int64)


def last_allowed(start: Ints, cost: Floats, most: Ints) -> Ints:
    """[lists] place of the last finite entry that is not beyond ``most`` [lists]; of the first finite one where there is none."""
    if len(start) < 2:
        return np.zeros(0, np.int64)
    owner, place = positions(start)
    last = np.maximum.reduceat(np.where(np.isfinite(cost) & (place <= most[owner]), place, -1), start[:-1])
    return np.where(last < 0, first_allowed(start, cost), last)
