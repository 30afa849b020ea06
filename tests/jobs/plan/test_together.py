"""Order terms and shared limits of a night: the tables of its problem, and what is decided of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jobs import workers
from jobs.plan import coupling, together
from jobs.plan.coupled import guarded, relaxation
from jobs.plan.files import solve_folder, write_problem
from jobs.plan.night import Night
from jobs.plan.pools import UNLIMITED
from tests.jobs.plan.small import day, night, table

ITEMS = ("A", "B", "C")


def capacity(resource: str, limit: float, unit: str = "units", **more: Any) -> dict[str, Any]:
    return {"resource": resource, "limit": limit, "unit": unit, **more}


def lane(**terms: Any) -> dict[str, Any]:
    return {"source_id": "V1", "location_id": "S1", "lead_time_days": 1, **terms}


def line(item: str, wanted: int, *, location: str = "S1", source: str = "V1", length: int = 40, **more: Any) -> dict[str, Any]:
    """A line that costs 2 a unit short of what is wanted and 1 a unit above it; a unit costs 5 and has a volume of 2."""
    cost = [2.0 * max(wanted - n, 0) + 1.0 * max(n - wanted, 0) for n in range(length)]
    numbers = {"order_multiple": 1.0, "min_order_units": 0.0, "unit_volume": 2.0, "unit_weight": 1.0, "unit_value": 5.0}
    where = {"item_id": item, "source_id": source, "location_id": location, "expected_on": day(1)}
    return {**where, **numbers, "cost": cost, "locked": 0, "base_stock": 0, "cost_of_nothing": cost[0], "main": True, **more}


def locked(item: str, units: int, wanted: int = 10, **more: Any) -> dict[str, Any]:
    free = line(item, wanted, **more)
    only = [float("inf")] * units + [free["cost"][units]]
    return {**free, "cost": only, "locked": units}


def problem(lines: list[dict[str, Any]], night_: Night, due: list[dict[str, Any]] | None = None, stock: dict[str, int] | None = None):
    rows = pl.DataFrame(lines)
    pools = rows.select("item_id", "source_id").unique().sort("item_id", "source_id")
    limits = [stock[item] * 10_000 if stock and item in stock else UNLIMITED for item in pools["item_id"]]
    return coupling.tables(rows, pools.with_columns(limit=pl.Series(limits, dtype=pl.Int64)), pl.DataFrame(due or [], coupling.DUE), night_)


def with_capacities(*rows: dict[str, Any], **lane_terms: Any) -> Night:
    return night(lanes=[lane(**lane_terms)], capacities=table("silver/capacities", list(rows)))


def decided(lines: list[dict[str, Any]], night_: Night, **more: Any) -> tuple[dict[str, int], together.Together]:
    found = together.decide(problem(lines, night_, **more), 20)
    return dict(found.lines.select("item_id", "n").iter_rows()), found


def test_a_night_is_coupled_by_order_terms_or_shared_limits_only() -> None:
    assert not coupling.is_coupled(night())
    assert not coupling.is_coupled(night(lanes=[lane(truck_volume=3)]))
    assert coupling.is_coupled(night(lanes=[lane(min_order_value=10)]))
    assert coupling.is_coupled(with_capacities(capacity("budget", 10, "value")))


def test_an_order_reaches_its_minimum_or_is_not_placed() -> None:
    lines = [line("A", 6), line("B", 4)]
    n, found = decided(lines, with_capacities(min_order_value=60))
    assert sum(n.values()) == 12  # 60 / 5 a unit, two more than wanted, at 1 a unit
    assert found.certificate.row(0, named=True)["cost"] == pytest.approx(2)
    assert set(found.lines["bound_by"]) <= {"min_order_value", ""}
    n, found = decided(lines, with_capacities(min_order_value=500))
    assert n == {"A": 0, "B": 0}
    (row,) = found.exceptions.to_dicts()
    assert (row["kind"], row["source_id"], row["location_id"], row["money"]) == ("order_below_minimum", "V1", "S1", 20.0)
    assert "50.0 was wanted, the lane's minimum is 500.0" in row["message"]


def test_trucks_and_order_cost_are_paid() -> None:
    lines = [line("A", 6), line("B", 4)]
    n, found = decided(lines, with_capacities(truck_volume=16, truck_cost=5))
    assert sum(n.values()) == 8  # a second truck would cost 5, and the last two units save 4
    assert found.certificate["cost"][0] == pytest.approx(5 + 4)
    n, found = decided(lines, with_capacities(order_cost=100))
    assert n == {"A": 0, "B": 0}
    assert set(found.lines["bound_by"]) == {"order_cost"}


def test_the_cost_of_an_order_that_is_placed_takes_nothing_from_its_lines() -> None:
    """A gets less than it wants since its stock is scarce, not since the order costs something."""
    n, found = decided([line("A", 6), line("B", 4)], with_capacities(order_cost=3), stock={"A": 4})
    assert n == {"A": 4, "B": 4}
    assert dict(found.lines.select("item_id", "bound_by").iter_rows()) == {"A": "dc_stock", "B": ""}


@pytest.mark.parametrize(
    ("row", "most"),
    [
        (capacity("budget", 40, "value"), 8),
        (capacity("budget", 40, "value", location_id="S1"), 8),
        (capacity("budget", 40, "value", location_id="S2"), 10),
        (capacity("budget", 40, "value", date=day(1)), 10),
        (capacity("receiving", 7, location_id="S1"), 7),
        (capacity("receiving", 7, location_id="S1", date=day(1)), 7),
        (capacity("receiving", 7, location_id="S1", date=day(2)), 10),
        (capacity("receiving", 8, "volume", location_id="S1"), 4),
        (capacity("dc_outbound", 6, location_id="V1"), 6),
        (capacity("dc_outbound", 6, location_id="V1", date=day(-1)), 10),
        (capacity("dc_stock", 6, location_id="V1"), 6),
        (capacity("dc_stock", 0, location_id="V1"), 0),
    ],
)
def test_limits_hold_tonight(row: dict[str, Any], most: int) -> None:
    n, found = decided([line("A", 6), line("B", 4)], with_capacities(row))
    assert sum(n.values()) == most
    if 0 < most < 10:
        (price,) = found.prices.filter(pl.col("limit").is_not_null()).to_dicts()
        assert price["price"] > 0
        assert price["used"] <= price["limit"] < price["wanted"]
        assert row["resource"] in set(found.lines["bound_by"])


def test_receiving_is_net_of_what_is_under_way_that_day() -> None:
    under_way = [
        {"location_id": "S1", "item_id": "Z", "date": day(1), "units": 4.0, "volume": 8.0, "value": 20.0},
        {"location_id": "S1", "item_id": "Z", "date": day(2), "units": 90.0, "volume": 180.0, "value": 450.0},
        {"location_id": "S2", "item_id": "Z", "date": day(1), "units": 90.0, "volume": 180.0, "value": 450.0},
    ]
    limits = with_capacities(capacity("receiving", 7, location_id="S1"), capacity("receiving", 11, "volume", location_id="S1"))
    n, _ = decided([line("A", 6), line("B", 4)], limits, due=under_way)
    assert sum(n.values()) == 1  # 11 - 8 of volume, 2 a unit
    swamped = [{**under_way[0], "units": 90.0}]
    n, found = decided([line("A", 6), line("B", 4)], with_capacities(capacity("receiving", 7, location_id="S1")), due=swamped)
    assert set(n.values()) == {0}
    assert found.prices["limit"].to_list() == [0.0]


def test_a_budget_pays_purchases_only() -> None:
    lines = [line("A", 6), line("A", 6, source="DC", location="S2")]
    found = together.decide(problem(lines, with_capacities(capacity("budget", 20, "value"))), 20)
    assert {r["location_id"]: r["n"] for r in found.lines.to_dicts()} == {"S1": 4, "S2": 6}


def test_stock_of_a_dc_is_a_limit_like_others() -> None:
    lines = [line("A", 6, source="DC"), line("A", 6, source="DC", location="S2"), line("B", 6, source="DC")]
    found = together.decide(problem(lines, with_capacities(capacity("dc_outbound", 12, location_id="DC")), stock={"A": 7}), 20)
    units = {(r["item_id"], r["location_id"]): r["n"] for r in found.lines.to_dicts()}
    assert units["A", "S1"] + units["A", "S2"] <= 7
    assert sum(units.values()) == 12
    assert found.certificate["rung"][0] == "proven"
    parts = {row["location_id"]: row for row in found.certificate.filter(pl.col("location_id") != "*").to_dicts()}
    assert sum(part["cost"] for part in parts.values()) == pytest.approx(found.certificate["cost"][0])
    assert all(part["lower_bound"] <= part["cost"] for part in parts.values())


def test_locks_are_served_in_line_order_and_the_rest_is_named() -> None:
    lines = [locked("A", 5), locked("B", 5), line("C", 6)]
    n, found = decided(lines, with_capacities(capacity("receiving", 7, location_id="S1")))
    assert n == {"A": 5, "B": 0, "C": 2}
    (row,) = found.exceptions.to_dicts()
    assert (row["kind"], row["item_id"]) == ("conflicting_limits", "B")
    assert "nothing ordered" in row["message"]


def test_a_lock_below_an_unreachable_minimum_is_named() -> None:
    n, found = decided([locked("A", 5), line("C", 3)], with_capacities(min_order_value=10_000))
    assert n == {"A": 0, "C": 0}
    assert sorted(found.exceptions["kind"]) == ["conflicting_limits", "order_below_minimum"]


def test_locks_that_fit_one_by_one_and_not_together() -> None:
    """Both locks reach into the same outbound limit only with what the order's minimum asks for on top."""
    limits = with_capacities(capacity("receiving", 6, location_id="S1"), min_order_value=35)
    n, found = decided([locked("A", 3), line("C", 9)], limits)
    assert set(n.values()) == {0}
    assert "conflicting_limits" in set(found.exceptions["kind"])


def fail(*_: Any) -> None:
    raise RuntimeError("no luck")


def hang(*_: Any) -> None:
    time.sleep(600)


def rubbish(of: Any, *_: Any) -> Any:
    import dataclasses

    from jobs.plan.coupled.solve import at_once

    found = at_once(of)
    return dataclasses.replace(found, n=found.n + 30)


def die(*_: Any) -> None:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def expect_a_plan_without_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "_GRACE", 1.0)
    limits = with_capacities(capacity("receiving", 7, location_id="S1"), min_order_value=20)
    began = time.monotonic()
    found = together.decide(problem([line("A", 6), line("B", 4)], limits), 1)
    assert time.monotonic() - began < 10
    certificate = found.certificate.row(0, named=True)
    assert (certificate["rung"], certificate["degraded"]) == ("marginal value", 1)
    assert 4 <= found.lines["n"].sum() <= 7
    assert certificate["lower_bound"] <= certificate["cost"]
    (row,) = found.exceptions.to_dicts()
    assert row["kind"] == "plan_cut_short"


@pytest.mark.parametrize("solver", [fail, hang, rubbish, die])
def test_a_broken_solver_costs_the_search_not_the_night(solver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "solve", solver)
    expect_a_plan_without_search(monkeypatch)


@pytest.mark.parametrize("broken", [fail, hang])
def test_a_broken_thread_of_the_solver_costs_the_search_not_the_night(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "workers", lambda: 2)
    monkeypatch.setattr(workers, "_ROWS", 1)
    monkeypatch.setattr(relaxation, "_lines_priced", broken)
    expect_a_plan_without_search(monkeypatch)


def test_kept_files_hold_the_whole_problem(tmp_path: Path) -> None:
    limits = with_capacities(capacity("receiving", 7, location_id="S1"), min_order_value=20, order_cost=1)
    whole = problem([line("A", 6), line("B", 4)], limits)
    write_problem(str(tmp_path), whole)
    solve_folder(str(tmp_path), str(tmp_path / "out"))
    kept = json.loads((tmp_path / "out" / "certificate.json").read_text())
    assert kept["cost"] == pytest.approx(together.decide(whole, 20).certificate["cost"][0])


def test_nothing_wanted_and_nothing_to_decide() -> None:
    limits = with_capacities(capacity("budget", 0, "value"), capacity("receiving", 5, location_id="S1"), min_order_value=20)
    found = together.decide(problem([line("A", 0)], limits), 20)
    assert found.lines["n"].to_list() == [0]
    found = together.decide(coupling.tables(pl.DataFrame(), pl.DataFrame(), pl.DataFrame(), limits), 20)
    assert (found.lines.is_empty(), found.exceptions.is_empty()) == (True, True)
    assert found.certificate.select("lines", "cost", "rung").rows() == [(0, 0.0, "proven")]


def test_what_a_centre_keeps_takes_from_its_stock_and_from_nothing_else() -> None:
    """Of twelve units seven may leave tonight, eight are wanted later; the line to itself is no order and meets no other limit."""
    kept = {**line("A", 8, source="DC", location="DC"), "unit_volume": 0.0, "unit_value": 0.0}
    kept |= {"cost": [float(max(8 - n, 0)) for n in range(9)], "cost_of_nothing": 8.0}
    limits = [
        capacity("dc_outbound", 7, location_id="DC"),
        capacity("receiving", 0, location_id="DC"),
        capacity("budget", 1000, "value"),
    ]
    found = together.decide(problem([kept, line("A", 8, source="DC")], with_capacities(*limits), stock={"A": 12}), 20)
    n = dict(found.lines.select("location_id", "n").iter_rows())
    assert n == {"S1": 7, "DC": 5}
    prices = {row["resource"]: row for row in found.prices.to_dicts()}
    assert (prices["dc_stock"]["wanted"], prices["dc_stock"]["used"], prices["dc_stock"]["kept"]) == (7, 7, 5)
    assert (prices["dc_outbound"]["used"], prices["dc_outbound"]["kept"]) == (7, 0)
    assert "receiving" not in prices  # nothing is ordered to the DC
    row = found.certificate.row(0, named=True)
    assert (row["lines"], row["orders"], row["kept_cost"]) == (1, 1, 3)
    assert row["cost"] == 2 + 3
