"""Demand of days partly out of stock, from what sold in the hours in stock: a Gamma-Poisson model of the day.

Sales of a series come in jumps of mean size ``jump``, at a rate that differs from day to day: Gamma with mean ``level``
(that of recent like days) and squared coefficient of variation ``spread``. With the share p of a day's demand in the
hours in stock, s = sold / jump and a = 1 / spread, the rate given the sale is Gamma(a + s, a / (level / jump) + p), and
what the empty shelf hid is negative binomial with it (Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6). That
holds too when the sales themselves emptied the shelf: a stopping time leaves the likelihood as it is.

Only days before the day itself are looked at, WINDOW of them, and only those in stock throughout. Everything is estimated
from them by moments. Sums go day by day and series by series, so that no bit depends on what else a task holds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from jobs.ingest.demand.facts import Bools, Floats, Ints

#: Days looked back.
WINDOW = 28
#: A series' own profile counts as much as its location's once it has sold this many times.
PRIOR_SALES = 40
#: A series says something about the spread between days from this many in-stock days on.
LEAST_DAYS = 5
#: One sale is at least this part of what a series sells in a day that sells.
LEAST_JUMP = 0.01
#: Share of a day's demand below which the hours in stock say nothing.
LEAST_SHARE = 0.05
#: An hour is a selling hour when it sells at least this part of what an hour would if all sold alike.
LEAST_HOUR = 0.3
#: Bounds memory.
_CELLS = 4_000
_TINY = 1e-9


def recency(cycle: int) -> Floats:
    """Weight of each period of the window [WINDOW], the last first: recent ones, and those of the same place in the cycle, count more."""
    return np.asarray(0.93 ** np.arange(WINDOW) * np.where(np.arange(1, WINDOW + 1) % cycle == 0, 3.0, 1.0))


#: Of days: a cycle is a week.
WEIGHTS = recency(7)


@dataclass(frozen=True)
class Past:
    """Series of one location and channel, day by day, from WINDOW days before the first that may be asked for.

    hours    [f, 24] units sold by hour, a row for each series and day with sales, sorted by series, then day
    row      [n, d] place in ``hours`` of each series' day; -1 where nothing sold
    stocked  [n, d] the day counts: in stock throughout
    """

    hours: Floats
    row: Ints
    stocked: Bools

    @cached_property
    def units(self) -> Floats:
        """Units sold [n, d] on days that count."""
        sold = np.append(self.hours.sum(axis=1), 0.0)[self.row]
        return np.where(self.stocked, sold, 0.0)

    def before(self, series: Ints, day: Ints) -> tuple[Floats, Bools]:
        """Units by hour [r, WINDOW, 24], and which days count [r, WINDOW], of the days before each cell, yesterday first."""
        back = day[:, None] - np.arange(1, WINDOW + 1)
        stocked = self.stocked[series[:, None], back]
        row = np.where(stocked, self.row[series[:, None], back], -1)
        hours = np.concatenate([self.hours, np.zeros((1, 24))])[row]
        return hours, stocked


@dataclass(frozen=True)
class Cells:
    """Days to recover.

    series, day  [r] place among the series and days of Past
    sold         [r] units sold
    hours        [r, 24] units sold by hour
    fraction     [r] share of the selling hours in stock
    out          [r, 24] 1 where the hour is known to have been out of stock; a row of NaN: not known which hours were
    """

    series: Ints
    day: Ints
    sold: Floats
    hours: Floats
    fraction: Floats
    out: Floats

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: slice) -> Cells:
        """Some of them."""
        return Cells(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True)
class Place:
    """What all series of the location have in common, from the window before each day.

    profile  [d, 24] share of the units sold by hour; NaN before anything sold
    jump     [d] mean units of one sale
    spread   [d] squared coefficient of variation of a series' rate between days
    """

    profile: Floats
    jump: Floats
    spread: Floats

    @classmethod
    def of(cls, past: Past) -> Place:
        """Estimate them: the jump by the spread of the hours around their share of the day, the rest of the variance is the rate's."""
        days = past.row.shape[1]
        series, day = np.nonzero(past.stocked & (past.row >= 0))
        hours, units = past.hours[past.row[series, day]], past.units[series, day]
        # In the order of the series: adding one that sold nothing changes no bit.
        sums = (hours, hours * units[:, None], (hours**2).sum(axis=1), units**2, units, np.ones(len(units)))
        sold, cross, squares, squared, total, count = (trailing(_add(days, day, values)) for values in sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            profile, usual = sold / total[:, None], total / count
            deviation, expected = jump_moments(profile, squares, cross, squared, total)
            # All in one hour: nothing to tell sales apart by. Each day like the other: many sales, but not without end.
            jump = np.where(expected > _TINY * total, np.maximum(deviation / expected, LEAST_JUMP * usual), usual)
        return cls(profile, jump, _spread(past, jump))


@dataclass(frozen=True)
class Recovered:
    """What the days' sales say [r]; NaN where the hours in stock, or the past, say nothing.

    demand    expected demand, units
    std       its standard deviation, units
    exposure  share of a day's demand in the hours in stock
    level     mean demand of like days, units
    jump      mean units of one sale
    """

    demand: Floats
    std: Floats
    exposure: Floats
    level: Floats
    jump: Floats


def recover(past: Past, cells: Cells) -> Recovered:
    """Demand of the days, in the order of the cells."""
    place = Place.of(past)
    parts = [_recover(past, place, cells.take(slice(at, at + _CELLS))) for at in range(0, len(cells), _CELLS)]
    return Recovered(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Recovered)))


def _recover(past: Past, place: Place, cells: Cells) -> Recovered:
    hours, stocked = past.before(cells.series, cells.day)
    profile, spread = place.profile[cells.day], place.spread[cells.day]
    with np.errstate(invalid="ignore", divide="ignore"):
        jump = _own_jump(hours, profile, place.jump[cells.day])
        exposure = _exposure(cells, hours, profile, jump)
        weight = WEIGHTS * stocked
        level = np.maximum((weight * hours.sum(axis=2)).sum(axis=1) / weight.sum(axis=1) / jump, 0.01)
        # The level is itself a mean of a few days: that adds to the spread.
        days = weight.sum(axis=1) ** 2 / (weight**2).sum(axis=1)
        mean, std = hidden(cells.sold / jump, exposure, level, 1 / (spread + (spread + 1 / level) / days))
        values = cells.sold + jump * mean, jump * std, exposure, level * jump, jump
    # Where hours are inferred and none with demand is left out of stock, the inference is wrong: something was.
    plausible = (exposure >= LEAST_SHARE) & (_hours_known(cells)[:, 0] | (exposure < 1 - _TINY))
    usable = plausible & np.isfinite(mean) & np.isfinite(std)
    return Recovered(*(np.where(usable, value, np.nan) for value in values))


def _exposure(cells: Cells, hours: Floats, profile: Floats, jump: Floats) -> Floats:
    """Share of a day's demand in the hours in stock: the series' own profile, drawn towards its location's."""
    prior = (PRIOR_SALES * jump)[:, None]
    shape = (hours.sum(axis=1) + prior * profile) / (hours.sum(axis=(1, 2))[:, None] + prior)
    inferred = hours_in_stock(cells.fraction, cells.hours, profile)
    return np.asarray((shape * np.where(_hours_known(cells), 1 - cells.out, inferred)).sum(axis=1))


def _hours_known(cells: Cells) -> Bools:
    """Whether the hours out of stock are known [r, 1]."""
    return np.asarray(~np.isnan(cells.out[:, :1]))


def hidden(sold: Floats, exposure: Floats, level: Floats, strength: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of what was not sold, in jumps, given what was, in the share ``exposure`` of the day's demand."""
    missed = 1 - np.minimum(exposure, 1)
    scale = strength / level + exposure
    rate = (strength + sold) / scale
    return missed * rate, np.sqrt(missed * rate + missed**2 * rate / scale)


def hours_in_stock(fraction: Floats, sold: Floats, profile: Floats) -> Floats:
    """Share of each hour in stock [r, 24], inferred from the share of the selling hours, the day's sales and the location's profile.

    Stock ran out and stayed out until closing: in stock from the first selling hour on, for as long as the fraction says.
    Unless as much time before closing holds more of what sold: then stock came late. An hour with a sale was in stock.
    """
    selling = profile >= LEAST_HOUR / 24
    opening, closing = selling.argmax(axis=1), 24 - selling[:, ::-1].argmax(axis=1)
    length = fraction * (closing - opening)
    hour = np.arange(24)
    early = np.clip((opening + length)[:, None] - hour, 0, 1)
    late = np.clip(hour + 1 - (closing - length)[:, None], 0, 1)
    came_late = (sold * late).sum(axis=1) > (sold * early).sum(axis=1) + _TINY
    return np.where(sold > 0, 1.0, np.where(came_late[:, None], late, early))


def jump_moments(profile: Floats, squares: Floats, cross: Floats, squared: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Numerator and denominator of the jump: sum of (x_h - p_h y)^2 over y * sum of p_h (1 - p_h), over hours h and days.

    Of a compound Poisson day of y units, an hour of share p has the variance jump * y * p * (1 - p). ``squares`` is the sum
    of x_h^2, ``cross`` [.., 24] of x_h y, ``squared`` of y^2, ``total`` of y.
    """
    concentration = (profile**2).sum(axis=-1)
    return squares - 2 * (profile * cross).sum(axis=-1) + concentration * squared, total * (1 - concentration)


def _own_jump(hours: Floats, profile: Floats, of_place: Floats) -> Floats:
    """The series' jump, drawn towards its location's."""
    units = hours.sum(axis=2)
    moments = (hours**2).sum(axis=(1, 2)), (hours * units[:, :, None]).sum(axis=1), (units**2).sum(axis=1), units.sum(axis=1)
    deviation, expected = jump_moments(profile, *moments)
    prior = PRIOR_SALES * of_place
    return (deviation + prior * of_place) / (expected + prior)


def _spread(past: Past, jump: Floats) -> Floats:
    """Variance of the rate between days over its squared mean [d]: what the variance of the days has beyond that of their jumps."""
    days = trailing(past.stocked.T.astype(np.float64)).T
    total, squared = trailing(past.units.T).T, trailing(past.units.T**2).T
    mean = total / np.maximum(days, 1)
    variance = np.maximum(squared - total * mean, 0) / np.maximum(days - 1, 1)
    enough = days >= LEAST_DAYS
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = np.where(enough, variance - jump * mean, 0).cumsum(axis=0)[-1]
        ratio = excess / np.where(enough, mean**2, 0).cumsum(axis=0)[-1]
    return np.where(np.isfinite(ratio), np.maximum(ratio, 0.02), 1.0)


def trailing(by_day: Floats) -> Floats:
    """Sum over the WINDOW days before each day, along the first axis."""
    total = np.zeros_like(by_day)
    for lag in range(1, min(WINDOW, len(by_day) - 1) + 1):
        total[lag:] += by_day[:-lag]
    return total


def _add(days: int, day: Ints, values: Floats) -> Floats:
    total = np.zeros((days, *values.shape[1:]))
    np.add.at(total, day, values)
    return total
