"""The cost of some lines as functions of their order, summed over the paths.

On a path every term is a hinge in q (stock_paths.py). Hinges are summed on the grid of multiples by counting how
many paths bend in each cell: the work grows with paths + multiples, not with their product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.plan.night import Floats, Ints
    from jobs.plan.stock_paths import StockPaths
    from jobs.plan.terms import Terms

#: An item that hardly sells still sells in the end: slowest rate at which leftovers go, units a period.
_SLOWEST = 1e-3
#: A need of 3.0000000001 multiples is one of 3.
_LAST_BIT = 1e-9


class Curves:
    """Cost of some lines as functions of the order, on the grid of multiples."""

    def __init__(self, terms: Terms, paths: StockPaths, size: int) -> None:
        self.terms, self.paths, self.size = terms, paths, size
        self.grid = np.arange(size) * terms.multiple[:, None]
        last = paths.balance[-1]
        base = row_quantile(paths.renewed, terms.critical_ratio()) + terms.presentation
        #: Order above which leftovers exceed the next base stock; above which some outlive their shelf life.
        self.excess_from = base[:, None] - last
        spoils = np.isfinite(terms.life)
        keeps = terms.rate * np.maximum(np.where(spoils, terms.life, 0.0) - terms.review, 0.0)
        self.wasted_from = np.where(spoils, keeps, np.inf)[:, None] - last
        self.pace = terms.holding / (2 * np.maximum(terms.rate, _SLOWEST))
        self.lost_cost = lost_cost(terms)

    def cost(self) -> Floats:
        """[lines, size] expected cost."""
        total = np.zeros_like(self.grid)
        for t in range(len(self.paths.need)):
            total += self.of_period(t)
        cost: Floats = total + self.at_end() + self.paths.early.mean(axis=1)[:, None]
        return cost

    def of_period(self, t: int) -> Floats:
        """[lines, size] holding of a period's close, what it lacks for presentation, and what is owed."""
        need, balance = self.paths.need[t], self.paths.balance[t]
        lost = self.hinge(need)[1]
        cost: Floats = self.terms.holding[:, None] * (balance.mean(axis=1)[:, None] + self.grid + lost)
        if self.terms.presentation.any():
            below = np.maximum(need, self.terms.presentation[:, None] - balance)
            cost += self.terms.shortage[:, None] * (self.hinge(below)[1] - lost)
        for bend, weight in hinges_of(self.terms):
            short = -balance - bend[:, None]
            cost += weight[:, None] * (self.hinge(short)[1] - self.hinge(np.minimum(short, self.paths.floor[t]))[1])
        return cost

    def at_end(self) -> Floats:
        """[lines, size] lost sales of the window, and what is left over at its end."""
        gone = self.lost_cost[:, None] * self.hinge(self.paths.lost_for_good())[1]
        cost: Floats = gone + self._beyond() + self._excess() + self._wasted()
        return cost

    def _beyond(self) -> Floats | float:
        """Holding in the windows beyond of what lost sales leave there."""
        if self.paths.later is None or self.paths.seen is None:
            return 0.0
        held = sum(self.hinge(bend)[1] for bend in self.paths.later) - self.terms.cover[:, None] * self.hinge(self.paths.seen)[1]
        return self.terms.holding[:, None] * np.asarray(held)

    def on_paths(self, units: Floats) -> Floats:
        """[lines, paths] cost of an order of some size [lines] on each path; no grid is looked at."""
        terms, paths = self.terms, self.paths
        at = np.maximum(units[:, None], paths.need)
        cost = paths.early + self.lost_cost[:, None] * np.maximum(paths.lost_for_good() - units[:, None], 0.0)
        if paths.later is not None and paths.seen is not None:
            held = np.maximum(paths.later - units[:, None], 0.0).sum(axis=0)
            cost += terms.holding[:, None] * (held - terms.cover[:, None] * np.maximum(paths.seen - units[:, None], 0.0))
        for size, balance, floor in zip(at, paths.balance, paths.floor, strict=True):
            stock = balance + size
            cost += terms.holding[:, None] * stock
            if terms.presentation.any():
                cost += terms.shortage[:, None] * np.maximum(terms.presentation[:, None] - stock, 0.0)
            owed = -balance - np.maximum(units[:, None], floor)
            for bend, weight in hinges_of(terms):
                cost += weight[:, None] * np.maximum(owed - bend[:, None], 0.0)
        cost += self.pace[:, None] * np.maximum(at[-1] - self.excess_from, 0.0) ** 2
        result: Floats = cost + terms.waste[:, None] * np.maximum(at[-1] - self.wasted_from, 0.0)
        return result

    def hinge(self, bend: Floats) -> tuple[Floats, Floats]:
        """How many paths bend above q, and the mean of (bend - q)^+, for q on the grid. ``bend`` is [lines, paths]."""
        cell = self._cell(bend)
        above = self._tail(cell, None)
        amount = self._tail(cell, bend) - self.grid * above
        return above, np.maximum(amount, 0.0) / bend.shape[1]

    def _excess(self) -> Floats:
        """Holding of leftovers above the next base stock until they have sold."""
        need, start = self.paths.need[-1], self.excess_from
        cell = self._cell(np.maximum(need, start))
        count = need.shape[1]
        fixed = self._tail(cell, np.maximum(need - start, 0.0) ** 2)
        ones, first, square = (count - self._tail(cell, None), self._head(cell, start), self._head(cell, start**2))
        moving = self.grid**2 * ones - 2 * self.grid * first + square
        cost: Floats = self.pace[:, None] * np.maximum(fixed + moving, 0.0) / count
        return cost

    def _wasted(self) -> Floats:
        """Waste of what the mean rate does not sell within its shelf life."""
        if not np.isfinite(self.wasted_from).any():
            return np.zeros_like(self.grid)
        need = self.paths.need[-1]
        start = np.where(np.isfinite(self.wasted_from), self.wasted_from, 1e12)
        bend = np.maximum(need, start)
        certain = np.maximum(need - start, 0.0).mean(axis=1)
        beyond = self.hinge(bend)[1] + self.grid - bend.mean(axis=1)[:, None]
        wasted = np.where(np.isfinite(self.terms.life)[:, None], certain[:, None] + np.maximum(beyond, 0.0), 0.0)
        cost: Floats = self.terms.waste[:, None] * wasted
        return cost

    def bottom(self, best: Ints) -> Floats:
        """[lines] real quantity of least cost: bisection on the slope between the best multiple's neighbours."""
        unit = self.terms.multiple
        low, high = np.maximum(best - 1, 0) * unit, (best + 1) * unit
        for _ in range(24):
            middle = (low + high) / 2
            rising = self._slope(middle) >= 0
            low, high = np.where(rising, low, middle), np.where(rising, middle, high)
        # Where all that can be owed is owed, the first units may save nothing.
        none = (self._slope(np.zeros(len(best))) >= 0) & ~(self.terms.backlog & (best > 0))
        return np.where(none, 0.0, np.round(high, 3))

    def _slope(self, q: Floats) -> Floats:
        """[lines] derivative of the cost at q."""
        terms, at = self.terms, q[:, None]
        need, start = self.paths.need[-1], self.excess_from
        slope = -self.lost_cost * (self.paths.lost_for_good() > at).mean(axis=1)
        if self.paths.later is not None and self.paths.seen is not None:
            bends = (self.paths.later > at).sum(axis=0) - terms.cover[:, None] * (self.paths.seen > at)
            slope -= terms.holding * bends.mean(axis=1)
        for t in range(len(self.paths.need)):
            slope += terms.holding * (self.paths.need[t] <= at).mean(axis=1)
            if terms.presentation.any():
                below = terms.presentation[:, None] - self.paths.balance[t]
                slope -= terms.shortage * ((self.paths.need[t] <= at) & (at < below)).mean(axis=1)
            for bend, weight in hinges_of(terms):
                short = -self.paths.balance[t] - bend[:, None]
                slope -= weight * ((short > at) & (self.paths.floor[t] <= at)).mean(axis=1)
        slope += 2 * self.pace * np.where(at >= np.maximum(need, start), at - start, 0.0).mean(axis=1)
        slope += terms.waste * (at >= np.maximum(need, self.wasted_from)).mean(axis=1)
        result: Floats = slope
        return result

    # ---- sums over the paths that bend above, or at or below, each cell of the grid --------------------------------
    def _cell(self, bend: Floats) -> Ints:
        cells = np.ceil(np.minimum(bend / self.terms.multiple[:, None], self.size) - _LAST_BIT)
        inside = np.clip(cells, 0, self.size - 1).astype(np.int64)
        flat: Ints = inside + np.arange(len(bend))[:, None] * self.size
        return flat

    def _tail(self, cell: Ints, weights: Floats | None) -> Floats:
        """[lines, size] sum over paths with cell > n."""
        sums = self._sums(cell, weights)
        tail = np.zeros_like(sums)
        tail[:, :-1] = sums[:, :0:-1].cumsum(axis=1)[:, ::-1]
        return tail

    def _head(self, cell: Ints, weights: Floats) -> Floats:
        """[lines, size] sum over paths with cell <= n."""
        return self._sums(cell, weights).cumsum(axis=1)

    def _sums(self, cell: Ints, weights: Floats | None) -> Floats:
        flat = None if weights is None else weights.ravel()
        sums = np.bincount(cell.ravel(), flat, len(self.grid) * self.size)
        return sums.reshape(len(self.grid), self.size).astype(float)


def hinges_of(terms: Terms) -> Iterator[tuple[Floats, Floats]]:
    """Bend and weight [lines] of each hinge of what it costs to be short."""
    if terms.backlog.any():
        yield from zip(terms.waits[:, :, 0].T, terms.waits[:, :, 1].T, strict=True)


def lost_cost(terms: Terms) -> Floats:
    """[lines] currency a unit of lost sales; nothing where demand waits."""
    return np.where(terms.backlog, 0.0, terms.shortage)


def row_quantile(values: Floats, level: Floats) -> Floats:
    """[rows] the smallest value of each row that covers its level of the row."""
    ordered = np.sort(values, axis=1)
    place = np.clip(np.ceil(level * values.shape[1] - 1e-9).astype(np.int64) - 1, 0, values.shape[1] - 1)
    picked: Floats = np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]
    return picked
