"""Expected cost of every order quantity of a line: f(n) for n = 0, 1, ... multiples.

    f(q) = E[ sum over the window of holding * end stock + shortage * lost sales + shortage * units below presentation
              + holding * excess^2 / (2 * rate) + waste * what outlives its shelf life ]

The last two look beyond the window. The next order fills stock up to a base stock S that does not see the path (the
critical-ratio quantile of a window's demand), so leftovers up to S replace units that would be bought anyway. What
exceeds S can't be sent back: it costs holding until it has sold at the mean rate, excess^2 / (2 * rate) unit-periods.

On a path every term is a hinge in q (stock_paths.py). Hinges are summed on the grid of multiples by counting how
many paths bend in each cell: the work grows with paths + multiples, not with their product.

What distribution centres are short of is not lost but waits: each period costs what it costs downstream, a sum of hinges in the
units owed (Terms.waits), in place of shortage * lost sales.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from jobs.plan.ragged import first_least, positions
from jobs.plan.stock_paths import StockPaths, roll
from jobs.plan.terms import LONGEST_LIST, Terms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints

#: Lines costed together: small enough for the processor's cache.
_CHUNK = 512
#: An item that hardly sells still sells in the end: slowest rate at which leftovers go, units a period.
_SLOWEST = 1e-3
_SHORTEST = 8
#: Pairs of random lead times that are averaged, and how the strata of tonight's and of the next order are paired.
_LEADS = 8
_PAIRED = [3, 6, 1, 4, 7, 0, 5, 2]
#: A need of 3.0000000001 multiples is one of 3.
_LAST_BIT = 1e-9


@dataclass(frozen=True)
class Costs:
    """Cost lists of lines, one after another: entries start[i] .. start[i + 1] - 1 belong to line i.

    cost      expected cost, without any limit;  lost  expected lost sales in the window;  p_out  probability of any
    wanted    [lines] real quantity of least cost;  base_stock  what a base stock at the critical ratio would order
    stock_at_arrival, demand_until, demand_window   [lines] means over the paths
    """

    start: Ints
    cost: Floats
    lost: Floats
    p_out: Floats
    wanted: Floats
    base_stock: Floats
    stock_at_arrival: Floats
    demand_until: Floats
    demand_window: Floats

    def line(self, i: int) -> Floats:
        """The list of line i."""
        return self.cost[self.start[i] : self.start[i + 1]]


@dataclass(frozen=True)
class _Part:
    """Lists of some lines, padded to one length: rows [lines, length]."""

    rows: Ints
    length: Ints
    cost: Floats
    lost: Floats
    p_out: Floats
    numbers: Floats


def evaluate(terms: Terms, demand: Demand, reach: float) -> Costs:
    """Cost lists of lines. A list ends where the ``reach`` quantile of need is covered, one multiple beyond.

    Where lead times are random (lead_std), the mean over pairs of them: of tonight's order and of the next.
    """
    unsure = np.flatnonzero(terms.lead_std > 0)
    if not len(unsure):
        return _evaluate_sure(terms, demand, reach)
    sure = np.flatnonzero(terms.lead_std <= 0)
    own = terms.take(unsure)
    lead, following = random_leads(own)
    widest = replace(own, lead=lead.min(axis=1), cover=following.max(axis=1) - lead.min(axis=1))
    length = np.diff(_evaluate_sure(widest, demand, reach).start)
    drawn = [
        _evaluate_sure(replace(own, lead=lead[:, k], cover=following[:, k] - lead[:, k]), demand, reach, length) for k in range(_LEADS)
    ]
    return _joined([(sure, _evaluate_sure(terms.take(sure), demand, reach)), (unsure, _mean(drawn, own.multiple))], len(terms))


def random_leads(terms: Terms) -> tuple[Ints, Ints]:
    """[lines, draws] periods until tonight's order arrives, and until the next one does: never overtaking.

    Normal with lead_std about what is planned, rounded half up to whole periods, not below 0; each at the middle of a stratum, the
    strata of the two paired so that they are nearly independent (a Latin hypercube).
    """
    score = ndtri((np.arange(_LEADS) + 0.5) / _LEADS)
    spread = terms.lead_std[:, None]
    planned = terms.lead[:, None], (terms.lead + terms.cover)[:, None]
    lead = np.maximum(np.floor(planned[0] + spread * score + 0.5), 0).astype(np.int64)
    following = np.floor(planned[1] + spread * score[_PAIRED] + 0.5).astype(np.int64)
    return lead, np.maximum(following, lead + 1)


def _mean(lists: list[Costs], multiple: Floats) -> Costs:
    """The mean of lists of the same lines and lengths."""
    start = lists[0].start
    names = ("cost", "lost", "p_out", "base_stock", "stock_at_arrival", "demand_until", "demand_window")
    means = {name: np.mean([getattr(each, name) for each in lists], axis=0) for name in names}
    return Costs(start, wanted=first_least(start, means["cost"]) * multiple, **means)


def _joined(parts: list[tuple[Ints, Costs]], lines: int) -> Costs:
    """Lists of some lines and of others as those of all."""
    length = np.zeros(lines, np.int64)
    numbers = {name: np.zeros(lines) for name in ("wanted", "base_stock", "stock_at_arrival", "demand_until", "demand_window")}
    for rows, some in parts:
        length[rows] = np.diff(some.start)
        for name, values in numbers.items():
            values[rows] = getattr(some, name)
    start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    entries = {name: np.zeros(int(start[-1])) for name in ("cost", "lost", "p_out")}
    for rows, some in parts:
        owner, place = positions(some.start)
        at = start[rows[owner]] + place
        for name, values in entries.items():
            values[at] = getattr(some, name)
    return Costs(start, **entries, **numbers)


def _evaluate_sure(terms: Terms, demand: Demand, reach: float, length: Ints | None = None) -> Costs:
    """Lists of lines as if lead times were sure; of a given length where one is given."""
    parts: list[_Part] = []
    for chunk in alike(terms):
        given = None if length is None else length[chunk]
        parts.extend(_evaluate_chunk(terms.take(chunk), chunk, demand, reach, given))
    return _assemble(parts, len(terms))


def alike(terms: Terms) -> Iterator[Ints]:
    """Lines of the same lead and cover, all of whose demand waits or is lost: as many together as are rolled at once."""
    backlog = terms.backlog
    for lead, cover, waits in sorted(set(zip(terms.lead.tolist(), terms.cover.tolist(), backlog.tolist(), strict=True))):
        group = np.flatnonzero((terms.lead == lead) & (terms.cover == cover) & (backlog == waits))
        yield from np.array_split(group, -(-len(group) // _CHUNK))


@dataclass(frozen=True)
class OverCovers:
    """What an order costs that lasts for several covers, [lines, covers].

    best, cost  multiples of least cost from an empty shelf at arrival, and that cost
    nothing     holding and shortage without an order from what is there; what is left over at the end costs nothing here
    """

    best: Ints
    cost: Floats
    nothing: Floats


def over_covers(terms: Terms, demand: Demand, covers: Ints, reach: float) -> OverCovers:
    """Lines with the same lead, over each of ``covers`` (periods, ascending), rolled once over the longest.

    ``cover`` of the terms plays no part.
    """
    parts = []
    for rows in np.array_split(np.arange(len(terms)), -(-len(terms) // _CHUNK)):
        own = replace(terms.take(rows), cover=np.full(len(rows), covers[-1]))
        drawn = _Drawn(demand, own)
        unlocked = replace(own, locked=np.full(len(rows), -1))
        parts.append((*_least(unlocked, roll(own, drawn, empty=True), covers, reach), _of_nothing(own, roll(own, drawn), covers)))
    best, cost, nothing = (np.concatenate(values) for values in zip(*parts, strict=True))
    return OverCovers(best, cost, nothing)


class _Drawn:
    """The demand of some lines, each period drawn once."""

    def __init__(self, demand: Demand, terms: Terms) -> None:
        self.demand, self.terms, self.paths = demand, terms, demand.paths
        self.known: dict[int, Floats] = {}

    def of_pairs(self, first: Ints, count: Ints, step: int) -> Floats:
        """As Demand.of_pairs, always of the same lines."""
        if step not in self.known:
            self.known[step] = self.demand.of_pairs(first, count, step)
        return self.known[step]


def _least(terms: Terms, paths: StockPaths, covers: Ints, reach: float) -> tuple[Ints, Floats]:
    """[lines, covers] multiples of least cost, and that cost."""
    length = _lengths(terms, paths, reach)
    size = int(length.max())
    beyond = np.arange(size) >= length[:, None]
    running = np.zeros((len(terms), size))
    best, cost = np.zeros((len(terms), len(covers)), np.int64), np.zeros((len(terms), len(covers)))
    done = 0
    for k, cover in enumerate(covers.tolist()):
        curves = Curves(replace(terms, cover=np.full(len(terms), cover)), paths.until(cover), size)
        for t in range(done, cover):
            running += curves.of_period(t)
        done = cover
        total = np.where(beyond, np.inf, running + curves.at_end())
        best[:, k] = total.argmin(axis=1)
        cost[:, k] = total[np.arange(len(terms)), best[:, k]]
    return best, cost


def _of_nothing(terms: Terms, paths: StockPaths, covers: Ints) -> Floats:
    """[lines, covers] holding and shortage without an order."""
    lost = np.maximum(paths.need, 0.0).mean(axis=2)
    held = np.cumsum(paths.balance.mean(axis=2) + lost, axis=0)
    owed = np.zeros_like(held)
    for bend, weight in hinges_of(terms):
        short = -paths.balance - bend[:, None]
        owed += weight * (np.maximum(short, 0.0) - np.maximum(np.minimum(short, paths.floor), 0.0)).mean(axis=2)
    last = covers - 1
    nothing: Floats = (terms.holding * held[last] + _lost_cost(terms) * lost[last] + np.cumsum(owed, axis=0)[last]).T
    return nothing


def hinges_of(terms: Terms) -> Iterator[tuple[Floats, Floats]]:
    """Bend and weight [lines] of each hinge of what it costs to be short."""
    if terms.backlog.any():
        yield from zip(terms.waits[:, :, 0].T, terms.waits[:, :, 1].T, strict=True)


def _lost_cost(terms: Terms) -> Floats:
    """[lines] currency a unit of lost sales; nothing where demand waits."""
    return np.where(terms.backlog, 0.0, terms.shortage)


def _evaluate_chunk(terms: Terms, rows: Ints, demand: Demand, reach: float, given: Ints | None) -> list[_Part]:
    paths = roll(terms, demand)
    length = _lengths(terms, paths, reach) if given is None else given
    size = np.maximum(_SHORTEST, 2 ** np.ceil(np.log2(length + 1)).astype(np.int64))
    return [_evaluate_rows(terms, rows, paths, length, np.flatnonzero(size == s), int(s)) for s in np.unique(size)]


def _lengths(terms: Terms, paths: StockPaths, reach: float) -> Ints:
    """Entries of each list."""
    need = np.maximum(paths.need[-1], terms.presentation[:, None] - paths.balance[-1])
    high = np.quantile(need, reach, axis=1, method="higher")
    multiples = np.ceil(np.maximum(high, 0) / terms.multiple - 1e-9).astype(np.int64) + 1
    most = np.maximum(np.maximum(multiples, terms.min_multiples + 1), terms.locked + 1)
    length: Ints = np.minimum(most, LONGEST_LIST) + 1
    return length


def _evaluate_rows(terms: Terms, rows: Ints, paths: StockPaths, length: Ints, chosen: Ints, size: int) -> _Part:
    """Lists of lines whose lists have about the same length; ``size`` cells are enough for all."""
    own = terms.take(chosen)
    some = paths.take(chosen)
    curves = Curves(own, some, size)
    cost = curves.cost()
    counts, hinge = curves.hinge(some.need[-1])
    best = np.where(np.arange(size) < length[chosen, None], cost, np.inf).argmin(axis=1)
    means = [each.mean(axis=1) for each in (some.at_arrival, some.before, some.window)]
    numbers = np.stack([curves.bottom(best), _base_stock(own, some), *means])
    return _Part(rows[chosen], length[chosen], cost, hinge, counts / some.window.shape[1], numbers)


def _base_stock(terms: Terms, paths: StockPaths) -> Floats:
    """[lines] units up to a base stock: the critical-ratio quantile of demand until the next arrival, less all there is until then.

    The (R, S) rule: Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains, 2017, chapter 6.
    """
    coming = terms.arrivals[:, : int(terms.lead[0] + terms.cover[0])].sum(axis=1)
    level = row_quantile(paths.before + paths.window, terms.critical_ratio()) + terms.presentation
    units: Floats = np.maximum(level - terms.on_hand - coming, 0.0)
    return units


class Curves:
    """Cost of some lines as functions of the order, on the grid of multiples."""

    def __init__(self, terms: Terms, paths: StockPaths, size: int) -> None:
        self.terms, self.paths, self.size = terms, paths, size
        self.grid = np.arange(size) * terms.multiple[:, None]
        last = paths.balance[-1]
        base = row_quantile(paths.window, terms.critical_ratio()) + terms.presentation
        #: Order above which leftovers exceed the next base stock; above which some outlive their shelf life.
        self.excess_from = base[:, None] - last
        spoils = np.isfinite(terms.life)
        keeps = terms.rate * np.maximum(np.where(spoils, terms.life, 0.0) - terms.cover, 0.0)
        self.wasted_from = np.where(spoils, keeps, np.inf)[:, None] - last
        self.pace = terms.holding / (2 * np.maximum(terms.rate, _SLOWEST))
        self.lost_cost = _lost_cost(terms)

    def cost(self) -> Floats:
        """[lines, size] expected cost."""
        total = np.zeros_like(self.grid)
        for t in range(len(self.paths.need)):
            total += self.of_period(t)
        return total + self.at_end()

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
        cost: Floats = self.lost_cost[:, None] * self.hinge(self.paths.need[-1])[1] + self._excess() + self._wasted()
        return cost

    def on_paths(self, units: Floats) -> Floats:
        """[lines, paths] cost of an order of some size [lines] on each path; no grid is looked at."""
        terms, paths = self.terms, self.paths
        at = np.maximum(units[:, None], paths.need)
        cost = self.lost_cost[:, None] * (at[-1] - units[:, None])
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
        slope = -self.lost_cost * (need > at).mean(axis=1)
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


def row_quantile(values: Floats, level: Floats) -> Floats:
    """[rows] the smallest value of each row that covers its level of the row."""
    ordered = np.sort(values, axis=1)
    place = np.clip(np.ceil(level * values.shape[1] - 1e-9).astype(np.int64) - 1, 0, values.shape[1] - 1)
    picked: Floats = np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]
    return picked


def _assemble(parts: list[_Part], lines: int) -> Costs:
    length = np.zeros(lines, np.int64)
    numbers = np.zeros((5, lines))
    for part in parts:
        length[part.rows] = part.length
        numbers[:, part.rows] = part.numbers
    start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    flat = np.zeros((3, int(start[-1])))
    for part in parts:
        used = np.arange(part.cost.shape[1]) < part.length[:, None]
        place = (start[part.rows][:, None] + np.arange(part.cost.shape[1]))[used]
        for target, values in zip(flat, (part.cost, part.lost, part.p_out), strict=True):
            target[place] = values[used]
    return Costs(start, *flat, *numbers)
