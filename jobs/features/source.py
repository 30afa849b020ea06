"""Silver as the features need it: one stream of rows sorted by series, and the small tables that all share."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from jobs.features.block import LISTED, PRICE_OF_CHANNEL, PRICE_OF_PAIR, SOLD, STREAM, Span
from jobs.features.clock import Clock
from jobs.features.context import Masters, season_spans
from jobs.features.levels import ITEM, LOCATION, PROMOTED
from jobs.features.names import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.lake import Lake

_PAIR = list(KEY[:2])


def stream(lake: Lake, clock: Clock, span: Span, night: date) -> DataFrame:
    """Rows of STREAM: all rows of an item-location together, in one partition. One shuffle, no join of what is big.

    night  what this business date's night sees is read
    """
    rows = demand(lake, clock, span, night).withColumn("kind", F.lit(SOLD))
    if not _empty(lake, "silver/assortment", night):
        rows = rows.unionByName(_listed(lake, clock, span, night), allowMissingColumns=True)
    if not _empty(lake, "silver/prices", night):
        rows = rows.unionByName(_located_prices(lake, clock, span, night), allowMissingColumns=True)
    return rows.select(*STREAM.names).repartition(*_PAIR).sortWithinPartitions(*_PAIR)


def _empty(lake: Lake, table: str, night: date) -> bool:
    return not lake.arrow(table, ["known_from"], [("known_from", "<=", night)]).num_rows


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
            F.expr("IF(in_stock_fraction < 1, CAST(demand AS DOUBLE), NULL)").alias("recovered"),
            F.col("price").cast("double").alias("price"),
            F.expr("promotion IS NOT NULL AND promotion <> ''").alias("promotion"),
        )
    )


def _between(begin: date, end: date) -> str:
    """Periods [begin, end), with their months, by which the table is partitioned."""
    months = f"month >= DATE'{begin.replace(day=1)}' AND month <= DATE'{end.replace(day=1)}'"
    return f"({months} AND period >= DATE'{begin}' AND period < DATE'{end}')"


def _listed(lake: Lake, clock: Clock, span: Span, night: date) -> DataFrame:
    """Pairs of the assortment in their location's own channel; ``promotion``: whether active in the horizon."""
    last = clock.first_day(span.last) - timedelta(days=1)
    active = f"coalesce(active_from <= DATE'{last}', true) AND coalesce(active_to >= DATE'{night}', true)"
    pairs = lake.as_of("silver/assortment", night).selectExpr(*_PAIR, f"{active} AS promotion")
    selling = lake.as_of("silver/locations", night).where("kind IN ('store', 'online')")
    channels = selling.selectExpr("location_id", "IF(kind = 'online', 'online', 'store') AS channel")
    return pairs.join(F.broadcast(channels), "location_id").withColumn("kind", F.lit(LISTED))


def _prices(lake: Lake, clock: Clock, span: Span, night: date) -> DataFrame:
    """Price rows that matter ahead. Of those up to the first period ahead only the newest of each key: it holds then.

    Older ones than the history that features see matter to no feature: a price counts against those of the series' own
    recent periods. So a night's cost does not grow with the length of the price history.
    """
    start, end = clock.first_day(span.ahead), clock.first_day(span.last)
    oldest = clock.first_day(span.ahead - clock.recent)
    first_next = clock.first_day(span.ahead + 1)
    promoted = F.expr(f"date >= DATE'{start}' AND coalesce(promotion, '') <> ''").alias("promotion")
    rows = lake.as_of("silver/prices", night).where(F.col("date").between(F.lit(oldest), F.lit(end - timedelta(days=1))))
    rows = rows.select(*KEY, "date", F.struct(F.col("unit_price").cast("double").alias("price"), promoted).alias("value"))
    before = rows.where(F.col("date") < F.lit(first_next)).groupBy(*KEY).agg(F.max_by("value", "date").alias("value"))
    after = rows.where(F.col("date") >= F.lit(first_next)).withColumnRenamed("date", "period")
    return before.withColumn("period", F.lit(start)).unionByName(after).selectExpr(*KEY, "period", "value.price", "value.promotion")


def _located_prices(lake: Lake, clock: Clock, span: Span, night: date) -> DataFrame:
    kind = F.when(F.col("channel").isNull(), PRICE_OF_PAIR).otherwise(PRICE_OF_CHANNEL)
    return _prices(lake, clock, span, night).where("location_id IS NOT NULL").withColumn("kind", kind)


def general_prices(lake: Lake, clock: Clock, span: Span, night: date) -> pa.Table:
    """Price rows that hold at all locations, on the driver."""
    columns = ("item_id", "channel", "period", "price", "promotion")
    if _empty(lake, "silver/prices", night):
        return STREAM.empty_table().select(list(columns))
    return _prices(lake, clock, span, night).where("location_id IS NULL").select(*columns).toArrow()


def sums(lake: Lake, clock: Clock, span: Span, night: date) -> pa.Table:
    """In-stock sales per item, per location, and per item under promotion, by period: (level, id, period, units, count, fractional).

    Of the recent periods and of the season in earlier years: what is read does not grow with history.
    """
    periods = [(span.ahead - clock.spans[-1], span.last), *season_spans(clock, span)]
    ranges = " OR ".join(_between(clock.first_day(begin), min(clock.first_day(end), night)) for begin, end in periods)
    rows = lake.as_of("silver/demand", night).where(ranges).where("in_stock_fraction >= 1")
    rows = rows.withColumn("promoted", F.expr(f"IF(promotion IS NOT NULL AND promotion <> '', '{PROMOTED[ITEM]}', NULL)"))
    sets = [["item_id", "period"], ["location_id", "period"], ["item_id", "promoted", "period"]]
    grouped = rows.groupingSets(sets, "item_id", "location_id", "promoted", "period")
    # Decimals add up to the same sum in any order.
    totals = grouped.agg(
        F.when(F.grouping("promoted") == 0, F.col("promoted")).when(F.grouping("item_id") == 0, ITEM).otherwise(LOCATION).alias("level"),
        F.sum("units").cast("double").alias("units"),
        F.count(F.lit(1)).alias("count"),
        F.count_if(F.expr("units <> floor(units)")).alias("fractional"),
    ).where("level IS NOT NULL")
    return totals.select("level", F.coalesce("item_id", "location_id").alias("id"), "period", "units", "count", "fractional").toArrow()


def masters(lake: Lake, clock: Clock, span: Span, night: date) -> Masters:
    """The small tables, as the night sees them."""
    signals = lake.arrow("silver/signals", where=[("known_from", "<=", night), ("deleted", "=", False)])
    begin, end = clock.first_day(span.ahead - clock.trend[1]), clock.first_day(span.last)
    near = pc.and_(pc.greater_equal(signals["date"], begin), pc.less(signals["date"], end))
    return Masters(
        items=lake.arrow_as_of("silver/items", night, ("item_id", "department", "category")),
        locations=lake.arrow_as_of("silver/locations", night, ("location_id", "region")),
        calendar=lake.arrow_as_of("silver/calendar", night, ("region", "date", "event")),
        signals=signals.filter(near),
        sums=sums(lake, clock, span, night),
        prices=general_prices(lake, clock, span, night),
    )
