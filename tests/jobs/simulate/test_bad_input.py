"""Records that a simulation can't take as they are: what is done instead is counted, and every count is said in the result."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jobs.forecast import here
from jobs.lake import Lake
from jobs.simulate import job, market, memory, printout, running, span
from jobs.simulate.places import Places
from jobs.simulate.policies import POLICIES
from jobs.simulate.replay import Given, Run
from jobs.simulate.span import Span
from jobs.simulate.tuning import Tuned
from tests.jobs.features.lakes import fill, sale
from tests.jobs.simulate.small import BEGIN, CONFIG, FIRST, LAST, chain

UNIT = 10_000
DAY = timedelta(days=1)
DROP = date(2024, 6, 1)


def begun(lake: Lake) -> Run:
    """A run before its first night."""
    first_drop = span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, FIRST, first_drop))
    sold = market.replayed(lake, FIRST, LAST, "recovered", 1)
    return Run(Given(lake, base, sold, span.of(lake, CONFIG, FIRST, LAST), CONFIG, None, here.train, 28), POLICIES["base_stock"])


def test_without_stock_records_places_begin_with_nothing(tmp_path: Path) -> None:
    run = begun(chain(tmp_path, items=2, stores=2, stock=[]))
    assert run.progress.counts["without_stock_record"] == 4
    assert run.progress.state.on_hand.sum() == 0


def test_orders_under_way_to_nowhere_are_left_out(tmp_path: Path) -> None:
    order = {"item_id": "i0", "source_id": "DC", "units": Decimal(5), "ordered_on": FIRST - DAY, "expected_on": FIRST + DAY}
    inbound = [{**order, "order_id": "a", "location_id": "S0"}, {**order, "order_id": "b", "location_id": "S9"}]
    run = begun(chain(tmp_path, items=1, stores=1, inbound=inbound))
    assert run.progress.counts["orders_to_nowhere"] == 1
    assert run.progress.state.in_transit.sum() == 5 * UNIT


def test_what_sold_in_truth_beyond_our_stock_is_counted() -> None:
    """Two channels of a place sold 3 + 4 and 2 + 1 where we sold 5 and 3; a night without a record sold nothing."""
    import polars as pl

    series = pl.DataFrame({"item_id": ["a", "a"], "location_id": ["S", "S"], "channel": ["online", "store"]})
    books = SimpleNamespace(units={"sold": np.array([[5], [3], [0]]) * UNIT})
    run = SimpleNamespace(places=Places.of(series), progress=SimpleNamespace(books=books))
    record = np.array([[3 * UNIT, 2 * UNIT, -1], [4 * UNIT, UNIT, -1]])
    sold = market.Replayed(FIRST, series, record, record, record, record, {})
    assert running._above(run, sold) == {"sales_above_stock_nights": 1, "sales_above_stock_units": 2}


def test_before_the_first_drop_what_it_brought_counts_as_known(tmp_path: Path) -> None:
    """Masters always, a signal and sales from the day after their date."""
    lake = Lake(str(tmp_path / "lake"))
    lake.create_tables()
    signals = [{"region": "r", "date": DROP - n * DAY, "name": "rain", "value": 1.0, "known_from": DROP} for n in (1, 20)]
    later = {"item_id": "j", "known_from": DROP + DAY}
    fill(lake, items=[{"item_id": "i", "known_from": DROP}, later], signals=signals)
    fill(lake, demand=[sale("i", "S", DROP - n * DAY, 2) | {"known_from": DROP} for n in (1, 10, 20)])
    night = DROP - 10 * DAY
    base = memory.masters_of(lake, DROP)
    assert base.arrow_as_of("silver/items", night)["item_id"].to_pylist() == ["i"]
    assert base.arrow_as_of("silver/items", DROP + DAY).num_rows == 2
    assert base.arrow_as_of("silver/signals", night)["date"].to_pylist() == [DROP - 20 * DAY]
    known = memory.history(lake, night, DROP)
    assert known["period"].to_pylist() == [DROP - 20 * DAY]
    assert known["known_from"].to_pylist() == [DROP - 19 * DAY]


@pytest.mark.parametrize("name", printout._COUNTS)
def test_every_count_is_said(name: str) -> None:
    row = {"policy": "stochastic", "blocks": 0, "cut": "*", "share_of_way": None}
    outcome = SimpleNamespace(policy="stochastic", demand="floor", counts={name: 1_234}, tuned=None)
    found = job.Simulation("x", Span(BEGIN, LAST, 3), CONFIG, [outcome], [row])
    assert f"1,234 {printout._COUNTS[name]}" in printout.notes(found)


def test_tuned_multipliers_are_said_for_each_way_of_taking_demand() -> None:
    row = {"policy": "base_stock", "blocks": 0, "cut": "*", "share_of_way": None}
    tuned = {"floor": Tuned(0.909091, 90, 40, 200.0, 180.0), "recovered": Tuned(1.1, 90, 40, 100.0, 99.0)}
    outcomes = [SimpleNamespace(policy="base_stock", demand=demand, counts={}, tuned=each) for demand, each in tuned.items()]
    said = "\n".join(printout.notes(job.Simulation("x", Span(BEGIN, LAST, 3), CONFIG, outcomes, [row])))
    assert "tuned on the 90 nights before the first, 40 series: 0.91 (floor, 10.0% cheaper than 1), 1.10 (recovered, 1.0% cheaper" in said
