"""Random small problems that have everything: drawn by a seed, written as files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAYS = [date(2026, 3, 2), date(2026, 3, 3)]
TERMS = ("min_order_value", "order_cost", "truck_volume", "truck_cost")
MULTIPLES = [0.5, 1.0, 2.0, 6.0, 500.0]
SCHEMAS = {
    "lines": pa.schema(
        [
            ("line_id", pa.int64()), ("item_id", pa.string()), ("source_id", pa.string()), ("location_id", pa.string()),
            ("expected_on", pa.date32()), ("order_multiple", pa.float64()), ("min_order_units", pa.float64()),
            ("unit_volume", pa.float64()), ("unit_weight", pa.float64()), ("unit_value", pa.float64()), ("cost", pa.list_(pa.float64())),
            ("budget_value", pa.float64()), ("choice_id", pa.int64()),
        ]
    ),
    "order_terms": pa.schema(
        [("source_id", pa.string()), ("location_id", pa.string())] + [(k, pa.float64()) for k in TERMS]
    ),
    "capacities": pa.schema(
        [
            ("resource", pa.string()), ("location_id", pa.string()), ("item_id", pa.string()), ("date", pa.date32()),
            ("limit", pa.float64()), ("unit", pa.string()),
        ]
    ),
}  # fmt: skip


def problem(seed: int) -> dict[str, list[dict]]:
    """Tables of a problem of 4 to 24 lines; some lack tables and columns."""
    rng = np.random.default_rng(seed)
    lines = [draw_line(rng, i) for i in range(int(rng.integers(4, 25)))]
    if rng.random() < 0.5:
        draw_choices(rng, lines)
    tables = {"lines": lines}
    keys = sorted({(line["source_id"], line["location_id"]) for line in lines})
    if rng.random() < 0.8:
        tables["order_terms"] = [draw_terms(rng, lines, *key) for key in keys if rng.random() < 0.8]
    if rng.random() < 0.8:
        tables["capacities"] = [row for row in draw_capacities(rng, lines) if rng.random() < 0.6]
    if rng.random() < 0.3:
        for line in lines:
            line.pop("budget_value", None)
    return {name: rows for name, rows in tables.items() if rows}


def draw_line(rng: np.random.Generator, number: int) -> dict:
    length, shortage, holding = int(rng.integers(2, 9)), rng.uniform(1, 9), rng.uniform(0.1, 2)
    wanted = rng.uniform(0, length)
    cost = [float(shortage * max(wanted - k, 0) + holding * max(k - wanted, 0)) for k in range(length)]
    kind = rng.random()
    if kind < 0.25:
        cost = [float(rng.uniform(0, 20)) for _ in cost]
    if kind < 0.1:
        cost = [c if k == 0 or rng.random() < 0.6 else float("inf") for k, c in enumerate(cost)]
    if 0.9 < kind < 0.95:
        cost = [float(round(c)) for c in cost]
    return {
        "line_id": 1000 - 7 * number, "item_id": f"I{number % 5}",
        "source_id": f"D{rng.integers(2)}", "location_id": f"S{rng.integers(3)}",
        "expected_on": DAYS[rng.integers(2)], "order_multiple": float(rng.choice(MULTIPLES, p=[0.1, 0.5, 0.2, 0.15, 0.05])),
        "min_order_units": float(rng.choice([0.0, 3.0])),
        "unit_volume": float(rng.choice([0.0, 0.3, 1.0, 2.5])), "unit_weight": 1.0,
        "unit_value": round(float(rng.uniform(0.5, 9)), 2), "cost": cost,
        "budget_value": round(float(rng.uniform(0, 9)), 2), "choice_id": None,
    }  # fmt: skip


def draw_choices(rng: np.random.Generator, lines: list[dict]) -> None:
    places = rng.permutation(len(lines))[: 2 * int(rng.integers(1, max(len(lines) // 4, 2)))]
    for number, (a, b) in enumerate(places.reshape(-1, 2)):
        lines[b]["cost"] = [lines[a]["cost"][0], *lines[b]["cost"][1:]]
        lines[a]["choice_id"] = lines[b]["choice_id"] = int(number)


def draw_terms(rng: np.random.Generator, lines: list[dict], source: str, location: str) -> dict:
    mine = [line for line in lines if (line["source_id"], line["location_id"]) == (source, location)]
    most = sum(line["unit_value"] * line["order_multiple"] * (len(line["cost"]) - 1) for line in mine)
    return {
        "source_id": source, "location_id": location,
        "min_order_value": round(float(most * rng.choice([0, 0.3, 0.6, 1.5])), 2), "order_cost": float(rng.choice([0, 3, 12, -4])),
        "truck_volume": float(rng.choice([0, 3, 10])), "truck_cost": float(rng.choice([0, 2, 8])),
    }  # fmt: skip


def draw_capacities(rng: np.random.Generator, lines: list[dict]) -> list[dict]:
    """Limits of a share of what all lines could take; some are zero, some null."""

    def row(resource: str, unit: str, share: float, location: str | None = None, item: str | None = None, day: date | None = None) -> dict:
        from tests.jobs.plan.coupled.naive import takes

        made = {"resource": resource, "location_id": location, "item_id": item, "date": day, "limit": 0.0, "unit": unit}
        most = sum(takes(made, line) * line["order_multiple"] * (len(line["cost"]) - 1) for line in lines)
        drawn = rng.random()
        return made | {"limit": None if drawn < 0.05 else 0.0 if drawn < 0.1 else round(most * share * float(rng.uniform(0.5, 1)), 3)}

    rows = [row("dc_stock", "units", 0.5, f"D{d}", f"I{i}") for d in range(2) for i in range(5)]
    rows += [row("dc_outbound", str(rng.choice(["units", "volume", "value"])), 0.5, f"D{d}") for d in range(2)]
    rows += [row("receiving", str(rng.choice(["units", "volume", "value"])), 0.5, f"S{s}") for s in range(3)]
    rows += [row("receiving", "units", 0.5, f"S{s}", None, DAYS[s % 2]) for s in range(3)]
    rows += [row("budget", "value", 0.4), row("budget", "value", 0.4, "S1")]
    return rows


def write(tables: dict[str, list[dict]], folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        schema = SCHEMAS[name]
        if name == "lines":
            schema = pa.schema([f for f in schema if f.name in rows[0]])
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{name}.parquet")
    return str(folder)
