"""A night's orders in one process: the shards' functions (jobs/plan/shard.py) on a shard a thread, without Spark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.compute as pc

from jobs.plan import beliefs, coupling, cover, expected_cost, lanes, shard, together
from jobs.plan.night import PAIR
from jobs.plan.pools import SCALE
from jobs.workers import mapped, workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from jobs.plan.night import Ints, Night
    from jobs.plan.shard import Costed, Lists

LINE = ["item_id", "source_id", "location_id"]
#: Forecasts (series times periods) of a part, at least: what a part costs whatever it holds is more than a thread spares on fewer.
_LEAST_FORECASTS = 5_000


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
    parts = _parts(tables)
    if not coupling.is_coupled(night):
        return _joined(mapped(lambda part: _alone(part, night, lists_of), parts))
    if lists_of is expected_cost.evaluate:
        night = _with_covers(parts, night)
    costed = mapped(lambda part: shard.cost(part, night, lists_of), parts)
    lines, pools, due = (pl.concat(each) for each in zip(*((shard.problem_of(one), one.pooled, one.due) for one in costed), strict=True))
    found = together.decide(coupling.tables(lines, pools, due, night), night.config.planning.solve_seconds)
    degraded = found.certificate.filter((pl.col("source_id") == "*") & (pl.col("degraded") > 0))
    chosen = [one.lines.select(LINE).join(found.lines, on=LINE, how="left", maintain_order="left")["n"].fill_null(0) for one in costed]
    return _joined([_orders(one, n.to_numpy(), degraded=len(degraded) > 0) for one, n in zip(costed, chosen, strict=True)])


def _parts(tables: Mapping[str, pa.Table]) -> list[Mapping[str, pa.Table]]:
    """The tables cut between items, a part for each thread: all that concerns an item is in one part, so what is decided is the same."""
    items = pc.unique(tables["forecasts"]["item_id"]).sort().to_pylist()
    count = max(1, min(workers(), len(items), tables["forecasts"].num_rows // _LEAST_FORECASTS))
    bounds = [None, *(items[len(items) * place // count] for place in range(1, count)), None]
    return [{name: _between(rows, *ends) for name, rows in tables.items()} for ends in pairwise(bounds)]


def _between(rows: pa.Table, first: str | None, end: str | None) -> pa.Table:
    """Rows of the items from ``first`` on and before ``end``; None: no bound."""
    rows = rows if first is None else rows.filter(pc.greater_equal(rows["item_id"], first))
    return rows if end is None else rows.filter(pc.less(rows["item_id"], end))


def _alone(tables: Mapping[str, pa.Table], night: Night, lists_of: Lists) -> Orders:
    costed = shard.cost(tables, night, lists_of)
    return _orders(costed, shard.multiples_alone(costed))


def _joined(parts: Sequence[Orders]) -> Orders:
    """The orders of parts, in the order of their items."""
    lines, believed = (pl.concat(each) for each in zip(*((part.lines, part.believed) for part in parts), strict=True))
    return Orders(lines, any(part.degraded for part in parts), believed)


def _with_covers(parts: Sequence[Mapping[str, pa.Table]], night: Night) -> Night:
    """The night with how long orders with terms should last, as shards.with_covers makes it."""
    terms = lanes.order_terms(night)
    if terms.is_empty():
        return night
    sums = pl.concat([pl.DataFrame(schema=cover.SUMS), *mapped(lambda part: shard.covers(part, night), parts)])
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
