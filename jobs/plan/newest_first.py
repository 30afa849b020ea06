"""The cost of lines whose shoppers take the newest unit first (`[planning] issuing = "lifo"`), rolled batch by batch.

Oldest first, what an order sells in its life doesn't depend on its size, so its cost is a sum of hinges (curves.py). Newest first, older
units sell only when the order has gone, and the order only when those after it have: each quantity is rolled by itself, with the orders
that follow the window filling stock up to the base stock S that leftovers are measured by.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.curves import excess_cost, next_base_stock
from jobs.plan.stock_paths import Once, arriving

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints
    from jobs.plan.stock_paths import StockPaths
    from jobs.plan.terms import Terms


@dataclass(frozen=True)
class _Rolled:
    """[lines, paths] cost, and sales lost in the window."""

    cost: Floats
    lost: Floats


class NewestFirst:
    """Cost of some lines of the same dates as functions of the order; the same questions as of curves.Curves."""

    def __init__(self, terms: Terms, paths: StockPaths, demand: Demand | Once, size: int) -> None:
        self.terms, self.paths, self.demand = terms, paths, demand
        self.grid = np.arange(size) * terms.multiple[:, None]
        self.lead, self.cover = int(terms.lead[0]), int(terms.cover[0])
        self.end = self.lead + self.cover
        self.last = max(self.end, self.lead + int(terms.foreseen.max(initial=0)))
        self.base = next_base_stock(terms, paths)[:, None]
        self.units = [demand.of_pairs(terms.first, terms.series, step) for step in range(self.last)]

    @cached_property
    def lists(self) -> list[_Rolled]:
        """What each multiple of the grid costs and loses."""
        return [self.rolled(units) for units in self.grid.T]

    def cost(self) -> Floats:
        """[lines, size] expected cost."""
        return np.stack([of.cost.mean(axis=1) for of in self.lists], axis=1)

    def lost(self) -> Floats:
        """[lines, size] expected lost sales of the window."""
        return np.stack([of.lost.mean(axis=1) for of in self.lists], axis=1)

    def runs_out(self) -> Floats:
        """[lines, size] on how many paths sales are lost in the window."""
        return np.stack([(of.lost > 0).sum(axis=1) for of in self.lists], axis=1).astype(float)

    def bottom(self, best: Ints) -> Floats:
        """[lines] quantity of least cost: a whole multiple, since no slope is known."""
        units: Floats = best * self.terms.multiple
        return units

    def on_paths(self, units: Floats) -> Floats:
        """[lines, paths] cost of an order of some size [lines] on each path."""
        return self.rolled(units).cost

    def rolled(self, units: Floats) -> _Rolled:
        """Batches of an order of some size [lines] on each path, period by period."""
        terms = self.terms
        shelf, lost = _Shelf(terms, self.last, self.paths.at_arrival.shape[1]), np.zeros_like(self.paths.at_arrival)
        cost = np.zeros_like(lost)
        first = min(int(terms.opens[0]), self.lead)
        for step in range(self.last):
            if step < self.end:
                shelf.put(arriving(terms, step), step if step <= self.lead else None)
            if step == self.lead:
                shelf.order(units[:, None])
            if step >= self.end and (step - self.lead) % self.cover == 0:
                shelf.put(np.maximum(self.base - shelf.stock(), 0.0), None)
            short = shelf.sell(self.units[step])
            spoilt = shelf.close(step)
            if first <= step < self.end:
                stock = shelf.stock()
                below = np.maximum(terms.presentation[:, None] - stock, 0.0)
                cost += terms.holding[:, None] * stock + terms.shortage[:, None] * (short + below)
                lost += short if step >= self.lead else 0.0
            if step == self.end - 1:
                excess = np.maximum(shelf.stock() - self.base, 0.0)
                cost += excess_cost(terms)[:, None] * excess**2
            cost += terms.waste[:, None] * spoilt * (step >= first) * (step < self.lead + terms.foreseen[:, None])
        return _Rolled(cost + terms.waste[:, None] * shelf.unsold(), lost)


class _Shelf:
    """Batches by their last period: [periods + 3, lines, paths]; the last three keep beyond what is looked at: what was there, the order,
    what came after it.
    """

    def __init__(self, terms: Terms, periods: int, paths: int) -> None:
        self.terms, self.periods = terms, periods
        self.life = terms.life.astype(np.int64)
        dated = np.diff(terms.expired[:, :periods], axis=1, prepend=0.0).T
        self.batches = np.zeros((periods + 3, len(terms), paths))
        self.batches[: len(dated)] = dated[:, :, None]
        self.batches[periods] = (terms.on_hand - dated.sum(axis=0))[:, None]
        self.order_at = self._slots(int(terms.lead[0]), periods + 1)

    def _slots(self, step: int, beyond: int) -> Ints:
        """[lines] where what arrives in a step lies."""
        last = step + self.life - 1
        return np.where(last < self.periods, last, beyond)

    def put(self, units: Floats, step: int | None) -> None:
        """What arrives in a step with what was there; None: after the order, and newer than it."""
        at = self._slots(step, self.periods) if step is not None else np.full(len(self.life), self.periods + 2)
        self.batches[at, np.arange(len(at))] += units

    def order(self, units: Floats) -> None:
        """Tonight's order arrives."""
        self.batches[self.order_at, np.arange(len(self.life))] += units

    def stock(self) -> Floats:
        """[lines, paths] units there."""
        total: Floats = self.batches.sum(axis=0)
        return total

    def sell(self, units: Floats) -> Floats:
        """Sell, the newest first; returns [lines, paths] what is lost."""
        for slot in reversed(range(len(self.batches))):
            sold = np.minimum(self.batches[slot], units)
            self.batches[slot] -= sold
            units = units - sold
        return units

    def close(self, step: int) -> Floats:
        """Throw away what may not be sold after a step; returns [lines, paths] how much."""
        spoilt: Floats = self.batches[step].copy()
        self.batches[step] = 0.0
        return spoilt

    def unsold(self) -> Floats:
        """[lines, paths] of the order, what the mean rate doesn't sell in the rest of its life; 0 where that has passed."""
        terms = self.terms
        rest = terms.rate * np.maximum(terms.life - terms.foreseen, 0.0)
        older, order = self.batches[: self.periods + 1].sum(axis=0), self.batches[self.periods + 1]
        left: Floats = np.maximum(order - np.maximum(rest[:, None] - older, 0.0), 0.0)
        return left
