"""Which periods without a sale are real zeros, from the facts: what the rules of presence.py are asked with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jobs.ingest.demand.axes import Axes, default_channel, of_kind
from jobs.ingest.demand.facts import NONE, Bools, Facts, Floats, Ints, carry, numbers
from jobs.ingest.demand.presence import Presence, is_active, is_missing, is_open
from jobs.ingest.demand.view import Rules, View


@dataclass(frozen=True)
class Zeros:
    """Decides for all series and periods of a task."""

    facts: Facts
    view: View
    rules: Rules
    axes: Axes

    def real(self, stated: Floats) -> Bools:
        """Series x period: a period without sale would be a real zero. ``stated`` as given by stated_share."""
        axes, presence = self.axes, self.presence
        own_sales = np.arange(axes.periods) >= presence.first_of_place[:, None]
        missing = is_missing(presence, self._sold(), self._landed(), self.rules.missing_share, self.rules.missing_periods)
        never_own = of_kind(self.view, axes.places, "dc", "supplier")[:, None] & ~own_sales
        place = axes.place_of_pair
        real = np.where(np.isnan(stated), (~missing & own_sales)[place], ~never_own[place])
        real &= ~self._closed()[place] & self._active(presence)
        default = default_channel(self.view, axes.places, axes.channels)[place][axes.pair_of_series]
        return np.asarray(real[axes.pair_of_series] & is_open(presence, axes.series % len(axes.channels) == default))

    @cached_property
    def presence(self) -> Presence:
        """When series first sold."""
        axes, sale, before = self.axes, self.facts.of("sale"), self.facts.of("before")
        first_sale = np.full(len(axes.series), axes.periods, dtype=np.int64)
        for facts in (sale, before):
            np.minimum.at(first_sale, axes.of_series(facts), axes.column(numbers(facts["day"])))
        return Presence(first_sale, axes.pair_of_series, axes.place_of_pair, len(axes.pairs), len(axes.places), axes.periods)

    def _sold(self) -> tuple[Ints, Ints]:
        """Location and period of all periods in which a location sold, as far back as the share looks."""
        facts = self.facts.of("sale", "sold")
        place, at = self.axes.places.encode(facts["location_id"]), self.axes.column(numbers(facts["day"]))
        return place[place >= 0], at[place >= 0]

    def _landed(self) -> Bools:
        landed = np.zeros(self.axes.periods, dtype=np.bool_)
        at = self.axes.column(np.array(self.view.landed, dtype=np.int64))
        landed[at[(at >= 0) & (at < self.axes.periods)]] = True
        return landed

    def _closed(self) -> Bools:
        """Location x period: closed on all its days."""
        axes, known, closed = self.axes, self.view.places, self.view.closed
        shut = np.zeros((len(axes.places), axes.days), dtype=np.bool_)
        regions = dict(zip(known["location_id"].to_pylist(), known["region"].to_pylist(), strict=True))
        region_of = [regions.get(place) for place in axes.places.values.to_pylist()]
        for region, day in zip(closed["region"].to_pylist(), (numbers(closed["date"]) - axes.first).tolist(), strict=True):
            if 0 <= day < axes.days:
                shut[[region is None or r == region for r in region_of], day] = True
        return np.asarray(shut.reshape(len(axes.places), axes.periods, axes.step).all(axis=2))

    def _active(self, presence: Presence) -> Bools:
        axes, sale, before, ranged = self.axes, *(self.facts.of(kind) for kind in ("sale", "before", "assortment"))
        kept = self.facts.of("stock", "received", "alive")
        kept = kept.filter(np.asarray(numbers(kept["units"]) > 0))
        last = np.full((len(axes.pairs), axes.periods), NONE, dtype=np.int64)
        for facts, day in ((sale, "day"), (before, "until"), (kept, "day")):
            pair, at = axes.pair(facts), axes.column(numbers(facts[day]))
            inside = (pair >= 0) & (at < axes.periods)
            np.maximum.at(last, (pair[inside], np.maximum(at[inside], 0)), at[inside])
        spans = (axes.pair(ranged), axes.column(numbers(ranged["day"])), axes.column(numbers(ranged["until"], -NONE)))
        return is_active(presence, carry(last), spans, self.rules.inactive_after // axes.step)


def stated_share(facts: Facts, axes: Axes) -> Floats:
    """Pair x period: the in-stock share that an availability row states; NaN where there is none."""
    stated = np.full((len(axes.pairs), axes.periods), np.nan)
    available = facts.of("available")
    pair, at = axes.pair(available), axes.column(numbers(available["day"]))
    inside = (pair >= 0) & (at >= 0) & (at < axes.periods)
    stated[pair[inside], at[inside]] = np.asarray(available["fraction"])[inside]
    return stated
