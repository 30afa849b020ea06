"""Cost lists of a rule that orders up to a level: the newsvendor's cost of the stock until the next order arrives.

    g(q) = holding * c * E[(x + q - D)^+] + shortage * E[(D - x - q)^+]

D is demand until the next order's arrival, x stock and what arrives until then less presentation_min, c the periods between
arrivals. Least at the critical ratio's quantile of D, which is the order-up-to level (Silver, Pyke and Thomas, Inventory and
Production Management in Supply Chains, 2017, chapters 6 and 9). Lists, so that the night's limits are kept by the night's code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.curves import row_quantile
from jobs.plan.expected_cost import Costs, alike
from jobs.plan.terms import LONGEST_LIST, Terms

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats

#: What Costs knows of each line.
_NUMBERS = ("wanted", "base_stock", "wanted_cost", "wanted_if_sure", "stock_at_arrival", "demand_until", "demand_window")


def newsvendor(terms: Terms, demand: Demand, reach: float) -> Costs:
    """Lists of lines, as expected_cost.evaluate makes them; a list ends where the ``reach`` quantile of need is covered."""
    lists: list[Floats] = [np.zeros(0)] * len(terms)
    numbers = {name: np.zeros(len(terms)) for name in _NUMBERS}
    for rows in alike(terms):
        own = terms.take(rows)
        lead, until = int(own.lead[0]), int(own.lead[0] + own.cover[0])
        before, window = (_demand(own, demand, range(*steps)) for steps in ((0, lead), (lead, until)))
        needed, there = before + window, own.on_hand + own.arrivals[:, :until].sum(axis=1) - own.presentation
        level = row_quantile(needed, own.critical_ratio())
        wanted = np.maximum(level - there, 0.0)
        numbers["base_stock"][rows] = numbers["wanted"][rows] = wanted
        numbers["wanted_cost"][rows] = _cost(own, (there + wanted)[:, None], needed[:, None, :])[:, 0]
        numbers["wanted_if_sure"][rows] = np.maximum(needed.mean(axis=1) - there, 0.0)
        numbers["stock_at_arrival"][rows] = np.maximum(there + own.presentation - before.mean(axis=1), 0.0)
        numbers["demand_until"][rows], numbers["demand_window"][rows] = before.mean(axis=1), window.mean(axis=1)
        for place, row in enumerate(rows):
            lists[row] = _list(own.take(np.array([place])), there[place], needed[place], reach)
    start = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
    cost = np.concatenate([np.zeros(0), *lists])
    # What is expected to be lost is nothing that such a rule knows.
    return Costs(start, cost, np.zeros(len(cost)), np.zeros(len(cost)), **numbers)


def _demand(terms: Terms, demand: Demand, steps: range) -> Floats:
    """[lines, paths] units demanded over steps."""
    units = np.zeros((len(terms), demand.paths))
    for step in steps:
        units += demand.of_pairs(terms.first, terms.series, step)
    return units


def _list(terms: Terms, there: float, needed: Floats, reach: float) -> Floats:
    """The list of the only line of ``terms``."""
    high, multiple = float(np.quantile(needed, reach, method="higher")), float(terms.multiple[0])
    most = int(np.ceil(max(high - there, 0.0) / multiple - 1e-9)) + 1
    count = min(max(most, int(terms.min_multiples[0]) + 1, int(terms.locked[0]) + 1), LONGEST_LIST) + 1
    stock: Floats = np.asarray(there + np.arange(count) * multiple, float)
    cost: Floats = _cost(terms, stock[None], needed[None, None])[0]
    return cost


def _cost(terms: Terms, stock: Floats, needed: Floats) -> Floats:
    """[lines, sizes] g of stock [lines, sizes] for demand [lines, 1, paths]."""
    over = stock[:, :, None] - needed
    holding, shortage = (terms.holding * terms.cover)[:, None], terms.shortage[:, None]
    cost: Floats = holding * np.maximum(over, 0.0).mean(axis=2) + shortage * np.maximum(-over, 0.0).mean(axis=2)
    return cost
