"""A night's orders in one process: the shards' functions (jobs/plan/shard.py) on one shard of all items, without Spark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from jobs.plan import beliefs, coupling, cover, expected_cost, lanes, shard, together
from jobs.plan.night import PAIR
from jobs.plan.pools import SCALE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.plan.night import Ints, Night
    from jobs.plan.shard import Costed, Lists

LINE = ["item_id", "source_id", "location_id"]


@dataclass(frozen=True)
class Orders:
    """A night's orders.

    lines     item_id, source_id, location_id, units (> 0, ten-thousandths), arrives_on, worth (currency), volume: a row a line ordered
    degraded  whether the search for a plan was cut short by time
    believed  what every considered line believed (learn/outcomes.BELIEFS without business_date)
    """

    lines: pl.DataFrame
    degraded: bool
    believed: pl.DataFrame


def decide(tables: Mapping[str, pa.Table], night: Night, lists_of: Lists = expected_cost.evaluate) -> Orders:
    """The orders of a night by the cost lists of a rule, within all limits; with those of the night what it would publish.

    tables  see shard.lines_of
    """
    if not coupling.is_coupled(night):
        costed = shard.cost(tables, night, lists_of)
        return _orders(costed, shard.multiples_alone(costed))
    if lists_of is expected_cost.evaluate:
        night = _with_covers(tables, night)
    costed = shard.cost(tables, night, lists_of)
    problem = coupling.tables(shard.problem_of(costed), costed.pooled, costed.due, night)
    found = together.decide(problem, night.config.planning.solve_seconds)
    n = costed.lines.select(LINE).join(found.lines, on=LINE, how="left", maintain_order="left")["n"].fill_null(0).to_numpy()
    degraded = found.certificate.filter((pl.col("source_id") == "*") & (pl.col("degraded") > 0))
    return _orders(costed, n, degraded=len(degraded) > 0)


def _with_covers(tables: Mapping[str, pa.Table], night: Night) -> Night:
    """The night with how long orders with terms should last, as shards.with_covers makes it."""
    terms = lanes.order_terms(night)
    if terms.is_empty():
        return night
    sums = pl.concat([pl.DataFrame(schema=cover.SUMS), shard.covers(tables, night)])
    return replace(night, covers=cover.choose(sums, terms))


def _orders(costed: Costed, n: Ints, *, degraded: bool = False) -> Orders:
    units = pl.Series("units", n * costed.problem.multiple[: len(n)], pl.Int64)
    lines = costed.lines.with_columns(units).filter(pl.col("units") > 0)
    amount = pl.col("units") / SCALE
    worth, volume = amount * pl.col("buying_cost"), amount * pl.col("unit_volume").cast(pl.Float64).fill_null(0.0)
    ordered = lines.select(*LINE, "units", "arrives_on", worth=worth, volume=volume).sort(LINE)
    return Orders(ordered, degraded, _believed(costed, n))


def _believed(costed: Costed, n: Ints) -> pl.DataFrame:
    """As limits.describe has it in gold/order_reasons."""
    lists = costed.lists
    ordered = pl.Series("n", n) > 0
    # Of lanes to choose from the cost counts on the one ordered, else on the main one.
    counts = pl.when(pl.col("ordered").any().over(PAIR)).then("ordered").otherwise("main")
    return costed.lines.with_columns(ordered=ordered).select(
        *LINE,
        "arrives_on",
        "next_arrives_on",
        beliefs.column(costed.lines, lists.window_quantiles),
        pl.Series("units", n * costed.problem.multiple[: len(n)] / SCALE),
        pl.Series("demand_in_window", lists.demand_window),
        pl.Series("expected_cost", lists.cost[lists.start[:-1] + n]),
        shortage_cost="shortage",
        binding=pl.when(counts).then(pl.lit("")).otherwise(pl.lit("another_lane")),
    )
