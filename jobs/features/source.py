"""Silver as the features need it: the stream of rows sorted by series, and the small tables that all series share."""

# ruff: noqa: S608 - the queries are made of numbers, dates and names of the contract

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from jobs.features.block import LISTED, PRICE_OF_CHANNEL, PRICE_OF_PAIR, SOLD, Span
from jobs.features.clock import Clock
from jobs.features.context import Masters, season_spans
from jobs.features.levels import ITEM, LOCATION, PROMOTED
from jobs.features.shares import Shares
from schemas.table import DECIMAL

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.lake import Lake

#: Sums of one share, before they are added up.
_PARTS = pa.schema(
    [
        ("level", pa.string()),
        ("id", pa.string()),
        ("period", pa.date32()),
        ("units", pa.decimal128(38, DECIMAL.scale)),
        ("count", pa.int64()),
        ("fractional", pa.int64()),
    ]
)
_GENERAL = pa.schema(
    [("item_id", pa.string()), ("channel", pa.string()), ("period", pa.date32()), ("price", pa.float64()), ("promotion", pa.bool_())]
)
_PROMOTED = "coalesce(promotion, '') <> ''"


def stream(clock: Clock, span: Span, night: date) -> str:
    """Query for the rows of block.STREAM of a share: all rows of an item-location together."""
    return f"""
        {_demand(clock, span, night)}
        UNION ALL
        SELECT item_id, location_id, channel, IF(channel IS NULL, {PRICE_OF_PAIR}, {PRICE_OF_CHANNEL})::INTEGER, period,
            NULL, NULL, NULL, price, promotion
        FROM ({_prices(clock, span, "location_id IS NOT NULL")})
        UNION ALL
        {_listed(clock, span, night)}
        ORDER BY item_id, location_id"""


def _demand(clock: Clock, span: Span, night: date) -> str:
    """Sales that features may look at: the recent periods, and the season of last year."""
    end = min(clock.first_day(span.last), night)
    recent = clock.first_day(span.ahead - max(clock.recent, clock.spans[-1]))
    year = clock.first_day(span.first), clock.first_day(span.last - clock.year + clock.around)
    return f"""
        SELECT item_id, location_id, channel, {SOLD}::INTEGER AS kind, period, units::DOUBLE AS units, in_stock_fraction,
            IF(in_stock_fraction < 1, demand::DOUBLE, NULL) AS recovered, price::DOUBLE AS price, {_PROMOTED} AS promotion
        FROM demand WHERE {_within([(recent, end), (year[0], min(year[1], end))])}"""


def _within(ranges: list[tuple[date, date]]) -> str:
    """Periods in one of the ranges [begin, end), with their months, by which the table is partitioned."""
    return " OR ".join(
        f"(month >= DATE '{begin.replace(day=1)}' AND month <= DATE '{end.replace(day=1)}'"
        f" AND period >= DATE '{begin}' AND period < DATE '{end}')"
        for begin, end in ranges
    )


def _listed(clock: Clock, span: Span, night: date) -> str:
    """Pairs of the assortment in their location's own channel; ``promotion``: whether active in the horizon."""
    last = clock.first_day(span.last) - timedelta(days=1)
    return f"""
        SELECT item_id, location_id, IF(kind = 'online', 'online', 'store'), {LISTED}::INTEGER, NULL, NULL, NULL, NULL, NULL,
            coalesce(active_from <= DATE '{last}', true) AND coalesce(active_to >= DATE '{night}', true)
        FROM assortment JOIN locations USING (location_id) WHERE kind IN ('store', 'online')"""


def _prices(clock: Clock, span: Span, which: str) -> str:
    """Price rows that matter ahead. Of those up to the first period ahead only the newest of each key: it holds then.

    Older ones than the history that features see matter to no feature: a price counts against those of the series' own
    recent periods. So a night's cost does not grow with the length of the price history.
    """
    start, end = clock.first_day(span.ahead), clock.first_day(span.last)
    oldest, first_next = clock.first_day(span.ahead - clock.recent), clock.first_day(span.ahead + 1)
    return f"""
        WITH priced AS MATERIALIZED (
            SELECT item_id, location_id, channel, date, unit_price::DOUBLE AS price, date >= DATE '{start}' AND {_PROMOTED} AS promotion
            FROM prices WHERE ({which}) AND date >= DATE '{oldest}' AND date < DATE '{end}')
        SELECT item_id, location_id, channel, DATE '{start}' AS period, newest.price, newest.promotion FROM (
            SELECT item_id, location_id, channel, arg_max(struct_pack(price, promotion), date) AS newest
            FROM priced WHERE date < DATE '{first_next}' GROUP BY ALL)
        UNION ALL
        SELECT item_id, location_id, channel, date, price, promotion FROM priced WHERE date >= DATE '{first_next}'"""


def _sums(clock: Clock, span: Span, night: date) -> str:
    """Query for in-stock sales per item, per location, and per item under promotion, by period, in _PARTS.

    Of the recent periods and of the season in earlier years: what is read does not grow with history.
    """
    periods = [(span.ahead - clock.spans[-1], span.last), *season_spans(clock, span)]
    within = _within([(clock.first_day(begin), min(clock.first_day(end), night)) for begin, end in periods])
    return f"""
        SELECT CASE WHEN GROUPING(promoted) = 0 THEN promoted WHEN GROUPING(item_id) = 0 THEN '{ITEM}' ELSE '{LOCATION}' END AS level,
            coalesce(item_id, location_id) AS id, period, sum(units) AS units, count(*) AS count,
            count_if(units <> floor(units))::BIGINT AS fractional
        FROM (SELECT *, IF({_PROMOTED}, '{PROMOTED[ITEM]}', NULL) AS promoted FROM demand WHERE in_stock_fraction >= 1 AND ({within}))
        GROUP BY GROUPING SETS ((item_id, period), (location_id, period), (item_id, promoted, period))
        HAVING level IS NOT NULL"""


def shares(lake: Lake, clock: Clock, span: Span, night: date, slots: int) -> Shares:
    """The night's items shared out to at least so many tasks."""
    recent = clock.first_day(span.ahead - clock.recent).replace(day=1)
    rows = lake.dataset("silver/demand").count_rows(filter=pc.field("month") >= recent)
    return Shares.of(lake, night, lake.arrow_as_of("silver/items", night, ("item_id",))["item_id"], rows, slots)


def masters(spark: SparkSession, items: Shares, clock: Clock, span: Span) -> Masters:
    """The small tables, as the night sees them; what is summed over all items is summed by Spark."""
    from pyspark.sql import functions as F

    # Decimals add up to the same sum in any order.
    parts = items.ask(spark, _sums(clock, span, items.night), _PARTS).groupBy("level", "id", "period")
    sums = parts.agg(F.sum("units").cast("double").alias("units"), *(F.sum(name).alias(name) for name in ("count", "fractional"))).toArrow()
    return _masters(items, clock, span, sums, items.ask(spark, _general(clock, span), _GENERAL).toArrow())


def masters_here(items: Shares, clock: Clock, span: Span) -> Masters:
    """The same in this process; ``items``: all in one share."""
    sums, prices = (
        pa.Table.from_batches((batch.cast(schema) for batch in items.rows(0, query)), schema)
        for query, schema in ((_sums(clock, span, items.night), _PARTS), (_general(clock, span), _GENERAL))
    )
    place = sums.schema.get_field_index("units")
    return _masters(items, clock, span, sums.set_column(place, "units", sums["units"].cast(pa.float64())), prices)


def _general(clock: Clock, span: Span) -> str:
    """Query for prices that hold at all locations, in _GENERAL."""
    return f"SELECT item_id, channel, period, price, promotion FROM ({_prices(clock, span, 'location_id IS NULL')})"


def _masters(items: Shares, clock: Clock, span: Span, sums: pa.Table, prices: pa.Table) -> Masters:
    lake, night = items.lake, items.night
    signals = lake.arrow("silver/signals", where=[("known_from", "<=", night), ("deleted", "=", False)])
    begin, end = clock.first_day(span.ahead - clock.trend[1]), clock.first_day(span.last)
    near = pc.and_(pc.greater_equal(signals["date"], begin), pc.less(signals["date"], end))
    return Masters(
        items=lake.arrow_as_of("silver/items", night, ("item_id", "department", "category")),
        locations=lake.arrow_as_of("silver/locations", night, ("location_id", "region")),
        calendar=lake.arrow_as_of("silver/calendar", night, ("region", "date", "event")),
        signals=signals.filter(near),
        sums=sums,
        prices=prices,
    )
