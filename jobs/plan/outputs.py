"""A shard's decision as rows of the gold tables."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from jobs.plan.decimals import decimals
from schemas import ORDER_REASONS, ORDERS
from schemas.table import RUN, Table

if TYPE_CHECKING:
    from datetime import date

    from jobs.config import Config

_RUN = {column.name for column in RUN}
#: What lines share, in words.
_SHARED = {
    "dc_stock": "stock of {source_id}",
    "dc_outbound": "what {source_id} may ship",
    "receiving": "what {location_id} may receive",
    "budget": "the budget",
}
#: What terms of the order did to a line: where it got more, and where it did not.
_OF_THE_ORDER = {
    "min_order_value": ("more for the order to reach its minimum", "the order would not reach its minimum"),
    "trucks": ("more to fill a truck", "fitted to whole trucks"),
    "order_cost": ("more, since the order is paid for", "not worth the cost of an order"),
}


def order_id(business_date: date, source_id: str, location_id: str) -> str:
    """Readable and unambiguous: date, source, location, and six digits of their hash."""
    digest = hashlib.sha256(json.dumps([business_date.isoformat(), source_id, location_id]).encode()).hexdigest()
    return f"{business_date:%Y%m%d}-{source_id}-{location_id}-{digest[:6]}"


def reasons(lines: pl.DataFrame, business_date: date, shard: int) -> pa.Table:
    """Rows of gold/order_reasons, without business_date and run_id."""
    named = _with_order(lines, business_date)
    named = named.with_columns(
        order_id=pl.when(pl.col("units") > 0).then("order_id"),
        holding_cost="holding",
        unit_cost="buying_cost",
        shortage_cost="shortage",
        shard=pl.lit(shard, pl.Int32),
        reason=pl.Series("reason", [sentence(row) for row in named.iter_rows(named=True)], pl.String),
    )
    return table_of(named, ORDER_REASONS, ())


def orders(lines: pl.DataFrame, business_date: date, config: Config) -> pa.Table:
    """Rows of gold/orders, without business_date, run_id and line (orders span shards)."""
    named = _with_order(lines.filter(pl.col("units") > 0), business_date)
    value = pl.col("units") * pl.col("buying_cost")
    above = config.planning.review_above_value
    review = ~pl.col("has_record") | pl.col("negative")
    if above is not None:
        review |= value > above
    usual = "auto_approved" if config.planning.auto_approve else "proposed"
    named = named.with_columns(
        expected_on="arrives_on", order_value=value, status=pl.when(review).then(pl.lit("needs_review")).otherwise(pl.lit(usual))
    )
    return table_of(named, ORDERS, ("line",))


def table_of(rows: pl.DataFrame, table: Table, without: tuple[str, ...]) -> pa.Table:
    """The declared columns of a gold table; numbers become decimals where declared."""
    arrays, fields = [], []
    for field in table.schema:
        if field.name in _RUN or field.name in without:
            continue
        column = rows[field.name]
        if pa.types.is_decimal(field.type):
            arrays.append(decimals(column.cast(pl.Float64).fill_null(float("nan")).to_numpy()))
        else:
            arrays.append(column.to_arrow().cast(field.type))
        fields.append(field)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _with_order(lines: pl.DataFrame, business_date: date) -> pl.DataFrame:
    lanes = lines.select("source_id", "location_id").unique()
    ids = [order_id(business_date, source, location) for source, location in lanes.iter_rows()]
    named = lanes.with_columns(pl.Series("order_id", ids, pl.String))
    return lines.join(named, on=["source_id", "location_id"], how="left", maintain_order="left")


def sentence(row: dict[str, object]) -> str:
    """Why the line came out as it did, in one sentence."""
    state = (
        f"stock {_n(row['on_hand'])} and {_n(row['in_transit'])} under way against {_n(row['demand_until_arrival'])} expected until "
        f"{row['arrives_on']} and {_n(row['demand_in_window'])} from then until {row['next_arrives_on']}"
    )
    return f"{_verdict(row)}: {state}{_because(row)}."


def _verdict(row: dict[str, object]) -> str:
    if float(row["units"]) > 0:  # type: ignore[arg-type]
        return f"Order {_n(row['units'])}"
    if not row["counts"]:
        return (
            f"Nothing from here, {'another lane is better tonight' if row['offered'] else 'another lane is cheaper or named by a planner'}"
        )
    return "Nothing"


def _because(row: dict[str, object]) -> str:
    binding, text = str(row["binding"]), _dearer(row)
    names = binding.split(", ")
    if row["counts"] and float(row["wanted"]) > 0:  # type: ignore[arg-type]
        text += f"; wanted {_n(row['wanted'])}, of which {_n(row['safety'])} safety above expected demand"
    if row["clash"]:
        text += f"; {str(row['clash']).replace(', ', ' and ')} conflict"
    scarce = [what.format(**row) for name, what in _SHARED.items() if name in names]
    if scarce:
        text += f"; {' and '.join(scarce)} is scarce ({_n(row['scarcity_price'], 4)} a unit), {_n(row['limited'])} left out"
    elif "max_stock" in binding and not row["clash"]:
        text += f"; max_stock {_n(row['max_stock'])} leaves out {_n(row['limited'])}"
    for name, (more, less) in _OF_THE_ORDER.items():
        if name in names:
            text += f"; {_n(row['topped_up'])} {more}" if float(row["topped_up"]) > 0 else f"; {less}"  # type: ignore[arg-type]
    if "min_order_units" in names:
        text += f"; at least {_n(row['min_order_units'])} a line"
    if "override" in binding:
        text += "; locked by a planner"
    if not row["has_record"]:
        text += "; no stock record, taken as 0"
    return text


def _dearer(row: dict[str, object]) -> str:
    """What is paid for a lane that is not the cheapest, and what for."""
    if not row["counts"] or float(row["premium"]) <= 0:  # type: ignore[arg-type]
        return ""
    usual = f", which arrives on {row['usual_on']}" if row["usual_on"] > row["arrives_on"] else ""  # type: ignore[operator]
    return f"; {_n(row['premium'], 4)} a unit dearer than the cheapest lane{usual}"


def _n(value: object, digits: int = 1) -> str:
    number = float(value or 0)  # type: ignore[arg-type]
    return f"{number:.{digits}f}".rstrip("0").rstrip(".") if number else "0"
