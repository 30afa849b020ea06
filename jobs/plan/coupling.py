"""What couples the lines of different items, order terms and limits that items share, as the plan problem of a night.

The problem is that of design.md section 7, in the tables of its file form. Knows nothing of Spark.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from jobs.plan.cover import MICRO
from jobs.plan.lanes import LANE, order_terms
from jobs.plan.night import Night, frame
from jobs.plan.pools import SCALE, UNLIMITED

LINE = ["item_id", "source_id", "location_id"]
CAPACITY: Types = {
    "resource": pl.String, "location_id": pl.String, "item_id": pl.String, "date": pl.Date, "limit": pl.Float64, "unit": pl.String,
}  # fmt: skip
#: Types of columns, as polars takes them.
Types = dict[str, pl.DataType | type[pl.DataType]]
LINES: Types = {
    **dict.fromkeys(LINE, pl.String), "expected_on": pl.Date,
    **dict.fromkeys(("order_multiple", "min_order_units", "unit_volume", "unit_weight", "unit_value"), pl.Float64),
    "cost": pl.List(pl.Float64), "locked": pl.Int64, "base_stock": pl.Int64,
    "cost_of_nothing": pl.Float64, "main": pl.Boolean,
}  # fmt: skip
POOLS: Types = {"item_id": pl.String, "source_id": pl.String, "limit": pl.Int64}
#: What is under way to a location, by day of arrival: measures as capacities count them.
DUE: Types = {
    "location_id": pl.String,
    "item_id": pl.String,
    "date": pl.Date,
    "units": pl.Float64,
    "volume": pl.Float64,
    "value": pl.Float64,
}
_OWN_KINDS = ("store", "online", "dc")


@dataclass(frozen=True)
class Tables:
    """A night's plan problem in its file form; ``lines`` with line_id, and what LINES has beside the file's columns."""

    lines: pl.DataFrame
    terms: pl.DataFrame
    capacities: pl.DataFrame


def is_coupled(night: Night) -> bool:
    """Whether anything couples lines of different items tonight."""
    terms = order_terms(night)
    return night.alternatives or len(terms) > 0 or (night.capacities is not None and night.capacities.num_rows > 0)


def lasting_terms(lines: pl.DataFrame, night: Night) -> pl.DataFrame:
    """order_terms.parquet: order_cost is net of what it is worth to wait, and may be negative.

    An order lasts its cover T, at g a period; none leaves all to a later order day, at the cost W net of g (cover.py). So beside
    what its lines cost over T an order has to bear

        order_cost - g periods of T + sum_i f_i(0) over T - W
    """
    terms = order_terms(night)
    if night.covers is None or night.covers.is_empty():
        return terms
    added = lines.filter("main").group_by(LANE).agg((pl.col("cost_of_nothing") * MICRO).round().cast(pl.Int64).sum().alias("nothing"))
    chosen = night.covers.select(*LANE, "per_period", "periods", "waiting")
    joined = terms.join(added, on=LANE, how="left", maintain_order="left").join(chosen, on=LANE, how="left", maintain_order="left")
    net = pl.col("order_cost") - pl.col("per_period") * pl.col("periods") + pl.col("nothing") / MICRO - pl.col("waiting")
    return joined.with_columns(order_cost=pl.coalesce(net, "order_cost")).select(terms.columns)


def tables(lines: pl.DataFrame, pools: pl.DataFrame, due: pl.DataFrame, night: Night) -> Tables:
    """The problem of a night.

    lines  of all shards, in LINES: those of lines.parquet, what a planner locked and what a base stock would order (multiples; else
           0), what it costs to order nothing, and whether it is its item-location's usual lane; others are choices beside it
    pools  item_id, source_id, limit (ten-thousandths of a unit; -1: none)
    due    what is under way, in DUE
    """
    own = pl.from_arrow(night.locations.select(["location_id", "kind"]))
    assert isinstance(own, pl.DataFrame)
    own = own.filter(pl.col("kind").is_in(_OWN_KINDS)).select(source_id="location_id", own=pl.lit(value=True))
    if lines.is_empty():
        lines, pools, due = pl.DataFrame(schema=LINES), pl.DataFrame(schema=POOLS), pl.DataFrame(schema=DUE)
    numbered = lines.sort(LINE).with_row_index("line_id").with_columns(pl.col("line_id").cast(pl.Int64))
    bought = numbered.join(own.unique("source_id"), on="source_id", how="left", maintain_order="left")
    # Only purchases are paid from a budget.
    value = pl.when(pl.col("own").is_null()).then("unit_value").otherwise(0.0)
    numbered = bought.with_columns(
        pl.col("unit_volume", "unit_weight").cast(pl.Float64).fill_null(0.0), budget_value=value.cast(pl.Float64)
    ).drop("own")
    # What a centre keeps is no lane to it.
    rivals = (pl.len().over("item_id", "location_id", pl.col("source_id") == pl.col("location_id")) > 1) & (
        pl.col("source_id") != pl.col("location_id")
    )
    first = pl.col("line_id").min().over("item_id", "location_id", pl.col("source_id") == pl.col("location_id"))
    numbered = numbered.with_columns(choice_id=pl.when(rivals).then(first))
    return Tables(numbered, lasting_terms(numbered, night), _capacities(numbered, pools, due, night))


def _capacities(lines: pl.DataFrame, pools: pl.DataFrame, due: pl.DataFrame, night: Night) -> pl.DataFrame:
    """capacities.parquet: limits of tonight's orders, net of what is under way."""
    limited = pools.filter(pl.col("limit") != UNLIMITED)
    stock = limited.select(
        resource=pl.lit("dc_stock"),
        location_id="source_id",
        item_id="item_id",
        date=pl.lit(None, pl.Date),
        limit=pl.col("limit") / SCALE,
        unit=pl.lit("units"),
    )
    given = frame(night.capacities, "silver/capacities").select(pl.col(name).cast(kind) for name, kind in CAPACITY.items())
    end = night.business_date + timedelta(days=night.config.period_days)
    tonight = pl.col("date").is_null() | ((pl.col("date") >= night.business_date) & (pl.col("date") < end))
    others = given.filter((pl.col("resource") != "receiving") & tonight).with_columns(date=pl.lit(None, pl.Date))
    received = _receiving(given.filter(pl.col("resource") == "receiving"), lines, due, night)
    rows = pl.concat([part.select(list(CAPACITY)) for part in (stock, others, received)])
    # Of several rows of one key the lowest holds.
    lowest = rows.group_by([name for name in CAPACITY if name != "limit"]).agg(pl.col("limit").min())
    return lowest.select(list(CAPACITY)).sort([name for name in CAPACITY if name != "limit"])


def _receiving(rows: pl.DataFrame, lines: pl.DataFrame, due: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Limits on what may arrive, one for each day on which tonight's orders do, less what is under way for that day.

    A row without a date holds on each of them.
    """
    if rows.is_empty():
        return pl.DataFrame(schema=CAPACITY)
    length = night.config.period_days
    ordered = lines.filter(pl.col("source_id") != pl.col("location_id"))
    arrivals = ordered.select(place="location_id", day="expected_on").unique()
    age = (pl.col("date") - pl.col("day")).dt.total_days()
    same = pl.col("date").is_null() | ((age >= 0) & (age < length))
    here = pl.col("location_id").is_null() | (pl.col("location_id") == pl.col("place"))
    spread = rows.with_row_index("row").join(arrivals, how="cross").filter(here & same)
    spread = spread.unique(["row", "day"], maintain_order=True).sort("row", "day").drop("place")
    coming = due.rename({"location_id": "to", "item_id": "of", "date": "on"})
    met = spread.join(coming, how="cross").filter(
        (pl.col("location_id").is_null() | (pl.col("location_id") == pl.col("to")))
        & (pl.col("item_id").is_null() | (pl.col("item_id") == pl.col("of")))
        & ((pl.col("on") - pl.col("day")).dt.total_days().is_between(0, length - 1))
    )
    measure = pl.when(pl.col("unit") == "units").then("units").when(pl.col("unit") == "volume").then("volume").otherwise("value")
    taken_up = met.group_by("row", "day").agg(measure.sum().alias("taken"))
    net = spread.join(taken_up, on=["row", "day"], how="left", maintain_order="left")
    # Null is no limit.
    left = (pl.col("limit") - pl.col("taken").fill_null(0.0)).clip(lower_bound=0.0)
    return net.with_columns(date=pl.col("day"), limit=left).select(list(CAPACITY))
