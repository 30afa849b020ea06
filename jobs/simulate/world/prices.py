"""Prices and promotions of an item and day: quarters with another price, four-week slots with a promotion. Random access: no state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jobs.simulate.world import draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jobs.simulate.world.config import WorldConfig
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.network import Items

QUARTER, SLOT = 91, 28


@dataclass(frozen=True)
class Day:
    """[items] each, of a day: the price, over the list price, whether promoted, and days since the last promotion ended (0: the first
    day after; a large number: long ago).
    """

    price: Floats
    ratio: Floats
    promoted: NDArray[np.bool_]
    since: Ints


def of(config: WorldConfig, items: Items, day: int) -> Day:
    """Prices of a day (ordinal), rounded to cents."""
    usual = _usual(config, items.price_key, day)
    begins, ends, discount = _promotion(config, items.price_key, day // SLOT)
    _, before, _ = _promotion(config, items.price_key, day // SLOT - 1)
    promoted = (begins <= day) & (day < ends)
    ended = np.where((ends <= day) & (ends > 0), ends, before)
    since = np.where(ended > 0, day - ended, 1_000_000)
    price = np.round(items.price * usual * np.where(promoted, 1 - discount, 1.0), 2)
    return Day(price, price / items.price, promoted, since)


def _usual(config: WorldConfig, key: Ints, day: int) -> Floats:
    """Price over list price without promotions: log-normal in a share of the quarters, which begin on another day for every item."""
    if not config.has("price") or config.pricing.changes == 0:
        return np.ones(len(key))
    quarter = (day + key % QUARTER) // QUARTER
    changed = draws.attribute(0, "changed", key, quarter) < config.pricing.changes
    return np.where(changed, np.exp(config.pricing.change_spread * draws.score(0, "change", key, quarter)), 1.0)


def _promotion(config: WorldConfig, key: Ints, slot: int) -> tuple[Ints, Ints, Floats]:
    """First day, day after the last, and discount of the promotion in a slot; (0, 0, 0) where there is none."""
    pricing = config.pricing
    if not config.has("promotion") or pricing.promotions == 0:
        return np.zeros_like(key), np.zeros_like(key), np.zeros(len(key))
    runs = draws.uniform(key, slot, "promotion") < pricing.promotions
    room = SLOT - pricing.promotion_days
    begins = slot * SLOT + (draws.uniform(key, slot, "begins") * (room + 1)).astype(np.int64)
    depth = np.asarray(pricing.discounts)[(draws.uniform(key, slot, "depth") * len(pricing.discounts)).astype(np.int64)]
    return np.where(runs, begins, 0), np.where(runs, begins + pricing.promotion_days, 0), np.where(runs, depth, 0.0)
