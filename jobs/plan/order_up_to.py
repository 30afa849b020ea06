"""Cost lists of a rule that orders up to a level: the newsvendor's cost of the stock until the next order arrives.

    g(q) = holding * c * E[(x + q - D)^+] + shortage * E[(D - x - q)^+]

D is demand until the next order's arrival, x stock and what arrives until then less presentation_min, c the periods between two
orders of the usual lane. Least at the critical ratio's quantile of D, which is the order-up-to level (Silver, Pyke and Thomas,
Inventory and Production Management in Supply Chains, 2017, chapters 6 and 9). Lists, so that the night's limits are kept by the
night's code. It looks neither beyond its window nor at what an order costs over its cover, and takes lead times as sure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jobs.forecast.distribution import LEVELS
from jobs.plan import beliefs
from jobs.plan.curves import row_quantile
from jobs.plan.expected_cost import Costs, alike
from jobs.plan.terms import LONGEST_LIST, Terms

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints

#: What Costs knows of each line.
_NUMBERS = ("wanted", "base_stock", "wanted_cost", "wanted_if_sure", "stock_at_arrival", "demand_until", "demand_window")
#: Entries of lists times paths that are costed at once.
_TOGETHER = 2_000_000


def newsvendor(terms: Terms, demand: Demand, reach: float) -> Costs:
    """Lists of lines, as expected_cost.evaluate makes them; a list ends where the ``reach`` quantile of need is covered.

    What is expected to be lost is so until the next arrival, this order's lead time included.
    """
    numbers = {name: np.zeros(len(terms)) for name in _NUMBERS} | {"window_quantiles": np.zeros((len(terms), len(LEVELS)))}
    length = np.zeros(len(terms), np.int64)
    parts: list[tuple[Ints, Floats, Floats]] = []
    for rows in alike(terms):
        own = terms.take(rows)
        lead, until = int(own.lead[0]), int(own.lead[0] + own.cover[0])
        before, window = (_demand(own, demand, range(*steps)) for steps in ((0, lead), (lead, until)))
        needed, there = before + window, own.on_hand + own.arrivals[:, :until].sum(axis=1) - own.presentation
        wanted = np.maximum(row_quantile(needed, own.critical_ratio()) - there, 0.0)
        over, short = _hinges(there + wanted, needed)
        numbers["base_stock"][rows] = numbers["wanted"][rows] = wanted
        numbers["wanted_cost"][rows] = own.holding * own.review * over + own.shortage * short
        numbers["wanted_if_sure"][rows] = np.maximum(needed.mean(axis=1) - there, 0.0)
        numbers["stock_at_arrival"][rows] = np.maximum(there + own.presentation - before.mean(axis=1), 0.0)
        numbers["demand_until"][rows], numbers["demand_window"][rows] = before.mean(axis=1), window.mean(axis=1)
        numbers["window_quantiles"][rows] = beliefs.quantiles(window)
        length[rows] = _lengths(own, there, needed, reach)
        parts.append((rows, there, needed))
    start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    entries = {name: np.zeros(int(start[-1])) for name in ("cost", "lost", "p_out")}
    for rows, there, needed in parts:
        for some in np.array_split(rows, -(-int(length[rows].sum()) * demand.paths // _TOGETHER)):
            of = np.searchsorted(rows, some)
            _fill(entries, start, some, terms.take(some), there[of], needed[of])
    return Costs(start, **entries, **numbers)


def _demand(terms: Terms, demand: Demand, steps: range) -> Floats:
    """[lines, paths] units demanded over steps."""
    units = np.zeros((len(terms), demand.paths))
    for step in steps:
        units += demand.of_pairs(terms.first, terms.series, step)
    return units


def _lengths(terms: Terms, there: Floats, needed: Floats, reach: float) -> Ints:
    """[lines] entries of each list."""
    high = np.quantile(needed, reach, axis=1, method="higher")
    most = np.ceil(np.maximum(high - there, 0.0) / terms.multiple - 1e-9).astype(np.int64) + 1
    most = np.maximum(np.maximum(most, terms.min_multiples + 1), terms.locked + 1)
    length: Ints = np.minimum(most, LONGEST_LIST) + 1
    return length


def _fill(entries: dict[str, Floats], start: Ints, rows: Ints, terms: Terms, there: Floats, needed: Floats) -> None:
    """Write the entries of some lines."""
    count = start[rows + 1] - start[rows]
    owner = np.repeat(np.arange(len(rows)), count)
    n = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    at, stock = start[rows][owner] + n, there[owner] + n * terms.multiple[owner]
    over, short = _hinges(stock, needed[owner])
    entries["cost"][at] = (terms.holding * terms.review)[owner] * over + terms.shortage[owner] * short
    entries["lost"][at] = short
    entries["p_out"][at] = (needed[owner] > stock[:, None]).mean(axis=1)


def _hinges(stock: Floats, needed: Floats) -> tuple[Floats, Floats]:
    """[n] E[(stock - D)^+] and E[(D - stock)^+] over paths [n, paths]."""
    over = stock[:, None] - needed
    return np.maximum(over, 0.0).mean(axis=1), np.maximum(-over, 0.0).mean(axis=1)
