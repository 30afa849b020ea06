"""What lines will order on the nights to come if nothing is short: the demand of the distribution centre that supplies them.

On each path stock rolls from tonight's; on each order day a line orders up to a base stock that doesn't see the path,

    draw = min((S_t - stock - under way)^+, r_t),    S_t = the critical-ratio quantile of demand from the order day to the next order's
                                                           arrival, r_t = the same from this order's arrival; both + presentation_min,
                                                           S_t within max_stock

rounded half up to what its lane can order. Of goods that spoil demand counts while they keep, no more is in stock than may be sold later,
and S_t is where a unit more no longer pays, first in, first out: (shortage + holding c) P(demand <= S) + waste P(demand until the order
spoils <= S) >= shortage (as van Donselaar and Broekmeulen, International Journal of Production Economics 140, 2012, estimate waste).
(r_t is for lost sales: what is lost before an order comes it needn't bring. Capped base stock: Xin, Operations Research 69, 2021.)
Where nobody is ever short, draws add up to S_t less the position of tonight plus demand since: what a centre is asked for in all is
customers' demand against the stock of all below it (echelon stock).
What a centre can't deliver costs what it costs downstream when it is shared out so that a unit is worth the same everywhere:
a line with b units less than S runs out with probability P(demand > S - b), so that a unit more or less is worth

    m(b) = ((shortage + holding c) P(demand > S - b) - holding c) / c       a period, with c periods between its orders

and a centre short of B pays R(B), R' = m at the b_i that add up to B: the induced penalty of Clark and Scarf (Management Science 6,
1960), shared out as by Federgruen and Zipkin (Operations Research 32, 1984).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.curves import row_quantile
from jobs.plan.schedule import Delivery
from jobs.plan.terms import AHEAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.plan.night import Floats
    from jobs.plan.stock_paths import Drawn
    from jobs.plan.terms import Terms

#: Money that differs by this share is the same.
_LAST_BIT = 1e-9
#: Pieces of constant slope in which a centre's cost of being short is counted.
PIECES = 8


@dataclass(frozen=True)
class Drawing:
    """Lines with the same order days.

    units   [nights, lines, paths] ordered
    base    [lines] S of the first order day
    owed    [lines] the most that a line can be short of on it: S less mean demand until arrival, so that the shelf is empty then
    window  [lines, paths] the demand that it is for
    cover   periods between two orders
    """

    units: Floats
    base: Floats
    owed: Floats
    window: Floats
    cover: int


def drawn(terms: Terms, demand: Drawn, days: Sequence[Delivery], nights: int) -> Drawing:
    """Orders of lines on the nights to come; ``days`` has at least one order day."""
    kept = int(np.where(terms.life <= AHEAD, terms.life, 0).max(initial=0))
    until = max(nights, *(max(day.until, day.arrives + kept) for day in days))
    units = np.stack([demand.of_pairs(terms.first, terms.series, step) for step in range(until)])
    total = np.concatenate([np.zeros_like(units[:1]), np.cumsum(units, axis=0)])
    coming = np.zeros_like(total)
    known = min(len(coming), terms.arrivals.shape[1])
    coming[:known] = terms.arrivals[:, :known].T[:, :, None]
    stock = np.repeat(terms.on_hand[:, None], demand.paths, axis=1)
    on_order = np.repeat(terms.in_transit[:, None], demand.paths, axis=1)
    placed, orders = np.zeros((nights, *stock.shape)), {day.ordered: day for day in days}
    received = np.zeros_like(total)
    for night in range(nights):
        if night in orders:
            base, largest = base_stock(terms, total, orders[night])
            placed[night] = _orderable(terms, np.minimum(base[:, None] - stock - on_order, largest[:, None]))
            if night == 0:
                locked = (terms.locked * terms.multiple)[:, None]
                placed[night] = np.where(locked >= 0, locked, placed[night])
            coming[orders[night].arrives] += placed[night]
            on_order += placed[night]
        stock += coming[night]
        on_order -= coming[night]
        received[night + 1] = received[night] + coming[night]
        stock = np.minimum(np.maximum(stock - units[night], -terms.owed[:, None]), _lasting(terms, received, night))
    first = days[0]
    window = total[first.until] - total[first.ordered]
    base, _ = base_stock(terms, total, first)
    owed = np.maximum(base - (total[first.arrives] - total[first.ordered]).mean(axis=1), 0.0)
    return Drawing(placed, base, owed, window, first.until - first.arrives)


def _lasting(terms: Terms, received: Floats, night: int) -> Floats:
    """[lines, paths] units that came until a night and may be sold after its close; inf: all.

    received  [nights, lines, paths] that came before each night
    """
    spoils = np.isfinite(terms.life)
    gone = np.maximum(night + 2 - np.where(spoils, terms.life, 1).astype(np.int64), 0)
    still = terms.on_hand - terms.expired[:, min(night, terms.expired.shape[1] - 1)]
    kept = still[:, None] + received[night + 1] - received[gone, np.arange(len(gone))]
    return np.where(spoils[:, None], np.maximum(kept, 0.0), np.inf)


def base_stock(terms: Terms, total: Floats, day: Delivery) -> tuple[Floats, Floats]:
    """[lines] S and r of an order day; ``total`` [periods + 1, lines, paths] demand before each period.

    What spoils before the next order comes serves no demand after that.
    """
    cover = np.minimum(day.until - day.arrives, terms.life).astype(np.int64)
    short_life = terms.life <= AHEAD
    life = np.where(short_life, terms.life, cover).astype(np.int64)
    sold, lasting = (total[day.arrives + periods, np.arange(len(terms))] for periods in (cover, life))
    waste = np.where(short_life, terms.waste, 0.0)
    costs = terms.shortage, terms.holding * cover, waste
    base, largest = (_level(sold - total[begin], lasting - total[begin], *costs) for begin in (day.ordered, day.arrives))
    base, largest = base + terms.presentation, largest + terms.presentation
    room = terms.max_stock + (total[day.arrives] - total[day.ordered]).mean(axis=1)
    return np.minimum(base, room), np.where(terms.backlog, np.inf, largest)


def _level(sold: Floats, lasting: Floats, shortage: Floats, held: Floats, waste: Floats) -> Floats:
    """[lines] the least level with (shortage + held) P(sold <= S) + waste P(lasting <= S) >= shortage: one unit more no longer pays.

    sold     [lines, paths] demand that the order is for;  lasting  until it spoils: the last unit up to S is wasted where that is less
    shortage, held, waste  [lines] currency a unit
    """
    paths = sold.shape[1]
    levels = np.sort(sold, axis=1)
    rises, enough = (shortage + held)[:, None], shortage[:, None] * paths * (1 - _LAST_BIT)
    # The gain of a level rises with it: the first that is enough is found by bisection; the last where none is.
    low, high = np.zeros((len(levels), 1), np.int64), np.full((len(levels), 1), paths - 1)
    for _ in range(int(paths - 1).bit_length()):
        middle = (low + high) // 2
        spoilt = np.count_nonzero(lasting <= np.take_along_axis(levels, middle, axis=1), axis=1, keepdims=True)
        reached = rises * (middle + 1) + waste[:, None] * spoilt >= enough
        low, high = np.where(reached, low, np.minimum(middle + 1, high)), np.where(reached, middle, high)
    level: Floats = np.take_along_axis(levels, high, axis=1)[:, 0]
    return level


def _orderable(terms: Terms, units: Floats) -> Floats:
    """Units rounded half up to what lanes can order: nothing, or at least min_order_units in multiples."""
    multiple, least = terms.multiple[:, None], (terms.min_multiples * terms.multiple)[:, None]
    whole = np.floor(np.maximum(units, 0.0) / multiple + 0.5 + 1e-9) * multiple
    rounded: Floats = np.where(whole < least, np.where(2 * units >= least, least, 0.0), whole)
    return rounded


def missing(terms: Terms, drawing: Drawing, price: Floats, per: Floats) -> Floats:
    """[lines, prices] the b at which a unit more or less is worth each price m(b), within what a line can be short of.

    price  [lines, prices]
    per    [lines] periods over which m is counted: those of a window (a unit that waits, by the period), or 1 (missing once)
    """
    held = terms.holding * drawing.cover
    total = (terms.shortage + held)[:, None]
    paid = price * per[:, None] + held[:, None]
    level = 1 - np.divide(paid, total, out=np.ones_like(paid), where=total > 0)
    kept = np.stack([np.where(some > 0, row_quantile(drawing.window, some), 0.0) for some in level.T], axis=1)
    short: Floats = np.clip(drawing.base[:, None] - kept, 0.0, drawing.owed[:, None])
    return short


def curve(top: Floats, bends: Floats) -> Floats:
    """[centres, PIECES + 1, 2] R as hinges: its slope is the middle of two prices between the units at which they are reached.

    top    [centres] the most that a missing unit costs
    bends  [centres, PIECES + 1] units missing at prices 0, top / PIECES, ..., top
    """
    share = np.full(PIECES + 1, 1.0 / PIECES)
    share[[0, -1]] /= 2
    starts = np.maximum.accumulate(np.concatenate([np.zeros((len(top), 1)), bends[:, 1:]], axis=1), axis=1)
    return np.stack([starts, top[:, None] * share], axis=2)


def prices(top: Floats) -> Floats:
    """[centres, PIECES + 1] the prices at which ``curve`` wants to know what is missing."""
    return top[:, None] * np.arange(PIECES + 1) / PIECES
