"""A lake of a small chain with a distribution centre: weeks of history, a count on the eve of the first night, and nights to replay."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from jobs.config import Config
from jobs.lake import Lake
from tests.jobs.features.lakes import fill, history, masters

FIRST = date(2024, 6, 12)
HISTORY, NIGHTS = 42, 12
BEGIN, LAST = FIRST - timedelta(days=HISTORY), FIRST + timedelta(days=NIGHTS - 1)
CONFIG = Config.model_validate(
    {
        "horizon": 7,
        "training": {"rows": 2000, "origins": 2, "rounds": 5},
        "planning": {"paths": 16, "shards": 1},
        "simulation": {"demand": ["recovered"], "checkpoint_nights": 3, "retrain_every": 7, "tuning_nights": 0},
    }
)


def chain(root: Path, items: int = 3, stores: int = 4, terms: dict[str, Any] | None = None, **more: list[dict[str, Any]]) -> Lake:
    """Silver as ingest would leave it: a lane of a day from the centre to every store (with ``terms``), one of two from the supplier."""
    lake = Lake(str(root / "lake"))
    lake.create_tables()
    names = masters(items, stores)
    costs = [{**item, "unit_cost": 2, "unit_price": 3, "shelf_life_days": 5, "department": item["category"]} for item in names["items"]]
    places = [*names["locations"], {"location_id": "DC", "kind": "dc"}, {"location_id": "V", "kind": "supplier"}]
    lanes = [{"source_id": "DC", "location_id": f"S{n}", "lead_time_days": 1, **(terms or {})} for n in range(stores)]
    lanes += [{"source_id": "V", "location_id": "DC", "lead_time_days": 2}]
    eve = FIRST - timedelta(days=1)
    stock = [{"item_id": f"i{i}", "location_id": f"S{n}", "as_of": eve, "on_hand": 3} for i in range(items) for n in range(stores)]
    stock += [{"item_id": f"i{i}", "location_id": "DC", "as_of": eve, "on_hand": 60} for i in range(items)]
    sold = history(items, stores, BEGIN, HISTORY + NIGHTS)
    tables: dict[str, Any] = {"items": costs, "locations": places, "lanes": lanes, "stock": stock, "demand": sold, **more}
    fill(lake, **{name: [_exact(row) for row in rows] for name, rows in tables.items()})
    return lake


def _exact(row: dict[str, Any]) -> dict[str, Any]:
    """Numbers of a row as decimals, where they are not already."""
    from decimal import Decimal

    money = ("unit_cost", "unit_price", "on_hand", "order_cost", "min_order_value")
    return {name: Decimal(str(value)) if name in money and value is not None else value for name, value in row.items()}
