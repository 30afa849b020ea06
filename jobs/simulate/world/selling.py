"""A day's sales from stock: which channel gets what, and until when the shelf lasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv

from jobs.simulate.world import draws

if TYPE_CHECKING:
    from jobs.simulate.world.draws import Floats, Ints

#: Share of a day's demand by the end of each of its fourteen selling hours: fewest in the first, most in the late afternoon.
HOURS = np.cumsum([3, 5, 7, 8, 8, 7, 6, 6, 7, 9, 11, 11, 8, 4]) / 100


def sell_fenced(demand: Ints, on_hand: Ints, share: Floats, key: Ints, day: int) -> tuple[Ints, Floats]:
    """The same where each channel has a part of the stock of its own: the second one its usual share [lines] of it, rounded at random.

    Parts are set anew every morning. In stock: as the channel whose part is empty first.
    """
    second = np.floor(on_hand * share + draws.uniform(key, day, "fence")).astype(np.int64)
    sold, in_stock = np.zeros_like(demand), np.ones(demand.shape)
    for channel, part in enumerate((on_hand - second, second)):
        alone = np.stack([demand[:, channel], np.zeros_like(on_hand)], axis=1)
        units, in_stock[:, channel] = sell(alone, part, key, day)
        sold[:, channel] = units[:, 0]
    return sold, np.where(share > 0, in_stock.min(axis=1), in_stock[:, 0])


def sell(demand: Ints, on_hand: Ints, key: Ints, day: int) -> tuple[Ints, Floats]:
    """Sales [lines, 2] and the share of selling hours in stock [lines], from demand [lines, 2] and stock [lines].

    Channels share a stock that is too small in proportion to their demand, rounded at random.
    A shelf that is empty from the morning on is in stock for 0 of the hours, one that meets all demand for all of them.
    """
    total = demand.sum(axis=1)
    sold, in_stock = demand.copy(), np.where((on_hand <= 0), 0.0, 1.0)
    short = np.flatnonzero(total > on_hand)
    if len(short):
        stock, wanted, u = on_hand[short], total[short], draws.uniform(key[short], day, "short")
        first = np.floor(stock * demand[short, 0] / wanted + u).astype(np.int64)
        sold[short, 0], sold[short, 1] = first, stock - first
        some = stock > 0
        in_stock[short[some]] = lasted(stock[some], wanted[some], draws.uniform(key[short][some], day, "moment"))
    return sold, in_stock


def lasted(stock: Ints | Floats, wanted: Ints | Floats, u: Floats) -> Floats:
    """[n] share of the selling hours until stock of 0 < s < d units is sold, of d wanted: the u-quantile.

    The shelf is empty from its s-th sale on: of d independent moments the s-th is Beta(s, d - s + 1), in shares of the day's demand.
    """
    moment = np.asarray(betaincinv(stock, wanted - stock + 1, u))
    return np.asarray(np.interp(moment, np.concatenate([[0], HOURS]), np.arange(len(HOURS) + 1) / len(HOURS)))
