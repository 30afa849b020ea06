"""One shard of a night's plan: from the tables of its items to decided lines. Knows nothing of Spark.

All that concerns an item is in one shard: lanes, stock of every location, forecasts, and so every pool of its stock.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.plan import (
    ageing,
    base_stock,
    centres,
    choices,
    costs,
    coupling,
    cover,
    demand,
    expected_cost,
    explain,
    fresh,
    kept,
    lanes,
    limits,
    network,
    pools,
    position,
)
from jobs.plan.night import PAIR, Night, exception, exceptions, frame
from jobs.plan.order_up_to import newsvendor
from jobs.plan.ragged import first_allowed, first_least
from jobs.plan.terms import Terms, terms_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.plan.centres import Centres
    from jobs.plan.demand import Demand
    from jobs.plan.kept import Kept
    from jobs.plan.night import Ints

LINE = ["item_id", "source_id", "location_id"]
#: What makes the cost lists of lines, as expected_cost.evaluate does.
Lists = Callable[[Terms, "Demand", float], expected_cost.Costs]
#: Way of deciding -> its cost lists; limits, solver and check are the same.
RULES: dict[str, Lists] = {
    "stochastic": expected_cost.evaluate,
    "sequential": newsvendor,
    "feedback": expected_cost.evaluate,
    "joint": expected_cost.evaluate,
}


@dataclass(frozen=True)
class Costed:
    """A shard's lines before anything is decided: their terms, cost lists, what each may order, and the pools of stock.

    demand      the distributions, without paths;  asking  what centres are asked for on any paths follows from
    base_stock  [lines] multiples that a base stock would order, limits aside
    kept        what distribution centres keep of their stock for later nights, as lines from them to themselves
    due         what is under way to the lines' locations (coupling.DUE)
    """

    lines: pl.DataFrame
    terms: Terms
    demand: Demand
    asking: centres.Asking
    lists: expected_cost.Costs
    allowed: limits.Allowed
    pooled: pl.DataFrame
    problem: pools.Problem
    base_stock: Ints
    kept: Kept
    due: pl.DataFrame
    exceptions: pl.DataFrame


@dataclass(frozen=True)
class Decision:
    """A shard's plan.

    lines       one row a considered line, by item, source, location: terms, numbers behind the decision, units
    pools       one row an item and source: limit, and where pools are solved by themselves wanted, used, kept, price, cost, kept_cost,
                lower_bound, cost_of_nothing, scarce, called, degraded, process
    fresh       cost on fresh demand paths (fresh.SUMS)
    exceptions  what a person should look at
    """

    lines: pl.DataFrame
    pools: pl.DataFrame
    fresh: pl.DataFrame
    exceptions: pl.DataFrame


def decide(tables: Mapping[str, pa.Table], night: Night) -> Decision:
    """Plan the items of a shard, where nothing couples them with those of others (tables: see ``cost``)."""
    return decide_alone(cost(tables, night), night)


def decide_alone(costed: Costed, night: Night) -> Decision:
    """The same, of lines that are costed."""
    whole = costed.kept.added(costed.problem)
    solution = pools.solve(whole)
    reference = base_stock.of_pools(costed.problem, costed.base_stock)
    decision = described(costed, limits.of_pools(costed.lines, whole, solution, reference), night)
    report = limits.report(costed.pooled, whole, solution, len(costed.lines)).with_columns(process=pl.lit(os.getpid(), pl.Int64))
    return replace(decision, pools=report.join(costed.kept.lists(), on=limits.POOL, how="left", maintain_order="left"))


def multiples_alone(costed: Costed) -> Ints:
    """[lines] the multiples that ``decide_alone`` orders, without what it says of them."""
    return pools.solve(costed.kept.added(costed.problem)).n[: len(costed.lines)]


def decide_as(costed: Costed, solved: pl.DataFrame, night: Night) -> Decision:
    """Plan the items of a shard as the night as a whole decided (together.Together.lines)."""
    found, stays = (
        lines.select(LINE).join(solved, on=LINE, how="left", maintain_order="left") for lines in (costed.lines, costed.kept.lines)
    )
    n, reference, kept_ = (part[name].fill_null(0).to_numpy() for part, name in ((found, "n"), (found, "base_stock"), (stays, "n")))
    price = found["scarcity_price"].fill_null(0.0).to_numpy()
    bound_by = np.asarray(found["bound_by"].fill_null("").to_numpy(), object)
    free = first_least(costed.problem.start, costed.problem.cost)
    counts = found["counts"].fill_null(value=False).to_numpy()
    return described(costed, limits.Outcome(n, free, price, bound_by, reference, kept_, counts), night)


def described(costed: Costed, outcome: limits.Outcome, night: Night) -> Decision:
    """A shard's plan from what was decided of its lines."""
    decided = limits.describe(costed.lines, costed.terms, costed.lists, costed.allowed, costed.problem, outcome)
    found = exceptions([costed.exceptions, limits.conflicts(decided, costed.allowed)])
    return Decision(decided, costed.pooled.select(*limits.POOL, "limit"), fresh.of_shard(costed, outcome, night), found)


def cost(tables: Mapping[str, pa.Table], night: Night, lists_of: Lists | None = None) -> Costed:
    """Cost every order quantity of the lines of a shard's items (tables: see ``lines_of``), by the rule of the night's mode or another."""
    lists_of = lists_of or RULES[night.config.mode]
    placed = lines_of(tables, night)
    lines, demand_ = placed.lines, placed.demand
    terms = terms_of(lines, demand_, night, placed.centres)
    lists = choices.comparable(lists_of(terms, demand_, night.config.planning.reach_quantile), lines, terms.multiple)
    allowed = limits.allow(lines, terms, lists)
    pooled = limits.pools(lines, tables, night)
    problem, clashes = limits.problem(lines, terms, lists, allowed, pooled)
    wanted = np.where(lines["main"].to_numpy(), base_stock.multiples(terms, lists.base_stock), 0)
    kept_ = kept.keep(pooled, problem, placed.centres, demand_, night)
    # Centres look further ahead than any line.
    bare = demand_.unranked(fresh.steps(terms) if placed.asking.levels.is_empty() else demand_.horizon)
    found = exceptions([placed.exceptions, clashes])
    return Costed(lines, terms, bare, placed.asking, lists, allowed, pooled, problem, wanted, kept_, placed.due, found)


def covers(tables: Mapping[str, pa.Table], night: Night) -> pl.DataFrame:
    """What covers of several lengths would cost the shard's lines (cover.SUMS)."""
    placed = lines_of(tables, night)
    return cover.sums(placed.lines, terms_of(placed.lines, placed.demand, night, placed.centres), placed.demand, night)


@dataclass(frozen=True)
class Placed:
    """A shard's lines with their lane, stock, transit and costs, the demand of their pairs, the centres and what they follow from, and
    what is under way (coupling.DUE).
    """

    lines: pl.DataFrame
    demand: Demand
    asking: centres.Asking
    centres: Centres
    due: pl.DataFrame
    exceptions: pl.DataFrame


def lines_of(tables: Mapping[str, pa.Table], night: Night) -> Placed:
    """The lines of a shard's items.

    tables  forecasts, items, lanes (rows with an item), assortment, stock, sales (since the oldest count), receipts,
            inbound (latest snapshot), published (orders of earlier nights), capacities (dc_stock with an item),
            overrides (of the night), last_price and price_list (item_id, location_id, price); absent ones are empty
    """
    distributions = demand.read(tables["forecasts"], night)
    items = frame(tables.get("items"), "silver/items").sort("item_id").unique("item_id", keep="first", maintain_order=True)
    selling, dcs = network.ordering(distributions.pairs, tables, items, night)
    every, wrong_lanes = lanes.supplied(pl.concat([selling, dcs]), tables.get("lanes"), night)
    levels = network.by_level(every, dcs)
    every = every.join(dcs.join(levels, on=PAIR, how="anti"), on=PAIR, how="anti")
    orders = position.on_order(tables, night)

    def prepared(considered: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        located, wrong_stock = _place(considered, tables, orders, night)
        measures = items.select("item_id", "shelf_life_days", "unit_volume", "unit_weight")
        located = located.join(measures, on="item_id", how="left")
        batches = ageing.spoiling(located.unique(PAIR, maintain_order=True), tables, orders, night)
        costed, wrong_costs = costs.unit_costs(located.join(batches, on=PAIR, how="left"), tables, items, night)
        costed = choices.priced(costed)
        lines = costed.join(distributions.pairs, on=PAIR, how="left")
        return lines.with_columns(pl.col("first", "series").fill_null(0)).sort(LINE), [wrong_stock, wrong_costs]

    lines, wrong = prepared(lanes.tonight(every, night))
    served = lines.clear()
    if len(levels):
        waiting, _ = prepared(lanes.waiting(every, night))
        served = pl.concat([lines.filter("chosen"), waiting.select(lines.columns)]).sort(LINE)
    asking = centres.Asking(served, levels)
    supplied = centres.asked(asking, distributions, night)
    distributions = distributions.with_drawn(supplied.drawn)
    lines = centres.numbered(lines, supplied, distributions)
    wrong = [wrong_lanes, *wrong, _beyond(lines, distributions.horizon, night)]
    return Placed(lines, distributions, asking, supplied, _due(orders, items, night), exceptions(wrong))


def _beyond(lines: pl.DataFrame, horizon: int, night: Night) -> pl.DataFrame:
    """Lanes whose orders last beyond the forecasts, one exception each: the last week of them is then repeated."""
    ends = night.business_date + timedelta(days=horizon * night.config.period_days)
    late = lines.filter(pl.col("offered") & (pl.col("series") > 0) & (pl.col("next_arrives_on") > pl.lit(ends)))
    lanes_of = late.select("source_id", "location_id").unique().sort("source_id", "location_id")
    text = pl.format("orders from {} last beyond {}, where forecasts end; the last week of these is repeated", "source_id", pl.lit(ends))
    return exception(lanes_of, "forecast_too_short", text, "set `horizon` in the config higher, or give the lane more order days")


def _place(lines: pl.DataFrame, tables: Mapping[str, pa.Table], orders: pl.DataFrame, night: Night) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines with stock and transit of the destination, stock of the source, and the assortment's limits."""
    shelves = lines.select(PAIR).unique()
    sources = lines.select("item_id", location_id="source_id").unique()
    stock, wrong = position.stock(pl.concat([shelves, sources]).unique(), tables, orders, night)
    wrong = wrong.join(pl.concat([shelves, sources]).unique(), on=PAIR, how="semi")
    located = lines.join(stock, on=PAIR, how="left")
    supply = stock.filter("has_record").select("item_id", source_id="location_id", source_stock="on_hand")
    located = located.join(supply, on=["item_id", "source_id"], how="left")
    located = located.join(costs.assortment(tables.get("assortment"), night), on=PAIR, how="left")
    bare = located.filter(~pl.col("has_record")).select(PAIR).unique().sort(PAIR)
    nothing = pl.lit("no stock record: taken as 0, orders need review")
    none = exception(bare, "no_stock_record", nothing, "deliver the inventory feed for it")
    coming = orders.filter(~pl.col("done")).join(shelves, on=PAIR, how="semi")
    costs_of_items = lines.group_by("item_id").agg(pl.col("item_cost").first().fill_null(0.0))
    late = coming.filter("overdue").join(costs_of_items, on="item_id").sort("order_id", *PAIR, "expected_on")
    value = pl.col("units").cast(pl.Float64) * pl.col("item_cost")
    text = pl.format("order {}: {} units were due on {}; taken to arrive today", "order_id", "units", "expected_on")
    overdue = exception(late, "overdue_order", text, "ask the source where it is, or take it out of open_orders", value)
    transit = (
        coming.with_columns(step=night.period_of("expected_on"))
        .group_by(*PAIR, "step")
        .agg(pl.col("units").sum().cast(pl.Float64))
        .sort(*PAIR, "step")
    )
    rows = transit.group_by(PAIR, maintain_order=True).agg(pl.struct("step", "units").alias("transit"))
    return located.join(rows, on=PAIR, how="left"), exceptions([wrong, none, overdue])


def _due(orders: pl.DataFrame, items: pl.DataFrame, night: Night) -> pl.DataFrame:
    """What is under way of the shard's items, by the first day of the period in which it arrives (overdue: tonight)."""
    each = items.select("item_id", *(pl.col(name).cast(pl.Float64).fill_null(0.0) for name in ("unit_volume", "unit_cost")))
    length = night.config.period_days
    days = pl.max_horizontal((pl.col("expected_on") - pl.lit(night.business_date)).dt.total_days() // length, 0) * length
    coming = orders.filter(~pl.col("done")).join(each, on="item_id")
    units = pl.col("units").cast(pl.Float64)
    return (
        coming.select(
            "location_id",
            "item_id",
            (pl.lit(night.business_date) + pl.duration(days=days)).cast(pl.Date).alias("date"),
            units.alias("units"),
            (units * pl.col("unit_volume")).alias("volume"),
            (units * pl.col("unit_cost")).alias("value"),
        )
        .group_by("location_id", "item_id", "date")
        .agg(pl.col("units", "volume", "value").sum())
        .sort("location_id", "item_id", "date")
    )


def problem_of(costed: Costed) -> pl.DataFrame:
    """The lines that may be ordered, and what centres keep, as rows of the plan problem (see coupling.tables).

    ``locked``: least multiples, above 0 where a planner says so.
    """
    start = costed.problem.start[:-1]
    rows = costed.lines.with_columns(
        explain.cost_lists(costed.problem),
        pl.Series("locked", first_allowed(costed.problem.start, costed.problem.cost)),
        pl.Series("base_stock", costed.base_stock),
        pl.Series("cost_of_nothing", costed.lists.cost[start]),
        pl.Series("order_multiple", costed.terms.multiple),
        pl.Series("min_order_units", costed.terms.min_units),
    )
    renamed = rows.filter("offered").rename({"arrives_on": "expected_on", "buying_cost": "unit_value"})
    parts = (part.select(pl.col(name).cast(kind) for name, kind in coupling.LINES.items()) for part in (renamed, costed.kept.as_lines()))
    return pl.concat(parts)
