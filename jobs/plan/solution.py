"""A night's problem, solved: what that says of its lines, limits, orders and the night."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jobs.plan import base_stock
from jobs.plan.coupled.capacities import RESOURCES, kinds_of, taken
from jobs.plan.coupled.problem import lowered, order_costs, raised, state_of, totals
from jobs.plan.coupling import LANE, Tables
from jobs.plan.fresh import PLANS
from jobs.plan.night import ALL, exception, exceptions
from jobs.plan.pools import SCALE
from jobs.plan.ragged import first_allowed, first_least, positions

if TYPE_CHECKING:
    from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem
    from jobs.plan.coupled.reading import Read
    from jobs.plan.coupled.solve import Solved

#: Rows of a certificate: lines, orders placed, limits with a price that they take from, money; what orders cost beside their lines
#: in each plan of fresh.PLANS; order_cost, null where an order has no terms and where several are summed. What a centre keeps (from it
#: to itself) is a row of cost without lines and orders.
PARTS: dict[str, Any] = {
    **dict.fromkeys(LANE, pl.String), **dict.fromkeys(("lines", "orders", "scarce"), pl.Int64),
    **dict.fromkeys(("cost", "kept_cost", "lower_bound", "cost_of_nothing", "order_cost"), pl.Float64),
    **dict.fromkeys((f"of_orders_{name}" for name in PLANS), pl.Float64),
    "rung": pl.String, "rounds": pl.Int64, "degraded": pl.Int64,
}  # fmt: skip
#: An order this close to its bound, as a share of cost, is proven.
_CLOSE = 1e-6


def multiples(lines: pl.DataFrame) -> Ints:
    """[lines] order multiples in ten-thousandths of a unit."""
    return np.floor(lines["order_multiple"].to_numpy() * SCALE + 0.5).astype(np.int64)


@dataclass(frozen=True)
class _Alone:
    """Limits that only one line takes from. Its list ends there, so the solver has no price for them: what a unit more would save.

    price     [rows of capacities] currency per unit of the limit
    paid      [lines] the same per unit ordered
    bound_by  resource -> [lines] whether the line would take more
    """

    price: Floats
    paid: Floats
    bound_by: dict[str, Flags]

    @classmethod
    def of(cls, tables: Tables, n: Ints) -> _Alone:
        """``n``: multiples of each line, in the order of the tables' rows."""
        multiple, worth = multiples(tables.lines), _worth_of_more(tables.lines["cost"], n)
        price, paid = np.zeros(len(tables.capacities)), np.zeros(len(n))
        bound_by = {name: np.zeros(len(n), bool) for name in RESOURCES}
        for kind in kinds_of(tables.lines, tables.capacities, multiple / SCALE):
            takes = (kind.at >= 0) & (kind.use > 0)
            lines = np.bincount(kind.at[takes], minlength=len(kind.limit))
            full = takes & (lines[kind.at] == 1) & ((n + 1) * kind.use > raised(kind.limit)[kind.at])
            found = np.where(full, worth, 0.0)
            of_slot = np.zeros(len(kind.limit))
            of_slot[kind.at[full]] = (found / np.where(full, kind.use, 1.0))[full]
            price[kind.row] = of_slot[kind.slot]
            paid += found / (multiple / SCALE)
            bound_by[kind.resource] |= found > 0
        return cls(price, paid, bound_by)


def _one_of_each(problem: Problem, n: Ints) -> Ints:
    """[lines] multiples, of each choice those of its cheapest line only."""
    if not len(problem.must):
        return n
    least = np.where(n > 0, problem.cost[problem.start[:-1] + n], np.inf)
    rank = np.lexsort((np.arange(len(n)), least, problem.choice))
    later = rank[1:][(problem.choice[rank[1:]] >= 0) & (problem.choice[rank[1:]] == problem.choice[rank[:-1]])]
    found = n.copy()
    found[later] = 0
    return found


def _worth_of_more(lists: pl.Series, n: Ints) -> Floats:
    """[lines] the most that one multiple more saves, over all larger quantities of the cost lists; 0 where nothing does."""
    start = np.append(0, lists.list.len().cast(pl.Int64).cum_sum().to_numpy())
    cost = lists.explode().to_numpy()
    owner, place = positions(start)
    more = place - n[owner]
    with np.errstate(invalid="ignore"):
        saved = np.where(more > 0, cost[start[:-1] + n][owner] - cost, 0.0) / np.maximum(more, 1)
    most: Floats = np.maximum.reduceat(np.where(np.isfinite(saved), saved, 0.0), start[:-1]) if len(n) else np.zeros(0)
    return np.maximum(most, 0.0)


class Solution:
    """A solved problem, and what it says of its lines, in the order of the tables' rows."""

    def __init__(self, tables: Tables, known: Read, solved: Solved) -> None:
        self.lines, self.capacities, self.known, self.solved = tables.lines, tables.capacities, known, solved
        self.free = _one_of_each(known.problem, first_least(known.problem.start, known.problem.cost))
        self.state, self.wanted = state_of(known.problem, solved.n), state_of(known.problem, self.free)
        #: [rows] what centres keep for themselves; it is no order.
        self.keeps = np.asarray((tables.lines["source_id"] == tables.lines["location_id"]).to_numpy())
        #: [lines] whether the pair's cost is that of this line: of a choice the line that is ordered, else the main one.
        self.counts = self._counting()
        self.alone = _Alone.of(tables, self._by_row(solved.n))
        self.base_stock = base_stock.of_night(known.problem, tables.lines["base_stock"].to_numpy()[known.line_id])

    def columns(self) -> dict[str, pl.Series]:
        """Of each line: n, scarcity_price, bound_by, base_stock, counts."""
        problem, price = self.known.problem, np.append(self.solved.price, 0.0)
        units = self.known.multiple / SCALE
        paid = np.zeros(len(problem))
        for layer in problem.layers:
            paid += price[layer.resource] * layer.use / units
        return {
            "n": pl.Series(self._by_row(self.solved.n), dtype=pl.Int64),
            "scarcity_price": pl.Series(self._by_row(paid) + self.alone.paid, dtype=pl.Float64),
            "bound_by": pl.Series(self._by_row(self._bound_by(price)), dtype=pl.String),
            "base_stock": pl.Series(self._by_row(self.base_stock), dtype=pl.Int64),
            "counts": pl.Series(self._by_row(self.counts), dtype=pl.Boolean),
        }

    def _counting(self) -> Flags:
        """[lines] one line of each pair."""
        problem = self.known.problem
        ordered = totals(np.maximum(problem.choice, 0), np.where(problem.choice >= 0, self.solved.n, 0), max(len(problem.must), 1)) > 0
        main = self.lines["main"].to_numpy()[self.known.line_id]
        in_choice = np.where(ordered[np.maximum(problem.choice, 0)], self.solved.n > 0, main)
        return np.asarray((problem.choice < 0) | in_choice)

    def _once(self) -> Floats:
        """[orders] the costs of nothing that choices share, in the order of the line that counts (problem.constant in parts)."""
        problem = self.known.problem
        nothing = np.nan_to_num(self.lines["cost"].list.first().to_numpy()[self.known.line_id], posinf=0.0)
        return totals(problem.order, np.where((problem.choice >= 0) & self.counts, nothing, 0.0), len(problem.terms.fixed))

    def measures(self) -> dict[str, pl.Series]:
        """Of each limit: wanted, used, kept, price, bound_price."""
        multiple = multiples(self.lines)
        price = np.append(self.solved.price, 0.0)[self.known.resource] + self.alone.price
        free, n = self._by_row(self.free), self._by_row(self.solved.n)
        plans = {"wanted": free * ~self.keeps, "used": n * ~self.keeps, "kept": n * self.keeps}
        found = {name: taken(self.lines, self.capacities, multiple, plan) for name, plan in plans.items()}
        found |= {"price": price, "bound_price": np.append(self.solved.bound_price, 0.0)[self.known.resource]}
        return {name: pl.Series(v, dtype=pl.Float64) for name, v in found.items()}

    def certificate(self) -> pl.DataFrame:
        """Rows of PARTS: the whole, its sources, its orders."""
        solved, orders = self.solved, self._of_each_order()
        sources = orders.group_by("source_id", maintain_order=True).agg(pl.exclude("location_id", "order_cost").sum())
        of_orders = {name: orders[name].sum() for name in orders.columns if name.startswith("of_orders_")}
        row: dict[str, Any] = {name: int(orders[name].sum()) for name in ("lines", "orders")}
        row["kept_cost"] = math.fsum(orders["kept_cost"])
        row |= {"scarce": int((solved.price > 0).sum()), "cost": solved.cost, "lower_bound": solved.bound}
        row |= {"cost_of_nothing": solved.cost_of_nothing, "rung": solved.rung} | of_orders
        close = pl.col("cost") - pl.col("lower_bound") <= _CLOSE * pl.max_horizontal(pl.col("cost").abs(), 1e-9)
        reached = pl.lit("best found" if solved.rung == "proven" else solved.rung)
        parts = [each.with_columns(rung=pl.when(close).then(pl.lit("proven")).otherwise(reached)) for each in (sources, orders)]
        rows = pl.concat([pl.DataFrame([row]), *parts], how="diagonal_relaxed")
        everywhere = [pl.col(name).fill_null(ALL) if name in rows.columns else pl.lit(ALL).alias(name) for name in LANE]
        counts = {"rounds": solved.rounds, "degraded": int(solved.degraded)}
        return rows.with_columns(*everywhere, **{name: pl.lit(n) for name, n in counts.items()}).select(
            pl.col(name).cast(kind) for name, kind in PARTS.items()
        )

    def _of_each_order(self) -> pl.DataFrame:
        """PARTS of the orders that have lines, without rung and counts of the search."""
        problem = self.known.problem
        terms, lines = problem.terms, np.diff(problem.terms.lines)  # lines of each order
        beside = {name: self._of_orders(n) for name, n in self._plans().items()}
        keeps = self.keeps[self.known.line_id]
        chosen = problem.cost[problem.start[:-1] + self.solved.n]
        money = {
            name: totals(problem.order, problem.cost[problem.start[:-1] + n], len(lines)) + beside[name] + self._once()
            for name, n in self._plans().items()
        }
        numbers = {
            "lines": np.bincount(problem.order, self.counts & ~keeps, len(lines)).astype(np.int64),
            "orders": np.bincount(problem.order, ~keeps & (self.solved.n > 0), len(lines)).clip(max=1).astype(np.int64),
            "scarce": self._scarce(),
            "cost": money["chosen"],
            "kept_cost": totals(problem.order, np.where(keeps, chosen, 0.0), len(lines)),
            "lower_bound": np.minimum(self.solved.of_orders + self._once(), money["chosen"]),
            "cost_of_nothing": money["nothing"],
            "order_cost": np.where(terms.any, terms.fixed, np.nan),
            **{f"of_orders_{name}": values for name, values in beside.items()},
        }
        named = self._named(np.arange(len(lines))).with_columns(pl.Series(name, values) for name, values in numbers.items())
        return named.with_columns(pl.col("order_cost").fill_nan(None))

    def _scarce(self) -> Ints:
        """[orders] how many limits with a price its lines take from."""
        problem, price = self.known.problem, np.append(self.solved.price, 0.0)
        width = len(price)
        keys = [(problem.order * width + layer.resource)[(price[layer.resource] > 0) & (layer.use > 0)] for layer in problem.layers]
        pairs = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]))
        return np.bincount(pairs // width, minlength=len(problem.terms.fixed))

    def _plans(self) -> dict[str, Ints]:
        """The plans that fresh.PLANS names."""
        problem = self.known.problem
        return {"chosen": self.solved.n, "nothing": first_allowed(problem.start, problem.cost), "base_stock": self.base_stock}

    def _of_orders(self, n: Ints) -> Floats:
        """[orders] what a plan's orders cost beside their lines; inf where one is below its minimum."""
        terms, state = self.known.problem.terms, state_of(self.known.problem, n)
        return order_costs(terms, slice(None), state.value, state.volume, state.ordered)

    def closed(self) -> pl.DataFrame:
        """Orders that were wanted and not placed, since they would not reach their minimum."""
        problem, terms = self.known.problem, self.known.problem.terms
        first = problem.start[:-1]
        saved = problem.cost[first] - problem.cost[first + self.free]
        kept = (self.wanted.ordered > 0) & (self.state.ordered == 0) & (self.wanted.value < lowered(terms.minimum))
        orders = np.flatnonzero(kept)
        rows = self._named(orders).with_columns(
            wanted=pl.Series(self.wanted.value[orders], dtype=pl.Float64).round(2),
            minimum=pl.Series(terms.minimum[orders], dtype=pl.Float64).round(2),
            saved=pl.Series(np.bincount(problem.order, np.nan_to_num(saved, posinf=0.0), len(kept))[orders], dtype=pl.Float64),
        )
        text = pl.format("an order of {} was wanted, the lane's minimum is {}: not placed", "wanted", "minimum")
        return exception(rows, "order_below_minimum", text, "ease the minimum, or order by hand", pl.col("saved"))

    def cut_short(self) -> pl.DataFrame:
        """One row where the solver failed or ran out of time."""
        if not self.solved.degraded:
            return exceptions([])
        above = self.solved.cost - self.solved.bound
        text = f"the plan was not solved to its end ({self.solved.rung}): it may be up to {above:.2f} dearer than the best"
        action = "look at the log of the plan stage; give it more time ([planning] solve_seconds)"
        return exception(pl.DataFrame({"one": [1]}), "plan_cut_short", pl.lit(text), action, pl.lit(above))

    def _named(self, orders: Ints) -> pl.DataFrame:
        """source_id and location_id of orders."""
        row = self.known.line_id[self.known.problem.terms.lines[:-1][orders]]
        return self.lines[row].select(LANE)

    def _by_row(self, values: Any) -> Any:
        """Values of the problem's lines in the order of the tables' rows (line_id counts these)."""
        result = np.empty_like(values)
        result[self.known.line_id] = values
        return result

    def _bound_by(self, price: Floats) -> np.ndarray:
        """[lines] what made the units other than the line alone would have: limits with a price, terms of its order."""
        problem, n, free = self.known.problem, self.solved.n, self.free
        terms, order = problem.terms, problem.order
        less, other = n < free, n != free
        # In an order that is placed its minimum and its cost take nothing from a line.
        by_order = (n > free) | (less & (self.state.ordered == 0)[order])
        minimum = (terms.minimum > 0)[order] & by_order
        truck = (terms.truck_cost > 0)[order] & other & ~minimum
        cost = (terms.fixed != 0)[order] & by_order & ~minimum & ~truck
        alone = {name: flags[self.known.line_id] for name, flags in self.alone.bound_by.items()}
        flags = {name: (less & self._takes(name, price)) | alone[name] for name in alone}
        flags |= {"min_order_value": minimum, "trucks": truck, "order_cost": cost}
        named = pl.DataFrame(flags).select(pl.when(name).then(pl.lit(name)).alias(name) for name in flags)
        return np.asarray(named.select(pl.concat_str(pl.all(), separator=", ", ignore_nulls=True)).to_series().to_numpy(), object)

    def _takes(self, resource: str, price: Floats) -> np.ndarray:
        """[lines] whether a line takes from a priced limit of a kind of resource."""
        numbers = self.known.resource[self.capacities["resource"].to_numpy() == resource]
        priced = np.zeros(len(price), bool)
        priced[numbers[numbers >= 0]] = True
        priced &= price > 0
        flags = np.zeros(len(self.known.problem), bool)
        for layer in self.known.problem.layers:
            flags |= priced[layer.resource] & (layer.use > 0)
        return flags
