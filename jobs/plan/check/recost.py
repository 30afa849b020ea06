"""The expected cost of an order, computed again with plain loops over the paths, from published tables.

Slow and simple on purpose, and on its own: it draws the paths anew (gold/path_ranks, the quantiles of gold/forecasts), rolls
stock period by period for one quantity at a time, and knows nothing of lists, hinges or grids. The formulas are those of
design.md sections 6 and 7 and of docs/plan_problem.md.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import ndtri

from jobs.plan.check import later, shelf
from jobs.plan.check.shelf import Shelf

#: Factors of the ranks, and what names them (fixed: gold/path_ranks).
_FACTORS = ("all", "region", "item", "item_region", "location", "pair", "series")
_BETWEEN = "\x1f"


@dataclass(frozen=True)
class Line:
    """One order line and what its cost depends on.

    series      rows of gold/forecasts of its pair, by channel and then by period
    arrivals    units under way, by period from the business date
    batches     units on hand that spoil, by the last period in which they may be sold
    newest      whether shoppers take the newest units first
    life        periods a unit may be sold, whole ones; inf: for ever
    lead, cover periods until it arrives, and from then until the next order does
    opens       period from which cost counts: before lead where another lane could be faster
    review      periods between two orders of the usual lane: what the next order fills the shelf for
    premium     what a unit costs to buy beyond the cheapest lane
    """

    item_id: str
    location_id: str
    region: str
    series: Mapping[str, Sequence[Mapping[str, Any]]]
    on_hand: float
    arrivals: Mapping[int, float]
    lead: int
    cover: int
    holding: float
    shortage: float
    waste: float
    presentation: float
    life: float
    opens: int
    review: int
    premium: float
    batches: Mapping[int, float] = field(default_factory=dict)
    newest: bool = False


@dataclass
class Paths:
    """The night's ranks: rows of gold/path_ranks by factor."""

    factors: Mapping[str, Mapping[str, Any]]
    paths: int
    cycle: int
    _shocks: dict[tuple[str, str, int], Any] = field(default_factory=dict)

    def demand(self, line: Line) -> list[list[float]]:
        """Units demanded [period][path] of a pair, all channels, over lead, cover, the later windows that matter, and a shelf life."""
        windows = 1 + (later.count(line) if later.matters(line, self.paths) else 0)
        periods = line.lead + max(line.cover * windows, shelf.foreseen(line))
        total = [[0.0] * self.paths for _ in range(periods)]
        for channel, rows in line.series.items():
            horizon = len(rows)
            for step in range(periods):
                beyond = step - horizon + 1
                at = step if beyond <= 0 else step - min(self.cycle, horizon) * math.ceil(beyond / min(self.cycle, horizon))
                for path, units in enumerate(_units(rows[at], self._ranks(line, channel, at, horizon))):
                    total[step][path] += units
        return total

    def _ranks(self, line: Line, channel: str, step: int, horizon: int) -> list[float]:
        names = {
            "all": (), "region": (line.region,), "item": (line.item_id,), "item_region": (line.item_id, line.region),
            "location": (line.location_id,), "pair": (line.item_id, line.location_id), "series": (line.item_id, line.location_id, channel),
        }  # fmt: skip
        score = np.zeros(self.paths)
        for factor in _FACTORS:
            share = self.factors[factor]["share"]
            if share > 0:
                score = score + math.sqrt(share) * self._shock(factor, _BETWEEN.join(names[factor]), horizon)[step]
        place = {int(path): rank for rank, path in enumerate(np.argsort(score, kind="stable"))}
        return [(place[path] + 0.5) / self.paths for path in range(self.paths)]

    def _shock(self, factor: str, name: str, horizon: int) -> Any:
        """Normal scores [horizon, paths] of a factor's id: one part lasts, one is the period's own."""
        known = (factor, name, horizon)
        if known not in self._shocks:
            row = self.factors[factor]
            key = int.from_bytes(hashlib.blake2b(f"{factor}{_BETWEEN}{name}".encode(), digest_size=8).digest(), "little")
            raw = np.random.Philox(key=np.array([row["seed"], key], dtype=np.uint64)).random_raw((horizon + 1) * self.paths)
            normal = ndtri(((raw >> np.uint64(11)) + 0.5) * 2.0**-53).reshape(horizon + 1, self.paths)
            self._shocks[known] = math.sqrt(row["lasting"]) * normal[0] + math.sqrt(1 - row["lasting"]) * normal[1:]
        return self._shocks[known]


def _units(row: Mapping[str, Any], ranks: Sequence[float]) -> list[float]:
    """Units of a series and period at each rank."""
    knots = [(0.0, 0.0), *((int(name[1:]) / 100, row[name]) for name in sorted(n for n in row if n[0] == "q" and n[1:].isdigit()))]
    base = [0.0 if rank < row["p_zero"] else _at(knots, rank) for rank in ranks]
    paths, mean = len(ranks), row["mean"]
    top = max(range(paths), key=lambda path: ranks[path])
    if not row["whole_units"]:
        if sum(base) <= 0:
            return [mean * paths if path == top else 0.0 for path in range(paths)]
        return [units * mean * paths / sum(base) for units in base]
    total = math.floor(mean * paths + 0.5)
    falling = sorted(range(paths), key=lambda path: (-ranks[path], path))
    order = {path: place for place, path in enumerate(falling)}
    positive = [(ranks[p] >= row["p_zero"] and order[p] < total) or (order[p] == 0 and total > 0) for p in range(paths)]
    count = sum(positive)
    excess = [max(base[p] - 1, 0.0) if positive[p] else 0.0 for p in range(paths)]
    surplus = sum(excess)
    share = [
        units * (total - count) / surplus if surplus > 0 else positive[p] * (total - count) / max(count, 1)
        for p, units in enumerate(excess)
    ]
    whole = [math.floor(units + 1e-9) for units in share]
    left = sorted(range(paths), key=lambda p: (-round(share[p] - whole[p], 9), order[p]))
    for path in left[: max(int(total - count - sum(whole)), 0)]:
        whole[path] += 1
    return [float(positive[p] + whole[p]) for p in range(paths)]


def _at(knots: Sequence[tuple[float, float]], rank: float) -> float:
    """Linear between the quantiles; above q99 the exponential tail through q95 and q99."""
    for (low, a), (high, b) in pairwise(knots):
        if rank < high:
            return a + (b - a) * (rank - low) / (high - low)
    values = dict(knots)
    rank = min(rank, 1 - 1e-9)
    return values[0.99] + (values[0.99] - values[0.95]) / math.log(5) * max(math.log(0.01 / (1 - rank)), 0.0)


def cost(line: Line, demand: Sequence[Sequence[float]], units: float) -> float:
    """Expected cost of ordering so many units: the window's holding, lost sales, missing presentation, what is left over, and what lost
    sales leave for later windows.
    """
    paths = len(demand[0])
    end = line.lead + line.cover
    window = range(min(line.opens, line.lead), end)
    wanted = sorted(sum(demand[step][path] for step in range(end - line.review, end)) for path in range(paths))
    base = wanted[min(max(math.ceil(later.ratio_of(line) * paths - 1e-9) - 1, 0), paths - 1)] + line.presentation
    horizon = max((len(rows) for rows in line.series.values()), default=0)
    mean = sum(row["mean"] for rows in line.series.values() for row in rows)
    rate = mean / horizon if horizon else 0.0
    spent = 0.0
    for path in range(paths):
        if line.newest and math.isfinite(line.life):
            spent += shelf.newest_first(line, demand, path, units, (base, rate))
            continue
        there = Shelf(line)
        for step in range(end):
            there.put(line.arrivals.get(step, 0.0), shelf.last_of(line, step))
            if step == line.lead:
                there.put(units, shelf.last_of(line, step))
            lost = there.sell(demand[step][path])
            there.close(step)
            if step in window:
                spent += line.shortage * (lost + max(line.presentation - there.stock, 0.0)) + line.holding * there.stock
        spent += line.holding * max(there.stock - base, 0.0) ** 2 / (2 * max(rate, 1e-3))
        spent += line.waste * shelf.wasted(line, demand, path, units, rate)
    return spent / paths + later.cost(line, demand, units) + line.premium * units


def reach(line: Line, demand: Sequence[Sequence[float]], level: float) -> float:
    """Units that cover the window, presentation included, on this share of the paths."""
    needs = []
    for path in range(len(demand[0])):
        # What was there before, sold oldest first, and an order without end behind it.
        older, stock, need = Shelf(line, newest=False), 0.0, -math.inf
        for step in range(line.lead + line.cover):
            coming, wanted = line.arrivals.get(step, 0.0), demand[step][path]
            stock = older.stock if step == line.lead else stock
            if step <= line.lead:
                older.put(coming, shelf.last_of(line, step))
            if step == line.lead:
                older.put(math.inf, math.inf)
            older.sell(wanted)
            stock += coming - wanted
            need = max(need, -stock) if step >= line.lead else need
            stock -= older.close(step)
        needs.append(max(need, line.presentation - stock))
    return sorted(needs)[math.ceil(level * (len(needs) - 1))]
