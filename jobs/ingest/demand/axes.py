"""The axes on which a task works: locations, items, channels; pairs and series of them; periods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.ingest.demand.facts import Bools, Codes, Facts, Ints, locate, numbers
from jobs.ingest.demand.view import Rules, View


@dataclass(frozen=True)
class Axes:
    """Places, items, channels; pairs (item at location) and series (pair and channel); periods from ``first`` on."""

    places: Codes
    items: Codes
    channels: Codes
    pairs: Ints
    series: Ints
    first: int
    periods: int
    step: int

    @property
    def pair_of_series(self) -> Ints:
        """Place of each series' pair."""
        return locate(self.pairs, self.series // len(self.channels))

    @property
    def place_of_pair(self) -> Ints:
        """Code of each pair's location."""
        return self.pairs // max(len(self.items), 1)

    @property
    def item_of_series(self) -> Ints:
        """Code of each series' item."""
        return (self.series // len(self.channels)) % max(len(self.items), 1)

    def item_channel(self, facts: pa.Table) -> Ints:
        """One number for each fact's item and channel, -1 if either is unknown."""
        item, channel = self.items.encode(facts["item_id"]), self.channels.encode(facts["channel"])
        return np.where((item >= 0) & (channel >= 0), item * len(self.channels) + channel, -1)

    def pair(self, facts: pa.Table) -> Ints:
        """Place of each fact's pair, -1 if it is none."""
        return locate(self.pairs, pair_keys(facts, self.places, self.items))

    def of_series(self, facts: pa.Table) -> Ints:
        """Place of each fact's series, -1 if it is none."""
        keys = pair_keys(facts, self.places, self.items) * len(self.channels) + self.channels.encode(facts["channel"])
        return locate(self.series, keys)

    @property
    def days(self) -> int:
        """Days that the periods have together."""
        return self.periods * self.step

    @property
    def starts(self) -> Ints:
        """First day of each period."""
        return np.asarray(self.first + self.step * np.arange(self.periods), dtype=np.int64)

    def column(self, day: Ints) -> Ints:
        """Place of each day's period on the axis of periods; may lie outside."""
        return np.floor_divide(day - self.first, self.step)


def pair_keys(facts: pa.Table, places: Codes, items: Codes) -> Ints:
    """One number for each pair of location and item."""
    return places.encode(facts["location_id"]) * max(len(items), 1) + items.encode(facts["item_id"])


def build_axes(facts: Facts, view: View, rules: Rules) -> Axes | None:
    """The axes; None when there is nothing to say."""
    sold, ranged = facts.of("sale", "before"), facts.of("assortment")
    named = pa.concat_tables([sold, ranged])
    span = _span(facts, view, rules.step, named["location_id"])
    if span is None:
        return None
    places, items = Codes.of(named["location_id"]), Codes.of(named["item_id"])
    channels = Codes.of(sold["channel"], pa.array(["online", "store"]))
    pairs = np.unique(pair_keys(named, places, items))
    own = pair_keys(sold, places, items) * len(channels) + channels.encode(sold["channel"])
    keys = pair_keys(ranged, places, items)
    default = keys * len(channels) + default_channel(view, places, channels)[keys // len(items)]
    return Axes(places, items, channels, pairs, np.unique(np.concatenate([own, default])), *span, rules.step)


def _span(facts: Facts, view: View, step: int, present: pa.ChunkedArray) -> tuple[int, int] | None:
    """First period and number of periods that facts can fill."""
    ends = numbers(facts.of("sale", "available")["day"])
    candidates = np.concatenate([ends, np.array(view.landed, dtype=np.int64)])
    known = view.places
    wanted = numbers(known.filter(pc.is_in(known["location_id"], value_set=pc.unique(present)))["first"])
    if len(candidates) == 0 or len(wanted) == 0:
        return None
    first = max(int(wanted.min()), int(candidates.min()), view.first)
    last = min(int(candidates.max()), _last_period(view.nights[-1], step))
    return (first, (last - first) // step + 1) if last >= first else None


def default_channel(view: View, places: Codes, channels: Codes) -> Ints:
    """Code of the channel that each location sells in unless it says so."""
    online = of_kind(view, places, "online")
    code = channels.encode(pa.array(["online", "store"]))
    return np.asarray(np.where(online, code[0], code[1]), dtype=np.int64)


def of_kind(view: View, places: Codes, *kinds: str) -> Bools:
    """Which locations are of one of these kinds."""
    known = view.places
    matching = known.filter(pc.is_in(known["kind"], value_set=pa.array(kinds, pa.string())))["location_id"]
    return np.asarray(pc.is_in(places.values, value_set=matching.combine_chunks()).to_numpy(zero_copy_only=False))


def _last_period(night: int, step: int) -> int:
    """The last period that is over when the night begins."""
    last = night - step
    return last if step == 1 else last - (last + 3) % 7
