"""Stock of a line on each demand path, as a function of the order's size.

With stock I before the order arrives, cumulated arrivals A_t and demand D_t from then on, and lost sales, an order q
leaves at the close of period t

    e_t(q) = B_t + max(q, Y_t),    lost until t: max(Y_t - q, 0),    Y_t = max_{u <= t}(D_u - A_u) - I,  B_t = I + A_t - D_t

(reflection of a random walk at zero). Distribution centres owe what they can't deliver, up to F units: reflected at -F, with
W_t = max_{u <= t}(D_u - A_u) - I - F, stock is B_t + max(q, Y_t) for Y_t = max(W_t, -B_t), and (-B_t - max(q, W_t))^+ is owed.
So a path's cost is a sum of hinges in q, and no stock needs to be rolled again for each order size.

Goods that spoil are sold first in, first out. Of what was there before the order, or comes with it, no more is left after a close than
may be sold later, whatever q: what exceeds that is wasted, as if it had been wanted too. Of the order itself Z units can be sold within
its life: what is wanted until then beyond what the older units serve. So (q - Z)^+ is wasted, and from then on all is as if min(q, Z)
had been ordered (Nahmias, Perishable Inventory Systems, 2011, chapter 2). What comes later in the window is younger: it is not aged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints
    from jobs.plan.terms import Terms


@dataclass(frozen=True)
class StockPaths:
    """Lines with the same lead and cover, on every path.

    at_arrival   [lines, paths] I: stock when the order arrives, without it and before that period's other arrivals
    need         [cover, lines, paths] Y_t
    balance      [cover, lines, paths] B_t
    floor        [cover, lines, paths] W_t
    before       [lines, paths] demand before arrival
    window       [lines, paths] demand in the window
    expected     [lead + cover, lines] mean demand over the paths
    renewed      [lines, paths] demand in the last ``review`` periods of the window: what the next base stock is for
    early        [lines, paths] cost before arrival, from ``opens`` on: no order changes it
    later, seen  [later periods, lines, paths], [lines, paths] bends of the windows beyond (beyond.py), -inf: none; None: of no line
    sellable     [lines, paths] Z; inf: it keeps
    gone         [lines, paths] the order above which no sale of the window is lost for good; None: Y_t of its last period
    """

    at_arrival: Floats
    need: Floats
    balance: Floats
    floor: Floats
    before: Floats
    window: Floats
    expected: Floats
    renewed: Floats
    early: Floats
    sellable: Floats
    later: Floats | None = None
    seen: Floats | None = None
    gone: Floats | None = None

    def take(self, lines: Ints) -> StockPaths:
        """The given lines."""
        need, balance, floor = self.need[:, lines], self.balance[:, lines], self.floor[:, lines]
        later = None if self.later is None else self.later[:, lines]
        seen, gone = (None if each is None else each[lines] for each in (self.seen, self.gone))
        of_lines = (self.at_arrival[lines], need, balance, floor, self.before[lines], self.window[lines])
        costed = (self.expected[:, lines], self.renewed[lines], self.early[lines], self.sellable[lines])
        return StockPaths(*of_lines, *costed, later, seen, gone)

    def lost_for_good(self) -> Floats:
        """[lines, paths] the order above which no sale of the window is lost without a later one being saved."""
        return self.need[-1] if self.gone is None else self.gone

    def until(self, cover: int) -> StockPaths:
        """The first periods of the window; only where nothing else arrives in it."""
        need, balance = self.need[:cover], self.balance[:cover]
        window = self.at_arrival - balance[-1]
        costed = (self.expected, window, self.early, self.sellable)
        return StockPaths(self.at_arrival, need, balance, self.floor[:cover], self.before, window, *costed)


class Drawn(Protocol):
    """Demand on paths."""

    @property
    def paths(self) -> int:
        """Number of demand paths."""

    def of_pairs(self, first: Ints, count: Ints, step: int) -> Floats:
        """[pairs, paths] units demanded in a step over all channels."""


class Once:
    """The demand of lines, each period drawn once; always of the same lines."""

    def __init__(self, demand: Demand | Drawn) -> None:
        self.demand, self.paths = demand, demand.paths
        self.known: dict[int, Floats] = {}

    def of_pairs(self, first: Ints, count: Ints, step: int) -> Floats:
        """As Demand.of_pairs."""
        if step not in self.known:
            self.known[step] = self.demand.of_pairs(first, count, step)
        return self.known[step]


def roll(terms: Terms, demand: Demand | Drawn, *, empty: bool = False) -> StockPaths:
    """Stock of lines with the same dates; ``empty``: with nothing there, owed or under way when the order arrives."""
    lead, cover, opens = int(terms.lead[0]), int(terms.cover[0]), int(terms.opens[0])
    renews = lead + cover - int(terms.review[0])
    paths = demand.paths
    owed = terms.owed[:, None]
    stock = np.repeat(terms.on_hand[:, None], paths, axis=1)
    before, expected = np.zeros_like(stock), np.empty((lead + cover, len(terms)))
    renewed, early = np.zeros_like(stock), np.zeros((len(terms), 1))
    for step in range(lead):
        units = demand.of_pairs(terms.first, terms.series, step)
        expected[step] = units.mean(axis=1)
        before += units
        renewed += units if step >= renews else 0.0
        left = stock + arriving(terms, step) - units
        sold = np.maximum(left, -owed)
        stock = np.minimum(sold, lasting(terms, step))
        if step >= opens:
            early = early + _waiting(terms, stock, sold - left) + terms.waste[:, None] * (sold - stock)
    if empty:
        nothing = {name: np.zeros_like(getattr(terms, name)) for name in ("on_hand", "arrivals", "expired")}
        terms, stock = replace(terms, **nothing), np.zeros_like(stock)
    older = _Older(terms, stock)
    need = np.empty((cover, len(terms), paths))
    balance, floor = np.empty_like(need), np.empty_like(need) if owed.any() else need
    window = np.zeros_like(stock)
    running, worst = stock.copy(), np.full_like(stock, -np.inf)
    for t in range(cover):
        units = demand.of_pairs(terms.first, terms.series, lead + t)
        expected[lead + t] = units.mean(axis=1)
        window += units
        renewed += units if lead + t >= renews else 0.0
        running = running + arriving(terms, lead + t) - units
        worst = np.maximum(worst, -running)
        running = running - older.passed(t, units)
        floor[t], balance[t] = worst - owed, running
        need[t] = np.maximum(worst - owed, -running)
    sellable = older.sellable(demand, cover)
    return StockPaths(stock, need, balance, floor, before, window, expected, renewed, early + older.wasted_cost, sellable)


class _Older:
    """What was there when the order arrives, or came with it, if the order were without end: below 0 is what the order sells."""

    def __init__(self, terms: Terms, stock: Floats) -> None:
        self.terms, self.stock, self.lead = terms, stock + arriving(terms, int(terms.lead[0])), int(terms.lead[0])
        self.foreseen = terms.foreseen
        self.longest = int(self.foreseen.max(initial=0))
        self.wasted_cost = np.zeros_like(stock)

    def passed(self, t: int, units: Floats) -> Floats | float:
        """Let a period of the window pass, in which so much is wanted; returns [lines, paths] units of it that are wasted."""
        if t >= self.longest:
            return 0.0
        alive = t < self.foreseen[:, None]
        left = np.where(alive, self.stock - units, self.stock)
        kept = np.where(alive, np.minimum(left, lasting(self.terms, self.lead + t, self.lead)), left)
        self.stock, wasted = kept, left - kept
        self.wasted_cost += self.terms.waste[:, None] * wasted
        return wasted

    def sellable(self, demand: Demand | Drawn, cover: int) -> Floats:
        """[lines, paths] units of the order that can be sold in its life."""
        terms = self.terms
        drawn = demand.demand if isinstance(demand, Once) else demand
        for t in range(cover, self.longest):
            rows = np.flatnonzero(t < self.foreseen)
            units = np.zeros_like(self.stock)
            units[rows] = drawn.of_pairs(terms.first[rows], terms.series[rows], self.lead + t)
            self.passed(t, units)
        spoils = np.isfinite(terms.life)
        rest = terms.rate * np.where(spoils, terms.life - self.foreseen, 0.0)
        return np.where(spoils[:, None], np.maximum(rest[:, None] - self.stock, 0.0), np.inf)


def lasting(terms: Terms, step: int, until: int | None = None) -> Floats:
    """[lines, 1] units on hand, or arrived by a step (and by ``until``), that may be sold after its close; inf: all that keep."""
    until = step if until is None else min(step, until)
    spoils = np.isfinite(terms.life)
    came = np.arange(terms.arrivals.shape[1])
    kept = terms.arrivals * ((came <= until) & (came + terms.life[:, None] - 1 > step))
    units = terms.on_hand - terms.expired[:, min(step, terms.expired.shape[1] - 1)] + kept.sum(axis=1)
    return np.where(spoils, np.maximum(units, 0.0), np.inf)[:, None]


def arriving(terms: Terms, step: int) -> Floats:
    """[lines, 1] units under way that arrive before opening of a step."""
    if step >= terms.arrivals.shape[1]:
        return np.zeros((len(terms), 1))
    return terms.arrivals[:, step : step + 1]


def _waiting(terms: Terms, stock: Floats, lost: Floats) -> Floats:
    """[lines, paths] cost of a period that closes with so much stock (below 0: owed) after losing so much."""
    shelf = np.maximum(stock, 0.0)
    cost = terms.holding[:, None] * shelf + terms.shortage[:, None] * np.maximum(terms.presentation[:, None] - shelf, 0.0)
    cost += np.where(terms.backlog, 0.0, terms.shortage)[:, None] * lost
    for bend, weight in zip(terms.waits[:, :, 0].T, terms.waits[:, :, 1].T, strict=True):
        cost += weight[:, None] * np.maximum(-stock - bend[:, None], 0.0)
    return cost


def wanted_if_sure(terms: Terms, expected: Floats) -> Floats:
    """[lines] units that serve the window while they keep, and fill the shelf for presentation, if demand is what is expected.

    expected  [lead + cover, lines] demand;  lines as those of ``roll``
    """
    lead, stock = int(terms.lead[0]), terms.on_hand
    need = np.zeros(len(terms))
    for step, units in enumerate(expected):
        stock = stock + arriving(terms, step)[:, 0] - units
        if step < lead:
            stock = np.maximum(stock, -terms.owed)
        else:
            need = np.where(step < lead + terms.life, np.maximum(need, terms.presentation - stock), need)
    return np.where(terms.critical_ratio() > 0, need, 0.0)
