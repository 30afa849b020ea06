"""The night's numbers, against a loop."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from jobs.publish.kpis import main_lines, measure
from schemas import ORDER_REASONS, ORDERS

DEPARTMENTS = pa.table({"item_id": ["1", "2", "3"], "department": ["dairy", "dairy", None]})


def line(
    item: str,
    location: str,
    units: int,
    *,
    source: str = "DC",
    arrives: int = 11,
    demand: float = 10.0,
    fill: float = 0.9,
    cost: str = "3.5",
) -> dict[str, Any]:
    return {
        "item_id": item,
        "source_id": source,
        "location_id": location,
        "units": Decimal(units),
        "arrives_on": date(2024, 6, arrives),
        "demand_in_window": demand,
        "fill_rate": fill,
        "expected_cost": Decimal(cost),
        "cost_of_nothing": Decimal(9),
    }


LINES = [
    line("1", "A", 4),
    line("2", "A", 0, demand=0.1, fill=1.0),  # not ordered, still costs
    line("3", "A", 2, cost="-1.25"),  # no department
    line("1", "B", 0, source="DC"),  # an alternative lane: counts as considered, not again as demand
    line("1", "B", 6, source="supplier", arrives=13, fill=0.5),
]


def reasons(lines: list[dict[str, Any]] = LINES) -> pa.Table:
    return pa.Table.from_pylist(lines, ORDER_REASONS.schema)


def orders(lines: list[dict[str, Any]] = LINES) -> pa.Table:
    kept = [
        {k: row[k] for k in ("item_id", "source_id", "location_id")} | {"order_value": row["units"] * 2} for row in lines if row["units"]
    ]
    return pa.Table.from_pylist(kept, ORDERS.schema)


def naive(lines: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, float]]:
    names = dict(zip(*DEPARTMENTS.to_pydict().values(), strict=True))
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for row in lines:
        group = found[row["location_id"], names[row["item_id"]] or ""]
        group["lines_considered"] += 1
        group["lines_ordered"] += row["units"] > 0
        group["units"] += float(row["units"])
        group["order_value"] += float(row["units"]) * 2
        pair = (row["item_id"], row["location_id"])
        if pair not in best or row["units"] > best[pair]["units"]:
            best[pair] = row
    for (item, location), row in best.items():
        group = found[location, names[item] or ""]
        group["demand_in_window"] += row["demand_in_window"]
        group["served_in_window"] += row["demand_in_window"] * row["fill_rate"]
        group["expected_cost"] += float(row["expected_cost"])
        group["cost_of_nothing"] += float(row["cost_of_nothing"])
    return {key: dict(values) for key, values in found.items()}


def test_as_the_loop_does() -> None:
    rows = measure(reasons(), orders(), DEPARTMENTS).to_pylist()
    assert [(r["location_id"], r["department"]) for r in rows] == [("A", ""), ("A", "dairy"), ("B", "dairy")]
    wanted = naive(LINES)
    for row in rows:
        numbers = {k: round(float(v), 6) for k, v in row.items() if k not in ("location_id", "department")}
        assert numbers == {k: round(v, 6) for k, v in wanted[row["location_id"], row["department"]].items()}


def test_order_of_rows_does_not_matter() -> None:
    assert measure(reasons(), orders(), DEPARTMENTS).equals(measure(reasons(LINES[::-1]), orders(LINES[::-1]), DEPARTMENTS))


def test_main_line_is_the_ordered_one_then_the_earliest() -> None:
    late = line("1", "A", 0, source="X", arrives=14)
    early = line("1", "A", 0, source="Y", arrives=12)
    assert main_lines(reasons([late, early]))["source_id"].to_pylist() == ["Y"]
    assert main_lines(reasons(LINES))["source_id"].to_pylist() == ["DC", "supplier", "DC", "DC"]


def test_a_night_without_lines() -> None:
    assert measure(reasons([]), orders([]), DEPARTMENTS).num_rows == 0
    assert main_lines(reasons([])).num_rows == 0


def test_what_centres_are_asked_for_is_no_demand_of_customers() -> None:
    lines = [line("1", "A", 4), line("1", "DC", 20, source="supplier", demand=50.0)]
    rows = {row["location_id"]: row for row in measure(reasons(lines), orders(lines), DEPARTMENTS, ["DC"]).to_pylist()}
    assert (rows["DC"]["demand_in_window"], rows["DC"]["served_in_window"]) == (0, 0)
    assert (rows["DC"]["units"], rows["DC"]["order_value"], rows["DC"]["expected_cost"]) == (20, 40, Decimal("3.5"))
    assert rows["A"]["demand_in_window"] == 10
