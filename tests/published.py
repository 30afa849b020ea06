"""A small lake with published, superseded, failed and running attempts, written without Spark."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.lake import Lake
from schemas import TABLES
from schemas.table import Column

FIRST, SECOND, THIRD = date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)
#: business date, attempt, run, status, stage, message
ATTEMPTS = (
    (FIRST, 1, "r1", "published", "publish", None),  # superseded by attempt 2
    (FIRST, 2, "r2", "published", "publish", None),  # the night
    (FIRST, 3, "r3", "failed", "plan", "out of memory"),  # newer, but not published
    (SECOND, 1, "r4", "published", "publish", None),  # the night
    (SECOND, 2, "r5", "running", "forecast", None),
    (THIRD, 1, "r6", "blocked", "quality", "feed sales, rule volume: 3 rows, usually 900. Nothing was published."),
)
#: run, item, location, units, value: the runs that count have units of their own
ORDERS = (
    ("r1", "001", "S1", 111, "111"),
    ("r2", "001", "S1", 10, "20"),
    ("r2", "002", "S1", 4, "40"),
    ("r2", "002", "S2", 1, "10"),
    ("r3", "001", "S1", 333, "333"),
    ("r4", "001", "S1", 12, "24"),
    ("r4", "003", "S2", 5, "50.5"),
    ("r5", "001", "S1", 555, "555"),
    ("r6", "001", "S1", 666, "666"),
)
_NIGHT = {run: (day, attempt) for day, attempt, run, *_ in ATTEMPTS}


def fill(root: Path) -> Lake:
    """Create all tables and fill those that the views, queries and reports read."""
    lake = Lake(str(root))
    lake.create_tables()
    write(lake, "ops/nights", [attempt_row(*row) for row in ATTEMPTS])
    write(lake, "gold/orders", [_order(*row) for row in ORDERS])
    write(lake, "gold/order_reasons", [_reason(*row) for row in ORDERS])
    write(lake, "gold/kpis", [_kpi(run, location) for run, location in sorted({(r, loc) for r, _, loc, *_ in ORDERS})])
    write(lake, "gold/accuracy", [_accuracy(run, step) for run in ("r4", "r5") for step in (0, 1)])
    write(lake, "gold/exceptions", [_exception(run, rank, money) for run in ("r2", "r4", "r5") for rank, money in ((1, "7.5"), (2, "2"))])
    items = (("001", "Milk", "dairy"), ("002", "Bread", "bakery"), ("003", "Kaas, 'old' \"48+\"", "dairy"))
    named = [{"item_id": item, "name": name, "department": department} for item, name, department in items]
    write(lake, "silver/items", [_known(row, "items.csv", number) for number, row in enumerate(named, 1)])
    replaced = {"item_id": "001", "name": "Milk before", "department": "dairy", "known_to": SECOND}
    withdrawn = {"item_id": "009", "name": "Gone", "known_to": FIRST, "deleted": True}
    write(lake, "silver/items", [_known(replaced, "old.csv", 1), _known(withdrawn, "old.csv", 2)])
    places = (("S1", "store", "Harbour"), ("S2", "store", None), ("DC", "dc", "Made-up DC"))
    write(lake, "silver/locations", [_known({"location_id": i, "kind": k, "name": n}, "l.csv", r) for r, (i, k, n) in enumerate(places, 1)])
    return lake


def write(lake: Lake, path: str, rows: list[dict[str, Any]]) -> None:
    """Append rows; columns that are not given get a value of their type (null where that is allowed)."""
    table = TABLES[path]
    full = [{c.name: row.get(c.name, _filler(c)) for c in table.columns} for row in rows]
    lake.write_arrow(path, pa.Table.from_pylist(full, table.schema), None)


def _filler(column: Column) -> Any:
    if column.nullable:
        return None
    if column.values:
        return column.values[0]
    kind = column.type
    if pa.types.is_decimal(kind):
        return Decimal(1)
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_boolean(kind):
        return False
    return FIRST if pa.types.is_date(kind) else 1


def attempt_row(day: date, attempt: int, run: str, status: str, stage: str, message: str | None) -> dict[str, Any]:
    started = datetime(day.year, day.month, day.day, 2, attempt, tzinfo=UTC)
    published = started + timedelta(seconds=95) if status == "published" else None
    config = '{"currency": "EUR"}'
    return {
        "business_date": day, "attempt": attempt, "run_id": run, "status": status, "stage": stage, "message": message,
        "started": started, "published": published, "mode": "stochastic", "config": config, "model_id": "abcdef0123456789",
    }  # fmt: skip


def _order(run: str, item: str, location: str, units: int, value: str) -> dict[str, Any]:
    day, _ = _NIGHT[run]
    return {
        "business_date": day, "run_id": run, "order_id": f"{day}-DC-{location}", "line": int(item), "item_id": item, "source_id": "DC",
        "location_id": location, "units": Decimal(units), "order_value": Decimal(value), "expected_on": day + timedelta(days=1),
        "status": "needs_review" if item == "003" else "proposed", "p_stockout": 0.125,
    }  # fmt: skip


def _reason(run: str, item: str, location: str, units: int, value: str) -> dict[str, Any]:
    return {
        **_order(run, item, location, units, value),
        "arrives_on": _NIGHT[run][0] + timedelta(days=1), "demand_in_window": 8.0, "fill_rate": 0.75 if item == "001" else 0.99,
        "shortage_cost": Decimal("1.5"), "expected_cost": Decimal(value), "reason": f"{units} units of {item}",
    }  # fmt: skip


def _kpi(run: str, location: str) -> dict[str, Any]:
    day, _ = _NIGHT[run]
    return {
        "business_date": day, "run_id": run, "location_id": location, "department": "dairy", "lines_considered": 3, "lines_ordered": 1,
        "demand_in_window": 10.0, "served_in_window": 9.0, "expected_cost": Decimal(5), "cost_of_nothing": Decimal(50),
    }  # fmt: skip


def _accuracy(run: str, step: int) -> dict[str, Any]:
    day, _ = _NIGHT[run]
    return {
        "business_date": day, "run_id": run, "forecast_date": FIRST, "target_date": FIRST + timedelta(days=step), "step": step,
        "location_id": "S1", "department": "dairy", "series": 4, "actual": 20.0, "forecast": 22.0, "absolute_error": 5.0, "covered_80": 3,
    }  # fmt: skip


def _exception(run: str, rank: int, money: str) -> dict[str, Any]:
    return {"business_date": _NIGHT[run][0], "run_id": run, "rank": rank, "kind": "lost_sales", "money": Decimal(money)}


def _known(row: dict[str, Any], file: str, number: int) -> dict[str, Any]:
    return {"known_from": FIRST, "known_to": None, "deleted": False, "drop_date": FIRST, **row, "file": file, "row": number}
