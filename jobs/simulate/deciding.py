"""A night's orders in one process: the shards' functions (jobs/plan/shard.py) on one shard of all items, without Spark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from jobs.plan import coupling, cover, expected_cost, lanes, shard, together
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
    """

    lines: pl.DataFrame
    degraded: bool = False


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
    return Orders(lines.select(*LINE, "units", "arrives_on", worth=worth, volume=volume).sort(LINE), degraded)
