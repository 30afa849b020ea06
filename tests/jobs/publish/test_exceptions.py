"""What a planner is asked to look at, and in which order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from jobs.config import Config
from jobs.publish.exceptions import FOUND, find_lost_sales, find_overstock, find_untrained, rank
from schemas import EXCEPTIONS, ORDER_REASONS, PROJECTIONS

D = date(2024, 6, 10)


def line(item: str = "1", **changed: Any) -> dict[str, Any]:
    """4 a day; 2 on hand; arrives in two days, the next one two days later."""
    row: dict[str, Any] = {
        "item_id": item,
        "location_id": "S",
        "source_id": "DC",
        "units": Decimal(8),
        "arrives_on": date(2024, 6, 12),
        "next_arrives_on": date(2024, 6, 14),
        "on_hand": Decimal(2),
        "in_transit": Decimal(0),
        "demand_until_arrival": 8.0,
        "demand_in_window": 8.0,
        "stock_at_arrival": 0.5,
        "fill_rate": 0.75,
        "holding_cost": Decimal("0.01"),
        "shortage_cost": Decimal("1.5"),
        "binding": "",
    }
    return row | changed


def lines(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), ORDER_REASONS.schema)


def lost(*rows: tuple[str, int, float]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"item_id": i, "location_id": "S", "date": D.replace(day=d), "lost": u} for i, d, u in rows], PROJECTIONS.schema
    ).select(["item_id", "location_id", "date", "lost"])


def test_lost_sales_before_and_after_arrival() -> None:
    """Before: 8 wanted, 2 - 0.5 served = 6.5 lost; after: 8 x 0.25 = 2; 8.5 units at 1.50."""
    row = find_lost_sales(lines(line()), lost(), Config()).to_pylist()[0]
    assert row["money"] == Decimal("12.7500")
    assert "8.5 of 16.0 units" in row["message"]
    assert "6.5 of them before 2024-06-12" in row["message"]
    assert "comes too late" in row["action"]


def test_lost_sales_by_the_projection() -> None:
    """Transit that comes after the arrival hides the loss from the first figure; 3 + 3.5 lost on the first two days."""
    late = line(in_transit=Decimal(20))
    row = find_lost_sales(lines(late), lost(("1", 11, 3.5), ("1", 10, 3.0), ("1", 12, 99.0), ("2", 10, 5.0)), Config()).to_pylist()[0]
    assert row["money"] == Decimal("12.7500")


@pytest.mark.parametrize(
    ("changed", "action"),
    [({"binding": "dc_stock"}, "Ease what limits the order (dc_stock)"), ({}, "A larger order would cost more")],
)
def test_what_to_do_about_the_window(changed: dict[str, Any], action: str) -> None:
    row = line(on_hand=Decimal(10), stock_at_arrival=2.0, fill_rate=0.5, **changed)
    assert find_lost_sales(lines(row), lost(), Config()).to_pylist()[0]["action"].startswith(action)


def test_small_losses_are_not_worth_a_look() -> None:
    """0.08 units at 1.50."""
    row = line(on_hand=Decimal(10), stock_at_arrival=2.0, fill_rate=0.99)
    assert find_lost_sales(lines(row), lost(), Config()).num_rows == 0
    assert find_lost_sales(lines(row), lost(), Config.model_validate({"exceptions": {"min_money": 0.1}})).num_rows == 1


def test_overstock_is_priced_until_it_sells() -> None:
    """4 a day for 60 days = 240; 360 above, sold on average after 60 + 45 days at 0.01 a day."""
    row = find_overstock(lines(line(on_hand=Decimal(560), in_transit=Decimal(40))), D, Config()).to_pylist()[0]
    assert row["money"] == Decimal("378.0000")
    assert "360.0 above 60 days" in row["message"]


def test_overstock_without_demand_is_held_for_a_year() -> None:
    dead = line(on_hand=Decimal(10), demand_until_arrival=0.0, demand_in_window=0.0)
    assert find_overstock(lines(dead), D, Config()).to_pylist()[0]["money"] == Decimal("36.5000")
    week = Config(grain="week")  # the holding cost is per week
    assert find_overstock(lines(dead), D, week).to_pylist()[0]["money"] == Decimal("5.2143")


def test_no_overstock_within_the_cover() -> None:
    assert find_overstock(lines(line(on_hand=Decimal(240))), D, Config()).num_rows == 0


def found(kind: str, money: int, item: str | None) -> pa.Table:
    return pa.Table.from_pylist([{"kind": kind, "item_id": item, "money": Decimal(money), "message": "m", "action": "a"}], FOUND)


def test_rank_is_by_money_then_kind_and_ids() -> None:
    tables = [
        found("overstock", 1, "1"),
        found("lost_sales", 1, "2"),
        found("lost_sales", 1, "1"),
        found("late_drop", 0, None),
        found("overstock", 9, "3"),
    ]
    ranked = rank(tables).to_pylist()
    assert [(r["rank"], r["kind"], r["item_id"]) for r in ranked] == [
        (1, "overstock", "3"),
        (2, "lost_sales", "1"),
        (3, "lost_sales", "2"),
        (4, "overstock", "1"),
        (5, "late_drop", None),
    ]
    assert rank(tables[::-1]).to_pylist() == ranked


def test_a_quiet_night() -> None:
    assert rank([]).num_rows == 0
    assert set(rank([]).column_names) == set(EXCEPTIONS.column_names) - {"business_date", "run_id"}


def test_a_night_without_a_model() -> None:
    assert find_untrained(["baseline"]).to_pylist()[0]["kind"] == "model_not_trained"
    assert find_untrained(["0a1b"]).num_rows == 0
    assert find_untrained([]).num_rows == 0
