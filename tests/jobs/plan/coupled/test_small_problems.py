"""Small random problems against a full MILP with proven optimum, every plan checked by naive code."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.errors import UsageError
from jobs.plan.coupled import branching, first_look
from jobs.plan.files import solve_folder
from tests.jobs.plan.coupled import drawn
from tests.jobs.plan.coupled.naive import check, optimum


def solved(tables: dict, tmp_path: Path, deadline: float | None = None) -> tuple[dict, dict]:
    solve_folder(drawn.write(tables, tmp_path / "problem"), str(tmp_path / "out"), deadline)
    rows = pq.read_table(tmp_path / "out" / "solution.parquet").to_pylist()
    assert [row["line_id"] for row in rows] == [line["line_id"] for line in tables["lines"]]
    return {row["line_id"]: row["units"] for row in rows}, json.loads((tmp_path / "out" / "certificate.json").read_text())


def agrees(seed: int, tmp_path: Path) -> None:
    """Feasible, at its stated cost, not above the optimum; the bound not above it."""
    tables = drawn.problem(seed)
    best = optimum(tables)
    assert best is not None, "nothing is always allowed here"
    units, certificate = solved(tables, tmp_path)
    cost, broken = check(tables, units)
    assert broken == []
    assert certificate["feasible"] is True
    assert cost == pytest.approx(certificate["cost"], rel=1e-9, abs=1e-9)
    assert certificate["lower_bound"] <= best + 1e-6 * max(abs(best), 1)
    assert certificate["lower_bound"] <= certificate["cost"]
    assert certificate["cost"] == pytest.approx(best, rel=2e-6, abs=2e-6)
    assert certificate["rung"] == "proven"


@pytest.mark.parametrize("seed", range(60))
def test_optimum_reached_and_no_bound_above_it(seed: int, tmp_path: Path) -> None:
    agrees(seed, tmp_path)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(1000, 1500))
def test_five_hundred_more(seed: int, tmp_path: Path) -> None:
    agrees(seed, tmp_path)


@pytest.mark.parametrize("seed", range(0, 60, 4))
def test_branching_over_orders_reaches_the_optimum_too(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """These problems HiGHS solves by itself; here orders are set open or closed first: at a first look, and without it all of them and the
    first few.
    """
    monkeypatch.setattr(branching, "_LINES", 0)
    agrees(seed, tmp_path)
    monkeypatch.setattr(first_look, "FIRST", 0)
    agrees(seed, tmp_path)
    monkeypatch.setattr(branching, "_NODES", 4)
    agrees(seed, tmp_path)


def test_the_checker_sees_what_is_broken() -> None:
    """A checker that can't fail is worth nothing: an order below its minimum, a limit, a choice, an entry."""
    tables = drawn.problem(0)
    line = {
        **tables["lines"][0],
        "line_id": 1,
        "cost": [5.0, 1.0, float("inf")],
        "order_multiple": 2.0,
        "min_order_units": 0.0,
        "unit_value": 1.0,
    }
    line |= {"source_id": "D0", "location_id": "S0", "choice_id": 1}
    terms = [{"source_id": "D0", "location_id": "S0", "min_order_value": 9.0, "order_cost": 1.0, "truck_volume": 0.0, "truck_cost": 0.0}]
    limit = [{"resource": "budget", "location_id": None, "item_id": None, "date": None, "limit": 1.0, "unit": "value"}]
    lines = [line, {**line, "line_id": 2}]
    tables = {"lines": lines, "order_terms": terms, "capacities": limit}
    assert check(tables, {1: 0.0, 2: 0.0}) == (5.0, [])
    _, broken = check(tables, {1: 2.0, 2: 2.0})
    assert [text.split(":")[0].split()[0] for text in broken][:2] == ["choice", "order"]
    assert check(tables, {1: 4.0, 2: 0.0})[1][0] == "an entry that is not allowed"
    assert check(tables, {1: 1.0, 2: 0.0})[1][0].startswith("line 1")


def test_infeasible_is_said_not_solved(tmp_path: Path) -> None:
    """A line that must be ordered (cost[0] not allowed) in an order whose minimum nobody can reach."""
    line = {
        **drawn.problem(0)["lines"][0],
        "cost": [float("inf"), 1.0],
        "choice_id": None,
        "order_multiple": 1.0,
        "unit_value": 1.0,
        "min_order_units": 0.0,
    }
    terms = [
        {
            "source_id": line["source_id"],
            "location_id": line["location_id"],
            "min_order_value": 100.0,
            "order_cost": 0.0,
            "truck_volume": 0.0,
            "truck_cost": 0.0,
        }
    ]
    other = {**line, "line_id": 5, "item_id": "other"}
    with pytest.raises(UsageError, match="no plan"):
        solved({"lines": [line, other], "order_terms": terms}, tmp_path)
    assert optimum({"lines": [line, other], "order_terms": terms}) is None


@pytest.mark.parametrize("seed", range(30))
def test_locked_orders(seed: int, tmp_path: Path) -> None:
    """Some lines (and choices) must be ordered: the optimum, or a clear refusal where the MILP says that there is no plan."""
    tables = drawn.problem(seed)
    for line in tables["lines"]:
        if (line["line_id"] + seed) % 5 == 0 or line.get("choice_id") == 0:
            line["cost"] = [None, *line["cost"][1:]]
    for choice in {line.get("choice_id") for line in tables["lines"]} - {None}:
        members = [line for line in tables["lines"] if line.get("choice_id") == choice]
        if any(line["cost"][0] is None for line in members):
            for line in members:
                line["cost"] = [None, *line["cost"][1:]]
    best = optimum(tables)
    if best is None:
        with pytest.raises(UsageError, match=r"no plan|allows no quantity"):
            solved(tables, tmp_path)
        return
    units, certificate = solved(tables, tmp_path)
    cost, broken = check(tables, units)
    assert broken == []
    assert cost == pytest.approx(best, rel=2e-6, abs=2e-6)
    assert certificate["cost"] == pytest.approx(cost, rel=1e-9, abs=1e-9)
    assert certificate["lower_bound"] <= best + 1e-6 * max(abs(best), 1)
