"""Stock at opening of the business date, and what is under way (design.md section 3, Meaning)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from jobs.plan.night import PAIR, Night, exception, exceptions, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

_FIX_STOCK = "count it, and correct the inventory feed"


def stock(pairs: pl.DataFrame, tables: Mapping[str, pa.Table], orders: pl.DataFrame, night: Night) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Stock of each pair: on_hand (>= 0, net of reserved, batches that have not expired) and has_record.

    The latest record rolls forward from its date: less units sold, plus returns that go back on the shelf, plus
    receipts, less what was shipped to other locations. Also what is wrong with it: no_stock_record, negative_stock.

    pairs   item_id, location_id
    orders  what was ordered and when it is or was due (see :func:`on_order`, with those done with)
    """
    counted = _latest(frame(tables.get("stock"), "silver/stock"), night)
    moved = pl.concat([_sold(tables, night), received(tables, orders, night)])
    since = moved.join(counted.select(*PAIR, "as_of"), on=PAIR).filter(pl.col("day") > pl.col("as_of"))
    change = since.group_by(PAIR).agg(pl.col("units").sum().alias("change"))
    shipped = _shipped(counted, tables, orders, night)
    rolled = counted.join(change, on=PAIR, how="left").join(shipped, on=PAIR, how="left")
    level = pl.col("counted") + pl.col("change").fill_null(0) - pl.col("shipped").fill_null(0)
    rolled = rolled.with_columns(level=level.cast(pl.Float64))
    known = pairs.join(rolled, on=PAIR, how="left").sort(PAIR)
    result = known.select(
        *PAIR,
        pl.max_horizontal(pl.col("level").fill_null(0.0) - pl.col("reserved").fill_null(0).cast(pl.Float64), 0.0).alias("on_hand"),
        pl.col("as_of").is_not_null().alias("has_record"),
        (pl.col("level") < 0).fill_null(value=False).alias("negative"),
    )
    negative = known.filter(pl.col("level") < 0)
    text = pl.format("stock rolled forward from {} is {}; taken as 0", pl.col("as_of"), pl.col("level").round(4))
    return result, exceptions([exception(negative, "negative_stock", text, _FIX_STOCK)])


def _latest(rows: pl.DataFrame, night: Night) -> pl.DataFrame:
    """The newest count of each pair: counted and reserved, without batches past their last date."""
    fresh = pl.col("expires_on").is_null() | (pl.col("expires_on") >= night.business_date)
    return (
        newest(rows, night)
        .group_by(PAIR)
        .agg(
            pl.col("as_of").first(),
            pl.col("on_hand").filter(fresh).sum().alias("counted"),
            pl.col("reserved").filter(fresh).sum().alias("reserved"),
        )
    )


def newest(rows: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Rows of silver/stock that are each pair's newest count before the night."""
    seen = rows.filter(pl.col("as_of") < night.business_date)
    return seen.filter(pl.col("as_of") == pl.col("as_of").max().over(PAIR))


def _sold(tables: Mapping[str, pa.Table], night: Night) -> pl.DataFrame:
    sales = frame(tables.get("sales"), "silver/sales").filter(pl.col("date") < night.business_date)
    share = night.config.landing.returns_to_stock
    daily = sales.group_by(*PAIR, "date").agg(
        pl.col("units").filter(pl.col("units") > 0).sum().alias("sold"), pl.col("units").filter(pl.col("units") < 0).sum().alias("back")
    )
    units = -pl.col("sold").cast(pl.Float64) - pl.col("back").cast(pl.Float64) * share
    return daily.select(*PAIR, pl.col("date").alias("day"), _exact(units).alias("units"))


def received(tables: Mapping[str, pa.Table], orders: pl.DataFrame, night: Night) -> pl.DataFrame:
    """item_id, location_id, day, units of receipts; without the feed, of what was due and has left transit."""
    if night.receipts_known:
        rows = _receipts(tables, night)
        return rows.select(*PAIR, pl.col("received_on").alias("day"), pl.col("units").cast(pl.Decimal(38, 4)))
    due = orders.filter(pl.col("done"))
    return due.select(*PAIR, pl.col("expected_on").alias("day"), pl.col("ordered").cast(pl.Decimal(38, 4)).alias("units"))


def _shipped(counted: pl.DataFrame, tables: Mapping[str, pa.Table], orders: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Units that left each source since its count: receipts that name it, else orders that were due.

    What was ordered from it after the count and is still under way has left its stock too.
    """
    source = ["item_id", "source_id"]
    origin = counted.select("item_id", pl.col("location_id").alias("source_id"), "as_of")
    arrived = _receipts(tables, night).join(origin, on=source).filter(pl.col("received_on") > pl.col("as_of"))
    taken = orders.join(origin, on=source)
    named = arrived.select(source).unique()
    due = taken.filter(pl.col("expected_on").is_between(pl.col("as_of"), night.business_date, closed="none"))
    due = due.join(named, on=source, how="anti").select(*source, pl.col("ordered").alias("units"))
    later = taken.filter((pl.col("ordered_on") > pl.col("as_of")) & (pl.col("expected_on") >= night.business_date))
    gone = pl.concat([arrived.select(*source, "units"), due, later.select(*source, pl.col("units"))], how="vertical_relaxed")
    return gone.group_by(source).agg(pl.col("units").sum().alias("shipped")).rename({"source_id": "location_id"})


def _receipts(tables: Mapping[str, pa.Table], night: Night) -> pl.DataFrame:
    return frame(tables.get("receipts"), "silver/receipts").filter(pl.col("received_on") < night.business_date)


def on_order(tables: Mapping[str, pa.Table], night: Night) -> pl.DataFrame:
    """Every order line of the latest snapshot and of the nights since, less what was received of it.

    Columns order_id, item_id, source_id, location_id, ordered_on, expected_on, ordered, units (still to come),
    done (nothing is to come) and overdue. Receipts count against the order they name; those that name none
    against the pair's orders, the earliest due first.
    """
    snapshot = frame(tables.get("inbound"), "silver/inbound")
    published = frame(tables.get("published"), "gold/orders")
    if night.snapshot is not None:
        published = published.filter(pl.col("business_date") >= night.snapshot)
    columns = ["order_id", "item_id", "source_id", "location_id", "ordered_on", "expected_on", "units"]
    lines = pl.concat([snapshot.select(columns), published.rename({"business_date": "ordered_on"}).select(columns)], how="vertical_relaxed")
    lines = lines.group_by(columns[:-1]).agg(pl.col("units").sum().alias("ordered")).sort(columns[:-1])
    if night.receipts_known:
        open_lines = _less_receipts(lines, _receipts(tables, night), night)
    else:
        # Without receipts an order leaves transit on its date, unless a later snapshot still lists it.
        listed = pl.lit(night.snapshot) if night.snapshot else pl.lit(None, pl.Date)
        late = (pl.col("expected_on") < listed).fill_null(value=False)
        left = (pl.col("expected_on") < night.business_date) & ~late
        open_lines = lines.with_columns(units=pl.when(left).then(0).otherwise(pl.col("ordered")).cast(pl.Decimal(38, 4)))
    return open_lines.with_columns(done=pl.col("units") <= 0, overdue=(pl.col("units") > 0) & (pl.col("expected_on") < night.business_date))


def _less_receipts(lines: pl.DataFrame, receipts: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Lines with `units` = what is still to come."""
    since = receipts if night.snapshot is None else receipts.filter(pl.col("received_on") >= night.snapshot)
    line = ["order_id", *PAIR]
    named = since.filter(pl.col("order_id").is_not_null()).group_by(line).agg(pl.col("units").sum().alias("received"))
    first = lines.join(named, on=line, how="left").sort(*line, "expected_on")
    first = first.with_columns(units=_left_after(pl.col("ordered"), pl.col("received"), line)).drop("received")
    blank = since.filter(pl.col("order_id").is_null())
    for key in ([*PAIR, "source_id"], PAIR):
        rows = blank.filter(pl.col("source_id").is_not_null() if "source_id" in key else pl.col("source_id").is_null())
        # A receipt can only be of an order that was placed before it came.
        joined = first.join(rows.group_by(key).agg(pl.col("units").sum().alias("received")), on=key, how="left")
        joined = joined.sort(*key, "expected_on", "order_id", "source_id")
        first = joined.with_columns(units=_left_after(pl.col("units"), pl.col("received"), key)).drop("received")
    return first.sort(*PAIR, "expected_on", "order_id", "source_id")


def _left_after(units: pl.Expr, received: pl.Expr, key: list[str]) -> pl.Expr:
    """Units left when `received` fills the rows of a key one after the other."""
    wide = pl.Decimal(38, 4)
    amount = units.cast(wide)
    before = amount.cum_sum().over(key) - amount
    taken = pl.min_horizontal(amount, pl.max_horizontal(received.fill_null(0).cast(wide) - before, pl.lit(0).cast(wide)))
    return amount - taken


def _exact(units: pl.Expr) -> pl.Expr:
    """Units as a decimal, so that sums do not depend on the order of rows."""
    return units.round(4).cast(pl.Decimal(38, 4))
