"""One shard of a night's plan: from the tables of its items to decided lines. Knows nothing of Spark.

All that concerns an item is in one shard: lanes, stock of every location, forecasts, and so every pool of its stock.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.plan import base_stock, costs, coupling, cover, demand, expected_cost, fresh, lanes, limits, pools, position
from jobs.plan.night import Night, exception, exceptions, frame
from jobs.plan.ragged import first_allowed, first_least
from jobs.plan.terms import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.plan.demand import Demand
    from jobs.plan.night import Ints

PAIR = ["item_id", "location_id"]
LINE = ["item_id", "source_id", "location_id"]


@dataclass(frozen=True)
class Costed:
    """A shard's lines before anything is decided: their terms, cost lists, what each may order, and the pools of stock.

    demand      the distributions, without paths
    base_stock  [lines] multiples that a base stock would order, limits aside
    due         what is under way to the lines' locations (coupling.DUE)
    """

    lines: pl.DataFrame
    terms: Terms
    demand: Demand
    lists: expected_cost.Costs
    allowed: limits.Allowed
    pooled: pl.DataFrame
    problem: pools.Problem
    base_stock: Ints
    due: pl.DataFrame
    exceptions: pl.DataFrame


@dataclass(frozen=True)
class Decision:
    """A shard's plan.

    lines       one row a considered line, by item, source, location: terms, numbers behind the decision, units
    pools       one row an item and source: limit, and where pools are solved by themselves wanted, used, price, cost, lower_bound,
                cost_of_nothing, scarce, called, degraded, process
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
    solution = pools.solve(costed.problem)
    reference = base_stock.of_pools(costed.problem, costed.base_stock)
    decision = described(costed, limits.of_pools(costed.lines, costed.problem, solution, reference), night)
    report = limits.report(costed.pooled, costed.problem, solution).with_columns(process=pl.lit(os.getpid(), pl.Int64))
    return replace(decision, pools=report)


def decide_as(costed: Costed, solved: pl.DataFrame, night: Night) -> Decision:
    """Plan the items of a shard as the night as a whole decided (together.Together.lines)."""
    found = costed.lines.select(LINE).join(solved, on=LINE, how="left", maintain_order="left")
    n, reference = (found[name].fill_null(0).to_numpy() for name in ("n", "base_stock"))
    price = found["scarcity_price"].fill_null(0.0).to_numpy()
    bound_by = np.asarray(found["bound_by"].fill_null("").to_numpy(), object)
    return described(costed, limits.Outcome(n, first_least(costed.problem.start, costed.problem.cost), price, bound_by, reference), night)


def described(costed: Costed, outcome: limits.Outcome, night: Night) -> Decision:
    """A shard's plan from what was decided of its lines."""
    decided = limits.describe(costed.lines, costed.terms, costed.lists, costed.allowed, costed.problem, outcome)
    found = exceptions([costed.exceptions, limits.conflicts(decided, costed.allowed)])
    return Decision(decided, costed.pooled.select(*limits.POOL, "limit"), costed_afresh(costed, outcome, night), found)


def costed_afresh(costed: Costed, outcome: limits.Outcome, night: Night) -> pl.DataFrame:
    """The plan, ordering nothing and base stock on fresh demand paths (fresh.SUMS)."""
    rows = np.flatnonzero(costed.lines["chosen"].to_numpy())
    n = np.stack([outcome.n, first_allowed(costed.problem.start, costed.problem.cost), outcome.base_stock])[:, rows]
    units = n * costed.problem.multiple[rows] / pools.SCALE
    demand_ = costed.demand.afresh(night.ranks.fresh())
    return fresh.sums(costed.lines["source_id"][rows], costed.terms.take(rows), demand_, units)


def cost(tables: Mapping[str, pa.Table], night: Night) -> Costed:
    """Cost every order quantity of the lines of a shard's items (tables: see ``lines_of``)."""
    placed = lines_of(tables, night)
    lines, demand_, found = placed.lines, placed.demand, [placed.exceptions]
    terms = terms_of(lines, demand_, night)
    lists = expected_cost.evaluate(terms, demand_, night.config.planning.reach_quantile)
    allowed = limits.allow(lines, terms, lists)
    pooled = limits.pools(lines, tables, night)
    problem, clashes = limits.problem(lines, terms, lists, allowed, pooled)
    wanted = base_stock.multiples(terms, lists.base_stock)
    kept = demand_.unranked(fresh.steps(terms))
    return Costed(lines, terms, kept, lists, allowed, pooled, problem, wanted, placed.due, exceptions([*found, clashes]))


def covers(tables: Mapping[str, pa.Table], night: Night) -> pl.DataFrame:
    """What covers of several lengths would cost the shard's lines (cover.SUMS)."""
    placed = lines_of(tables, night)
    return cover.sums(placed.lines, terms_of(placed.lines, placed.demand, night), placed.demand, night)


@dataclass(frozen=True)
class Placed:
    """A shard's lines with their lane, stock, transit and costs, the demand of their pairs, and what is under way (coupling.DUE)."""

    lines: pl.DataFrame
    demand: Demand
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
    pairs = _pairs(distributions.pairs, tables, items, night)
    considered, wrong_lanes = lanes.considered(pairs, tables.get("lanes"), night)
    orders = position.on_order(tables, night)
    located, wrong_stock = _place(considered, tables, orders, night)
    costed, wrong_costs = costs.unit_costs(located, tables, items, night)
    lines = costed.join(distributions.pairs, on=PAIR, how="left").join(
        items.select("item_id", "shelf_life_days", "unit_volume", "unit_weight"), on="item_id", how="left"
    )
    lines = lines.with_columns(pl.col("first", "series").fill_null(0)).sort(LINE)
    return Placed(lines, distributions, _due(orders, items, night), exceptions([wrong_lanes, wrong_stock, wrong_costs]))


def _pairs(forecast: pl.DataFrame, tables: Mapping[str, pa.Table], items: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Pairs that could order: forecast or locked by a planner, at a store or online site."""
    locked = frame(tables.get("overrides"), "silver/overrides").filter(pl.col("business_date") == night.business_date)
    # A lock that names its source goes before one that does not.
    locked = locked.sort(*PAIR, "source_id", nulls_last=True).unique(PAIR, keep="first", maintain_order=True)
    kinds = pl.from_arrow(night.locations.select(["location_id", "kind"]))
    assert isinstance(kinds, pl.DataFrame)
    ordering = kinds.filter(pl.col("kind").is_in(lanes.ORDERING_KINDS)).select("location_id")
    pairs = pl.concat([forecast.select(PAIR), locked.select(PAIR)]).unique().join(ordering, on="location_id", how="semi")
    units = pl.col("units").cast(pl.Float64)
    named = locked.select(*PAIR, override_source="source_id", override_units=units, overridden=pl.lit(value=True))
    costs_of_items = items.select("item_id", item_cost=pl.col("unit_cost").cast(pl.Float64))
    return (
        pairs.join(named, on=PAIR, how="left")
        .join(costs_of_items, on="item_id", how="left")
        .with_columns(pl.col("overridden").fill_null(value=False))
        .sort(PAIR)
    )


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


def terms_of(lines: pl.DataFrame, distributions: Demand, night: Night) -> Terms:
    """Lines as numbers."""
    life = pl.col("shelf_life_days") / night.config.period_days
    periods = lines.select(lead=night.period_of("arrives_on"), next=night.period_of("next_arrives_on"), life=life)
    lead = periods["lead"].to_numpy()
    cover = np.maximum(periods["next"].to_numpy() - lead, 1)
    first, series = lines["first"].to_numpy().astype(np.int64), lines["series"].to_numpy().astype(np.int64)
    arrivals = _arrivals(lines, int((lead + cover).max(initial=0)))
    multiple = _number(lines, "order_multiple", 1.0)
    locked = np.where(lines["overridden"].to_numpy(), np.floor(_number(lines, "override_units", 0.0) / multiple + 0.5), -1).astype(np.int64)
    rate = distributions.mean_of_pairs(first, series, range(distributions.horizon)) / distributions.horizon
    return Terms(
        lead=lead,
        cover=cover,
        lead_std=_number(lines, "lead_time_std", 0.0) / night.config.period_days,
        first=first,
        series=series,
        on_hand=lines["on_hand"].to_numpy(),
        arrivals=arrivals,
        in_transit=_in_transit(lines),
        multiple=multiple,
        min_units=_number(lines, "min_order_units", 0.0),
        max_stock=_number(lines, "max_stock", np.inf),
        presentation=_number(lines, "presentation_min", 0.0),
        holding=lines["holding"].to_numpy(),
        shortage=lines["shortage"].to_numpy(),
        waste=lines["waste"].to_numpy(),
        life=periods["life"].fill_null(np.inf).to_numpy(),
        rate=rate,
        locked=locked,
    )


def _number(lines: pl.DataFrame, column: str, missing: float) -> np.ndarray:
    return lines[column].cast(pl.Float64).fill_null(missing).to_numpy()


def _exploded(lines: pl.DataFrame) -> pl.DataFrame:
    rows = lines.select(pl.int_range(pl.len()).alias("line"), "transit").explode("transit").drop_nulls("transit")
    return rows.unnest("transit") if len(rows) else pl.DataFrame(schema={"line": pl.Int64, "step": pl.Int64, "units": pl.Float64})


def _arrivals(lines: pl.DataFrame, steps: int) -> np.ndarray:
    arrivals = np.zeros((len(lines), steps))
    rows = _exploded(lines).filter(pl.col("step") < steps)
    arrivals[rows["line"].to_numpy(), rows["step"].to_numpy()] = rows["units"].to_numpy()
    return arrivals


def _in_transit(lines: pl.DataFrame) -> np.ndarray:
    rows = _exploded(lines)
    return np.bincount(rows["line"].to_numpy(), rows["units"].to_numpy(), len(lines)).astype(float)


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
    """The chosen lines as rows of the plan problem (see coupling.tables); ``locked``: least multiples, above 0 where a planner says so."""
    start = costed.problem.start[:-1]
    rows = costed.lines.with_columns(
        limits.cost_lists(costed.problem),
        pl.Series("locked", first_allowed(costed.problem.start, costed.problem.cost)),
        pl.Series("base_stock", costed.base_stock),
        pl.Series("cost_of_nothing", costed.lists.cost[start]),
        pl.Series("order_multiple", costed.terms.multiple),
        pl.Series("min_order_units", costed.terms.min_units),
    )
    renamed = rows.filter("chosen").rename({"arrives_on": "expected_on", "buying_cost": "unit_value"})
    return renamed.select(list(coupling.LINES))
