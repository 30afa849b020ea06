"""Demand of days short of stock, for a replay: redrawn from the series' own days in stock, by no model.

A day that sold s while it was short had a demand of at least s. It takes the demand of one of the series' days in stock
that sold at least s, before or after it: of the same weekday within WEEKS weeks where there are LEAST of them, else of
any day within as many weeks. That is a hot deck (Andridge and Little 2010, International Statistical Review 78), and
moves the weight of what was cut off to the right as Efron (1967) does. It looks at later days too and shares nothing with
silver's recovery or the forecasts, so none of what is compared is judged by itself. Where no such day is known, s stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jobs.ingest.importers.made_up import uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Weeks looked at on each side, and donors of the same weekday that are enough.
WEEKS, LEAST = 4, 3
#: What to take the demand of days short of stock for: what was redrawn, what was sold (a floor), and a fifth more than redrawn.
VARIANTS = ("recovered", "floor", "more")
_MORE = 1.2
_UNKNOWN = -1
_CELLS = 50_000


def redraw(units: Ints, short: Bools, series: Ints, first_day: int, seed: int) -> tuple[Ints, Bools]:
    """Units [n, days] with those of days short of stock redrawn, and where no donor was found.

    units      ten-thousandths; below 0: no record of the day
    short      [n, days] not in stock throughout
    series     [n] a number of each series that depends on its name only
    first_day  ordinal of the first day, so that a draw belongs to a date
    """
    donors = np.where(short | (units < 0), _UNKNOWN, units)
    reach = 7 * WEEKS
    padded = np.pad(donors, ((0, 0), (reach, reach)), constant_values=_UNKNOWN)
    offsets = np.array([back for back in range(-reach, reach + 1) if back])
    weekday = offsets % 7 == 0
    result, lost = units.copy(), np.zeros(units.shape, bool)
    row, column = np.nonzero(short & (units >= 0))
    for begin in range(0, len(row), _CELLS):
        r, c = row[begin : begin + _CELLS], column[begin : begin + _CELLS]
        found = padded[r[:, None], c[:, None] + reach + offsets]
        fits = (found >= 0) & (found >= units[r, c][:, None])
        alike = fits & weekday
        fits = np.where((alike.sum(axis=1) >= LEAST)[:, None], alike, fits)
        count = fits.sum(axis=1)
        place = np.floor(uniform(seed, "hot_deck", series[r], c + first_day) * count).astype(np.int64)
        chosen = (fits.cumsum(axis=1) > place[:, None]).argmax(axis=1)
        result[r, c] = np.where(count > 0, found[np.arange(len(r)), chosen], units[r, c])
        lost[r, c] = count == 0
    return result, lost


def variant(name: str, sold: Ints, redrawn: Ints, whole: Bools, series: Ints, first_day: int, seed: int) -> Ints:
    """Demand [n, days] under one of VARIANTS; ``whole``: series sold in whole units [n], whose fifth more is rounded at random."""
    if name == "floor":
        return sold
    if name == "recovered":
        return redrawn
    days = np.broadcast_to(np.arange(sold.shape[1]) + first_day, sold.shape)
    rows = np.broadcast_to(series[:, None], sold.shape)
    chance = uniform(seed, "more", rows.ravel(), days.ravel()).reshape(sold.shape)
    unit = np.where(whole, 10_000, 1)[:, None]
    more: Ints = (np.floor(redrawn * _MORE / unit + chance) * unit).astype(np.int64)
    return np.where(redrawn != sold, np.maximum(more, redrawn), redrawn)


def numbers_of(names: Sequence[str]) -> Ints:
    """A number of each name that depends on nothing else."""
    from hashlib import blake2b

    digests = b"".join(blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<i8").astype(np.int64)
