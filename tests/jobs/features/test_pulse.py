"""The pulse of items, of items in a region and of locations: sums against a naive loop, whatever the order."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from jobs.features.block import Span, to_block
from jobs.features.compute import compute, counts
from jobs.features.pulse import GROUPS, Pulse, gather, schema, windows
from tests.jobs.features.blocks import CLOCK, context, features, known, past, priced, sold, stream

ORIGIN = date(2024, 5, 29)
DAY = timedelta(1)


def level_of(made: pa.Table, item: str, place: str) -> float:
    return next(r["level"] for r in made.to_pylist() if (r["item_id"], r["location_id"]) == (item, place))


def column(made: pa.Table, name: str) -> dict[tuple[str, str], float]:
    return {(r["item_id"], r["location_id"]): r[name] for r in made.to_pylist() if r["step"] == 0}


def test_against_a_naive_loop() -> None:
    """Without profiles (their shares are shrunk to one by the few rows), the pulse is sold over level in stock."""
    rows = [row for item in "AB" for place in ("S1", "S2", "S3") for row in past(item, place, ORIGIN, 20)]
    made = features(rows, ORIGIN)
    shared, demand = context(rows, [ORIGIN]), known(rows)
    profile = shared.levels(CLOCK.index(ORIGIN))["category"].profile[0]
    for number, window in enumerate(windows(CLOCK), 1):
        total = {"expected": 0.0, "periods": 0}
        of_item: dict[str, list[float]] = {"A": [0.0, 0.0], "B": [0.0, 0.0]}
        for row in rows:
            units = demand.get((row["item_id"], row["location_id"], row["period"]))
            if units is None or row["period"] < ORIGIN - window * DAY:
                continue
            usual = level_of(made, row["item_id"], row["location_id"]) * profile[row["period"].weekday()]
            of_item[row["item_id"]][0] += units
            of_item[row["item_id"]][1] += usual
            total = {"expected": total["expected"] + usual, "periods": total["periods"] + 1}
        prior = 4 * total["expected"] / total["periods"]
        found = column(made, f"item_pulse_{number}")
        for item, (units, usual) in of_item.items():
            assert found[item, "S1"] == pytest.approx((units + prior) / (usual + prior), rel=1e-3)
            assert found[item, "S2"] == found[item, "S1"]


def test_a_group_that_warms_up_has_a_pulse_above_one() -> None:
    rows = [sold(item, place, ORIGIN - k * DAY, 8.0 if item == "A" and k <= 3 else 4.0)
            for item in "AB" for place in ("S1", "S2", "S3", "S4") for k in range(1, 31)]  # fmt: skip
    found = column(features(rows, ORIGIN), "item_pulse_2")
    assert found["A", "S1"] > 1.2
    assert found["B", "S1"] == pytest.approx(1, abs=0.1)


def test_stock_outs_do_not_count() -> None:
    rows = [sold("A", place, ORIGIN - k * DAY, 0.0 if place == "S1" and k <= 7 else 4.0, stock=0.0 if place == "S1" and k <= 7 else 1.0)
            for place in ("S1", "S2") for k in range(1, 31)]  # fmt: skip
    assert column(features(rows, ORIGIN), "item_pulse_3")["A", "S1"] == pytest.approx(1, abs=0.02)


def test_sums_are_the_same_in_any_order_and_in_any_parts() -> None:
    rows = [row for item in "ABC" for place in ("S1", "S2") for row in past(item, place, ORIGIN, 30)]
    shared, origin = context(rows, [ORIGIN]), CLOCK.index(ORIGIN)
    span = Span.around(CLOCK, [origin], shared.horizon)

    def part(items: str) -> pa.Table:
        mine = [row for row in rows if row["item_id"] in items]
        return counts(to_block(stream(mine), CLOCK, span, shared.prices), shared, origin)

    whole, parts = gather(part("ABC")), gather(pa.concat_tables([part("C"), part("A"), part("B")]))
    for group in GROUPS:
        for window in windows(CLOCK):
            for one, other in zip(whole[origin].found[group, window], parts[origin].found[group, window], strict=True):
                assert (one == other).all()
    assert all((whole[origin].found[key][1] == parts[origin].found[key][1]).all() for key in whole[origin].found)


def test_later_values_change_nothing() -> None:
    rows = [row for place in ("S1", "S2") for row in past("A", place, ORIGIN, 30)]
    later = [sold("A", place, ORIGIN + k * DAY, 99.0) for place in ("S1", "S2") for k in range(3)]
    for name in (f"{group}_pulse_{number}" for group in GROUPS for number in (1, 2, 3, 4, 5)):
        assert column(features([*rows, *later], ORIGIN), name) == column(features(rows, ORIGIN), name)


def test_a_price_is_compared_with_the_items_others() -> None:
    """A costs 2 at S1, 4 at S2 and S3 before; from the origin on S3 asks 2."""
    rows = [
        sold("A", place, ORIGIN - k * DAY, 4.0, price=2.0 if place == "S1" else 4.0) for place in ("S1", "S2", "S3") for k in range(1, 31)
    ]
    made = features([*rows, priced("A", "S3", ORIGIN, 2.0)], ORIGIN)
    mean = (np.log(2) + np.log(4) + np.log(2)) / 3
    own = column(made, "item_price")
    assert own["A", "S1"] == pytest.approx(np.log(2) - mean, abs=1e-3)
    assert own["A", "S2"] == pytest.approx(np.log(4) - mean, abs=1e-3)
    assert list(column(made, "item_price_change").values()) == [pytest.approx(np.log(2 / 4) / 3, abs=1e-3)] * 3
    assert column(made, "log_price")["A", "S3"] == pytest.approx(np.log(2))


def test_what_nobody_knows_is_as_usual() -> None:
    assert (Pulse({}).of("item", 7, np.array(["A"], object)) == 1).all()
    assert gather(schema(CLOCK, 7).empty_table()) == {}
    rows = past("A", "S1", ORIGIN, 30)
    shared, origin = context(rows, [ORIGIN]), CLOCK.index(ORIGIN)
    block = to_block(stream(rows), CLOCK, Span.around(CLOCK, [origin], shared.horizon), shared.prices)
    assert set(column(compute(block, shared, origin), "location_pulse_1").values()) == {1.0}
