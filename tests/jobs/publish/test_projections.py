"""Stock rolled through the horizon, against a loop that a planner would write."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from jobs.publish.projections import KINDS, MOVEMENTS, project

D = date(2024, 6, 10)
DAYS = [D + timedelta(i) for i in range(4)]
Movement = tuple[str, str, str, date, float]


def table(rows: list[Movement]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(MOVEMENTS.names, row, strict=True)) for row in rows], MOVEMENTS)


def naive(rows: list[Movement], dates: list[date], length: int) -> list[tuple[object, ...]]:
    """One item-location and one day after the other."""
    result: list[tuple[object, ...]] = []
    for item, location in sorted({(r[0], r[1]) for r in rows if r[2] == "demand"}):
        own = [r for r in rows if (r[0], r[1]) == (item, location)]
        stock = max(0.0, sum(sorted(r[4] for r in own if r[2] == "stock")))
        for first in dates:
            flow: dict[str, float] = defaultdict(float)
            for _, _, kind, day, units in own:
                at = max(day, dates[0])
                if kind != "stock" and first <= at < first + timedelta(length):
                    flow[kind] += units
            left = stock + flow["arrival"] + flow["order"] - flow["demand"]
            lost, closing = max(0.0, -left), max(0.0, left)
            result.append((item, location, first, stock, flow["arrival"], flow["order"], flow["demand"], lost, closing))
            stock = closing
    return result


def same(found: pa.Table, wanted: list[tuple[object, ...]]) -> None:
    rows = [tuple(row.values()) for row in found.to_pylist()]
    assert [row[:3] for row in rows] == [row[:3] for row in wanted]
    np.testing.assert_allclose([row[3:] for row in rows], [row[3:] for row in wanted], atol=1e-9)  # type: ignore[arg-type]


def test_a_shelf_through_four_days() -> None:
    """5 on hand, 2 a day; overdue units on the first day, the order on the third; one item has no demand."""
    rows = [
        *(("1", "S", "demand", day, 2.0) for day in DAYS),
        ("1", "S", "demand", DAYS[0], 1.0),  # a second channel
        ("1", "S", "stock", D - timedelta(1), 1.0),
        ("1", "S", "arrival", D - timedelta(3), 1.0),  # overdue: counts on the first day
        ("1", "S", "order", DAYS[2], 6.0),
        ("1", "S", "order", DAYS[3] + timedelta(1), 99.0),  # beyond the horizon
        ("2", "S", "stock", D, 7.0),  # nobody wants it
    ]
    found = project(table(rows), DAYS).to_pylist()
    assert [row["opening"] for row in found] == [1, 0, 0, 4]
    assert [row["lost"] for row in found] == [1, 2, 0, 0]
    assert [row["closing"] for row in found] == [0, 0, 4, 2]
    assert [row["ordered"] for row in found] == [0, 0, 6, 0]
    assert found[0]["arrivals"] == 1
    same(project(table(rows), DAYS), naive(rows, DAYS, 1))


@pytest.mark.parametrize("length", [1, 7])
def test_as_the_loop_does(length: int) -> None:
    """300 random movements of twelve item-locations; negative stock too."""
    rng = np.random.default_rng(length)
    dates = [D + timedelta(length * i) for i in range(5)]
    rows: list[Movement] = [
        (
            str(rng.integers(4)),
            str(rng.integers(3)),
            KINDS[rng.integers(4)],
            D + timedelta(int(rng.integers(-3, 5 * length + 3))),
            float(rng.integers(-2, 9)),
        )
        for _ in range(300)
    ]
    same(project(table(rows), dates), naive(rows, dates, length))


def test_order_of_rows_does_not_matter() -> None:
    """Tenths do not add up exactly, so a sum in the order of rows would differ."""
    rows = [("1", "S", "demand", D, 0.1 * n) for n in range(1, 30)]
    assert project(table(rows), DAYS).equals(project(table(rows[::-1]), DAYS))


def test_nothing_moves() -> None:
    assert project(table([]), DAYS).num_rows == 0
    assert project(table([("1", "S", "stock", D, 1.0)]), DAYS).num_rows == 0
