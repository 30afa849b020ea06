"""``gold/exceptions``: what a person should look at, dearest first. Each row says its numbers and what to do."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.forecast.baseline import MODEL_ID as BASELINE
from schemas import EXCEPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from jobs.config import Config

#: What every finder gives: the columns of the table without night, run and rank.
FOUND = pa.schema([field for field in EXCEPTIONS.schema if field.name not in ("business_date", "run_id", "rank")])
_CENT = Decimal("0.0001")
_YEAR = 365


def rank(found: Iterable[pa.Table]) -> pa.Table:
    """All exceptions, numbered from 1: by money, then kind and ids, so that the order is always the same."""
    rows = pa.concat_tables([table.select(FOUND.names).cast(FOUND) for table in found] or [FOUND.empty_table()])
    names = ("kind", "item_id", "location_id", "source_id", "message", "action")
    order = pc.sort_indices(rows, sort_keys=[("money", "descending"), *((name, "ascending") for name in names)])
    return rows.take(order).add_column(0, "rank", pa.array(range(1, rows.num_rows + 1), pa.int32()))


def find_lost_sales(lines: pa.Table, projections: pa.Table, config: Config) -> pa.Table:
    """Item-locations expected to lose sales before their next arrival, worth at least ``config.exceptions.min_money``.

    Before arrival, the lost units are the larger of two figures that each miss something: what the projection at mean
    demand loses, and expected demand less what leaves the shelf (stock and transit less expected stock at arrival).
    In the window they are demand x (1 - fill rate).

    Takes main lines of order_reasons and rows of projections with lost > 0.
    """
    arrival = {
        (row["item_id"], row["location_id"]): row["arrives_on"]
        for row in lines.select(["item_id", "location_id", "arrives_on"]).to_pylist()
    }
    projected: dict[tuple[str, str], float] = {}
    for row in projections.sort_by([("item_id", "ascending"), ("location_id", "ascending"), ("date", "ascending")]).to_pylist():
        pair = (row["item_id"], row["location_id"])
        if pair in arrival and row["date"] < arrival[pair]:
            projected[pair] = projected.get(pair, 0.0) + row["lost"]
    found = []
    for row in lines.to_pylist():
        served = float(row["on_hand"] + row["in_transit"]) - row["stock_at_arrival"]
        before = max(projected.get((row["item_id"], row["location_id"]), 0.0), row["demand_until_arrival"] - served, 0.0)
        lost = before + row["demand_in_window"] * (1 - row["fill_rate"])
        money = _money(lost * float(row["shortage_cost"]))
        if money >= Decimal(str(config.exceptions.min_money)) and money > 0:
            found.append(_exception("lost_sales", row, money, *_lost_words(row, before, lost, money, config.currency)))
    return pa.Table.from_pylist(found, FOUND)


def _lost_words(row: Mapping[str, Any], before: float, lost: float, money: Decimal, currency: str) -> tuple[str, str]:
    demand = row["demand_until_arrival"] + row["demand_in_window"]
    message = (
        f"{lost:.1f} of {demand:.1f} units expected to be lost before {row['next_arrives_on']} ({money:.2f} {currency}), "
        f"{before:.1f} of them before {row['arrives_on']}: {row['on_hand']:.1f} on hand, {row['in_transit']:.1f} under way, "
        f"{row['units']:.1f} ordered tonight."
    )
    if before >= lost / 2:
        return message, f"Tonight's order comes too late for most of it: move stock here or have transit before {row['arrives_on']}."
    if row["binding"]:
        return message, f"Ease what limits the order ({row['binding']}), or accept it."
    return message, "A larger order would cost more than it saves; check the forecast if that looks wrong."


def find_overstock(lines: pa.Table, business_date: date, config: Config) -> pa.Table:
    """Item-locations whose stock and transit go beyond ``config.exceptions.cover_days`` of expected demand.

    The units beyond are priced at the holding cost until they have sold at the expected rate: after the cover and, on
    average, half the time that they themselves last, at most a year.
    """
    found = []
    for row in lines.to_pylist():
        days = max((row["next_arrives_on"] - business_date).days, 1)
        rate = (row["demand_until_arrival"] + row["demand_in_window"]) / days
        stock = float(row["on_hand"] + row["in_transit"])
        excess = stock - rate * config.exceptions.cover_days
        if excess <= 0:
            continue
        held = min(config.exceptions.cover_days + excess / rate / 2, _YEAR) if rate > 0 else _YEAR
        money = _money(excess * float(row["holding_cost"]) * held / config.period_days)
        if money >= Decimal(str(config.exceptions.min_money)) and money > 0:
            message = (
                f"{stock:.1f} units on hand and under way, {excess:.1f} above {config.exceptions.cover_days} days of expected demand "
                f"({rate:.2f} a day): holding them costs {money:.2f} {config.currency} until they sell."
            )
            found.append(_exception("overstock", row, money, message, f"Move, return or mark down up to {excess:.0f} units."))
    return pa.Table.from_pylist(found, FOUND)


def find_untrained(model_ids: Iterable[str]) -> pa.Table:
    """One exception when the baseline forecast because no model was there."""
    if BASELINE not in set(model_ids):
        return FOUND.empty_table()
    message = "No trained model was there: the baseline (own recent mean and spread) forecast every series."
    action = "Run the night with --train auto or always; with too little history it trains as soon as there is enough."
    return pa.Table.from_pylist([_exception("model_not_trained", {}, Decimal(0), message, action)], FOUND)


def _money(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(_CENT, ROUND_HALF_UP)


def _exception(kind: str, row: Mapping[str, Any], money: Decimal, message: str, action: str) -> dict[str, Any]:
    ids = {name: row.get(name) for name in ("item_id", "location_id", "source_id")}
    return {"kind": kind, **ids, "money": money, "message": message, "action": action}
