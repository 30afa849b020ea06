"""Silver as the features need it: one stream of rows sorted by series, and the small tables that all share."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from jobs.features.block import KEY, PAIR, SOLD, STREAM, Span
from jobs.features.clock import Clock
from jobs.features.context import Masters
from jobs.features.levels import ITEM, LOCATION

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.lake import Lake

_PAIR = list(KEY[:2])
#: Shares of the series are counted in parts of this.
_PARTS = 10_000


def stream(lake: Lake, clock: Clock, span: Span, night: date, share: float = 1.0) -> DataFrame:
    """Rows of STREAM: all rows of a series together, in one partition.

    night  what this business date's night sees is read
    share  of the item-locations, chosen by a hash of their names
    """
    sold = _sample(demand(lake, clock, span, night), share)
    listed = _sample(_listed(lake, clock, span, night), share)
    sold = sold.join(listed.where("NOT active").select(*_PAIR), _PAIR, "left_anti")
    new = listed.where("active").join(sold.select(*_PAIR).distinct(), _PAIR, "left_anti").select(*KEY)
    prices = _prices(_sample_prices(lake.as_of("silver/prices", night), share), clock, span, sold.select(*KEY).unionByName(new).distinct())
    rows = sold.withColumn("kind", F.lit(SOLD))
    for more in (new.withColumn("kind", F.lit(PAIR)), prices):
        rows = rows.unionByName(more, allowMissingColumns=True)
    return rows.select(*STREAM.names).repartition(*KEY).sortWithinPartitions(*KEY)


def demand(lake: Lake, clock: Clock, span: Span, night: date) -> DataFrame:
    """Sales that features may look at: the recent periods, and the season of last year."""
    end = min(clock.first_day(span.last), night)
    recent = clock.first_day(span.ahead - max(clock.recent, clock.spans[-1]))
    year = clock.first_day(span.first), clock.first_day(span.last - clock.year + clock.around)
    ranges = " OR ".join(_between(begin, stop) for begin, stop in ((recent, end), (year[0], min(year[1], end))))
    return (
        lake.as_of("silver/demand", night)
        .where(ranges)
        .select(
            *KEY,
            "period",
            F.col("units").cast("double").alias("units"),
            "in_stock_fraction",
            F.col("price").cast("double").alias("price"),
            F.expr("promotion IS NOT NULL AND promotion <> ''").alias("promotion"),
        )
    )


def _between(begin: date, end: date) -> str:
    """Periods [begin, end), with their months, by which the table is partitioned."""
    months = f"month >= DATE'{begin.replace(day=1)}' AND month <= DATE'{end.replace(day=1)}'"
    return f"({months} AND period >= DATE'{begin}' AND period < DATE'{end}')"


def _sample(frame: DataFrame, share: float) -> DataFrame:
    return frame if share >= 1 else frame.where(f"pmod(xxhash64(item_id, location_id), {_PARTS}) < {round(share * _PARTS)}")


def _sample_prices(prices: DataFrame, share: float) -> DataFrame:
    chosen = f"location_id IS NULL OR pmod(xxhash64(item_id, location_id), {_PARTS}) < {round(share * _PARTS)}"
    return prices if share >= 1 else prices.where(chosen)


def _listed(lake: Lake, clock: Clock, span: Span, night: date) -> DataFrame:
    """Pairs of the assortment with their location's own channel, and whether they are active in the horizon."""
    last = clock.first_day(span.last) - timedelta(days=1)
    active = f"coalesce(active_from <= DATE'{last}', true) AND coalesce(active_to >= DATE'{night}', true)"
    pairs = lake.as_of("silver/assortment", night).groupBy(*_PAIR).agg(F.expr(f"bool_or({active})").alias("active"))
    selling = lake.as_of("silver/locations", night).where("kind IN ('store', 'online')")
    channels = selling.selectExpr("location_id", "IF(kind = 'online', 'online', 'store') AS channel").distinct()
    return pairs.join(channels, "location_id")


def _prices(prices: DataFrame, clock: Clock, span: Span, pairs: DataFrame) -> DataFrame:
    """Price rows that matter ahead, for each series that they hold for.

    Of the rows up to the first period ahead only the newest of each key: it holds then.
    """
    start, end = clock.first_day(span.ahead), clock.first_day(span.last)
    rows = prices.where(F.col("date") < F.lit(end)).select(
        *KEY,
        F.greatest("date", F.lit(start)).alias("period"),
        F.struct(
            F.col("unit_price").cast("double").alias("price"),
            F.expr(f"date >= DATE'{start}' AND coalesce(promotion, '') <> ''").alias("promotion"),
        ).alias("value"),
        "date",
    )
    before = rows.where(F.col("date") <= F.lit(start)).groupBy(*KEY, "period").agg(F.max_by("value", "date").alias("value"))
    after = rows.where(F.col("date") > F.lit(start)).drop("date")
    rows = before.unionByName(after).selectExpr(*KEY, "period", "value.price", "value.promotion")
    # Kinds 1..4 (PRICE_KINDS), most specific first: the location counts more than the channel.
    kind = "1 + IF(p.location_id IS NULL, 2, 0) + IF(p.channel IS NULL, 1, 0) AS kind"
    chosen = [*(f"s.{name}" for name in KEY), kind, "p.period", "p.price", "p.promotion"]
    same = "p.item_id = s.item_id AND (p.channel IS NULL OR p.channel = s.channel)"
    located, general = (rows.where(f"location_id IS {null} NULL").alias("p") for null in ("NOT", ""))
    series = pairs.alias("s")
    at_location = located.join(series, F.expr(f"{same} AND p.location_id = s.location_id")).selectExpr(*chosen)
    return at_location.unionByName(general.join(series, F.expr(same)).selectExpr(*chosen))


def sums(lake: Lake, clock: Clock, span: Span, night: date) -> pa.Table:
    """In-stock sales per item and period, and per location and period: (level, id, period, units, count, fractional)."""
    begin, end = clock.first_day(span.ahead - clock.spans[-1]), min(clock.first_day(span.last), night)
    rows = lake.as_of("silver/demand", night).where(_between(begin, end)).where("in_stock_fraction >= 1")
    grouped = rows.groupingSets([["item_id", "period"], ["location_id", "period"]], "item_id", "location_id", "period")
    # Decimals add up to the same sum in any order.
    totals = grouped.agg(
        F.when(F.grouping("item_id") == 0, ITEM).otherwise(LOCATION).alias("level"),
        F.sum("units").cast("double").alias("units"),
        F.count(F.lit(1)).alias("count"),
        F.count_if(F.expr("units <> floor(units)")).alias("fractional"),
    )
    return totals.select("level", F.coalesce("item_id", "location_id").alias("id"), "period", "units", "count", "fractional").toArrow()


def masters(lake: Lake, clock: Clock, span: Span, night: date) -> Masters:
    """The small tables, as the night sees them."""
    signals = lake.arrow("silver/signals", where=[("known_from", "<=", night), ("deleted", "=", False)])
    begin, end = clock.first_day(span.ahead - clock.trend[1]), clock.first_day(span.last)
    near = pc.and_(pc.greater_equal(signals["date"], begin), pc.less(signals["date"], end))
    return Masters(
        items=seen(lake, "silver/items", ("item_id", "department", "category"), night),
        locations=seen(lake, "silver/locations", ("location_id", "region"), night),
        calendar=seen(lake, "silver/calendar", ("region", "date", "event"), night),
        signals=signals.filter(near),
        sums=sums(lake, clock, span, night),
    )


def seen(lake: Lake, table: str, columns: tuple[str, ...], night: date) -> pa.Table:
    """Columns of a small silver table, as the night sees it, on the driver."""
    rows = lake.arrow(table, [*columns, "known_from", "known_to"], [("known_from", "<=", night)])
    still = pc.or_kleene(pc.is_null(rows["known_to"]), pc.greater(rows["known_to"], night))
    return rows.filter(still).select(list(columns))
