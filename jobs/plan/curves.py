"""The cost of some lines as functions of their order, summed over the paths.

On a path every term is a hinge in q (stock_paths.py). Hinges are summed on the grid of multiples by counting how
many paths bend in each cell: the work grows with paths + multiples, not with their product. Once an order has outlived its shelf
life all is as if no more had been ordered than could be sold of it (``cap``): hinges bend there at the latest.
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
        #: Order above which leftovers exceed the next base stock.
        self.excess_from = next_base_stock(terms, paths)[:, None] - last
        self.pace = excess_cost(terms)
        self.lost_cost = lost_cost(terms)

    def cost(self) -> Floats:
        """[lines, size] expected cost."""
        total = np.zeros_like(self.grid)
        for t in range(len(self.paths.need)):
            total += self.of_period(t)
        cost: Floats = total + self.at_end() + self.paths.early.mean(axis=1)[:, None]
        return cost

    def cap(self, t: int) -> Floats | None:
        """[lines, paths] units at the close of a period beyond which more of the order changes nothing; None: of no line."""
        over = self.terms.life - 1 <= t
        return np.where(over[:, None], self.paths.sellable, np.inf) if over.any() else None

    def last_cap(self) -> Floats | None:
        """The same at the window's end."""
        return self.cap(len(self.paths.need) - 1)

    def of_period(self, t: int) -> Floats:
        """[lines, size] holding of a period's close, what it lacks for presentation, and what is owed."""
        need, balance, cap = self.paths.need[t], self.paths.balance[t], self.cap(t)
        lost = self.short_of(need, cap)
        cost: Floats = self.terms.holding[:, None] * (balance.mean(axis=1)[:, None] + self._counting(cap) + lost)
        if self.terms.presentation.any():
            below = np.maximum(need, self.terms.presentation[:, None] - balance)
            cost += self.terms.shortage[:, None] * (self.short_of(below, cap) - lost)
        for bend, weight in hinges_of(self.terms):
            short = -balance - bend[:, None]
            cost += weight[:, None] * (self.short_of(short, cap) - self.short_of(np.minimum(short, self.paths.floor[t]), cap))
        return cost

    def short_of(self, bend: Floats, cap: Floats | None) -> Floats:
        """[lines, size] mean of (bend - min(q, cap))^+."""
        if cap is None:
            return self.hinge(bend)
        short: Floats = self.hinge(np.minimum(bend, cap)) + np.maximum(bend - cap, 0.0).mean(axis=1)[:, None]
        return short

    def _counting(self, cap: Floats | None) -> Floats:
        """[lines, size] mean of min(q, cap)."""
        if cap is None:
            return self.grid
        spoilt = np.isfinite(cap)
        finite = np.where(spoilt, cap, 0.0)
        return np.where(spoilt[:, :1], finite.mean(axis=1)[:, None] - self.hinge(finite), self.grid)

    def at_end(self) -> Floats:
        """[lines, size] lost sales of the window, and what is left over at its end."""
        gone = self.lost_cost[:, None] * self.short_of(self.paths.lost_for_good(), self.last_cap())
        cost: Floats = gone + self._beyond() + self._excess() + self._wasted()
        return cost

    def _beyond(self) -> Floats | float:
        """Holding in the windows beyond of what lost sales leave there."""
        if self.paths.later is None or self.paths.seen is None:
            return 0.0
        held = sum(self.hinge(bend) for bend in self.paths.later) - self.terms.cover[:, None] * self.hinge(self.paths.seen)
        return self.terms.holding[:, None] * np.asarray(held)

    def on_paths(self, units: Floats) -> Floats:
        """[lines, paths] cost of an order of some size [lines] on each path; no grid is looked at."""
        terms, paths = self.terms, self.paths
        caps = [self.cap(t) for t in range(len(paths.need))]
        counting = [units[:, None] if cap is None else np.minimum(units[:, None], cap) for cap in caps]
        at = [np.maximum(counted, need) for counted, need in zip(counting, paths.need, strict=True)]
        cost = paths.early + self.lost_cost[:, None] * np.maximum(paths.lost_for_good() - counting[-1], 0.0)
        if paths.later is not None and paths.seen is not None:
            held = np.maximum(paths.later - units[:, None], 0.0).sum(axis=0)
            cost += terms.holding[:, None] * (held - terms.cover[:, None] * np.maximum(paths.seen - units[:, None], 0.0))
        for size, balance, floor, counted in zip(at, paths.balance, paths.floor, counting, strict=True):
            stock = balance + size
            cost += terms.holding[:, None] * stock
            if terms.presentation.any():
                cost += terms.shortage[:, None] * np.maximum(terms.presentation[:, None] - stock, 0.0)
            owed = -balance - np.maximum(counted, floor)
            for bend, weight in hinges_of(terms):
                cost += weight[:, None] * np.maximum(owed - bend[:, None], 0.0)
        cost += self.pace[:, None] * np.maximum(at[-1] - self.excess_from, 0.0) ** 2
        result: Floats = cost + terms.waste[:, None] * np.maximum(units[:, None] - paths.sellable, 0.0)
        return result

    def lost(self) -> Floats:
        """[lines, size] expected lost sales of the window (what is short where demand waits)."""
        return self.short_of(self.paths.need[-1], self.last_cap())

    def runs_out(self) -> Floats:
        """[lines, size] on how many paths sales are lost in the window."""
        need, cap = self.paths.need[-1], self.last_cap()
        return self._tail(self._cell(need if cap is None else np.where(need > cap, np.inf, need)), None)

    def hinge(self, bend: Floats) -> Floats:
        """[lines, size] mean of (bend - q)^+ for q on the grid; ``bend`` [lines, paths]."""
        cell = self._cell(bend)
        amount = self._tail(cell, bend) - self.grid * self._tail(cell, None)
        hinged: Floats = np.maximum(amount, 0.0) / bend.shape[1]
        return hinged

    def _excess(self) -> Floats:
        """Holding of leftovers above the next base stock until they have sold."""
        need, start, cap = self.paths.need[-1], self.excess_from, self.last_cap()
        bend, count = np.maximum(need, start), need.shape[1]
        total = self._square_above(bend, start) + self._tail(self._cell(bend), np.maximum(need - start, 0.0) ** 2)
        if cap is not None:
            # From the cap on the square stands still.
            end = np.where(np.isfinite(cap), np.maximum(cap, bend), np.inf)
            still = np.where(np.isfinite(cap), end - start, 0.0) ** 2
            total += self._head(self._cell(end), still) - self._square_above(end, start)
        cost: Floats = self.pace[:, None] * np.maximum(total, 0.0) / count
        return cost

    def _square_above(self, bend: Floats, start: Floats) -> Floats:
        """[lines, size] sum of (q - start)^2 over the paths that bend at or below q."""
        cell = self._cell(bend)
        ones, first, square = bend.shape[1] - self._tail(cell, None), self._head(cell, start), self._head(cell, start**2)
        total: Floats = self.grid**2 * ones - 2 * self.grid * first + square
        return total

    def _wasted(self) -> Floats | float:
        """Waste of what can't be sold of the order in its life."""
        spoils = np.isfinite(self.terms.life)
        if not spoils.any():
            return 0.0
        sellable = np.where(spoils[:, None], self.paths.sellable, 0.0)
        wasted = self.grid + self.hinge(sellable) - sellable.mean(axis=1)[:, None]
        cost: Floats = (self.terms.waste * spoils)[:, None] * np.maximum(wasted, 0.0)
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
        terms, at, need, start = self.terms, q[:, None], self.paths.need[-1], self.excess_from
        caps = [self.cap(t) for t in range(len(self.paths.need))]
        moves = [True if cap is None else at < cap for cap in caps]
        slope = -self.lost_cost * ((self.paths.lost_for_good() > at) & moves[-1]).mean(axis=1)
        if self.paths.later is not None and self.paths.seen is not None:
            bends = (self.paths.later > at).sum(axis=0) - terms.cover[:, None] * (self.paths.seen > at)
            slope -= terms.holding * bends.mean(axis=1)
        for t in range(len(self.paths.need)):
            slope += terms.holding * ((self.paths.need[t] <= at) & moves[t]).mean(axis=1)
            if terms.presentation.any():
                below = terms.presentation[:, None] - self.paths.balance[t]
                slope -= terms.shortage * ((self.paths.need[t] <= at) & (at < below) & moves[t]).mean(axis=1)
            for bend, weight in hinges_of(terms):
                short = -self.paths.balance[t] - bend[:, None]
                slope -= weight * ((short > at) & (self.paths.floor[t] <= at) & moves[t]).mean(axis=1)
        slope += 2 * self.pace * np.where((at >= np.maximum(need, start)) & moves[-1], at - start, 0.0).mean(axis=1)
        slope += terms.waste * (at >= self.paths.sellable).mean(axis=1)
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


def next_base_stock(terms: Terms, paths: StockPaths) -> Floats:
    """[lines] units up to which the next order fills the shelf: leftovers up to that replace units that would be bought anyway."""
    level: Floats = row_quantile(paths.renewed, terms.critical_ratio()) + terms.presentation
    return level


def excess_cost(terms: Terms) -> Floats:
    """[lines] holding of leftovers beyond that until they have sold at the mean rate: currency by the square of the units."""
    money: Floats = terms.holding / (2 * np.maximum(terms.rate, _SLOWEST))
    return money


def lost_cost(terms: Terms) -> Floats:
    """[lines] currency a unit of lost sales; nothing where demand waits."""
    return np.where(terms.backlog, 0.0, terms.shortage)


def row_quantile(values: Floats, level: Floats) -> Floats:
    """[rows] the smallest value of each row that covers its level of the row."""
    ordered = np.sort(values, axis=1)
    place = np.clip(np.ceil(level * values.shape[1] - 1e-9).astype(np.int64) - 1, 0, values.shape[1] - 1)
    picked: Floats = np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]
    return picked
