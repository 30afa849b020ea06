"""Zero or missing: which periods without a sale are real zeros."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jobs.ingest.demand.facts import Bools, Ints


@dataclass(frozen=True)
class Presence:
    """When series first sold: ``first_sale`` a series, as place on the axis of periods; ``periods`` if never."""

    first_sale: Ints
    pair_of_series: Ints
    place_of_pair: Ints
    pairs: int
    places: int
    periods: int

    @cached_property
    def first_of_pair(self) -> Ints:
        """Period in which the pair first sold in any channel."""
        first = np.full(self.pairs, self.periods, dtype=np.int64)
        np.minimum.at(first, self.pair_of_series, self.first_sale)
        return first

    @cached_property
    def first_of_place(self) -> Ints:
        """Period in which the location first sold anything."""
        first = np.full(self.places, self.periods, dtype=np.int64)
        np.minimum.at(first, self.place_of_pair, self.first_of_pair)
        return first


def is_missing(presence: Presence, sold: tuple[Ints, Ints], landed: Bools, share: float, periods: int) -> Bools:
    """Location x period: nothing sold there, though it sold in ``share`` of its last ``periods`` periods, or nothing landed at all.

    ``sold`` are locations and periods (may lie before the axis) with sales; periods before the location's first
    sale don't count among its last ones.
    """
    width = periods + presence.periods
    table = np.zeros((presence.places, width), dtype=np.int64)
    place, at = sold
    inside = (at >= -periods) & (at < presence.periods)
    table[place[inside], at[inside] + periods] = 1
    total = np.concatenate([np.zeros((presence.places, 1), dtype=np.int64), table.cumsum(axis=1)], axis=1)
    now = np.arange(presence.periods)
    recent = total[:, now + periods] - total[:, now]
    counted = np.clip(now[None, :] - presence.first_of_place[:, None], 0, periods)
    usually = (counted > 0) & (recent >= share * counted - 1e-9)
    return np.asarray(((table[:, periods:] == 0) & usually) | ~landed[None, :])


def is_active(presence: Presence, last: Ints, spans: tuple[Ints, Ints, Ints], inactive_after: int) -> Bools:
    """Pair x period: in the assortment, or, without a row there, sold before and not silent for too long.

    ``last`` is the pair's last sale, receipt or stock up to the period; ``spans`` are pair, first and last period
    (inclusive) of the assortment rows.
    """
    now = np.arange(presence.periods)
    sold = (now >= presence.first_of_pair[:, None]) & (now - last <= inactive_after)
    pair, first, until = spans
    changes = np.zeros((presence.pairs, presence.periods + 1), dtype=np.int64)
    start = np.clip(first, 0, presence.periods)
    end = np.clip(until + 1, start, presence.periods)
    np.add.at(changes, (pair, start), 1)
    np.add.at(changes, (pair, end), -1)
    ranged = np.zeros(presence.pairs, dtype=np.bool_)
    ranged[pair] = True
    return np.asarray(np.where(ranged[:, None], changes.cumsum(axis=1)[:, :-1] > 0, sold))


def is_open(presence: Presence, default: Bools) -> Bools:
    """Series x period: the channel has sold by then; before any channel has, it is the location's default one."""
    now = np.arange(presence.periods)
    unsold = now < presence.first_of_pair[presence.pair_of_series][:, None]
    return np.asarray((now >= presence.first_sale[:, None]) | (unsold & default[:, None]))
