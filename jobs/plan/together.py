"""Decide all lines of a night at once, where something couples the lines of different items. Knows nothing of Spark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jobs.errors import UsageError
from jobs.plan import base_stock
from jobs.plan.coupled.capacities import kinds_of, taken
from jobs.plan.coupled.guarded import solve_in_time
from jobs.plan.coupled.problem import lowered, order_costs, raised, state_of
from jobs.plan.coupled.reading import read
from jobs.plan.coupling import LANE, LINE, Tables
from jobs.plan.night import exception, exceptions
from jobs.plan.pools import SCALE
from jobs.plan.ragged import first_allowed, first_least

if TYPE_CHECKING:
    from jobs.plan.coupled.problem import Floats, Ints
    from jobs.plan.coupled.reading import Read
    from jobs.plan.coupled.solve import Solved

_EASE = "lower the locked quantity, or ease the limits"


@dataclass(frozen=True)
class Together:
    """What was decided.

    lines        item_id, source_id, location_id, n (multiples), scarcity_price (currency a unit), bound_by (what binds, comma
                 separated), base_stock (multiples of a plan by base stock)
    prices       a row each limit: resource, location_id, item_id, date, unit, limit, wanted, used, price
    certificate  one row: lines, orders, scarce, cost, lower_bound, cost_of_nothing, rung, rounds, degraded, and what orders cost beside
                 their lines, of each of fresh.PLANS: of_orders_chosen, ...
    exceptions   locks that nothing can keep, orders closed by their minimum, a plan cut short
    """

    lines: pl.DataFrame
    prices: pl.DataFrame
    certificate: pl.DataFrame
    exceptions: pl.DataFrame


def decide(problem: Tables, seconds: float) -> Together:
    """Solve a night's problem in about so many seconds; whatever happens, what comes out keeps every limit.

    Locked quantities that the limits leave no room for are set to nothing, in line order, and named.
    """
    lines, denied = _without_denied(problem)
    try:
        solved = _solve(replace(problem, lines=lines), seconds)
    except UsageError:
        # Each lock may fit, and all of them not: without locks ordering nothing keeps every limit.
        locked = _is_locked(lines)
        denied |= locked
        solved = _solve(replace(problem, lines=_unlocked(lines, locked)), seconds)
    clashes = exception(
        problem.lines.filter(pl.Series(denied)),
        "conflicting_limits",
        pl.lit("override and the limits that its order shares conflict: they leave no room for it; nothing ordered"),
        _EASE,
    )
    return Together(
        problem.lines.select(LINE).with_columns(**solved.columns()),
        problem.capacities.with_columns(**solved.measures()),
        solved.certificate(),
        exceptions([clashes, solved.closed(), solved.cut_short()]),
    )


def nothing() -> pl.DataFrame:
    """``Together.lines`` of no line."""
    kinds: dict[str, Any] = dict.fromkeys(LINE, pl.String) | {"n": pl.Int64, "scarcity_price": pl.Float64, "bound_by": pl.String}
    kinds["base_stock"] = pl.Int64
    return pl.DataFrame(schema=kinds)


def _solve(problem: Tables, seconds: float) -> _Solution:
    known = read(problem.lines, problem.terms, problem.capacities)
    return _Solution(problem, known, solve_in_time(known.problem, seconds))


def _is_locked(lines: pl.DataFrame) -> np.ndarray:
    return np.asarray(lines["locked"].to_numpy() > 0)


def _unlocked(lines: pl.DataFrame, denied: np.ndarray) -> pl.DataFrame:
    """The lines, those denied with nothing as their only quantity."""
    refused = pl.Series(denied)
    nothing = pl.concat_list("cost_of_nothing")
    return lines.with_columns(cost=pl.when(refused).then(nothing).otherwise("cost"), locked=pl.when(refused).then(0).otherwise("locked"))


def _without_denied(problem: Tables) -> tuple[pl.DataFrame, np.ndarray]:
    """The lines without the locks that a limit, serving them in line order, or an order's minimum leaves no room for; and which."""
    lines = problem.lines
    denied = np.zeros(len(lines), bool)
    locked = np.flatnonzero(_is_locked(lines))
    if not len(locked):
        return lines, denied
    quantity = lines["locked"].to_numpy()
    for kind in kinds_of(lines, problem.capacities, _multiples(lines)):
        left = raised(kind.limit)
        for i in locked[(kind.at[locked] >= 0) & ~denied[locked]]:
            need = kind.use[i] * quantity[i]
            denied[i] = need > left[kind.at[i]]
            left[kind.at[i]] -= 0.0 if denied[i] else need
    denied |= _is_locked(lines) & _is_short(_unlocked(lines, denied), problem.terms)
    return _unlocked(lines, denied), denied


def _is_short(lines: pl.DataFrame, terms: pl.DataFrame) -> np.ndarray:
    """Lines whose order can't reach its minimum though all its lines take the most that they may."""
    if terms.is_empty():
        return np.zeros(len(lines), bool)
    most = (pl.col("cost").list.len() - 1) * pl.col("order_multiple") * pl.col("unit_value")
    reached = lines.with_columns(most=most.sum().over(LANE)).join(terms, on=LANE, how="left", maintain_order="left")
    minimum = reached["min_order_value"].fill_null(0.0).to_numpy()
    return np.asarray(reached["most"].to_numpy() < lowered(minimum))


def _multiples(lines: pl.DataFrame) -> Ints:
    """[lines] order multiples in ten-thousandths of a unit."""
    return np.floor(lines["order_multiple"].to_numpy() * SCALE + 0.5).astype(np.int64)


class _Solution:
    """A solved problem, and what it says of its lines, in the order of the tables' rows."""

    def __init__(self, tables: Tables, known: Read, solved: Solved) -> None:
        self.lines, self.capacities, self.known, self.solved = tables.lines, tables.capacities, known, solved
        self.free = first_least(known.problem.start, known.problem.cost)
        self.state, self.wanted = state_of(known.problem, solved.n), state_of(known.problem, self.free)
        self.base_stock = base_stock.of_night(known.problem, tables.lines["base_stock"].to_numpy()[known.line_id])

    def columns(self) -> dict[str, pl.Series]:
        """Of each line: n, scarcity_price, bound_by."""
        problem, price = self.known.problem, np.append(self.solved.price, 0.0)
        units = self.known.multiple / SCALE
        paid = np.zeros(len(problem))
        for layer in problem.layers:
            paid += price[layer.resource] * layer.use / units
        return {
            "n": pl.Series(self._by_row(self.solved.n), dtype=pl.Int64),
            "scarcity_price": pl.Series(self._by_row(paid), dtype=pl.Float64),
            "bound_by": pl.Series(self._by_row(self._bound_by(price)), dtype=pl.String),
            "base_stock": pl.Series(self._by_row(self.base_stock), dtype=pl.Int64),
        }

    def measures(self) -> dict[str, pl.Series]:
        """Of each limit: wanted, used, price."""
        multiple, price = _multiples(self.lines), np.append(self.solved.price, 0.0)[self.known.resource]
        wanted, used = (taken(self.lines, self.capacities, multiple, self._by_row(n)) for n in (self.free, self.solved.n))
        return {name: pl.Series(v, dtype=pl.Float64) for name, v in (("wanted", wanted), ("used", used), ("price", price))}

    def certificate(self) -> pl.DataFrame:
        """One row."""
        solved = self.solved
        row: dict[str, Any] = {"lines": len(self.lines), "orders": int((self.state.ordered > 0).sum())}
        row |= {"scarce": int((solved.price > 0).sum()), "cost": solved.cost, "lower_bound": solved.bound}
        row |= {"cost_of_nothing": solved.cost_of_nothing, "rung": solved.rung, "rounds": solved.rounds}
        row |= {f"of_orders_{name}": self._of_orders(n) for name, n in self._plans().items()}
        return pl.DataFrame([row | {"degraded": int(solved.degraded)}])

    def _plans(self) -> dict[str, Ints]:
        """The plans that fresh.PLANS names."""
        problem = self.known.problem
        return {"chosen": self.solved.n, "nothing": first_allowed(problem.start, problem.cost), "base_stock": self.base_stock}

    def _of_orders(self, n: Ints) -> float:
        """What a plan's orders cost beside their lines; inf where one is below its minimum."""
        terms, state = self.known.problem.terms, state_of(self.known.problem, n)
        return float(np.sum(order_costs(terms, slice(None), state.value, state.volume, state.ordered)))

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
        minimum = (terms.minimum > 0)[order] & ((n > free) | (less & (self.state.ordered == 0)[order]))
        truck = (terms.truck_cost > 0)[order] & other & ~minimum
        cost = (terms.fixed != 0)[order] & other & ~minimum & ~truck
        flags = {name: less & self._takes(name, price) for name in ("dc_stock", "dc_outbound", "receiving", "budget")}
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
