"""The plan problem as files: solved again, refused where not supported."""

from __future__ import annotations

import ctypes
import json
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.errors import UsageError
from jobs.plan import coupling, files
from jobs.plan.files import solve_folder, write_problem
from tests.jobs.plan.small import night

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

TERMS = {"source_id": "DC", "location_id": "S1", "min_order_value": 0.0, "order_cost": 0.0, "truck_volume": 0.0, "truck_cost": 0.0}


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


def test_a_multiple_of_no_whole_ten_thousandths_stays_as_given(tmp_path: Path) -> None:
    """Three thirds fill a limit of one unit; units are whole multiples of what the file says, which .3333 times two is not."""
    third = 1 / 3
    lines = [{**LINES[0], "order_multiple": third, "cost": [9.0, 5.0, 2.0, 1.0, 0.0]}]
    assert solved(write(tmp_path / "p", lines=lines, capacities=[{**STOCK, "limit": 1.0}]), tmp_path / "out")[0] == {7: 3 * third}
    assert solved(write(tmp_path / "q", lines=lines, capacities=[{**STOCK, "limit": 0.99}]), tmp_path / "out")[0] == {7: 2 * third}


def test_what_a_library_prints_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> None:
    solving = files.solve

    def loud(*arguments: object) -> object:
        ctypes.CDLL(None).puts(b"tmpSolver.run();")
        return solving(*arguments)

    monkeypatch.setattr(files, "solve", loud)
    solve_folder(write(tmp_path / "p", lines=LINES), str(tmp_path / "out"))
    print("done")
    assert capfd.readouterr() == ("done\n", "tmpSolver.run();\n")


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
        ({"lines": [{**row, "choice_id": 1} for row in LINES]}, "choice 1 differ in cost"),
        ({"lines": [LINES[0], LINES[0]]}, "line_id 7 is there twice"),
        ({"lines": [{**LINES[0], "cost": [1.0, float("nan")]}]}, "line 7 holds NaN"),
        ({"lines": [{**LINES[0], "location_id": None}, LINES[1]]}, "location_id is null"),
        ({"lines": [{**LINES[0], "unit_volume": -1.0}]}, "unit_volume must be"),
        ({"lines": [{**LINES[0], "order_multiple": 0.0}]}, "order_multiple"),
        ({"lines": LINES, "capacities": [{**STOCK, "limit": -1.0}]}, "limit -1.0 of dc_stock"),
        ({"lines": LINES, "capacities": [{**STOCK, "limit": float("nan")}]}, "limit nan of dc_stock"),
        ({"lines": LINES, "capacities": [{**STOCK, "resource": "shelf"}]}, "unknown resource 'shelf'"),
        ({"lines": LINES, "capacities": [{**STOCK, "resource": "budget"}]}, "a budget is in value"),
        ({"lines": LINES, "order_terms": [{**TERMS, "order_cost": INF}]}, "order_cost must be"),
        ({"lines": LINES, "order_terms": [{**TERMS, "min_order_value": -3.0}]}, "min_order_value must be"),
        ({"lines": LINES, "order_terms": [TERMS, TERMS]}, "once each pair"),
        ({"lines": [{**LINES[0], "cost": ["a"]}]}, "lines.parquet: cost holds list"),
        ({"lines": [{**LINES[0], "cost": 3.0}]}, "lines.parquet: cost holds double"),
        ({"lines": [{**LINES[0], "line_id": 1.5}]}, "lines.parquet: line_id holds double"),
        ({"lines": [{**LINES[0], "choice_id": 1.5}]}, "lines.parquet: choice_id holds double"),
        ({"lines": [{**LINES[0], "choice_id": "x"}]}, "lines.parquet: choice_id holds string"),
        ({"lines": LINES, "capacities": [{**STOCK, "limit": "many"}]}, "capacities.parquet: limit holds string"),
        ({"lines": [{**LINES[0], "order_multiple": 1e15}]}, "an order_multiple is above 1e"),
        ({"lines": [{**LINES[0], "cost": [1e308, 1.0]}]}, "amounts beyond 1e"),
        ({"lines": [{**LINES[0], "unit_volume": 1e300}]}, "unit_volume is above 1e"),
    ],
)
def test_what_can_not_be_solved_is_named(tmp_path: Path, tables: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        solve_folder(write(tmp_path / "p", **tables), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_order_terms_without_terms_are_fine(tmp_path: Path) -> None:
    """Nor do terms of an order without lines matter."""
    terms = [TERMS, {**TERMS, "location_id": "S9", "min_order_value": 1e9}]
    assert solved(write(tmp_path / "p", lines=LINES, order_terms=terms), tmp_path / "out")[0] == {7: 4.0, 3: 4.0}


@pytest.mark.parametrize(
    ("terms", "units", "cost"),
    [
        ({"order_cost": 1.0}, 4.0, 1.0),
        ({"order_cost": 7.0}, 0.0, 6.0),  # costs more than it saves
        ({"order_cost": -2.0}, 4.0, -2.0),
        ({"min_order_value": 4.0}, 4.0, 0.0),
        ({"min_order_value": 4.1}, 0.0, 6.0),  # nobody can reach it
        ({"truck_volume": 3.0, "truck_cost": 2.5}, 2.0, 4.5),  # the second truck costs more than it saves
        ({"truck_volume": 3.0, "truck_cost": 1.0}, 4.0, 2.0),
    ],
)
def test_order_terms(tmp_path: Path, terms: dict, units: float, cost: float) -> None:
    """One line, two packs of two: nothing costs 6, one pack 2, two 0."""
    line = {**LINES[0], "unit_volume": 1.0}
    found, certificate = solved(write(tmp_path / "p", lines=[line], order_terms=[{**TERMS, **terms}]), tmp_path / "out")
    assert found == {7: units}
    assert certificate["cost"] == pytest.approx(cost)
    assert certificate["lower_bound"] <= cost + 1e-9


@pytest.mark.parametrize(
    ("capacity", "units"),
    [
        ({"resource": "dc_outbound", "item_id": None, "limit": 5.0, "unit": "units"}, {7: 4.0, 3: 0.0}),
        ({"resource": "dc_outbound", "item_id": None, "limit": 10.0, "unit": "volume"}, {7: 4.0, 3: 0.0}),
        ({"resource": "receiving", "location_id": "S1", "item_id": None, "limit": 3.9, "unit": "value"}, {7: 2.0, 3: 4.0}),
        ({"resource": "receiving", "location_id": "S1", "item_id": None, "date": date(2026, 1, 6), "limit": 0.0}, {7: 0.0, 3: 4.0}),
        ({"resource": "receiving", "location_id": "S1", "item_id": None, "date": date(2026, 1, 7), "limit": 0.0}, {7: 4.0, 3: 4.0}),
        ({"resource": "budget", "location_id": None, "item_id": None, "limit": 3.0, "unit": "value"}, {7: 4.0, 3: 4.0}),
        ({"resource": "budget", "location_id": "S2", "item_id": None, "limit": 0.0, "unit": "value"}, {7: 4.0, 3: 0.0}),
        ({"limit": None}, {7: 4.0, 3: 4.0}),
        ({"limit": INF}, {7: 4.0, 3: 4.0}),
        ({"limit": 0.0}, {7: 0.0, 3: 0.0}),
    ],
)
def test_capacities(tmp_path: Path, capacity: dict, units: dict) -> None:
    """Volume 2.5 a unit; a budget counts budget_value: nothing for line 7, 0.5 a unit for line 3 (its null is unit_value)."""
    lines = [{**LINES[0], "budget_value": 0.0}, {**LINES[1], "budget_value": 0.5}]
    lines = [{**line, "unit_volume": 2.5, "expected_on": date(2026, 1, 6)} for line in lines]
    row = {**STOCK, **capacity}
    kinds = pa.schema([("resource", pa.string()), ("location_id", pa.string()), ("item_id", pa.string()), ("date", pa.date32())])
    kinds = kinds.append(pa.field("limit", pa.float64())).append(pa.field("unit", pa.string()))
    folder = write(tmp_path / "p", lines=lines)
    pq.write_table(pa.Table.from_pylist([row], schema=kinds), tmp_path / "p" / "capacities.parquet")
    assert solved(folder, tmp_path / "out")[0] == units


def test_one_lane_of_a_choice(tmp_path: Path) -> None:
    """The dearer lane only where the other is closed by its limit; cost[0] counts once."""
    lines = [{**LINES[0], "choice_id": 1}, {**LINES[0], "line_id": 8, "source_id": "SUP", "cost": [6.0, 2.5, 0.5], "choice_id": 1}]
    units, certificate = solved(write(tmp_path / "p", lines=lines), tmp_path / "out")
    assert (units, certificate["cost"]) == ({7: 4.0, 8: 0.0}, pytest.approx(0))
    units, certificate = solved(write(tmp_path / "q", lines=lines, capacities=[{**STOCK, "limit": 0.0}]), tmp_path / "out")
    assert (units, certificate["cost"]) == ({7: 0.0, 8: 4.0}, pytest.approx(0.5))
    assert certificate["cost_of_nothing"] == pytest.approx(6)


def test_a_locked_order_is_kept(tmp_path: Path) -> None:
    """cost[0] = inf: something must be ordered, though the order costs more than it saves."""
    line = {**LINES[0], "cost": [INF, 2.0, 3.0]}
    units, certificate = solved(
        write(tmp_path / "p", lines=[line, LINES[1]], order_terms=[{**TERMS, "order_cost": 50.0}]), tmp_path / "out"
    )
    assert units == {7: 2.0, 3: 4.0}
    assert certificate["cost"] == pytest.approx(53)
    assert certificate["cost_of_nothing"] == pytest.approx(56)


def test_no_lines_no_orders(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    write_problem(str(tmp_path / "p"), coupling.tables(pl.DataFrame(), pl.DataFrame(), pl.DataFrame(), night()))
    units, certificate = solved(str(tmp_path / "p"), tmp_path / "out")
    assert (units, certificate["cost"], certificate["gap"]) == ({}, 0, 0)


def test_a_choice_over_places_is_one_order_at_most(tmp_path: Path) -> None:
    """What a choice is of is the file's business: other items and locations may stand in one."""
    lines = [{**LINES[0], "choice_id": 4}, {**LINES[0], "line_id": 8, "location_id": "S9", "item_id": "B", "choice_id": 4}]
    units, certificate = solved(write(tmp_path / "p", lines=lines), tmp_path / "out")
    assert sorted(units.values()) == [0.0, 4.0]
    assert certificate["cost"] == pytest.approx(0)


def test_capacities_of_places_that_no_line_is_of(tmp_path: Path) -> None:
    rows = [{**STOCK, "location_id": "NOWHERE", "limit": 0.0}, {**STOCK, "item_id": "Z", "limit": 0.0}]
    assert solved(write(tmp_path / "p", lines=LINES, capacities=rows), tmp_path / "out")[0] == {7: 4.0, 3: 4.0}
