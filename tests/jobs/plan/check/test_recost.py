"""The checker's own cost of a line against the plan's list, where windows beyond the line's own matter and where they don't."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jobs.config import Config
from jobs.forecast.ranks import to_table
from jobs.plan import fresh, shard
from jobs.plan.check import later
from jobs.plan.check.recost import Line, Paths, cost
from tests.jobs.plan.small import D, day, forecast, night, tables


@pytest.mark.parametrize("issuing", ["fifo", "lifo"])
@pytest.mark.parametrize(
    ("lead", "order_days", "holding", "life", "matter"),
    [
        (1, "", 0.3, None, 1),
        (4, "", 0.2, None, 2),
        (2, "mon,thu", 0.1, None, 1),
        (4, "", 0.001, None, 0),
        (4, "", 0.2, 9, 0),
        (1, "", 0.05, 2, 0),
        (0, "mon,fri", 0.02, 3, 0),
        (2, "mon", 0.02, 4, 0),
        (1, "", 0.01, 40, 0),
        (0, "", 0.2, None, 0),
    ],
)
def test_as_the_plan(lead: int, order_days: str, holding: float, life: int | None, matter: int, issuing: str) -> None:
    if issuing == "lifo" and life is None:
        pytest.skip("what keeps sells as it comes")
    rows = forecast("A", "S1", [5.0, 4.0, 7.0, 5.0, 6.0, 3.0, 5.0, 4.0, 5.0])
    lane: dict[str, Any] = {"source_id": "V1", "location_id": "S1", "lead_time_days": lead, "order_days": order_days}
    one = night(lanes=[lane], config=Config(planning={"issuing": issuing}))
    coming = {
        "order_id": "o",
        "item_id": "A",
        "source_id": "V1",
        "location_id": "S1",
        "units": 6,
        "ordered_on": day(-1),
        "expected_on": day(1),
    }
    given = tables(
        forecasts=rows,
        items=[{"item_id": "A", "unit_cost": 1, "unit_price": 3, "shelf_life_days": life}],
        assortment=[{"item_id": "A", "location_id": "S1", "holding_cost": holding, "shortage_cost": 2}],
        stock=[{"item_id": "A", "location_id": "S1", "as_of": day(-1), "on_hand": 4, "reserved": 0}],
        inbound=[coming],
    )
    costed, placed = shard.cost(given, one), shard.lines_of(given, one)
    cover = int(costed.terms.cover[0])
    numbers = {
        "lead": lead,
        "cover": cover,
        "opens": lead,
        "review": cover,
        "premium": 0.0,
        "holding": holding,
        "shortage": 2.0,
        "waste": 1.0,
        "presentation": 0.0,
    }
    # Without receipts what is on hand came yesterday.
    kept = {"life": np.inf} if life is None else {"life": life, "batches": {life - 2: 4.0}, "newest": issuing == "lifo"}
    line = Line("A", "S1", "north", {"store": rows}, 4.0, {1: 6.0}, **kept, **numbers)  # type: ignore[arg-type]
    factors = {row["factor"]: row for row in to_table(one.ranks, D, "r").to_pylist()}
    paths = Paths(factors, one.paths, 7)
    assert (later.count(line) if later.matters(line, one.paths) else 0) == matter
    demand = paths.demand(line)
    assert [cost(line, demand, float(n)) for n in range(len(costed.lists.line(0)))] == pytest.approx(costed.lists.line(0).tolist())
    assert costed.terms.newest.tolist() == [issuing == "lifo"]
    assert fresh.on_paths(costed.terms, placed.demand, np.full((1, 1), 2.0))[0].mean() == pytest.approx(costed.lists.line(0)[2])
