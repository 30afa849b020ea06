"""Masters of the landing folder: real hierarchy and assortment, made-up names, costs, packs and lanes."""

from __future__ import annotations

import polars as pl

from jobs.ingest.importers import made_up
from jobs.ingest.importers.source import Source, ids


def locations(source: Source) -> pl.DataFrame:
    """The stores, a made-up DC for each city, one made-up supplier."""
    stores = source.distinct("location_id", "store_id", "region").select(
        "location_id", pl.lit("store").alias("kind"), pl.format("Store {}", "store_id").alias("name"), "region", "drop"
    )
    dcs = source.distinct("dc_id", "city_id", "region").select(
        pl.col("dc_id").alias("location_id"),
        pl.lit("dc").alias("kind"),
        pl.format("Made-up distribution centre of city {}", "city_id").alias("name"),
        "region",
        "drop",
    )
    supplier = dcs.head(1).with_columns(
        location_id=pl.lit("supplier"), kind=pl.lit("supplier"), name=pl.lit("Made-up supplier"), region=pl.lit(None, pl.String)
    )
    together = pl.concat([stores, dcs, supplier])
    return together.with_columns(city="region", timezone=pl.lit("Asia/Shanghai"))


def items(source: Source) -> pl.DataFrame:
    """The products with the publisher's numbers as hierarchy and made-up costs."""
    items = source.distinct("item_id", "product_id", "management_group_id", "first_category_id", "second_category_id")
    product = ids(items, "product_id")
    return items.select(
        "item_id",
        pl.format("Product {}", "product_id").alias("name"),
        pl.format("group_{}", "management_group_id").alias("department"),
        pl.format("category_{}", "first_category_id").alias("category"),
        pl.format("subcategory_{}", "second_category_id").alias("subcategory"),
        pl.Series("unit_cost", made_up.unit_cost(source.seed, product)),
        pl.Series("unit_price", made_up.list_price(source.seed, product)),
        pl.Series("shelf_life_days", made_up.shelf_life(source.seed, product)),
        "drop",
    )


def assortment(source: Source) -> pl.DataFrame:
    """Every pair that the publisher has, without dates: it always was and still is."""
    pairs = source.distinct("location_id", "item_id", "store_id", "product_id")
    store, product = ids(pairs, "store_id"), ids(pairs, "product_id")
    return pairs.select(
        "item_id",
        "location_id",
        pl.Series("max_stock", made_up.max_stock(source.seed, store, product)).fill_nan(None),
        pl.Series("holding_cost", made_up.holding_cost(source.seed, product)),
        "drop",
    )


def lanes(source: Source) -> pl.DataFrame:
    """A lane from the city's DC to each store with its order terms, and a row for every item that has another pack; one to each DC."""
    stores = source.distinct("dc_id", "location_id", "store_id")
    store = ids(stores, "store_id")
    lanes = stores.select(
        pl.col("dc_id").alias("source_id"),
        "location_id",
        pl.lit(None, pl.String).alias("item_id"),
        pl.Series("lead_time_days", made_up.lead_time(source.seed, store)),
        pl.Series("order_days", made_up.order_days(source.seed, store), dtype=pl.String).replace("", None),
        pl.lit(1.0).alias("order_multiple"),
        pl.Series("min_order_value", made_up.min_order_value(source.seed, store)).fill_nan(None),
        pl.Series("order_cost", made_up.order_cost(source.seed, store)).fill_nan(None),
        "drop",
    )
    pairs = source.distinct("dc_id", "location_id", "item_id", "product_id")
    packs = pairs.select(
        pl.col("dc_id").alias("source_id"),
        "location_id",
        "item_id",
        pl.lit(None, pl.Int32).alias("lead_time_days"),
        pl.lit(None, pl.String).alias("order_days"),
        pl.Series("order_multiple", made_up.order_multiple(source.seed, ids(pairs, "product_id"))),
        pl.lit(None, pl.Float64).alias("min_order_value"),
        pl.lit(None, pl.Float64).alias("order_cost"),
        "drop",
    )
    dcs = lanes.unique("source_id", keep="first", maintain_order=True).with_columns(
        source_id=pl.lit("supplier"), location_id="source_id", lead_time_days=pl.lit(2, pl.Int32), order_days=pl.lit(None, pl.String),
        min_order_value=pl.lit(None, pl.Float64), order_cost=pl.lit(None, pl.Float64),
    )  # fmt: skip
    return pl.concat([lanes, packs.filter(pl.col("order_multiple") != 1), dcs])
