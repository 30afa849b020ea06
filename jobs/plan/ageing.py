"""Until when the units on hand may be sold: batches as counted, else aged by receipts, newest last (design.md section 7)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from jobs.plan import position
from jobs.plan.night import PAIR, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.plan.night import Night

#: Receipts longer ago tell no ages: goods that keep so long hardly spoil.
MEMORY = timedelta(days=90)


def spoiling(pairs: pl.DataFrame, tables: Mapping[str, pa.Table], orders: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Batches of what is on hand of goods that spoil: item_id, location_id, and as lists batch_expires_on (the last day on which they
    may be sold, ascending) and batch_units.

    Customers take the oldest units first, so what is on hand is what expires last of: the batches of the newest count that name
    a date, with what was received since; without dates, what was received within a shelf life. What neither accounts for came the
    day before the first receipt that is known of any item; without receipts, yesterday. Whatever should be gone has today left.

    pairs  item_id, location_id, on_hand, shelf_life_days, one row a pair;  orders  position.on_order
    """
    life = pl.duration(days=pl.col("shelf_life_days"))
    known = pairs.filter(pl.col("shelf_life_days").is_not_null() & (pl.col("on_hand") > 0)).select(*PAIR, "on_hand", "shelf_life_days")
    counted = position.newest(frame(tables.get("stock"), "silver/stock"), night)
    dated = counted.filter(pl.col("expires_on").is_not_null()).select(*PAIR, "as_of", "expires_on", units=pl.col("on_hand"))
    came = position.received(tables, orders, night).select(*PAIR, "day", "units").join(known.select(*PAIR, "shelf_life_days"), on=PAIR)
    came = came.join(dated.select(*PAIR, "as_of").unique(), on=PAIR, how="left")
    came = came.filter(pl.col("as_of").is_null() | (pl.col("day") > pl.col("as_of")))
    came = came.select(*PAIR, expires_on=pl.col("day") + life - pl.duration(days=1), units=pl.col("units"))
    batches = pl.concat([dated.drop("as_of"), came], how="vertical_relaxed").filter(pl.col("expires_on") >= night.business_date)
    batches = batches.group_by(*PAIR, "expires_on").agg(pl.col("units").sum().cast(pl.Float64)).join(known, on=PAIR)
    batches = batches.sort(*PAIR, "expires_on", descending=[False, False, True])
    before = pl.col("units").cum_sum().over(PAIR) - pl.col("units")
    there = pl.min_horizontal("units", pl.max_horizontal(pl.col("on_hand") - before, 0.0))
    placed = batches.select(*PAIR, "expires_on", there.round(4).alias("units"))
    rest = known.join(placed.group_by(PAIR).agg(pl.col("units").sum()), on=PAIR, how="left")
    first = night.receipts_from or night.business_date
    since = pl.max_horizontal(pl.lit(first - timedelta(days=1)), pl.lit(night.business_date) - pl.min_horizontal(life, pl.lit(MEMORY)))
    rest = rest.select(
        *PAIR,
        pl.max_horizontal(since + life - pl.duration(days=1), pl.lit(night.business_date)).cast(pl.Date).alias("expires_on"),
        (pl.col("on_hand") - pl.col("units").fill_null(0.0)).round(4).alias("units"),
    )
    every = pl.concat([placed, rest]).filter(pl.col("units") > 0).group_by(*PAIR, "expires_on").agg(pl.col("units").sum())
    ordered = every.sort(*PAIR, "expires_on")
    return ordered.group_by(PAIR, maintain_order=True).agg(batch_expires_on="expires_on", batch_units="units")
