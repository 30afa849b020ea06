"""Stock of a line on each demand path, as a function of the order's size.

With stock I before the order arrives, cumulated arrivals A_t and demand D_t from then on, and lost sales, an order q
leaves at the close of period t

    e_t(q) = B_t + max(q, Y_t),    lost until t: max(Y_t - q, 0),    Y_t = max_{u <= t}(D_u - A_u) - I,  B_t = I + A_t - D_t

(reflection of a random walk at zero). Distribution centres owe what they can't deliver, up to F units: reflected at -F, with
W_t = max_{u <= t}(D_u - A_u) - I - F, stock is B_t + max(q, Y_t) for Y_t = max(W_t, -B_t), and (-B_t - max(q, W_t))^+ is owed.
So a path's cost is a sum of hinges in q, and no stock needs to be rolled again for each order size.
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
    later: Floats | None = None
    seen: Floats | None = None
    gone: Floats | None = None

    def take(self, lines: Ints) -> StockPaths:
        """The given lines."""
        need, balance, floor = self.need[:, lines], self.balance[:, lines], self.floor[:, lines]
        later = None if self.later is None else self.later[:, lines]
        seen, gone = (None if each is None else each[lines] for each in (self.seen, self.gone))
        of_lines = (self.at_arrival[lines], need, balance, floor, self.before[lines], self.window[lines])
        costed = (self.expected[:, lines], self.renewed[lines], self.early[lines])
        return StockPaths(*of_lines, *costed, later, seen, gone)

    def lost_for_good(self) -> Floats:
        """[lines, paths] the order above which no sale of the window is lost without a later one being saved."""
        return self.need[-1] if self.gone is None else self.gone

    def until(self, cover: int) -> StockPaths:
        """The first periods of the window; only where nothing else arrives in it."""
        need, balance = self.need[:cover], self.balance[:cover]
        window = self.at_arrival - balance[-1]
        return StockPaths(self.at_arrival, need, balance, self.floor[:cover], self.before, window, self.expected, window, self.early)


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
        stock = np.maximum(left, -owed)
        if step >= opens:
            early = early + _waiting(terms, stock, stock - left)
    if empty:
        terms, stock = replace(terms, arrivals=np.zeros_like(terms.arrivals)), np.zeros_like(stock)
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
        floor[t], balance[t] = worst - owed, running
        need[t] = np.maximum(worst - owed, -running)
    return StockPaths(stock, need, balance, floor, before, window, expected, renewed, early)


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
    """[lines] units that serve the window, and fill the shelf for presentation, if demand is what is expected.

    expected  [lead + cover, lines] demand;  lines as those of ``roll``
    """
    lead, stock = int(terms.lead[0]), terms.on_hand
    need = np.zeros(len(terms))
    for step, units in enumerate(expected):
        stock = stock + arriving(terms, step)[:, 0] - units
        if step < lead:
            stock = np.maximum(stock, -terms.owed)
        else:
            need = np.maximum(need, terms.presentation - stock)
    return np.where(terms.critical_ratio() > 0, need, 0.0)
