"""Made-up stock of stores and distribution centres, a snapshot a night."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from jobs.ingest.importers import made_up
from jobs.ingest.importers.source import Source, ids


def inventory(source: Source) -> pl.DataFrame:
    """Stock after closing on the day before each drop, at stores and DCs."""
    rows = source.past
    pairs = rows.select("dc_id", "location_id", "item_id", "city_id", "store_id", "product_id").unique(maintain_order=True)
    days = rows["date"].unique().sort()
    at = (rows.select(pl.struct("store_id", "product_id").rle_id()).to_series().to_numpy(), days.search_sorted(rows["date"]).to_numpy())
    shape = (pairs.height, len(days))
    units, in_stock, out = np.zeros(shape, np.float64), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    units[at] = rows["units"].to_numpy()
    in_stock[at] = rows["stock_hour6_22_cnt"].to_numpy() == 0
    out[at] = rows["out_at_close"].to_numpy()
    mean = made_up.recent_mean(units, in_stock)
    cover = made_up.cover_days(source.seed, ids(pairs, "store_id"), ids(pairs, "product_id"))
    stock = made_up.store_stock(units, out, mean, cover, made_up.order_multiple(source.seed, ids(pairs, "product_id")))
    snapshots = [
        _snapshot(source.seed, day, pairs.with_columns(on_hand=stock[:, column], mean=mean[:, column]))
        for column, day in enumerate(days)
        if day >= source.first - timedelta(days=1)
    ]
    return pl.concat(snapshots)


def _snapshot(seed: int, day: date, pairs: pl.DataFrame) -> pl.DataFrame:
    """Stock of all stores, then of all DCs, after closing on a day."""
    pools = pairs.group_by("dc_id", "item_id", "city_id", "product_id").agg(pl.col("mean").sum()).sort("dc_id", "item_id")
    when = np.full(pools.height, day.toordinal())
    on_hand = made_up.dc_stock(seed, ids(pools, "city_id"), ids(pools, "product_id"), when, pools["mean"].to_numpy().round(6))
    dcs = pools.select("item_id", pl.col("dc_id").alias("location_id"), pl.Series("on_hand", on_hand))
    both = pl.concat([pairs.select("item_id", "location_id", "on_hand"), dcs])
    return both.with_columns(as_of=pl.lit(day), drop=pl.lit(day + timedelta(days=1)))
