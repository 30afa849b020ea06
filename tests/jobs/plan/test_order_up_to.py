"""Cost lists of an order-up-to rule against a naive sum."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.plan import shard
from jobs.plan.expected_cost import Costs
from jobs.plan.order_up_to import newsvendor
from tests.jobs.plan.small import day, forecast, night, tables


def test_lists_of_an_order_up_to_rule_are_least_at_the_critical_ratio() -> None:
    """Against a naive sum over the paths, by the plan's own small night."""
    rows = tables(
        forecasts=forecast("A", "S1", [4.0] * 6),
        items=[{"item_id": "A", "unit_cost": 2, "unit_price": 3}],
        stock=[{"item_id": "A", "location_id": "S1", "as_of": day(-1), "on_hand": 2, "reserved": 0}],
    )
    seen: dict[str, object] = {}

    def kept(terms, demand, reach) -> Costs:
        seen["terms"], seen["demand"] = terms, demand
        return newsvendor(terms, demand, reach)

    costed = shard.cost(rows, night(), kept)
    terms, demand = seen["terms"], seen["demand"]
    until = int(terms.lead[0] + terms.cover[0])
    needed = sum(demand.of_pairs(terms.first, terms.series, step)[0] for step in range(until))
    stock = 2 + np.arange(len(costed.lists.cost))
    naive = [
        terms.holding[0] * terms.review[0] * np.maximum(s - needed, 0).mean() + terms.shortage[0] * np.maximum(needed - s, 0).mean()
        for s in stock
    ]
    assert costed.lists.cost == pytest.approx(naive)
    assert costed.lists.lost == pytest.approx([np.maximum(needed - s, 0).mean() for s in stock])
    assert costed.lists.p_out == pytest.approx([(needed > s).mean() for s in stock])
    share = (needed <= stock[int(np.argmin(naive))]).mean()
    assert share >= terms.critical_ratio()[0] - 1 / len(needed)
