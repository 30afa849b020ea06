"""How the world orders for itself, where no policy does: a base stock of a trailing mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jobs.simulate.world import draws

if TYPE_CHECKING:
    from jobs.simulate.world.config import WorldConfig
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.network import Network
    from jobs.simulate.world.state import State


@dataclass(frozen=True)
class Usual:
    """``z`` [rows]: deviations of safety stock, a row's own, so that some are kept short and others long; ``more`` [rows] days of demand
    beyond lead time and review; ``days`` of the mean.
    """

    network: Network
    z: Floats
    more: Floats
    days: int

    def orders(self, state: State) -> Ints:
        """[rows] units: up to the base stock, in whole multiples rounded half up, on the lane's order days, of what is sold on arrival."""
        rows, day = self.network.rows, state.day.toordinal()
        missing = self.base_stock(state.rate) - state.on_hand - state.transit.by_row(len(rows))
        units = np.floor(np.maximum(missing, 0) / rows.multiple + 0.5).astype(np.int64) * rows.multiple
        may = self.network.lanes.orders[rows.lane, (day - 1) % 7]
        sells = (rows.active_from <= day + rows.lead) & (day + rows.lead <= rows.active_to)
        return np.where(may & sells, units, 0)

    def base_stock(self, rate: Floats) -> Ints:
        """[rows] rate x t + z sqrt(rate x t) with t = lead time + days between orders (+ ``more``), rounded half up, at least a multiple.

        What spoils is ordered for no more days than it keeps.
        """
        rows = self.network.rows
        between = 7 / np.maximum(self.network.lanes.orders[rows.lane].sum(axis=1), 1)
        time = rows.lead + np.where(rows.life > 0, np.minimum(between, rows.life), between) + self.more
        return np.asarray(np.maximum(np.floor(rate * time + self.z * np.sqrt(rate * time) + 0.5).astype(np.int64), rows.multiple))

    def rate(self, before: Floats, sold: Ints, in_stock: Floats) -> Floats:
        """[rows] exponentially weighted mean of sales; at a centre the sum of the rows that it supplies.

        Of days that ran out only those count that sold more than the mean all the same: else a row that always runs out would never learn.
        """
        rows, lines, weight = self.network.rows, self.network.lines, 2 / (self.days + 1)
        own = np.where(
            (in_stock >= 1) | (sold[:lines] > before[:lines]), before[:lines] + weight * (sold[:lines] - before[:lines]), before[:lines]
        )
        fed = rows.supplied_by[:lines]
        below = np.bincount(fed[fed >= 0], own[fed >= 0], len(rows))[lines:]
        return np.concatenate([own, below])


def of(config: WorldConfig, network: Network) -> Usual:
    """The ordering of a world."""
    score = draws.score(config.seed, "usual", network.rows.item, network.rows.location)
    more = np.where(np.arange(len(score)) < network.lines, 0.0, config.usual.centre_days)
    return Usual(network, config.usual.z_mean + config.usual.z_spread * score, more, config.usual.days)
