"""Small lakes for tests of features and forecasts: silver written directly, as ingest would leave it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

import schemas
from jobs.lake import FIRST_DAY, Lake

#: Sundays sell double in the made-up history, Mondays half.
WEEKDAY = np.array([0.5, 1, 1, 1, 1, 1, 2.0])


def rows_of(table: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of a silver table; what they leave out is null, known from the first day, not deleted."""
    schema = schemas.TABLES[table].schema
    defaults = {"known_from": FIRST_DAY, "drop_date": FIRST_DAY, "deleted": False, "file": "f", "row": 1}
    full = [{name: row.get(name, defaults.get(name)) for name in schema.names} for row in rows]
    return pa.Table.from_pylist(full, schema)


def fill(lake: Lake, **tables: Iterable[Mapping[str, Any]]) -> None:
    """Append rows to silver tables: ``fill(lake, items=[...], demand=[...])``."""
    for name, rows in tables.items():
        lake.write_arrow(f"silver/{name}", rows_of(f"silver/{name}", rows), None)


def sale(item: str, location: str, day: date, units: float, in_stock: float = 1.0, **more: Any) -> dict[str, Any]:
    """One row of silver/demand."""
    return {
        "item_id": item,
        "location_id": location,
        "channel": "store",
        "period": day,
        "units": Decimal(f"{units:.4f}"),
        "returns": Decimal(0),
        "in_stock_fraction": in_stock,
        "price": Decimal(2),
        "sales_rows": int(units > 0),
        "month": day.replace(day=1),
        "known_from": day + timedelta(days=1),
        "demand": Decimal(f"{units:.4f}") if in_stock >= 1 else None,
        "demand_std": Decimal(0) if in_stock >= 1 else None,
        "demand_source": "observed" if in_stock >= 1 else "floor",
        **more,
    }


def history(items: int, locations: int, first: date, days: int, seed: int = 0) -> list[dict[str, Any]]:
    """Poisson sales of a small chain, with a weekday pattern and a stock-out in ten."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(items):
        for place in range(locations):
            mean = 1 + 2 * i + place
            for t in range(days):
                day = first + timedelta(days=t)
                out = rng.random() < 0.1
                units = rng.poisson(mean * WEEKDAY[day.weekday()] * (0.4 if out else 1))
                rows.append(sale(f"i{i}", f"S{place}", day, units, 0.5 if out else 1.0))
    return rows


def masters(items: int, locations: int) -> dict[str, list[dict[str, Any]]]:
    """Items in two categories, stores in one region."""
    return {
        "items": [{"item_id": f"i{i}", "category": f"c{i % 2}"} for i in range(items)],
        "locations": [{"location_id": f"S{i}", "kind": "store", "region": "north"} for i in range(locations)],
    }
