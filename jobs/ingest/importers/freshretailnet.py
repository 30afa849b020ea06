"""FreshRetailNet-50K (Dingdong, CC-BY-4.0) as a landing folder: history in the first drop, then one drop a night.

Sales, availability, promotions, discounts, holidays and weather are the publisher's. Prices, costs, packs, lanes,
stock and distribution centres are made up (:mod:`jobs.ingest.importers.made_up`) and named so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from jobs.errors import UsageError
from jobs.ingest.importers import drops, made_up, network, stock
from jobs.ingest.importers.source import WEATHER, Source, ids, read

#: Days that prices and promotions are known ahead.
AHEAD = 7
DEFAULT_SEED = 20240328


def import_freshretailnet(
    file: str | Path,
    landing: str | Path,
    first: date,
    last: date,
    cities: Sequence[int] | None = None,
    stores: Sequence[int] | None = None,
    products: Sequence[int] | None = None,
    seed: int = DEFAULT_SEED,
    hourly: bool = False,
) -> str:
    """Write the drops of first..last and return a sentence about them; the same input gives the same bytes.

    ``hourly``: sales by the hour instead of by the day, and the hours out of stock.

    Raises UsageError when the file is missing or not FreshRetailNet, or the dates leave no history.
    """
    source = Source(read(Path(file), {"city_id": cities, "store_id": stores, "product_id": products}, hourly), first, last, seed)
    start, end = source.rows.select(pl.min("date").alias("start"), pl.max("date").alias("end")).row(0)
    if not start < first <= last <= end + timedelta(days=1):
        raise UsageError(
            f"{file} has the days {start} to {end}: --first must be after {start}, --last not before --first "
            f"and at most {end + timedelta(days=1)} (a drop brings what happened until the day before it)"
        )
    feeds = {
        "locations": network.locations(source),
        "items": network.items(source),
        "assortment": network.assortment(source),
        "lanes": network.lanes(source),
        "calendar": _calendar(source),
        "sales": _sales_by_hour(source) if hourly else _sales(source),
        "availability": _availability(source),
        "prices": _prices(source),
        "signals": _signals(source),
        "inventory": stock.inventory(source),
    }
    records = drops.write(Path(landing), feeds)
    series = source.distinct("store_id", "product_id").height
    return (
        f"{landing}: {(last - first).days + 1} drops, {first} (with the history from {start}) to {last}; "
        f"{series:,} series, {records:,} records. "
        "Prices, costs, packs, lanes, distribution centres and all stock are made up (data/README.md)."
    )


def _calendar(source: Source) -> pl.DataFrame:
    """The publisher's holidays (free weekends and public holidays), known from the start."""
    days = source.rows.filter(pl.col("holiday_flag") == 1).select("region", "date").unique().sort("region", "date")
    return days.with_columns(event=pl.lit("holiday"), drop=pl.lit(source.first))


def _priced(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Rows with ``unit_price``: the made-up list price times the publisher's discount; null where that is missing."""
    price = pl.Series("list_price", made_up.list_price(seed, ids(rows, "product_id")))
    return rows.with_columns(price).with_columns(unit_price=(pl.col("list_price") * pl.col("discount")).round(2))


def _sales(source: Source) -> pl.DataFrame:
    """Days that sold something: like a till, the feed has no rows of zero."""
    sold = _priced(source.past.filter(pl.col("units") > 0), source.seed)
    return sold.select("item_id", "location_id", pl.col("date").alias("sold_at"), "units", "unit_price", "drop")


def _sales_by_hour(source: Source) -> pl.DataFrame:
    """Hours that sold something, a row each: at half past, since the publisher says no more than the hour (China's)."""
    sold = _priced(source.past.filter(pl.col("units") > 0), source.seed)
    local = pl.col("date").cast(pl.Datetime("us")) + pl.duration(hours=pl.col("hour"), minutes=30)
    parts = []
    for city in sold.partition_by("city_id", maintain_order=True):
        hours = city.select("item_id", "location_id", "date", "hours_sale", "unit_price", "drop")
        hours = hours.with_columns(hour=pl.int_ranges(24)).explode("hours_sale", "hour").filter(pl.col("hours_sale") > 0)
        moment = local.dt.replace_time_zone("Asia/Shanghai").dt.convert_time_zone("UTC").alias("sold_at")
        units = pl.col("hours_sale").cast(pl.Float64).round(4).alias("units")
        parts.append(hours.select("item_id", "location_id", moment, units, "unit_price", "drop").filter(pl.col("units") > 0))
    return pl.concat(parts)


def _availability(source: Source) -> pl.DataFrame:
    share = (1 - pl.col("stock_hour6_22_cnt") / 16).alias("in_stock_fraction")
    hours = [name for name in ("out_of_stock_hours",) if name in source.rows.columns]
    return source.past.select("item_id", "location_id", "date", share, *hours, "drop")


def _prices(source: Source) -> pl.DataFrame:
    """A row where the price changes or an activity runs; each known AHEAD days before."""
    pair = ["store_id", "product_id"]
    known = source.rows.filter(pl.col("date") < source.last + timedelta(days=AHEAD))
    priced = _priced(known, source.seed).filter(pl.col("unit_price").is_not_null())
    changed = pl.col("unit_price").ne_missing(pl.col("unit_price").shift(1).over(pair))
    return priced.filter(changed | (pl.col("activity_flag") == 1)).select(
        "item_id",
        "location_id",
        "date",
        "unit_price",
        pl.when(pl.col("activity_flag") == 1).then(pl.lit("activity")).alias("promotion"),
        pl.max_horizontal(pl.col("date") - pl.duration(days=AHEAD - 1), pl.lit(source.first)).alias("drop"),
    )


def _signals(source: Source) -> pl.DataFrame:
    """Weather as observed, at each store (the publisher's differs between the stores of a city)."""
    days = source.past.unique(["location_id", "date"], keep="first", maintain_order=True)
    long = days.unpivot(list(WEATHER), index=["location_id", "date", "drop"], variable_name="name")
    return long.select(
        "location_id", "date", pl.col("name").replace_strict(WEATHER), pl.col("value").cast(pl.Float64).round(4), "drop"
    ).sort("location_id", "date", "name")
