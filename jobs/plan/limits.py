"""What a line may order: its own limits, a planner's lock, the stock of its source; and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.plan import beliefs, explain
from jobs.plan.night import Floats, Ints, Night, exception, exceptions, frame
from jobs.plan.pools import SCALE, UNLIMITED, Problem, Solution, denied, sums
from jobs.plan.ragged import first_allowed, first_least, positions
from jobs.plan.terms import LONGEST_LIST

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.plan.expected_cost import Costs
    from jobs.plan.terms import Terms

POOL = ["item_id", "source_id"]


@dataclass(frozen=True)
class Outcome:
    """What was decided of each line [lines].

    n         multiples;  free  multiples if nothing were shared
    price     paid for scarce things, currency a unit
    bound_by  which shared limits and order terms made n other than free, comma separated
    base_stock   multiples of a plan by base stock (base_stock.py)
    kept      [lines that keep] multiples that centres keep (kept.py)
    counts    whether the pair's cost is that of this line: of lanes to choose from the one ordered, else the main one
    """

    n: Ints
    free: Ints
    price: Floats
    bound_by: np.ndarray
    base_stock: Ints
    kept: Ints
    counts: np.ndarray


@dataclass(frozen=True)
class Allowed:
    """Multiples that each line's own limits leave.

    best     cheapest without any limit
    rounded  cheapest that min_order_units allows
    most     most that max_stock allows (>= 0)
    locked   multiples that a planner locked and that its limits allow; -1: none
    clash    names of the line's limits that no order can keep; "": none
    """

    best: Ints
    rounded: Ints
    most: Ints
    locked: Ints
    clash: np.ndarray


def allow(lines: pl.DataFrame, terms: Terms, lists: Costs) -> Allowed:
    """What each line's own limits leave. A lane that is not offered tonight may order nothing."""
    owner, position = positions(lists.start)
    smallest = terms.min_multiples
    best = first_least(lists.start, lists.cost)
    small = (position > 0) & (position < smallest[owner])
    rounded = first_least(lists.start, np.where(small, np.inf, lists.cost))
    room = terms.max_stock - terms.on_hand - terms.in_transit + lists.demand_until
    length = np.diff(lists.start)
    most = np.minimum(np.maximum(np.floor(np.minimum(room / terms.multiple, 1e9) + 1e-9), 0), length - 1).astype(np.int64)
    offered = lines["offered"].to_numpy()
    free = offered & (terms.locked < 0)
    squeezed = free & (best > 0) & (room > 0) & (most < smallest)
    over = offered & (terms.locked > np.minimum(most, length - 1))
    under = offered & (terms.locked > 0) & (terms.locked < smallest)
    clash = np.full(len(lines), "", dtype=object)
    clash[squeezed & (smallest > 1)] = "min_order_units, max_stock"
    clash[squeezed & (smallest > 1) & np.isinf(terms.max_stock)] = "min_order_units, order_multiple"
    clash[squeezed & (smallest == 1)] = "order_multiple, max_stock"
    clash[over] = "override, max_stock"
    clash[under] = "override, min_order_units"
    locked = np.where(over | under | ~offered, -1, terms.locked)
    return Allowed(best, rounded, np.where(offered, most, 0), locked, clash)


def pools(lines: pl.DataFrame, tables: Mapping[str, pa.Table], night: Night) -> pl.DataFrame:
    """Item and source of each pool with its limit in ten-thousandths (-1: unlimited).

    A source's stock limits, if it has a record; a dc_stock capacity of tonight or of every night lowers it.
    """
    capacity = frame(tables.get("capacities"), "silver/capacities")
    age = (pl.col("date") - pl.lit(night.business_date)).dt.total_days()
    tonight = pl.col("date").is_null() | ((age >= 0) & (age < night.config.period_days))
    rows = capacity.filter((pl.col("resource") == "dc_stock") & (pl.col("unit") == "units") & tonight)
    lowest = rows.group_by("item_id", source_id="location_id").agg(pl.col("limit").min().alias("capacity"))
    pooled = lines.group_by(POOL).agg(pl.col("source_stock").first()).join(lowest, on=POOL, how="left").sort(POOL)
    limit = pl.min_horizontal("source_stock", "capacity")
    exact = (limit * SCALE + 1e-4).floor().cast(pl.Int64)
    return pooled.with_columns(limit=pl.when(limit.is_null()).then(UNLIMITED).otherwise(exact)).with_row_index("pool")


def problem(lines: pl.DataFrame, terms: Terms, lists: Costs, allowed: Allowed, pooled: pl.DataFrame) -> tuple[Problem, pl.DataFrame]:
    """The pools to solve, and exceptions for locked orders that their source can't fill."""
    pool = lines.join(pooled.select(*POOL, "pool"), on=POOL, how="left")["pool"].to_numpy().astype(np.int64)
    limit = pooled["limit"].to_numpy()
    multiple = np.floor(terms.multiple * SCALE + 0.5).astype(np.int64)
    locked = allowed.locked.copy()
    limited = np.where(limit[pool] == UNLIMITED, -1, pool)
    refused = denied(limited, locked * multiple, limit, np.flatnonzero(locked > 0))
    locked[refused] = 0
    owner, position = positions(lists.start)
    cost = lists.cost.copy()
    cost[(position > 0) & (position < terms.min_multiples[owner])] = np.inf
    cost[(position > allowed.most[owner]) | ((position > 0) & (allowed.clash[owner] != ""))] = np.inf
    held = locked[owner] >= 0
    cost[held] = np.where(position == locked[owner], lists.cost, np.inf)[held]
    # The pair's cost of nothing counts once, in its main lane or what it is a choice of.
    cost[(position == 0) & ~lines["offered"].to_numpy()[owner]] = 0.0
    clashes = exception(
        lines.filter(pl.Series(refused)),
        "conflicting_limits",
        pl.format("override and dc_stock conflict: the source can't fill the locked {} units; nothing ordered", "override_units"),
        "lower the locked quantity, or name another source",
    )
    return Problem(lists.start, cost, multiple, pool, limit), clashes


def of_pools(lines: pl.DataFrame, problem: Problem, solution: Solution, base_stock: Ints) -> Outcome:
    """What the pools of stock made of the lines, the first of the problem, and of what centres keep, the others."""
    count = len(lines)
    n, free, pool = solution.n[:count], solution.free[:count], problem.pool[:count]
    counts = lines["main"].to_numpy()
    bound = np.where(counts & (n < free), "dc_stock", "").astype(object)
    return Outcome(n, free, solution.price[pool], bound, base_stock, solution.n[count:], counts)


def describe(lines: pl.DataFrame, terms: Terms, lists: Costs, allowed: Allowed, problem: Problem, outcome: Outcome) -> pl.DataFrame:
    """Lines with their decision and every number behind it (columns of gold/order_reasons, and those of orders)."""
    n, start = outcome.n, lists.start[:-1]
    at = start + n
    expected_lost, window = lists.lost[at], lists.demand_window
    units = n * problem.multiple / SCALE
    rounded = allowed.rounded * problem.multiple / SCALE
    limited, topped_up = np.maximum(rounded - units, 0.0), np.maximum(units - np.maximum(rounded, lists.wanted), 0.0)
    topped_up = np.where(outcome.n > outcome.free, topped_up, 0.0)
    less = problem.cost[np.maximum(at - 1, start)]
    more = problem.cost[np.minimum(at + 1, lists.start[1:] - 1)]
    wanted_stock = lists.stock_at_arrival + lists.wanted
    arriving = (terms.arrivals * (np.arange(terms.arrivals.shape[1]) < (terms.lead + terms.cover)[:, None])).sum(axis=1)
    numbers = {
        "n": n,
        "units": units,
        "in_transit": arriving,
        "demand_until_arrival": lists.demand_until,
        "demand_in_window": window,
        "stock_at_arrival": lists.stock_at_arrival,
        "safety": wanted_stock - window,
        "wanted": lists.wanted,
        "rounding": units + limited - topped_up - lists.wanted,
        "limited": limited,
        "topped_up": topped_up,
        "critical_ratio": terms.critical_ratio(),
        "expected_cost": lists.cost[at],
        "cost_of_nothing": lists.cost[start],
        "least_cost": lists.cost[start + allowed.best],
        "p_stockout": np.clip(lists.p_out[at], 0, 1),
        "expected_lost": expected_lost,
        "fill_rate": np.clip(1 - np.divide(expected_lost, window, out=np.zeros_like(window), where=window > 0), 0, 1),
        "scarcity_price": outcome.price,
        "cost_one_less": np.where((n > 0) & np.isfinite(less), less, np.nan),
        "cost_one_more": np.where((at + 1 < lists.start[1:]) & np.isfinite(more), more, np.nan),
    }
    decided = lines.with_columns(pl.Series(name, values) for name, values in numbers.items())
    binding = _binding(lines, terms, allowed, outcome)
    return decided.with_columns(
        pl.col("cost_one_less", "cost_one_more").fill_nan(None),
        pl.Series("binding", binding, pl.String),
        pl.Series("clash", allowed.clash.tolist(), pl.String),
        pl.Series("order_multiple", terms.multiple),
        pl.Series("min_order_units", terms.min_units),
        pl.Series("counts", outcome.counts),
        beliefs.column(lines, lists.window_quantiles),
        *explain.columns(lines, lists, allowed, problem, outcome, binding),
    )


def _binding(lines: pl.DataFrame, terms: Terms, allowed: Allowed, outcome: Outcome) -> list[str]:
    offered = lines["offered"].to_numpy()
    free = offered & (terms.locked < 0)
    binds = {
        "max_stock": free & (allowed.most < allowed.rounded),
        "min_order_units": free & (allowed.rounded != allowed.best),
        "override": offered & (terms.locked >= 0),
        "another_lane": ~outcome.counts,
    }
    own = [", ".join(name for name, flags in binds.items() if flags[i]) for i in range(len(lines))]
    return [", ".join(filter(None, both)) for both in zip(outcome.bound_by, own, strict=True)]


def conflicts(decided: pl.DataFrame, allowed: Allowed) -> pl.DataFrame:
    """Exceptions of lines whose limits clash, and of locked quantities that are no multiple."""
    clash = decided.filter((pl.col("clash") != "") & pl.col("counts"))
    cost = pl.col("cost_of_nothing") - pl.col("least_cost")
    text = pl.format("{} conflict: no quantity keeps them; nothing ordered", pl.col("clash").str.replace_all(", ", " and "))
    multiples = pl.col("override_units") / pl.col("order_multiple")
    broken = decided.filter(pl.Series(allowed.locked >= 0) & ((multiples - multiples.round()).abs() > 1e-9))
    rounded = pl.format("override of {} units is no multiple of {}: rounded to {}", "override_units", "order_multiple", "units")
    endless = decided.filter(pl.Series(allowed.best >= LONGEST_LIST) & pl.col("counts"))
    no_more = pl.format("more than {} multiples of {} are wanted; no more are looked at", pl.lit(LONGEST_LIST), "order_multiple")
    return exceptions(
        [
            exception(endless, "order_multiple_too_small", no_more, "order it in larger packs (order_multiple)"),
            exception(clash, "conflicting_limits", text, "correct one of the limits", cost),
            exception(broken, "conflicting_limits", rounded, "lock a multiple of the pack"),
        ]
    )


def report(pooled: pl.DataFrame, problem: Problem, solution: Solution, ordering: int) -> pl.DataFrame:
    """Pools with what orders wanted and use, what is kept, price, cost, bound; the first ``ordering`` lines order, the others keep."""
    count = len(pooled)
    pool, other = problem.pool[:ordering], problem.pool[ordering:]
    used, wanted, left, lines = (np.zeros(count, np.int64) for _ in range(4))
    np.add.at(lines, pool, 1)
    units = solution.n * problem.multiple
    np.add.at(used, pool, units[:ordering])
    np.add.at(left, other, units[ordering:])
    np.add.at(wanted, pool, (solution.free * problem.multiple)[:ordering])
    kept_cost = sums(problem.cost[problem.start[:-1] + solution.n][ordering:], other, count)
    nothing = problem.start[:-1] + first_allowed(problem.start, problem.cost)
    return pooled.select(*POOL, "limit").with_columns(
        pl.Series("lines", lines),
        pl.Series("wanted", wanted),
        pl.Series("used", used),
        pl.Series("kept", left),
        pl.Series("kept_cost", kept_cost),
        pl.Series("price", solution.price),
        pl.Series("cost", solution.cost),
        pl.Series("lower_bound", solution.lower_bound),
        pl.Series("scarce", solution.scarce),
        pl.Series("called", solution.called),
        pl.Series("degraded", solution.degraded),
        pl.Series("cost_of_nothing", sums(problem.cost[nothing], problem.pool, count)),
    )
