"""Pools of scarce stock, solved again: the Lagrangian at the published price, and the optimum by dynamic programming.

A pool is the lines of one item from one source, with one limit. Its published bound must lie between the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from jobs.plan.check.lists import Listed, allowance, drawn, lines_of, listed, published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from jobs.plan.check.book import Book, Row

#: Pools solved again, of so many that are looked at, and the most lines of one.
POOLS, LOOKED_AT, LINES = 20, 60, 60
#: Steps of stock in a dynamic program.
_STEPS = 50_000
#: Units are counted in ten-thousandths.
_SCALE = 10_000
#: A published price has four decimals.
_ROUNDED = 5e-5


@dataclass(frozen=True)
class Pool:
    """A row of gold/shadow_prices and the rows of gold/order_reasons that share its limit."""

    price: Row
    reasons: list[Row]

    @property
    def name(self) -> str:
        """Item and source, in words."""
        return f"{self.price['item_id']} from {self.price['location_id']}"


def chosen(tables: Mapping[str, pa.Table]) -> list[Pool]:
    """Pools that were solved by themselves: those with a price first, in an order drawn by a hash."""
    prices = tables["prices"].filter(pc.is_valid(tables["prices"]["lower_bound"])).to_pylist()
    ranked = sorted(prices, key=lambda row: (row["price"] == 0, drawn(row["item_id"], row["location_id"])))[:LOOKED_AT]
    lines = lines_of(tables["reasons"], "item_id", {row["item_id"] for row in ranked})
    found = [Pool(row, [r for r in lines.get(row["item_id"], []) if r["source_id"] == row["location_id"]]) for row in ranked]
    return [pool for pool in found if 0 < len(pool.reasons) <= LINES][:POOLS]


def solved_again(book: Book, pools: Sequence[Pool]) -> tuple[int, int, list[str]]:
    """How many pools were solved again, how many of their lists as published, and what is wrong with them."""
    done, given, wrong = 0, 0, []
    for pool in pools:
        lines = [listed(book, reason) for reason in pool.reasons]
        if pool.price["kept_costs"]:
            # What the centre keeps of its stock for later nights is a line to itself.
            multiple = pool.price["kept_multiple"]
            lines.append(published({"order_multiple": multiple}, pool.price["kept_costs"], multiple))
        if all(line.units for line in lines):
            done, given = done + 1, given + sum(not line.again for line in lines)
            wrong += [f"{pool.name}: {text}" for text in (*(line.wrong for line in lines if line.wrong), *faults(pool.price, lines))]
    return done, given, wrong


def faults(price: Row, lines: Sequence[Listed]) -> list[str]:
    """What is wrong with a pool's price, bound and cost."""
    limit = grained(lines, price["limit"])
    best, at_price = optimum(lines, limit), lagrangian(lines, limit, float(price["price"]))
    highest = max(at_price, highest_lagrangian(lines, limit))
    bound, cost = price["lower_bound"], price["cost"]
    far = allowance(best, len(lines))
    rounded = _ROUNDED * (limit + sum(line.units[-1] for line in lines)) if math.isfinite(limit) else 0.0
    checks = {
        f"lower bound {bound:.4f} above the optimum {best:.4f}": bound > best + far,
        f"lower bound {bound:.4f} below {at_price:.4f}, which the price {price['price']} proves": bound < at_price - far,
        f"cost {cost:.4f} below the optimum {best:.4f}": cost < best - far,
        f"the price {price['price']} proves {at_price:.4f}, another {highest:.4f}": at_price < highest - far - rounded,
    }
    return [text for text, is_wrong in checks.items() if is_wrong]


def grained(lines: Sequence[Listed], limit: float) -> float:
    """The limit rounded down to what whole packs can take."""
    grain = math.gcd(*(_fine(line.reason["order_multiple"]) for line in lines))
    return math.floor(limit * _SCALE + 1e-4) // grain * grain / _SCALE


def lagrangian(lines: Sequence[Listed], limit: float, price: float) -> float:
    """Every line on its own at a price: no plan within the limit costs less."""
    return sum(min(c + price * u for c, u in zip(line.cost, line.units, strict=True)) for line in lines) - price * limit


def highest_lagrangian(lines: Sequence[Listed], limit: float) -> float:
    """At the best of all prices, by ternary search (it is concave in the price)."""
    slopes = [abs(b - a) / (v - u) for x in lines for a, b, u, v in zip(x.cost, x.cost[1:], x.units, x.units[1:], strict=False)]
    low, high = 0.0, max(slopes, default=0.0)
    for _ in range(60):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if lagrangian(lines, limit, left) < lagrangian(lines, limit, right):
            low = left
        else:
            high = right
    return lagrangian(lines, limit, (low + high) / 2)


def optimum(lines: Sequence[Listed], limit: float) -> float:
    """The least cost within the limit: after each line, what any amount of stock can do at best.

    Where the limit has too many steps it is rounded up to fewer, so that what comes out is a lower bound.
    """
    grain = math.gcd(*(_fine(line.reason["order_multiple"]) for line in lines))
    room = min(math.floor(limit * _SCALE + 0.5), sum(_fine(line.units[-1]) for line in lines))
    step = grain * max(-(-room // (grain * _STEPS)), 1)
    best = np.zeros(-(-room // step) + 1)
    for line in lines:
        after = np.full_like(best, math.inf)
        for cost, units in zip(line.cost, line.units, strict=True):
            taken = _fine(units) // step
            if taken < len(best):
                after[taken:] = np.minimum(after[taken:], best[: len(best) - taken] + cost)
        best = after
    return float(best[-1])


def _fine(units: object) -> int:
    return math.floor(float(units) * _SCALE + 0.5)  # type: ignore[arg-type]
