"""What a night's plan reads: the tables of each item in one shard, and the small tables for all."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from jobs.forecast.ranks import PathRanks, from_table
from jobs.lake import seen_by
from jobs.plan.ageing import MEMORY
from jobs.plan.lanes import ORDER_TERMS
from jobs.plan.night import PAIR, Night
from schemas.gold.forecasts import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from jobs.config import Config
    from jobs.lake import Lake

#: Forecasts (series times periods) of a small night.
_FEW = 100_000
#: Orders of nights longer ago are done with: the longest lead time and a month.
_LONGEST_TRANSIT = timedelta(days=400)
#: What an item sold for longer ago says little.
_PRICE_MEMORY = timedelta(days=62)
_NUMBERS = ("presentation_min", "max_stock", "holding_cost", "shortage_cost", "waste_cost")
#: What the plan reads of the forecasts, and of published orders.
FORECAST = (*PAIR, "channel", "target_date", "mean", "p_zero", *QUANTILES, "whole_units")
_PUBLISHED = ("business_date", "order_id", *PAIR, "source_id", "units", "expected_on")
#: Silver tables that ``tables_here`` reads.
SILVER = ("items", "lanes", "assortment", "stock", "sales", "receipts", "inbound", "capacities", "overrides", "demand", "prices")
#: Of these what ``masters_here`` reads, beside prices.
MASTERS = ("items", "lanes", "assortment")
_TERMS = ("lead_time_days", "lead_time_std", "order_days", "unit_cost", "order_multiple", "min_order_units")


def night_of(lake: Lake, config: Config, business_date: date, ranks: PathRanks | None = None) -> Night:
    """The small tables, read on the driver without Spark; ``ranks``: of the demand paths, where they are not the run's published ones."""
    lanes = lake.arrow_as_of("silver/lanes", business_date, ("source_id", "location_id", "item_id", *_TERMS, *ORDER_TERMS))
    closed = lake.arrow_as_of("silver/calendar", business_date, ("region", "date", "event"))
    closed = closed.filter(pc.and_(pc.equal(closed["event"], "closed"), pc.greater_equal(closed["date"], pa.scalar(business_date))))
    return Night(
        business_date,
        config,
        ranks or _ranks(lake, business_date),
        lake.arrow_as_of("silver/locations", business_date, ("location_id", "kind", "region")),
        lanes=lanes.filter(pc.is_null(lanes["item_id"])),
        capacities=_shared_capacities(lake, business_date),
        closed=closed.select(["region", "date"]),
        alternatives=_has_alternatives(lanes),
        lanes_known=lanes.num_rows > 0,
        receipts_from=pc.min(lake.arrow("silver/receipts", ["received_on"], [("known_from", "<=", business_date)])["received_on"]).as_py(),
        snapshot=_snapshot(lake, business_date),
    )


def _has_alternatives(lanes: pa.Table) -> bool:
    """Whether lanes of different sources lead to one item-location: of all items, or a lane of all and one of an item."""
    rows = pl.DataFrame(pl.from_arrow(lanes.select(["source_id", "location_id", "item_id"])))
    wide = rows.filter(pl.col("item_id").is_null()).select("source_id", "location_id")
    own = rows.filter(pl.col("item_id").is_not_null())
    both = own.join(wide, on="location_id", suffix="_wide").select("item_id", "location_id", source_id="source_id_wide")
    pairs = pl.concat([wide.with_columns(item_id=pl.lit(None, pl.String)), own, both], how="diagonal").unique()
    return bool(pairs.select("item_id", "location_id").is_duplicated().any())


def _shared_capacities(lake: Lake, business_date: date) -> pa.Table:
    """Capacities that tie items together and are not over: all but an item's dc_stock in units, which its own shard keeps."""
    rows = lake.arrow_as_of("silver/capacities", business_date, ("resource", "location_id", "item_id", "date", "limit", "unit"))
    own = pc.and_(pc.equal(rows["resource"], "dc_stock"), pc.equal(rows["unit"], "units"))
    own = pc.and_(own, pc.and_(pc.is_valid(rows["item_id"]), pc.is_valid(rows["location_id"])))
    ahead = pc.or_kleene(pc.is_null(rows["date"]), pc.greater_equal(rows["date"], pa.scalar(business_date)))
    return rows.filter(pc.and_(ahead, pc.invert(own)))


def _ranks(lake: Lake, business_date: date) -> PathRanks:
    """The run's path_ranks."""
    where: list[tuple[str, str, object]] = [("business_date", "=", business_date), ("run_id", "=", lake.run_id)]
    return from_table(lake.arrow("gold/path_ranks", where=where))


def is_small(lake: Lake, business_date: date) -> bool:
    """Whether Spark takes longer to compile the night's queries than to run them."""
    where: list[tuple[str, str, object]] = [("business_date", "=", business_date), ("run_id", "=", lake.run_id)]
    rows = lake.arrow("gold/forecasts", ["target_date"], where).num_rows
    return int(rows) < _FEW


def _snapshot(lake: Lake, business_date: date) -> date | None:
    """Date of the latest open_orders snapshot: rows came or, where nothing was in transit any more, went with it."""
    rows = lake.arrow("silver/inbound", ["known_from", "known_to"], [("known_from", "<=", business_date)])
    dates = [day for name in ("known_from", "known_to") for day in pc.unique(rows[name]).to_pylist()]
    return max((day for day in dates if day is not None and day <= business_date), default=None)


def sources(lake: Lake, night: Night) -> dict[str, DataFrame]:
    """The tables of the shards that have rows, each with item_id; lazily, but for the date of the oldest count that matters."""
    from pyspark.sql import functions as F

    day, oldest = night.business_date, None
    if not lake.is_empty("silver/stock"):
        counts = lake.as_of("silver/stock", day).where(f"as_of < DATE'{day}'").groupBy(*PAIR).agg(F.max("as_of").alias("newest"))
        found = counts.agg(F.min("newest").alias("oldest")).first()
        oldest = found.oldest if found else None
    runs = _runs(lake, night)
    tables = {
        name: lake.as_of(f"silver/{name}", day).where(where).select(*columns)
        for name, (where, columns) in _wanted(night, _received_from(lake, night, oldest, runs), oldest).items()
        if not lake.is_empty(f"silver/{name}")
    }
    tables = {"forecasts": lake.run("gold/forecasts", day).select(*FORECAST), **tables, **_prices(lake, day)}
    if runs:
        published = lake.published("gold/orders", day).where(f"business_date >= DATE'{min(runs)}'")
        tables["published"] = published.select(*_PUBLISHED)
    return tables


def tables_here(lake: Lake, night: Night) -> dict[str, pa.Table]:
    """The same tables in this process, without Spark, for one shard of all items; all but the forecasts."""
    day = night.business_date
    with duckdb.connect(config={"threads": 2}) as connection:
        for name in SILVER:
            connection.register(name, lake.dataset(f"silver/{name}").filter(seen_by(day)))
        counts = f"SELECT max(as_of) AS newest FROM stock WHERE as_of < DATE'{day}' GROUP BY item_id, location_id"  # noqa: S608
        oldest = connection.sql(f"SELECT min(newest) FROM ({counts})").fetchall()[0][0]  # noqa: S608
        runs = _runs(lake, night)
        found = _queried(connection, _wanted(night, _received_from(lake, night, oldest, runs), oldest), day)
    if runs:
        where = pc.is_in(pc.field("run_id"), pa.array(list(runs.values())))
        found["published"] = lake.dataset("gold/orders").to_table(columns=list(_PUBLISHED), filter=where)
    return found


def with_forecasts(tables: Mapping[str, pa.Table], forecasts: pa.Table) -> dict[str, pa.Table]:
    """The tables with the night's forecasts."""
    return {"forecasts": forecasts.select(list(FORECAST)), **tables}


def masters(lake: Lake, night: Night) -> dict[str, DataFrame]:
    """Of the shards' tables those that say what lines are and what they cost, whatever is in stock."""
    day, wanted = night.business_date, _wanted(night, night.business_date, None)
    chosen = [name for name in MASTERS if not lake.is_empty(f"silver/{name}")]
    return {name: lake.as_of(f"silver/{name}", day).where(wanted[name][0]).select(*wanted[name][1]) for name in chosen} | _prices(lake, day)


def masters_here(lake: Lake, night: Night) -> dict[str, pa.Table]:
    """The same in this process."""
    day, wanted = night.business_date, _wanted(night, night.business_date, None)
    with duckdb.connect(config={"threads": 2}) as connection:
        for name in (*MASTERS, "demand", "prices"):
            connection.register(name, lake.dataset(f"silver/{name}").filter(seen_by(day)))
        return _queried(connection, {name: wanted[name] for name in MASTERS}, day)


def _queried(connection: duckdb.DuckDBPyConnection, wanted: Mapping[str, tuple[str, tuple[str, ...]]], day: date) -> dict[str, pa.Table]:
    """Tables as ``_wanted`` says, and prices, of what is registered by name."""
    queries = {
        name: 'SELECT "{}" FROM {} WHERE {}'.format('", "'.join(columns), name, where)  # noqa: S608
        for name, (where, columns) in wanted.items()
    }
    return {name: connection.sql(query).to_arrow_table() for name, query in (queries | _prices_here(day)).items()}


def _runs(lake: Lake, night: Night) -> dict[date, str]:
    """Published nights whose orders may still be under way."""
    day = night.business_date
    return {past: run for past, run in lake.published_runs(day).items() if past >= (night.snapshot or day - _LONGEST_TRANSIT)}


def _received_from(lake: Lake, night: Night, oldest: date | None, runs: Mapping[date, str]) -> date:
    """The first day whose receipts matter: for stock since the oldest count, for orders under way, for the age of what spoils."""
    lives = lake.arrow_as_of("silver/items", night.business_date, ("shelf_life_days",))["shelf_life_days"]
    longest = min(timedelta(days=pc.max(lives).as_py() or 0), MEMORY)
    return min([oldest or night.business_date, *runs, *([night.snapshot] if night.snapshot else []), night.business_date - longest])


def _wanted(night: Night, received_from: date, oldest: date | None) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Silver table -> which of its rows, in SQL, and columns; ``oldest``: date of the oldest count that matters."""
    d, since = f"DATE'{night.business_date}'", oldest or night.business_date
    return {
        "items": ("TRUE", ("item_id", "unit_cost", "unit_price", "unit_volume", "unit_weight", "shelf_life_days")),
        "lanes": ("item_id IS NOT NULL", ("source_id", "location_id", "item_id", *_TERMS)),
        "assortment": ("TRUE", (*PAIR, "active_from", "active_to", *_NUMBERS)),
        "stock": (f"as_of >= DATE'{since}' AND as_of < {d}", (*PAIR, "as_of", "on_hand", "reserved", "expires_on")),
        "sales": (f"date > DATE'{since}' AND date < {d}", (*PAIR, "date", "units")),
        "receipts": (
            f"received_on >= DATE'{received_from}' AND received_on < {d}",
            ("order_id", *PAIR, "source_id", "units", "received_on"),
        ),
        "inbound": ("TRUE", ("order_id", *PAIR, "source_id", "units", "ordered_on", "expected_on")),
        "capacities": ("resource = 'dc_stock' AND item_id IS NOT NULL", ("resource", *PAIR, "date", "limit", "unit")),
        "overrides": (f"business_date = {d}", (*PAIR, "source_id", "business_date", "units")),
    }


def _prices_here(day: date) -> dict[str, str]:
    """Queries for what ``_prices`` makes."""
    first = (day - _PRICE_MEMORY).replace(day=1)
    held = f"month >= DATE'{first}' AND period < DATE'{day}' AND price IS NOT NULL"
    newest = f"SELECT item_id, location_id, arg_max(unit_price, date) AS price FROM prices WHERE date <= DATE'{day}' GROUP BY item_id, location_id, channel"  # noqa: E501, S608
    return {
        "last_price": f"""
            SELECT item_id, location_id, arg_max(price, struct_pack(period, channel))::DOUBLE AS price
            FROM demand WHERE {held} GROUP BY item_id, location_id""",  # noqa: S608
        "price_list": f"SELECT item_id, location_id, min(price)::DOUBLE AS price FROM ({newest}) GROUP BY item_id, location_id",  # noqa: S608
    }


def _prices(lake: Lake, day: date) -> dict[str, DataFrame]:
    """The last price that held for each pair, and the price list's newest row of each key."""
    from pyspark.sql import functions as F

    first, tables = (day - _PRICE_MEMORY).replace(day=1), {}
    if not lake.is_empty("silver/demand"):
        held = lake.as_of("silver/demand", day).where(f"month >= DATE'{first}' AND period < DATE'{day}' AND price IS NOT NULL")
        last = held.groupBy(*PAIR).agg(F.max_by("price", F.struct("period", "channel")).cast("double").alias("price"))
        tables["last_price"] = last
    if not lake.is_empty("silver/prices"):
        listed = lake.as_of("silver/prices", day).where(f"date <= DATE'{day}'")
        newest = listed.groupBy(*PAIR, "channel").agg(F.max_by("unit_price", "date").cast("double").alias("price"))
        tables["price_list"] = newest.groupBy(*PAIR).agg(F.min("price").alias("price"))
    return tables


def by_shard(tables: Mapping[str, DataFrame], shards: int) -> DataFrame:
    """All tables as one frame, one partition a shard: a struct column a table, null in the rows of the others."""
    from functools import reduce

    from pyspark.sql import functions as F

    types = {name: table.schema for name, table in tables.items()}
    shard = F.expr(f"CAST(pmod(xxhash64(item_id), {shards}) AS INT)").alias("shard")

    def widen(name: str, table: DataFrame) -> DataFrame:
        mine = F.struct(*table.columns).cast(types[name]).alias(name)
        return table.select(shard, *(mine if other == name else F.lit(None).cast(types[other]).alias(other) for other in types))

    united = reduce(lambda a, b: a.union(b), [widen(name, table) for name, table in tables.items()])
    return united.repartitionById(shards, "shard")
