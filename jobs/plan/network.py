"""Which pairs of item and location order: places that sell, and the distribution centres behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from jobs.plan import lanes
from jobs.plan.night import PAIR, Night, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

#: Centres by how many steps they are from a place that sells: what a centre is asked for follows from those of lower levels.
LEVELS: dict[str, pl.DataType | type[pl.DataType]] = {"item_id": pl.String, "location_id": pl.String, "level": pl.Int64}


def ordering(
    forecast: pl.DataFrame, tables: Mapping[str, pa.Table], items: pl.DataFrame, night: Night
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs that could order, with what ``lanes.considered`` takes: of places that sell, and of centres.

    A place that sells could order what is forecast there or locked by a planner. A centre could order an item that it has a stock
    record of (without one it is unlimited) where a lane leads to it, if it supplies another pair, sells, or is locked.
    """
    locked = _locked(tables, night)
    known = pl.concat([forecast.select(PAIR), locked.select(PAIR)]).unique()
    selling = _named(known.join(_places(night, *lanes.SELLING_KINDS), on="location_id", how="semi"), locked, items)
    possible = _could_order(tables, night)
    found = _named(known.join(possible, on=PAIR, how="semi"), locked, items)
    front = pl.concat([selling, found])
    while len(possible) and len(front):
        sources = lanes.sources(front, tables.get("lanes"), night).select("item_id", location_id="source_id").unique()
        new = sources.join(possible, on=PAIR, how="semi").join(found, on=PAIR, how="anti")
        front = _named(new, locked, items)
        found = pl.concat([found, front])
    return selling, found.sort(PAIR)


def by_level(every: pl.DataFrame, centres: pl.DataFrame) -> pl.DataFrame:
    """Centres that a lane with order days leads to, in LEVELS; those on a circle of lanes have no level and don't order.

    every  lanes with `state` (lanes.supplied), which has named the circle (lane_cycle)
    """
    rest = every.filter(pl.col("chosen") & (pl.col("state") != "never")).join(centres, on=PAIR, how="semi").select(*PAIR, "source_id")
    found = [pl.DataFrame(schema=LEVELS)]
    while True:
        supplying = rest.select("item_id", location_id="source_id")
        lowest = rest.join(supplying, on=PAIR, how="anti").select(PAIR)
        if lowest.is_empty():
            return pl.concat(found).sort(PAIR)
        found.append(lowest.with_columns(level=pl.lit(len(found) - 1, pl.Int64)))
        rest = rest.join(lowest, on=PAIR, how="anti")


def _locked(tables: Mapping[str, pa.Table], night: Night) -> pl.DataFrame:
    """A planner's quantities of tonight; a lock that names its source goes before one that does not."""
    rows = frame(tables.get("overrides"), "silver/overrides").filter(pl.col("business_date") == night.business_date)
    return rows.sort(*PAIR, "source_id", nulls_last=True).unique(PAIR, keep="first", maintain_order=True)


def _places(night: Night, *kinds: str) -> pl.DataFrame:
    rows = pl.DataFrame(pl.from_arrow(night.locations.select(["location_id", "kind"])))
    return rows.filter(pl.col("kind").is_in(kinds)).select("location_id").unique()


def _could_order(tables: Mapping[str, pa.Table], night: Night) -> pl.DataFrame:
    """Pairs of centres with a stock record and a lane that leads there."""
    centres = _places(night, "dc")
    wide = frame(night.lanes, "silver/lanes").join(centres, on="location_id", how="semi").select("location_id")
    own = frame(tables.get("lanes"), "silver/lanes").join(centres, on="location_id", how="semi").select(PAIR)
    if wide.is_empty() and own.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(PAIR, pl.String))
    counted = frame(tables.get("stock"), "silver/stock").filter(pl.col("as_of") < night.business_date).select(PAIR).unique()
    return pl.concat([counted.join(wide, on="location_id", how="semi"), counted.join(own, on=PAIR, how="semi")]).unique()


def _named(pairs: pl.DataFrame, locked: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Pairs with item_cost, override_source, override_units and overridden."""
    units = pl.col("units").cast(pl.Float64)
    named = locked.select(*PAIR, override_source="source_id", override_units=units, overridden=pl.lit(value=True))
    costs_of_items = items.select("item_id", item_cost=pl.col("unit_cost").cast(pl.Float64))
    return (
        pairs.join(named, on=PAIR, how="left")
        .join(costs_of_items, on="item_id", how="left")
        .with_columns(pl.col("overridden").fill_null(value=False))
        .sort(PAIR)
    )
