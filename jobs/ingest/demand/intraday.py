"""Demand, not sales: what each row's units say about demand, recovered by the hour where sales have a time of day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from jobs.ingest.demand.axes import Axes
from jobs.ingest.demand.facts import SCALE, Bools, Facts, Floats, Ints, decimals, numbers
from jobs.ingest.demand.recovery import WINDOW, Cells, Past, Recovered, recover, trailing

#: Values of demand_source, and their codes.
SOURCES = pa.array(["observed", "profile", "floor"])
OBSERVED, PROFILE, FLOOR = range(3)


@dataclass(frozen=True)
class Intraday:
    """Sales by hour of a task's series; days are counted from WINDOW days before the axis of periods.

    stated      [pairs, periods] in-stock share that an availability row states; NaN where there is none
    first_sale  [series] place on the axis of periods
    """

    facts: Facts
    axes: Axes
    stated: Floats
    first_sale: Ints

    def demand(self, s: Ints, t: Ints, units: Ints, share: Floats) -> list[pa.Array]:
        """demand, demand_std and demand_source of rows: series, period, units in 1/10,000, in-stock share."""
        mean, std = np.full(len(s), np.nan), np.full(len(s), np.nan)
        if len(self._hours[2]):
            partial = np.flatnonzero((share > 0) & (share < 1))
            group = self._group[s[partial]]
            for one in np.unique(group):
                rows = partial[group == one]
                found = self._recover(np.flatnonzero(self._group == one), s[rows], t[rows], units[rows], share[rows])
                mean[rows], std[rows] = found.demand, found.std
        recovered = ~np.isnan(mean)
        source = np.where(share >= 1, OBSERVED, np.where(recovered, PROFILE, FLOOR))
        unknown = source == FLOOR
        demand = np.where(recovered, _scaled(mean), units)
        return [decimals(demand, unknown), decimals(_scaled(std), unknown), SOURCES.take(pa.array(source))]

    def _recover(self, own: Ints, s: Ints, t: Ints, units: Ints, share: Floats) -> Recovered:
        """Demand on days of the series ``own``, all those of one location and channel."""
        series, day, hours, timed = self._hours
        at = np.minimum(np.searchsorted(own, series), len(own) - 1)
        ours = own[at] == series
        row = np.full((len(own), WINDOW + self.axes.periods), -1, dtype=np.int64)
        row[at[ours], day[ours]] = np.arange(ours.sum())
        whole = np.append(timed[ours], [True])[row]
        begun = np.arange(row.shape[1]) >= self.first_sale[own][:, None] + WINDOW
        open_days = (whole & (row >= 0)).any(axis=0)
        past = Past(hours[ours], row, ~self._short[self.axes.pair_of_series[own]] & open_days & begun & whole)
        mine, now = np.searchsorted(own, s), t + WINDOW
        today = np.concatenate([past.hours, np.zeros((1, 24))])[row[mine, now]]
        found = recover(past, Cells(mine, now, units / SCALE, today, share, self._out(s, t)))
        # A series that sells without a time of day too: what its hours say is not all of it.
        partly = trailing((~whole).T.astype(np.float64)).T + ~whole > 0
        return replace(found, demand=np.where(partly[mine, now], np.nan, found.demand))

    @cached_property
    def _group(self) -> Ints:
        """Location and channel of each series."""
        channels = len(self.axes.channels)
        return self.axes.place_of_pair[self.axes.pair_of_series] * channels + self.axes.series % channels

    @cached_property
    def _hours(self) -> tuple[Ints, Ints, Floats, Bools]:
        """Series, day, units by hour [f, 24] and whether they are all that day's, of days that sold; sorted by series, then day."""
        facts = self.facts.of("hourly")
        series, day = self.axes.of_series(facts), self.axes.column(numbers(facts["day"])) + WINDOW
        inside = np.flatnonzero((series >= 0) & (day >= 0) & (day < WINDOW + self.axes.periods))
        order = inside[np.lexsort((day[inside], series[inside]))]
        hours = _by_hour(facts)[order]
        return series[order], day[order], hours / SCALE, hours.sum(axis=1) == numbers(facts["units"])[order]

    @cached_property
    def _short(self) -> Bools:
        """Pair x day: an availability row says that it was out of stock at some time."""
        short = np.zeros((len(self.axes.pairs), WINDOW + self.axes.periods), dtype=np.bool_)
        short[:, WINDOW:] = self.stated < 1
        facts = self.facts.of("short")
        pair, day = self.axes.pair(facts), self.axes.column(numbers(facts["day"])) + WINDOW
        inside = (pair >= 0) & (day >= 0) & (day < short.shape[1])
        short[pair[inside], day[inside]] = True
        return short

    @cached_property
    def _known_hours(self) -> tuple[Ints, Floats]:
        """Pair x period: place in the hours out of stock [k, 24] that an availability row names; the last one is NaN: none does."""
        facts = self.facts.of("available")
        facts = facts.filter(facts["hours"].is_valid())
        place = np.full((len(self.axes.pairs), self.axes.periods), -1, dtype=np.int64)
        pair, at = self.axes.pair(facts), self.axes.column(numbers(facts["day"]))
        inside = np.flatnonzero((pair >= 0) & (at >= 0) & (at < self.axes.periods))
        place[pair[inside], at[inside]] = inside
        return place, np.concatenate([_by_hour(facts), np.full((1, 24), np.nan)])

    def _out(self, s: Ints, t: Ints) -> Floats:
        place, out = self._known_hours
        return np.asarray(out[place[self.axes.pair_of_series[s], t]])


def _by_hour(facts: pa.Table) -> Floats:
    """Column ``hours`` (24 numbers in each row) as [rows, 24]."""
    if not facts.num_rows:
        return np.zeros((0, 24))
    flat = facts["hours"].combine_chunks().flatten()
    return np.asarray(flat.to_numpy().reshape(-1, 24), dtype=np.float64)


def _scaled(units: Floats) -> Ints:
    """Units in 1/10,000, half up; 0 for NaN."""
    return np.floor(np.nan_to_num(units) * SCALE + 0.5).astype(np.int64)
