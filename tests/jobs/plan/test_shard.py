"""One shard from tables to decided lines: limits, locks, costs, reasons."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from jobs.config import Config
from jobs.plan import outputs
from jobs.plan.shard import Decision, decide
from tests.jobs.plan.small import D, day, forecast, night, tables

STOCK = [{"item_id": "A", "location_id": "S1", "as_of": day(-1), "on_hand": 3, "reserved": 0}]
ITEMS = [{"item_id": "A", "unit_cost": 2, "unit_price": 3}]
DC_S1 = {"source_id": "DC", "location_id": "S1", "lead_time_days": 1, "order_multiple": 1}


def plan(lane: dict | None = None, night_: dict | None = None, **rows) -> Decision:
    base = {"forecasts": forecast("A", "S1", [5.0] * 8), "items": ITEMS, "stock": STOCK}
    return decide(tables(**{**base, **rows}), night(lanes=[{**DC_S1, **(lane or {})}], **(night_ or {})))


def line(decision: Decision) -> dict:
    (row,) = decision.lines.to_dicts()
    return row


def kinds(decision: Decision) -> list[str]:
    return decision.exceptions["kind"].to_list()


def test_orders_what_costs_least() -> None:
    row = line(plan())
    assert row["units"] == 9  # the 0.998 quantile of a day's demand: all but what is left on some path
    assert row["cost_one_less"] >= row["expected_cost"] <= row["cost_one_more"]
    assert row["stock_at_arrival"] + row["wanted"] == pytest.approx(row["demand_in_window"] + row["safety"])
    assert row["binding"] == ""


def test_numbers_of_a_reason_add_up() -> None:
    for lane, rows in (({"order_multiple": 4}, {}), ({"min_order_units": 30}, {}), ({}, {"assortment": [{**S1, "max_stock": 4}]})):
        row = line(plan(lane, **rows))
        assert row["wanted"] + row["rounding"] - row["limited"] == pytest.approx(row["units"])
        assert row["units"] % row["order_multiple"] == 0


S1 = {"item_id": "A", "location_id": "S1"}


def test_min_order_units_all_or_nothing() -> None:
    assert line(plan({"min_order_units": 15}))["units"] == 15
    assert line(plan({"min_order_units": 15}))["binding"] == "min_order_units"
    perishable = [{**ITEMS[0], "shelf_life_days": 2}]
    assert line(plan({"min_order_units": 3000}, items=perishable))["units"] == 0


def test_max_stock_is_hard() -> None:
    """3 on hand + q - 5 expected before arrival <= 4."""
    row = line(plan(assortment=[{**S1, "max_stock": 4}]))
    assert (row["units"], row["binding"]) == (6, "max_stock")
    assert line(plan(assortment=[{**S1, "max_stock": 4}], inbound=[]))["limited"] == 3


def test_limits_of_a_line_that_clash_order_nothing_and_say_so() -> None:
    decision = plan({"min_order_units": 8}, assortment=[{**S1, "max_stock": 4}])
    assert line(decision)["units"] == 0
    assert kinds(decision) == ["conflicting_limits"]
    assert "min_order_units and max_stock" in decision.exceptions["message"][0]
    assert decision.exceptions["money"][0] > 0
    assert kinds(plan({"order_multiple": 12}, assortment=[{**S1, "max_stock": 4}])) == ["conflicting_limits"]
    full = plan(stock=[{**STOCK[0], "on_hand": 40}], assortment=[{**S1, "max_stock": 4}])
    assert kinds(full) == []


def lock(units: float, **more) -> dict:
    return {"overrides": [{**S1, "business_date": D, "units": units, "reason": "r", **more}]}


@pytest.mark.parametrize(
    ("lane", "rows", "units", "kinds_"),
    [
        ({}, lock(2), 2, []),
        ({}, lock(0), 0, []),
        ({"order_multiple": 4}, lock(6), 8, ["conflicting_limits"]),  # half up
        ({}, {**lock(20), "assortment": [{**S1, "presentation_min": 2}]}, 20, []),
        ({}, {**lock(20), "assortment": [{**S1, "max_stock": 4}]}, 0, ["conflicting_limits"]),
        ({"min_order_units": 10}, lock(5), 0, ["conflicting_limits"]),
        ({}, {**lock(5), "capacities": [{"resource": "dc_stock", "location_id": "DC", "item_id": "A", "limit": 4.0, "unit": "units"}]}, 0,
         ["conflicting_limits"]),
        ({}, lock(5, business_date=day(1)), 9, []),
    ],
)  # fmt: skip
def test_a_planners_lock(lane: dict, rows: dict, units: float, kinds_: list[str]) -> None:
    decision = plan(lane, **rows)
    assert line(decision)["units"] == units
    assert kinds(decision) == kinds_


def test_a_lock_far_beyond_any_list_is_refused() -> None:
    decision = plan(**lock(1e7))
    assert (line(decision)["units"], kinds(decision)) == (0, ["conflicting_limits"])


@pytest.mark.parametrize(
    ("capacity", "limit"),
    [
        ({"limit": 4.0}, 4.0),
        ({"limit": 4.0, "date": D}, 4.0),
        ({"limit": 4.0, "date": day(1)}, 6.0),
        ({"limit": 400.0}, 6.0),
    ],
)
def test_a_capacity_only_lowers_the_stock_of_a_source(capacity: dict, limit: float) -> None:
    stock = [*STOCK, {"item_id": "A", "location_id": "DC", "as_of": day(-1), "on_hand": 7, "reserved": 1}]
    decision = plan(stock=stock, capacities=[{"resource": "dc_stock", "location_id": "DC", "item_id": "A", "unit": "units", **capacity}])
    assert line(decision)["units"] == limit
    assert decision.pools["price"][0] > 0


def test_a_source_without_record_is_unlimited() -> None:
    decision = plan()
    assert (decision.pools["limit"][0], decision.pools["price"][0]) == (-1, 0)


def test_presentation_is_soft() -> None:
    assert line(plan(assortment=[{**S1, "presentation_min": 4}]))["units"] > line(plan())["units"]


def test_no_stock_record_needs_review() -> None:
    decision = plan(stock=[])
    assert kinds(decision) == ["no_stock_record"]
    assert outputs.orders(decision.lines, D, Config())["status"].to_pylist() == ["needs_review"]
    assert outputs.orders(plan().lines, D, Config(planning={"auto_approve": True}))["status"].to_pylist() == ["auto_approved"]
    assert outputs.orders(plan().lines, D, Config(planning={"review_above_value": 1}))["status"].to_pylist() == ["needs_review"]


def test_an_overdue_order_arrives_today() -> None:
    late = {**S1, "order_id": "O", "source_id": "DC", "units": 50, "ordered_on": day(-9), "expected_on": day(-2)}
    decision = plan(inbound=[late], night_={"snapshot": day(-1)})
    assert (line(decision)["units"], line(decision)["in_transit"]) == (0, 50)
    assert decision.exceptions.select("kind", "money").rows() == [("overdue_order", 100.0)]


@pytest.mark.parametrize(
    ("item", "rows", "expected"),
    [
        ({"unit_cost": 2, "unit_price": 5}, {}, (2, 2 * 0.25 / 365, 1.5, 2)),
        ({"unit_price": 5}, {}, (3.5, 3.5 * 0.25 / 365, 1.5, 3.5)),
        ({"unit_cost": 7}, {}, (7, 7 * 0.25 / 365, 3, 7)),
        ({}, {"last_price": [{**S1, "price": 10.0}]}, (7, 7 * 0.25 / 365, 3, 7)),
        ({"unit_cost": 2}, {"assortment": [{**S1, "holding_cost": 0.1, "shortage_cost": 9, "waste_cost": 4}]}, (2, 0.1, 9, 4)),
    ],
)
def test_costs_and_their_defaults(item: dict, rows: dict, expected: tuple) -> None:
    import pyarrow as pa

    extra = {n: pa.Table.from_pylist(rows.pop(n)) for n in ("last_price",) if n in rows}
    base = tables(forecasts=forecast("A", "S1", [5.0] * 8), items=[{"item_id": "A", **item}], stock=STOCK, **rows)
    row = line(decide({**base, **extra}, night(lanes=[DC_S1])))
    assert (row["buying_cost"], row["holding"], row["shortage"], row["waste"]) == pytest.approx(expected)


def test_no_cost_anywhere_is_one_and_an_exception() -> None:
    decision = plan(items=[{"item_id": "A"}])
    assert line(decision)["buying_cost"] == 1
    assert kinds(decision) == ["no_unit_cost"]


def test_row_order_does_not_matter() -> None:
    rows = [*forecast("A", "S1", [5.0] * 8), *forecast("A", "S2", [3.0] * 8)]
    stock = [*STOCK, {"item_id": "A", "location_id": "DC", "as_of": day(-1), "on_hand": 7, "reserved": 0}]
    lanes = [DC_S1, {**DC_S1, "location_id": "S2"}]
    a, b = (
        decide(tables(forecasts=r, items=ITEMS, stock=s), night(lanes=lane)).lines
        for r, s, lane in ((rows, stock, lanes), (rows[::-1], stock[::-1], lanes[::-1]))
    )
    assert a.equals(b)


def test_the_dearer_lane_is_a_line_that_says_so() -> None:
    lanes = [DC_S1, {**DC_S1, "source_id": "V1", "unit_cost": 9}]
    decision = decide(tables(forecasts=forecast("A", "S1", [5.0] * 8), items=ITEMS, stock=STOCK), night(lanes=lanes))
    reasons = outputs.reasons(decision.lines, D, 0).to_pylist()
    assert [(r["source_id"], float(r["units"]), r["binding"]) for r in reasons] == [("DC", 9.0, ""), ("V1", 0.0, "another_lane")]
    assert decision.pools["cost"].to_list()[1] == 0
    assert reasons[0]["reason"].startswith("Order 9: stock 3 and 0 under way against 5 expected until 2024-05-07")


def test_weekly() -> None:
    rows = forecast("A", "S1", [20.0] * 6, step=7)
    lanes = [{**DC_S1, "lead_time_days": 3}]
    decision = decide(tables(forecasts=rows, items=ITEMS, stock=STOCK), night(lanes=lanes, config=Config(grain="week")))
    row = line(decision)
    assert (row["arrives_on"], row["next_arrives_on"]) == (day(7), day(14))
    assert row["demand_until_arrival"] == pytest.approx(20, rel=0.01)
    assert isinstance(decision.lines, pl.DataFrame)


def test_a_locked_pair_without_forecast_is_ordered() -> None:
    decision = plan(forecasts=[], **lock(5))
    assert (line(decision)["units"], line(decision)["demand_in_window"]) == (5, 0)


def test_a_shard_without_lines_has_nothing_to_say() -> None:
    decision = plan(forecasts=[])
    assert (len(decision.lines), len(decision.pools), len(decision.exceptions)) == (0, 0, 0)
    assert outputs.reasons(decision.lines, D, 0).num_rows == 0
    assert outputs.orders(decision.lines, D, Config()).num_rows == 0


def test_an_item_that_nobody_knows_is_planned_with_unit_costs() -> None:
    assert kinds(plan(items=[])) == ["no_unit_cost"]


def test_more_multiples_than_a_list_holds_are_named() -> None:
    decision = plan({"order_multiple": 0.0001})
    assert line(decision)["units"] == 2
    assert kinds(decision) == ["order_multiple_too_small"]
    assert "more than 20000 multiples of 0.0001" in decision.exceptions["message"][0]
    assert kinds(plan({"min_order_units": 1_000_000})) == ["conflicting_limits"]
    assert "min_order_units and order_multiple" in plan({"min_order_units": 1_000_000}).exceptions["message"][0]


def test_a_lock_on_a_source_without_a_lane_is_named() -> None:
    decision = plan(**lock(5, source_id="V1"))
    assert (line(decision)["units"], kinds(decision)) == (5, ["conflicting_limits"])
    assert "names V1, from which no lane leads here; taken from DC" in decision.exceptions["message"][0]


def test_numbers_beyond_the_largest_decimal_stay_there() -> None:
    from jobs.plan.decimals import decimals

    assert [float(value) for value in decimals(np.array([1e20, -1e20, 1.00005])).to_pylist()] == [
        99_999_999_999_999,
        -99_999_999_999_999,
        1.0001,
    ]
