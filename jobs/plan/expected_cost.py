"""Expected cost of every order quantity of a line: f(n) for n = 0, 1, ... multiples.

    f(q) = E[ sum over the window of holding * end stock + shortage * lost sales + shortage * units below presentation
              + holding * excess^2 / (2 * rate) + waste * what is not sold within its shelf life ]

Where the next order is placed before the window has closed, lost sales count less what they leave for later windows (beyond.py).
The last two look beyond the window. The next order fills stock up to a base stock S that does not see the path (the
critical-ratio quantile of a window's demand), so leftovers up to S replace units that would be bought anyway. What
exceeds S can't be sent back: it costs holding until it has sold at the mean rate, excess^2 / (2 * rate) unit-periods.

What distribution centres are short of is not lost but waits: each period costs what it costs downstream, a sum of hinges in the
units owed (Terms.waits), in place of shortage * lost sales.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from jobs.forecast.distribution import LEVELS
from jobs.plan import beliefs
from jobs.plan.beyond import rolled
from jobs.plan.curves import Curves, row_quantile
from jobs.plan.newest_first import NewestFirst
from jobs.plan.ragged import first_least, positions
from jobs.plan.random_leads import random_leads
from jobs.plan.stock_paths import StockPaths, roll, wanted_if_sure
from jobs.plan.terms import LONGEST_LIST, Terms
from jobs.workers import mapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints

#: Lines costed together: small enough for the processor's cache.
CHUNK = 512
#: Cells of the shortest grid: smaller ones make more groups of lines than they spare work.
_SHORTEST = 32
#: Of the fields of Costs those with one number a line, in the order of _Part.numbers.
_NUMBERS = ("wanted", "base_stock", "wanted_cost", "wanted_if_sure", "stock_at_arrival", "demand_until", "demand_window")


@dataclass(frozen=True)
class Costs:
    """Cost lists of lines, one after another: entries start[i] .. start[i + 1] - 1 belong to line i.

    cost      expected cost, without any limit;  lost  expected lost sales in the window;  p_out  probability of any
    wanted    [lines] real quantity of least cost;  base_stock  what a base stock at the critical ratio would order
    wanted_cost, wanted_if_sure   [lines] expected cost of wanted; what expected demand alone asks for
    stock_at_arrival, demand_until, demand_window   [lines] means over the paths
    window_quantiles   [lines, 15] of demand in the window, at the published levels (beliefs.py); None: not kept
    """

    start: Ints
    cost: Floats
    lost: Floats
    p_out: Floats
    wanted: Floats
    base_stock: Floats
    wanted_cost: Floats
    wanted_if_sure: Floats
    stock_at_arrival: Floats
    demand_until: Floats
    demand_window: Floats
    window_quantiles: Floats | None = None

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
    window_quantiles: Floats


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
    length = _longest(widest, demand, reach)
    drawn = _on_leads(own, lead, following - lead, length, demand, reach)
    mean = replace(_mean(drawn, own.multiple), window_quantiles=beliefs.of_lines(own, demand))
    return _joined([(sure, _evaluate_sure(terms.take(sure), demand, reach)), (unsure, mean)], len(terms))


def _on_leads(terms: Terms, lead: Ints, cover: Ints, length: Ints, demand: Demand, reach: float) -> list[Costs]:
    """Lists for each of some pairs of lead time and cover ([lines, pairs]); the pairs that a line has several times are costed once."""
    lines, pairs = lead.shape
    line = np.tile(np.arange(lines), pairs)
    every = np.stack([line, lead.T.ravel(), cover.T.ravel()])
    (owner, leads, covers), place = np.unique(every, axis=1, return_inverse=True)
    found = _evaluate_sure(replace(terms.take(owner), lead=leads, cover=covers), demand, reach, length[owner])
    return [_taken(found, rows) for rows in place.reshape(pairs, lines)]


def _taken(lists: Costs, lines: Ints) -> Costs:
    """The lists of some lines, in their order."""
    start = np.concatenate([[0], np.cumsum(np.diff(lists.start)[lines])]).astype(np.int64)
    owner, place = positions(start)
    entries = lists.start[lines[owner]] + place
    of_entries = {name: getattr(lists, name)[entries] for name in ("cost", "lost", "p_out")}
    return Costs(start, **of_entries, **{name: getattr(lists, name)[lines] for name in _NUMBERS})


def _longest(terms: Terms, demand: Demand, reach: float) -> Ints:
    """[lines] entries of each list, as if lead times were sure."""
    length = np.zeros(len(terms), np.int64)
    for chunk in alike(terms):
        own = terms.take(chunk)
        length[chunk] = lengths(own, roll(own, demand), reach)
    return length


def _mean(lists: list[Costs], multiple: Floats) -> Costs:
    """The mean of lists of the same lines and lengths; the best quantity is that of the mean."""
    start = lists[0].start
    names = ("cost", "lost", "p_out", *_NUMBERS)
    means = {name: np.mean([getattr(each, name) for each in lists], axis=0) for name in names}
    best = first_least(start, means["cost"])
    return Costs(start, **means | {"wanted": best * multiple, "wanted_cost": means["cost"][start[:-1] + best]})


def _joined(parts: list[tuple[Ints, Costs]], lines: int) -> Costs:
    """Lists of some lines and of others as those of all."""
    length = np.zeros(lines, np.int64)
    numbers = {name: np.zeros(lines) for name in _NUMBERS} | {"window_quantiles": np.zeros((lines, len(LEVELS)))}
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
    """Lists of lines as if lead times were sure.

    Where a length is given they are of that length and to be averaged, and say neither what is wanted nor what is believed.
    """

    def evaluated(chunk: Ints) -> list[_Part]:
        return _evaluate_chunk(terms.take(chunk), chunk, demand, reach, None if length is None else length[chunk])

    return _assemble(chain.from_iterable(mapped(evaluated, list(alike(terms)))), len(terms))


def alike(terms: Terms) -> Iterator[Ints]:
    """Lines of the same dates, whose demand waits or is lost and takes the oldest or the newest: as many together as are rolled at once."""
    dates = np.stack([terms.lead, terms.cover, terms.backlog, terms.opens, terms.stretch, terms.newest], axis=1)
    for each in np.unique(dates, axis=0):
        group = np.flatnonzero((dates == each).all(axis=1))
        yield from np.array_split(group, -(-len(group) // CHUNK))


def _evaluate_chunk(terms: Terms, rows: Ints, demand: Demand, reach: float, given: Ints | None) -> list[_Part]:
    paths = rolled(terms, demand)
    length = lengths(terms, paths, reach) if given is None else given
    size = np.array([_cells(each) for each in length.tolist()])
    return [
        _evaluate_rows(terms, rows, paths, demand, length, np.flatnonzero(size == s), averaged=given is not None) for s in np.unique(size)
    ]


def costing(terms: Terms, paths: StockPaths, demand: Demand, size: int) -> Curves | NewestFirst:
    """The cost of lines that are ``alike`` as functions of the order, on a grid of so many multiples."""
    return NewestFirst(terms, paths, demand, size) if terms.newest.any() else Curves(terms, paths, size)


def _cells(length: int) -> int:
    """Cells of a grid for lists of some length: a power of two."""
    return max(_SHORTEST, 1 << length.bit_length())


def lengths(terms: Terms, paths: StockPaths, reach: float) -> Ints:
    """Entries of each list."""
    need = np.maximum(paths.need[-1], terms.presentation[:, None] - paths.balance[-1])
    high = np.quantile(need, reach, axis=1, method="higher")
    multiples = np.ceil(np.maximum(high, 0) / terms.multiple - 1e-9).astype(np.int64) + 1
    most = np.maximum(np.maximum(multiples, terms.min_multiples + 1), terms.locked + 1)
    length: Ints = np.minimum(most, LONGEST_LIST) + 1
    return length


def _evaluate_rows(terms: Terms, rows: Ints, paths: StockPaths, demand: Demand, length: Ints, chosen: Ints, *, averaged: bool) -> _Part:
    """Lists of lines whose lists have about the same length; ``averaged``: what each would want and believe is nobody's business."""
    own, some = terms.take(chosen), paths.take(chosen)
    longest = int(length[chosen].max())
    size = longest if own.newest.any() else _cells(longest)
    curves = costing(own, some, demand, size)
    cost = curves.cost()
    means = [each.mean(axis=1) for each in (some.at_arrival, some.before, some.window)]
    wanted = of_wanted = np.zeros(len(chosen))
    believed = np.zeros((len(chosen), len(LEVELS)))
    if not averaged:
        believed = beliefs.quantiles(some.window)
        wanted = curves.bottom(np.where(np.arange(size) < length[chosen, None], cost, np.inf).argmin(axis=1))
        of_wanted = curves.on_paths(wanted).mean(axis=1)
    numbers = np.stack([wanted, _base_stock(own, some), of_wanted, wanted_if_sure(own, some.expected), *means])
    return _Part(rows[chosen], length[chosen], cost, curves.lost(), curves.runs_out() / some.window.shape[1], numbers, believed)


def _base_stock(terms: Terms, paths: StockPaths) -> Floats:
    """[lines] units up to a base stock: the critical-ratio quantile of demand until the next arrival, less all there is until then.

    The (R, S) rule: Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains, 2017, chapter 6.
    """
    coming = terms.arrivals[:, : int(terms.lead[0] + terms.cover[0])].sum(axis=1)
    level = row_quantile(paths.before + paths.window, terms.critical_ratio()) + terms.presentation
    units: Floats = np.maximum(level - terms.on_hand - coming, 0.0)
    return units


def _assemble(found: Iterable[_Part], lines: int) -> Costs:
    parts = list(found)
    length = np.zeros(lines, np.int64)
    numbers, quantiles = np.zeros((len(_NUMBERS), lines)), np.zeros((lines, len(LEVELS)))
    for part in parts:
        length[part.rows] = part.length
        numbers[:, part.rows] = part.numbers
        quantiles[part.rows] = part.window_quantiles
    start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    flat = np.zeros((3, int(start[-1])))
    for part in parts:
        used = np.arange(part.cost.shape[1]) < part.length[:, None]
        place = (start[part.rows][:, None] + np.arange(part.cost.shape[1]))[used]
        for target, values in zip(flat, (part.cost, part.lost, part.p_out), strict=True):
            target[place] = values[used]
    return Costs(start, *flat, **dict(zip(_NUMBERS, numbers, strict=True)) | {"window_quantiles": quantiles})
