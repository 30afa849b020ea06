"""What a unit costs to buy, to hold, to lack and to waste: feeds first, config's rates where they are silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from jobs.plan.night import PAIR, Night, exception, exceptions, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

_UNKNOWN_COST = 1.0


def assortment(rows: pa.Table | None, night: Night) -> pl.DataFrame:
    """The assortment row of each pair that counts tonight: the one active now, else the next, else the last."""
    table = frame(rows, "silver/assortment")
    day = pl.lit(night.business_date)
    started = pl.col("active_from").is_null() | (pl.col("active_from") <= day)
    ended = (pl.col("active_to") < day).fill_null(value=False)
    turn = pl.when(started & ~ended).then(0).when(~ended).then(1).otherwise(2)
    ranked = table.with_columns(turn=turn).sort(*PAIR, "turn", "active_from", descending=[False, False, False, True])
    numbers = ["presentation_min", "max_stock", "holding_cost", "shortage_cost", "waste_cost"]
    first = ranked.unique(PAIR, keep="first", maintain_order=True)
    return first.select(*PAIR, "active_from", "active_to", *(pl.col(n).cast(pl.Float64) for n in numbers))


def prices(tables: Mapping[str, pa.Table], items: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Price of each pair: what held last, else the price list (location before all), else the item's."""
    last = frame_of(tables.get("last_price"), {"item_id": pl.String, "location_id": pl.String, "price": pl.Float64})
    listed = frame_of(tables.get("price_list"), {"item_id": pl.String, "location_id": pl.String, "price": pl.Float64})
    anywhere = listed.filter(pl.col("location_id").is_null()).select("item_id", price_all="price")
    here = listed.filter(pl.col("location_id").is_not_null()).rename({"price": "price_here"})
    wide = (
        pairs.select(PAIR)
        .join(here.group_by(PAIR).agg(pl.col("price_here").min()), on=PAIR, how="left")
        .join(anywhere.group_by("item_id").agg(pl.col("price_all").min()), on="item_id", how="left")
        .join(last, on=PAIR, how="left")
        .join(items.select("item_id", pl.col("unit_price").cast(pl.Float64)), on="item_id", how="left")
    )
    return wide.select(*PAIR, price=pl.coalesce("price_here", "price", "price_all", "unit_price"))


def unit_costs(lines: pl.DataFrame, tables: Mapping[str, pa.Table], items: pl.DataFrame, night: Night) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines with buying_cost, holding (unit and period), shortage (unit lost), waste (unit expired), all >= 0.

    lines  have the lane's unit_cost, the item's item_cost and the assortment's holding_cost, shortage_cost, waste_cost (null: default)
    """
    margin = night.config.costs.margin_rate
    listed = lines.join(prices(tables, items, lines.unique(PAIR)), on=PAIR, how="left")
    known = pl.coalesce(pl.col("unit_cost").cast(pl.Float64), "item_cost", pl.col("price") * (1 - margin))
    costed = listed.with_columns(buying_cost=known.fill_null(_UNKNOWN_COST))
    # Without a price the margin is what the rate makes of the cost: price = cost / (1 - rate).
    gain = pl.col("price") * margin
    costed = costed.with_columns(
        holding=pl.coalesce("holding_cost", pl.col("buying_cost") * night.config.holding_rate_per_period),
        shortage=pl.coalesce("shortage_cost", gain, pl.col("buying_cost") * margin / (1 - margin)),
        waste=pl.coalesce("waste_cost", "buying_cost"),
    )
    missing = listed.filter(known.is_null()).select("item_id").unique().sort("item_id")
    text = pl.lit("no unit_cost, no price, never sold at a price: cost taken as 1")
    found = exception(missing, "no_unit_cost", text, "give unit_cost or unit_price in the items feed")
    return costed.drop("item_cost", "unit_cost"), exceptions([found])


def frame_of(rows: pa.Table | None, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """Rows as polars with exactly these columns."""
    if rows is None or rows.num_rows == 0:
        return pl.DataFrame(schema=schema)
    data = pl.from_arrow(rows)
    assert isinstance(data, pl.DataFrame)
    return data.select(pl.col(name).cast(kind) for name, kind in schema.items())
