"""The recent past of series as means over like periods look at it: what is the same for every period ahead, once an origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.features.block import Block
from jobs.features.clock import Clock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like each past period [n, recent] is to a target: difference of log prices (not finite: not known), promotion, kind of day."""

    distance: Floats
    priced: Bools
    promoted: Bools
    kind: Bools


@dataclass(frozen=True, slots=True)
class Past:
    """Of the periods before an origin [n, recent]; what is not known counts nothing.

    known     whether demand is known;  demand  units, 0 elsewhere
    units     sold, 0 where there is no record;  stock  share of the time in stock, of all periods with a record
    price     NaN: not known;  promotion  1: promoted
    kinds     kind of each period
    share     demand in units of the series' scale;  flat  that, by what such periods usually sell
    """

    known: Bools
    demand: Floats
    units: Floats
    stock: Floats
    price: Floats
    promotion: Floats
    kinds: Ints
    share: Floats
    flat: Floats

    @classmethod
    def of(cls, block: Block, clock: Clock, origin: int, kinds: Ints, usual: Floats, scale: Floats) -> Past:
        """The past at an origin; usual [n, recent] share of such a period in a category's sales, scale [n]."""
        end = origin - block.span.first
        window = slice(end - clock.recent, end)
        units, demand = block.units[:, window], block.demand[:, window]
        sold = ~np.isnan(units)
        stock = np.where(sold, np.nan_to_num(block.stock[:, window], nan=1.0), 0.0)
        units, known = np.where(sold, units, 0.0), ~np.isnan(demand)
        demand, promotion = np.where(known, demand, 0.0), np.nan_to_num(block.promotion[:, window])
        share = demand / scale[:, None]
        return cls(known, demand, units, stock, block.price[:, window], promotion, kinds, share, share / usual)

    def like(self, kind: Ints, price: Floats, promotion: Floats) -> Likeness:
        """How like a target: its kind, price and promotion [n]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(np.log(self.price / price[:, None]))
        return Likeness(distance, np.isfinite(distance), self.promotion == promotion[:, None], self.kinds == kind[:, None])
