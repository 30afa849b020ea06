"""Problems of some thousand lines by the benchmark's laws: feasible, at the stated cost, the same whatever the order of rows, in time."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType

import polars as pl
import pyarrow.parquet as pq
import pytest

from jobs.plan.files import solve_folder
from tests.jobs.plan.coupled.naive import check


def laws() -> ModuleType:
    path = Path(__file__).resolve().parents[4] / "benchmarks" / "plan.py"
    spec = importlib.util.spec_from_file_location("benchmark_plan", path)
    assert spec is not None
    assert spec.loader is not None
    import sys

    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


LAWS = laws()


def solved(tables: dict[str, pl.DataFrame], folder: Path, deadline: float | None = None) -> tuple[dict, dict]:
    LAWS.write(tables, folder)
    solve_folder(str(folder), str(folder / "out"), deadline)
    rows = pq.read_table(folder / "out" / "solution.parquet").to_pylist()
    return {row["line_id"]: row["units"] for row in rows}, json.loads((folder / "out" / "certificate.json").read_text())


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.torture)])
@pytest.mark.parametrize("kind", LAWS.KINDS)
def test_feasible_at_the_stated_cost_with_a_small_gap(kind: str, seed: int, tmp_path: Path) -> None:
    tables = LAWS.problem(kind, 1500, seed)
    units, certificate = solved(tables, tmp_path)
    cost, broken = check({name: rows.to_dicts() for name, rows in tables.items()}, units)
    assert broken == []
    assert cost == pytest.approx(certificate["cost"], rel=1e-9)
    assert certificate["lower_bound"] <= certificate["cost"]
    assert certificate["gap"] <= {"none": 0, "dc_stock": 1e-6, "budget": 0.002, "terms": 0.005, "all_together": 0.02}.get(kind, 0.2)


def test_rows_in_any_order_give_the_same_plan(tmp_path: Path) -> None:
    tables = LAWS.problem("all_together", 1500, 3)
    units, certificate = solved(tables, tmp_path / "a")
    mixed = {name: rows.sample(fraction=1.0, shuffle=True, seed=5) for name, rows in tables.items()}
    again, other = solved(mixed, tmp_path / "b")
    assert again == units
    assert {k: v for k, v in other.items() if k != "seconds"} == {k: v for k, v in certificate.items() if k != "seconds"}


@pytest.mark.parametrize("deadline", [0.0, 0.3])
def test_in_time_whatever_the_deadline(deadline: float, tmp_path: Path) -> None:
    tables = LAWS.problem("all_together", 6_000, 4)
    began = time.monotonic()
    units, certificate = solved(tables, tmp_path, deadline)
    assert time.monotonic() - began < 60, "no more than reading and writing on a loaded machine"
    cost, broken = check({name: rows.to_dicts() for name, rows in tables.items()}, units)
    assert broken == []
    assert cost == pytest.approx(certificate["cost"], rel=1e-9)
    assert certificate["degraded"] is True
    assert certificate["lower_bound"] <= certificate["cost"]


def test_limits_below_what_is_free_have_prices(tmp_path: Path) -> None:
    tables = LAWS.problem("dc_stock", 1500, 2)
    solved(tables, tmp_path)
    prices = pq.read_table(tmp_path / "out" / "prices.parquet")
    assert prices.column_names == ["resource", "location_id", "item_id", "date", "price"]
    values = prices["price"].to_pylist()
    assert len(values) == len(tables["capacities"])
    assert min(values) >= 0
    assert sum(value > 0 for value in values) > len(values) / 2


def test_without_any_time_the_plan_is_still_worth_having(tmp_path: Path) -> None:
    """Marginal value at once: far better than nothing, and the bound without prices still holds."""
    tables = LAWS.problem("budget", 1500, 6)
    units, certificate = solved(tables, tmp_path, -1.0)
    cost, broken = check({name: rows.to_dicts() for name, rows in tables.items()}, units)
    assert broken == []
    assert certificate["rung"] == "marginal value"
    assert certificate["lower_bound"] <= cost < certificate["cost_of_nothing"] / 2
