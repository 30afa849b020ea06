"""The plan problem as files: solved again, refused where not supported."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.errors import UsageError
from jobs.plan.files import solve_folder

INF = float("inf")
LINE = {
    "item_id": "A", "source_id": "DC", "expected_on": None, "order_multiple": 2.0, "min_order_units": 0.0,
    "unit_volume": 0.0, "unit_weight": 0.0, "unit_value": 1.0,
}  # fmt: skip
LINES = [
    {**LINE, "line_id": 7, "location_id": "S1", "cost": [6.0, 2.0, 0.0]},
    {**LINE, "line_id": 3, "location_id": "S2", "cost": [4.0, None, 1.0]},
]
STOCK = {"resource": "dc_stock", "location_id": "DC", "item_id": "A", "date": None, "limit": 5.0, "unit": "units"}


def write(folder: Path, **tables: list[dict]) -> str:
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return str(folder)


def solved(folder: str, out: Path, deadline: float | None = None) -> tuple[dict, dict]:
    solve_folder(folder, str(out), deadline)
    rows = pq.read_table(out / "solution.parquet").to_pylist()
    return {row["line_id"]: row["units"] for row in rows}, json.loads((out / "certificate.json").read_text())


def test_scarce_stock_goes_where_it_saves_most(tmp_path: Path) -> None:
    """Five units are two packs of two: both for S1 (saves 6), or both for S2 (saves 3)."""
    units, certificate = solved(write(tmp_path / "p", lines=LINES, capacities=[STOCK]), tmp_path / "out")
    assert units == {7: 4.0, 3: 0.0}
    assert certificate["cost"] == pytest.approx(4)
    assert certificate["feasible"] is True
    assert certificate["lower_bound"] <= 4 + 1e-9
    assert certificate["gap"] < 1e-6
    (price,) = pq.read_table(tmp_path / "out" / "prices.parquet").to_pylist()
    assert price["resource"] == "dc_stock"
    assert 0 < price["price"] <= 1


def test_without_capacities_each_line_its_best(tmp_path: Path) -> None:
    units, certificate = solved(write(tmp_path / "p", lines=LINES), tmp_path / "out")
    assert units == {7: 4.0, 3: 4.0}
    assert certificate["gap"] == 0


def test_min_order_units_hold_in_files_too(tmp_path: Path) -> None:
    line = {**LINES[0], "min_order_units": 3.0, "cost": [6.0, 2.0, 5.0]}
    assert solved(write(tmp_path / "p", lines=[line]), tmp_path / "out")[0] == {7: 4.0}


def test_out_of_time_is_said(tmp_path: Path) -> None:
    lines = [{**LINE, "line_id": i, "location_id": f"S{i}", "cost": [9.0, INF, INF, float(i)]} for i in range(3)]
    _, certificate = solved(write(tmp_path / "p", lines=lines, capacities=[{**STOCK, "limit": 10.0}]), tmp_path / "out", -1.0)
    assert certificate["degraded"] is True
    assert certificate["feasible"] is True
    assert certificate["lower_bound"] <= certificate["cost"]


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({}, "lines.parquet is missing"),
        ({"lines": [{"line_id": 1}]}, "lacks"),
        ({"lines": [{**LINES[0], "cost": []}]}, "cost list"),
        ({"lines": [{**LINES[0], "cost": [None, INF]}]}, "allows no quantity"),
        ({"lines": [{**LINES[0], "cost": [None, None, None, 1.0]}], "capacities": [STOCK]}, "no plan keeps dc_stock"),
        ({"lines": [{**row, "choice_id": 1} for row in LINES]}, "choice_id"),
        (
            {"lines": LINES, "order_terms": [{"source_id": "DC", "location_id": "S1", "order_cost": 3.0, "truck_cost": 0.0}]},
            "order_cost in order_terms",
        ),
        ({"lines": LINES, "capacities": [{**STOCK, "resource": "budget", "unit": "value"}]}, "budget in value"),
    ],
)
def test_what_can_not_be_solved_is_named(tmp_path: Path, tables: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        solve_folder(write(tmp_path / "p", **tables), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_order_terms_without_terms_are_fine(tmp_path: Path) -> None:
    terms = [{"source_id": "DC", "location_id": "S1", "min_order_value": 0.0, "order_cost": None, "truck_volume": None, "truck_cost": 0.0}]
    terms = [{k: (0.0 if v is None else v) for k, v in row.items()} for row in terms]
    assert solved(write(tmp_path / "p", lines=LINES, order_terms=terms), tmp_path / "out")[0] == {7: 4.0, 3: 4.0}
