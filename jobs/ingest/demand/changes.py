"""What changed in the inputs since demand was last brought up to date: which nights, locations and periods it touches.

Every row of silver is visible from known_from until known_to: a step up and a step down on the axis of nights. The
steps of added rows less those of removed rows, summed over equal content, leave what a night really sees differently:
a master that is delivered again unchanged cancels out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

#: silver table -> (location, item, date from which a row matters, content that matters, rows that matter)
INPUTS: dict[str, tuple[str, str, str, str, str]] = {
    "silver/sales": ("location_id", "NULL", "date", "item_id, channel, units, unit_price, sold_at", "true"),
    "silver/availability": ("location_id", "NULL", "date", "item_id, in_stock_fraction, out_of_stock_hours", "true"),
    "silver/stock": ("location_id", "NULL", "as_of", "item_id, on_hand", "true"),
    "silver/receipts": ("location_id", "NULL", "received_on", "item_id, units", "true"),
    "silver/inbound": ("location_id", "NULL", "expected_on", "item_id, units > 0", "units > 0"),
    "silver/prices": ("location_id", "NULL", "date", "item_id, channel, unit_price, promotion", "true"),
    "silver/assortment": ("location_id", "item_id", "coalesce(active_from, DATE'0001-01-01')", "active_to", "true"),
    "silver/items": ("NULL", "item_id", "DATE'0001-01-01'", "unit_price", "unit_price IS NOT NULL"),
    "silver/locations": ("location_id", "NULL", "DATE'0001-01-01'", "kind, region, timezone", "true"),
    "silver/calendar": ("NULL", "NULL", "date", "region", "event = 'closed'"),
}
EXISTS = "NOT deleted AND (known_to IS NULL OR known_to > known_from)"


@dataclass(frozen=True, order=True)
class Touch:
    """From ``night`` on, periods from ``first`` on may differ at the location (None: everywhere).

    ``item`` (assortment, items) narrows it: before ``first`` only what the item sold can differ.
    """

    night: date
    location: str | None
    first: date
    source: str
    item: str | None
    sales_rows: int


def monday_after(day: str) -> str:
    """SQL: the first Monday on or after a date."""
    return f"date_add(trunc(date_sub({day}, 1), 'week'), 7)"


def night_of(day: str, step: int) -> str:
    """SQL: the first night (grain week: a Monday) on or after a date."""
    return day if step == 1 else monday_after(day)


def period_of(day: str, step: int) -> str:
    """SQL: first day of the date's period."""
    return day if step == 1 else f"trunc({day}, 'week')"


def steps(rows: DataFrame, table: str, step: int) -> DataFrame:
    """Steps of the rows (column ``sign``: 1 added, -1 removed): night, location, item, first, and a fingerprint of the content."""
    location, item, first, content, matters = INPUTS[table]
    frame = rows.where(f"{EXISTS} AND {matters}")
    if table == "silver/inbound":
        # Only whether the order was still expected on its day matters, and that from the day after on.
        frame = frame.where("known_from <= expected_on AND (known_to IS NULL OR known_to > expected_on)")
        frame = frame.withColumns({"known_from": F.expr("date_add(expected_on, 1)"), "known_to": F.lit(None).cast("date")})
    names = f"'{table}', {location}, {item}, {first}, {content}"

    def at(edge: str, sign: str) -> DataFrame:
        return frame.where(f"{edge} IS NOT NULL").selectExpr(
            f"'{table}' AS source",
            f"{night_of(edge, step)} AS night",
            f"CAST({location} AS string) AS location",
            f"CAST({item} AS string) AS item",
            f"{first} AS first",
            f"{sign} AS sign",
            # 40 bits: eight million rows of a group add up without overflow.
            f"{sign} * shiftright(xxhash64({names}), 24) AS fingerprint",
        )

    # Two narrow scans, of which the second skips files without any end, cost less than one that doubles every row.
    return at("known_from", "sign").unionAll(at("known_to", "-sign"))


def since(table: str, after: date | None) -> str:
    """SQL: rows that may have a step later than a night (within its week, with grain week)."""
    if after is None:
        return "true"
    bound = f"date_sub(DATE'{after.isoformat()}', 7)"
    if table == "silver/inbound":
        return f"expected_on >= {bound}"
    return f"known_from > {bound} OR known_to > {bound}"


def net(parts: list[DataFrame], after: date | None = None) -> list[Touch]:
    """What remains when equal content has cancelled out; nights after ``after`` only, if given."""
    union = parts[0]
    for part in parts[1:]:
        union = union.unionAll(part)
    if after is not None:
        union = union.where(F.col("night") > F.lit(after))
    table: pa.Table = (
        union.groupBy("source", "night", "location", "item", "first")
        .agg(F.sum("fingerprint").alias("fingerprint"), F.sum("sign").alias("rows"))
        .where("fingerprint != 0")
        .toArrow()
    )
    columns = [table[name].to_pylist() for name in ("night", "location", "first", "source", "item", "rows")]
    return [Touch(*values) for values in zip(*columns, strict=True)]
