"""How old what is on hand is taken to be, and that the plan reckons with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from jobs.config import Config
from jobs.plan import ageing, position, shard
from jobs.plan.night import Night
from tests.jobs.plan.small import Row, day, forecast, night, tables

S1 = {"item_id": "A", "location_id": "S1"}


def batches(on_hand: float, n: Night, life: int | None = 5, **rows: list[Row]) -> list[tuple[int, float]]:
    """[(days from the night to the last day of sale, units)]."""
    pairs = pl.DataFrame([{**S1, "on_hand": on_hand, "shelf_life_days": life}], schema_overrides={"shelf_life_days": pl.Int32})
    given = tables(**rows)
    found = ageing.spoiling(pairs, given, position.on_order(given, n), n)
    return [
        ((last - day(0)).days, units)
        for row in found.to_dicts()
        for last, units in zip(row["batch_expires_on"], row["batch_units"], strict=True)
    ]


def count(units: float, last: int | None, as_of: int = -1) -> Row:
    return {**S1, "as_of": day(as_of), "on_hand": units, "reserved": 0, "expires_on": None if last is None else day(last)}


def receipt(units: float, came: int) -> Row:
    return {**S1, "received_on": day(came), "units": units, "source_id": "DC"}


def test_a_count_by_batches_says_until_when() -> None:
    assert batches(9, night(), stock=[count(2, 0), count(7, 3)]) == [(0, 2), (3, 7)]


def test_of_dated_batches_the_oldest_are_sold_first_and_receipts_since_are_new() -> None:
    """4 + 7 were counted, 3 came since; 8 are left, so 6 of the oldest have gone."""
    n = night(receipts_from=day(-60))
    found = batches(8, n, stock=[count(4, 0, as_of=-3), count(7, 2, as_of=-3)], receipts=[receipt(3, -2), receipt(50, -4)])
    assert found == [(2, 5 + 3)]


def test_without_dates_receipts_tell_newest_last() -> None:
    n = night(receipts_from=day(-60))
    assert batches(9, n, stock=[count(9, None)], receipts=[receipt(4, -1), receipt(3, -2), receipt(20, -5)]) == [(0, 2), (2, 3), (3, 4)]


@pytest.mark.parametrize(("since", "expected"), [(None, 3), (-2, 1), (-60, 0)])
def test_what_no_receipt_accounts_for_came_before_the_first_one(since: int | None, expected: int) -> None:
    """Yesterday where there are no receipts; what should be gone may be sold today."""
    n = night(receipts_from=None if since is None else day(since))
    assert batches(6, n, stock=[count(6, None)]) == [(expected, 6)]


def test_what_keeps_or_is_not_there_has_no_batches() -> None:
    assert batches(6, night(), life=None, stock=[count(6, None)]) == []
    assert batches(0, night(), stock=[count(0, None)]) == []


def costed(last: int, life: int = 5, issuing: str = "fifo", **lane: Any) -> shard.Costed:
    """A store with 40 units of one batch, selling 10 a day."""
    one = night(
        lanes=[{"source_id": "V1", "location_id": "S1", "lead_time_days": 1, "order_multiple": 1, **lane}],
        config=Config(planning={"issuing": issuing}),
    )
    given = tables(
        forecasts=forecast("A", "S1", [10.0] * 9),
        items=[{"item_id": "A", "unit_cost": 1, "unit_price": 3, "shelf_life_days": life}],
        stock=[count(40, last)],
    )
    return shard.cost(given, one)


def ordered(last: int, life: int = 5, **lane: Any) -> int:
    """Units of what costs least."""
    return int(costed(last, life, **lane).lists.line(0).argmin())


def test_stock_about_to_spoil_covers_no_later_demand() -> None:
    """40 units last for four days, unless today is their last one."""
    assert ordered(4) == 0
    assert ordered(0) >= 10


def test_no_more_is_ordered_than_sells_in_time() -> None:
    """One order a week of what keeps two days: two days' demand, whatever the week asks for; of what keeps a week, the week's."""
    short, long = (ordered(0, life, order_days="mon") for life in (2, 7))
    assert 15 <= short <= 26
    assert long >= 60


def test_shoppers_who_take_the_newest_leave_the_oldest_to_spoil() -> None:
    """40 units with two days left: taken first they sell; taken last, what is ordered tonight sells in their place."""
    oldest, newest = (costed(1, issuing=issuing).lists.line(0) for issuing in ("fifo", "lifo"))
    assert newest[0] == pytest.approx(oldest[0])
    few = min(len(oldest), len(newest), 8)
    # Each unit ordered sells tomorrow in place of one that then spoils.
    assert (np.diff(newest[:few] - oldest[:few]) > 0.5).all()
