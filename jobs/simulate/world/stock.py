"""Stock of each row, and of what spoils the batches: units by last day of sale, sold first in first out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jobs.simulate.world.draws import Ints


@dataclass(frozen=True)
class Stock:
    """``on_hand`` [rows] units; ``fresh``: rows that spoil; ``batches`` [fresh, longest life] units by days left: column 0 may be sold
    today for the last time. Batches add up to on_hand of their row.
    """

    on_hand: Ints
    fresh: Ints
    batches: Ints

    def receive(self, units: Ints, life: Ints) -> Stock:
        """With units [rows] that have just arrived; ``life`` [rows] days."""
        batches = self.batches.copy()
        if len(self.fresh):
            batches[np.arange(len(self.fresh)), life[self.fresh] - 1] += units[self.fresh]
        return Stock(self.on_hand + units, self.fresh, batches)

    def take(self, units: Ints) -> Stock:
        """Less units [rows], at most on_hand, the oldest first."""
        wanted = units[self.fresh, None]
        before = np.cumsum(self.batches, axis=1) - self.batches
        return Stock(self.on_hand - units, self.fresh, self.batches - np.clip(wanted - before, 0, self.batches))

    def close(self) -> tuple[Stock, Ints]:
        """The stock of the next morning, and the units [rows] thrown away: what today was the last day of."""
        wasted = np.zeros_like(self.on_hand)
        if not self.batches.shape[1]:
            return self, wasted
        wasted[self.fresh] = self.batches[:, 0]
        left = np.concatenate([self.batches[:, 1:], np.zeros((len(self.fresh), 1), self.batches.dtype)], axis=1)
        return Stock(self.on_hand - wasted, self.fresh, left), wasted


def empty(life: Ints) -> Stock:
    """No stock; ``life`` [rows] days a unit may be sold after arrival, 0 for ever."""
    fresh = np.flatnonzero(life > 0)
    return Stock(np.zeros(len(life), np.int64), fresh, np.zeros((len(fresh), int(life.max(initial=0))), np.int64))
