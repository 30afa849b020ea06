"""Six-row tables for the plan's tests, as Arrow (core) or in a lake (Spark)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

import schemas
from jobs.config import Config
from jobs.forecast.ranks import USUAL, PathRanks
from jobs.lake import Lake
from jobs.plan.night import Night
from schemas.gold.forecasts import QUANTILES

#: A Monday.
D = date(2024, 5, 6)
Row = Mapping[str, Any]


def day(offset: int) -> date:
    return D + timedelta(days=offset)


def table(path: str, rows: list[Row]) -> pa.Table:
    """Rows as a contract's table; numbers become decimals where declared."""
    schema = schemas.TABLES[path].schema

    def value(field: pa.Field, row: Row) -> Any:
        v = row.get(field.name)
        return Decimal(str(v)) if v is not None and pa.types.is_decimal(field.type) else v

    return pa.Table.from_pylist([{f.name: value(f, row) for f in schema} for row in rows], schema=schema)


def forecast(
    item: str, location: str, means: list[float], *, spread: float = 0.8, channel: str = "store", step: int = 1, **more: Any
) -> list[Row]:
    """One series: uniform between (1 - spread) and (1 + spread) times the mean."""
    return [
        {
            "item_id": item,
            "location_id": location,
            "channel": channel,
            "target_date": day(k * step),
            "mean": mean,
            "p_zero": 0.0,
            **{q: mean * (1 - spread + 2 * spread * level) for q, level in QUANTILES.items()},
            "model_id": "m",
            "whole_units": True,
            **more,
        }
        for k, mean in enumerate(means)
    ]


LOCATIONS: list[Row] = [
    {"location_id": "S1", "kind": "store", "region": "north"},
    {"location_id": "S2", "kind": "store", "region": "south"},
    {"location_id": "W1", "kind": "online"},
    {"location_id": "DC", "kind": "dc"},
    {"location_id": "V1", "kind": "supplier"},
]


def ranks(paths: int = 64, seed: int = 7) -> PathRanks:
    return PathRanks(paths, seed, USUAL)


def night(**more: Any) -> Night:
    """Monday's night with direct lanes from the DC to both stores, one day of lead time."""
    lanes = [{"source_id": "DC", "location_id": s, "lead_time_days": 1, "order_multiple": 1} for s in ("S1", "S2")]
    values: dict[str, Any] = {
        "business_date": D,
        "config": Config(),
        "ranks": ranks(),
        "locations": table("silver/locations", LOCATIONS),
        "lanes": table("silver/lanes", lanes),
        **more,
    }
    if isinstance(values["lanes"], list):
        values["lanes"] = table("silver/lanes", values["lanes"])
    if isinstance(values.get("closed"), list):
        values["closed"] = table("silver/calendar", values["closed"])
    return Night(**values)


def tables(**rows: list[Row]) -> dict[str, pa.Table]:
    """Tables of a shard by the names that ``shard.decide`` takes."""
    paths = {"forecasts": "gold/forecasts", "published": "gold/orders"}
    return {name: table(paths.get(name, f"silver/{name}"), list(r)) for name, r in rows.items()}


def fill(lake: Lake, known_from: date = date(1, 1, 1), **rows: list[Row]) -> None:
    """Write silver (and this run's gold) tables of a lake, known from the first night on."""
    common = {"known_from": known_from, "drop_date": known_from, "deleted": False, "file": "f", "row": 1, "run_id": lake.run_id}
    for name, some in rows.items():
        path = name.replace("__", "/") if "__" in name else f"silver/{name}"
        extra = {"business_date": D} if path.startswith("gold/") else {}
        lake.write_arrow(path, table(path, [{**common, **extra, **row} for row in some]), None)
