"""The lower bound of a night decided as a whole, found again from published prices, cost lists and lanes.

At prices >= 0 (shadow_prices.bound_price) every order is on its own, and no plan of the night costs less than

    L = sum over orders of the least that the order can cost if it pays for what it takes  -  sum of price x limit

(weak duality). That at most one of several lanes to an item-location is ordered has a price too: what the second best of them saves.
The least of an order without terms is that of its lines, each over its whole list. That of one with terms lies between

    least   the best multiplier of its minimum, by ternary search, trucks at their cost by volume
    most    what its published plan costs at the prices

and CP-SAT, in a process of its own, narrows it down for the orders where the two are furthest apart. So L lies between two sums. A
published bound above the upper one is wrong; by how much it lies above the lower one is not verified, and is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.plan.check import tabled
from jobs.plan.check.resolve import in_a_process
from jobs.plan.check.tabled import ALL, Lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

Floats = npt.NDArray[np.float64]

#: Orders given to the other solver, and entries of all their lists.
ORDERS, ENTRIES = 20, 40_000
_SECONDS = 120.0
#: Up to so many lines the bound may come from the night as one problem, which prices need not prove.
FEW_LINES = 250
#: Steps of a search for a multiplier, each a third off.
_STEPS = 60


@dataclass(frozen=True)
class Found:
    """L lies between ``least`` and ``most``; ``orders``: how many the other solver had; ``unverified``: share of the night's cost."""

    least: float
    most: float
    orders: int
    unverified: float


def found_again(tables: Mapping[str, pa.Table]) -> tuple[Found | None, list[str]]:
    """The bound again, and what is wrong with the published one; None where the night was not decided as a whole, or in a hurry."""
    night = tabled.certificates(tables).filter((pl.col("source_id") == ALL) & (pl.col("location_id") == ALL))
    lines = tabled.lines(tables)
    if night.is_empty() or lines is None or night["degraded"][0]:
        return None, []
    cost, bound = float(night["cost"][0]), float(night["lower_bound"][0])
    least, most, orders = _between(lines)
    few = len(lines) <= FEW_LINES
    if few:
        whole = in_a_process([tabled.as_problem(lines)], _SECONDS)[0]
        if whole is not None:
            least, most = max(least, whole[0]), whole[1]
    # Money is added up in another order; limits and minima count as kept within 1e-9 of themselves, other solvers count in millionths.
    far = 1e-7 * max(abs(cost), 1.0) + 2e-6 * len(lines)
    found = Found(least, most, orders, max(bound - least - far, 0.0) / max(abs(cost), 1e-9))
    return found, [f"lower bound {bound:.4f}, of which {most:.4f} at most can be found again"] if bound > most + far else []


def _between(lines: Lines) -> tuple[float, float, int]:
    """Two numbers that L lies between, and how many orders the other solver had."""
    lines, forgone = _chosen_once(lines)
    least, most = _least(lines), _of_plan(lines)
    size = np.bincount(lines.order, np.diff(lines.start), len(least))
    apart = np.argsort(least - most, kind="stable")[:ORDERS]
    apart = apart[(most - least)[apart] > 1e-6 * np.maximum(np.abs(most[apart]), 1.0)]
    apart = apart[np.cumsum(size[apart]) <= ENTRIES]
    solved = in_a_process([tabled.as_order(lines, int(o), priced=True) for o in apart], _SECONDS) if len(apart) else []
    for o, each in zip(apart, solved, strict=True):
        if each is not None:
            least[o], most[o] = max(least[o], each[0]), min(most[o], each[1])
    paid = forgone + float(np.sum(lines.limits["bound_price"].to_numpy() * lines.limits["limit"].to_numpy()))
    return float(np.sum(least)) - paid, float(np.sum(most)) - paid, sum(each is not None for each in solved)


def _chosen_once(lines: Lines) -> tuple[Lines, float]:
    """Lines whose orders also pay for being the one of their choice that is placed, and what all choices pay back."""
    member = np.flatnonzero(lines.choice >= 0)
    if not len(member):
        return lines, 0.0
    saved = lines.cost[lines.start[:-1]] - _cheapest(lines, lines.price)
    member = member[np.lexsort((-saved[member], lines.choice[member]))]
    first = np.diff(lines.choice[member], prepend=-1) != 0
    second = member[np.flatnonzero(first) + 1]
    price = np.zeros(lines.choice.max() + 1)
    price[lines.choice[second]] = np.maximum(saved[second], 0.0)
    more = np.where(lines.choice >= 0, price[np.maximum(lines.choice, 0)], 0.0)
    cost = lines.cost + np.where(lines.units > 0, np.repeat(more, np.diff(lines.start)), 0.0)
    return replace(lines, cost=cost), float(np.sum(price))


def _least(lines: Lines) -> Floats:
    """[orders] no plan of the order costs less at the prices."""
    terms = lines.terms
    volume, truck, minimum = (terms[name].to_numpy() for name in ("truck_volume", "truck_cost", "minimum"))
    by_volume = np.divide(truck, volume, out=np.zeros_like(truck), where=volume > 0)
    price = lines.price + by_volume[lines.order] * lines.volume
    low, high = np.zeros(len(terms)), _highest(lines, price)
    for _ in range(_STEPS if (minimum > 0).any() else 0):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        rises = _opened(lines, price, left) < _opened(lines, price, right)
        low, high = np.where(rises, left, low), np.where(rises, high, right)
    opened = np.maximum(_opened(lines, price, np.zeros(len(terms))), _opened(lines, price, (low + high) / 2))
    nothing = lines.cost[lines.start[:-1]]
    closed = np.bincount(lines.order, nothing, len(terms))
    bare = np.bincount(lines.order, _cheapest(lines, lines.price), len(terms))
    return np.where(terms["has_terms"].to_numpy(), np.minimum(closed, opened), bare)


def _opened(lines: Lines, price: Floats, multiplier: Floats) -> Floats:
    """[orders] the least that an order which is placed can cost, when its value is worth so much towards its minimum."""
    terms = lines.terms
    least = _cheapest(lines, price - multiplier[lines.order] * lines.value)
    found: Floats = np.bincount(lines.order, least, len(terms)) + terms["fixed"].to_numpy() + multiplier * terms["minimum"].to_numpy()
    return found


def _cheapest(lines: Lines, price: Floats) -> Floats:
    """[lines] the least entry of each list when a unit costs so much more."""
    return np.minimum.reduceat(lines.cost + np.repeat(price, np.diff(lines.start)) * lines.units, lines.start[:-1])


def _highest(lines: Lines, price: Floats) -> Floats:
    """[orders] a multiplier at which every line takes its last entry: it need not be higher."""
    finite = np.where(np.isfinite(lines.cost), lines.cost, 0.0)
    spread = np.maximum.reduceat(finite, lines.start[:-1]) - np.minimum.reduceat(finite, lines.start[:-1])
    each = np.divide(spread / lines.multiple + price, lines.value, out=np.zeros(len(price)), where=lines.value > 0)
    highest = np.zeros(len(lines.terms))
    np.maximum.at(highest, lines.order, each)
    return np.where(lines.terms["minimum"].to_numpy() > 0, highest, 0.0)


def _of_plan(lines: Lines) -> Floats:
    """[orders] what the published plan of each costs at the prices."""
    terms, at, orders = lines.terms, lines.start[:-1] + lines.n, len(lines.terms)
    units = lines.units[at]
    volume = np.bincount(lines.order, units * lines.volume, orders).astype(float)
    ordered = np.bincount(lines.order, units, orders).astype(float)
    trucks = np.ceil(volume / terms["truck_volume"].to_numpy() - 1e-9)
    beside = np.where(ordered > 0, terms["fixed"].to_numpy() + terms["truck_cost"].to_numpy() * trucks, 0.0)
    of_lines: Floats = np.bincount(lines.order, lines.cost[at] + lines.price * units, orders).astype(float)
    return of_lines + beside
