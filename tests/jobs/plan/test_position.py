"""Stock at opening and what is under way, rule by rule."""

from __future__ import annotations

import polars as pl
import pytest

from jobs.config import Config
from jobs.plan.position import on_order, stock
from tests.jobs.plan.small import day, night, tables

S1 = {"item_id": "A", "location_id": "S1"}
DC = {"item_id": "A", "location_id": "DC"}
PAIRS = pl.DataFrame({"item_id": ["A", "A"], "location_id": ["S1", "DC"]})


def count(on_hand: float, back: int = 1, pair: dict = S1, **more) -> dict:
    return {**pair, "as_of": day(-back), "on_hand": on_hand, "reserved": 0, **more}


def order(order_id: str, units: float, expected: int, ordered: int = -5, **more) -> dict:
    return {**S1, "order_id": order_id, "source_id": "DC", "units": units, "ordered_on": day(ordered), "expected_on": day(expected), **more}


def received(units: float, on: int, **more) -> dict:
    return {**S1, "units": units, "received_on": day(on), **more}


def on_hand(night_, **rows) -> dict[str, float]:
    data = tables(**rows)
    levels, _ = stock(PAIRS, data, on_order(data, night_), night_)
    return dict(levels.select("location_id", "on_hand").rows())


def coming(night_, **rows) -> list[tuple]:
    lines = on_order(tables(**rows), night_)
    return sorted(lines.filter(~pl.col("done")).select("order_id", pl.col("units").cast(float), "overdue").rows())


def test_the_latest_count_rolls_forward() -> None:
    sales = [{**S1, "date": day(-2), "units": u} for u in (4, -1)] + [{**S1, "date": day(-4), "units": 50}]
    n = night(receipts_from=day(-9), config=Config(landing={"returns_to_stock": 0.5}))
    found = on_hand(n, stock=[count(99, 9), count(10, 3)], sales=sales, receipts=[received(6, -1), received(70, -3)])
    assert found["S1"] == pytest.approx(10 - 4 + 0.5 + 6)


def test_batches_add_up_but_for_expired_ones_less_reserved() -> None:
    batches = [count(5, expires_on=day(-1)), count(4, expires_on=day(0), reserved=1), count(3)]
    assert on_hand(night(), stock=batches)["S1"] == 6


def test_negative_stock_is_zero_and_an_exception() -> None:
    data = tables(stock=[count(2, 2)], sales=[{**S1, "date": day(-1), "units": 5}])
    levels, found = stock(PAIRS, data, on_order(data, night()), night())
    assert levels.filter(pl.col("location_id") == "S1").select("on_hand", "negative", "has_record").rows() == [(0.0, True, True)]
    assert found.select("kind", "location_id").rows() == [("negative_stock", "S1")]


def test_no_record_is_no_stock() -> None:
    levels, _ = stock(PAIRS, {}, on_order({}, night()), night())
    assert levels.select("on_hand", "has_record").rows() == [(0.0, False)] * 2


def test_transit_is_the_snapshot_less_receipts_plus_later_nights() -> None:
    n = night(receipts_from=day(-9), snapshot=day(-2))
    published = [
        {**S1, "order_id": "P1", "source_id": "DC", "business_date": day(-1), "units": 7, "expected_on": day(1)},
        {**S1, "order_id": "P0", "source_id": "DC", "business_date": day(-3), "units": 9, "expected_on": day(1)},  # before the snapshot
    ]
    got = [received(4, -1, order_id="O1"), received(3, -3, order_id="O1"), received(2, -1, order_id="X")]
    found = coming(n, inbound=[order("O1", 10, 2), order("O2", 5, -1)], published=published, receipts=got)
    assert found == [("O1", 6.0, False), ("O2", 5.0, True), ("P1", 7.0, False)]


def test_receipts_without_order_fill_the_earliest_due() -> None:
    n = night(receipts_from=day(-9), snapshot=day(-4))
    found = coming(n, inbound=[order("O1", 10, 3), order("O2", 5, 1)], receipts=[received(7, -1)])
    assert found == [("O1", 8.0, False)]


def test_without_receipts_orders_leave_transit_on_their_date_and_reach_the_shelf() -> None:
    published = [
        {**S1, "order_id": f"P{k}", "source_id": "V1", "business_date": day(-4), "units": k, "expected_on": day(e)}
        for k, e in ((1, -3), (2, -1), (4, 0), (8, 2))
    ]
    assert coming(night(), published=published) == [("P4", 4.0, False), ("P8", 8.0, False)]
    # The count of two days ago already has P1.
    assert on_hand(night(), stock=[count(10, 2)], published=published)["S1"] == 12


def test_split_deliveries_are_two_rows() -> None:
    n = night(receipts_from=day(-9), snapshot=day(-1))
    found = coming(n, inbound=[order("O1", 10, 1), order("O1", 5, 3)], receipts=[received(12, -1, order_id="O1")])
    assert found == [("O1", 3.0, False)]


def test_a_dc_has_less_by_what_it_shipped() -> None:
    n = night(receipts_from=day(-9), snapshot=day(-3))
    got = [received(4, -1, source_id="DC", order_id="O1")]
    # O2 was ordered after the count and is still under way; O3 before, so the count does not have it any more.
    inbound = [order("O2", 5, 1, ordered=-1), order("O3", 7, 1, ordered=-5)]
    assert on_hand(n, stock=[count(30, 2, DC)], inbound=inbound, receipts=got)["DC"] == 30 - 4 - 5


def test_a_dc_without_receipts_ships_what_was_due() -> None:
    published = [{**S1, "order_id": "P1", "source_id": "DC", "business_date": day(-3), "units": 6, "expected_on": day(-1)}]
    assert on_hand(night(), stock=[count(30, 2, DC)], published=published)["DC"] == 24
