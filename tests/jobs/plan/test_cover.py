"""How long an order lasts where ordering costs something, against the economic order quantity and a rolled year."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from jobs.config import Config
from jobs.plan import coupling, cover, lanes, shard, together
from jobs.plan.lanes import considered
from jobs.plan.over_covers import over_covers
from jobs.plan.random_leads import drawn_covers
from tests.jobs.plan.small import day, forecast, night, tables
from tests.jobs.plan.test_expected_cost import series, terms

LANE = {"source_id": "V1", "location_id": "S1", "lead_time_days": 1, "order_multiple": 1}
#: 10 units a day that cost 1 each, held at .01 a day: sqrt(2 x 10 x K / .01) units an order.
ITEMS = [{"item_id": "A", "unit_cost": 1, "unit_price": 3}]
HOLDING = [{"item_id": "A", "location_id": "S1", "holding_cost": 0.01, "shortage_cost": 2}]


def planned(on_hand: float, lane: dict[str, Any], items: tuple[str, ...] = ("A",)) -> tuple[dict[str, float], together.Together]:
    """Units ordered tonight by item, decided as a night decides them."""
    rows = tables(
        forecasts=[row for item in items for row in forecast(item, "S1", [10.0] * 28, spread=0.0)],
        items=[{**ITEMS[0], "item_id": item} for item in items],
        assortment=[{**HOLDING[0], "item_id": item} for item in items],
        stock=[{"item_id": item, "location_id": "S1", "as_of": day(-1), "on_hand": on_hand, "reserved": 0} for item in items],
    )
    one = night(lanes=[{**LANE, **lane}])
    one = replace(one, covers=cover.choose(shard.covers(rows, one), lanes.order_terms(one)))
    costed = shard.cost(rows, one)
    found = together.decide(coupling.tables(shard.problem_of(costed), costed.pooled, costed.due, one), 20)
    decided = shard.decide_as(costed, found.lines, one)
    return dict(decided.lines.select("item_id", "units").iter_rows()), found


@pytest.mark.parametrize(("order_cost", "days"), [(0.05, 1), (0.8, 4), (5.0, 10)])
def test_an_order_is_the_economic_order_quantity(order_cost: float, days: int) -> None:
    """Cost a day of T days: K / T + .01 x 10 x (T - 1) / 2 (what is sold in a day is not held over its night)."""
    units, _ = planned(10.0, {"order_cost": order_cost})
    covers = [(order_cost + 0.01 * 10 * sum(range(t))) / t for t in cover._COVERS]
    best = cover._COVERS[covers.index(min(covers))]
    assert best == days
    assert units["A"] == pytest.approx(10 * days, abs=2)


def test_nothing_is_ordered_while_waiting_costs_nothing() -> None:
    assert planned(10.0, {"order_cost": 5.0})[0]["A"] > 0
    assert planned(20.0, {"order_cost": 5.0})[0]["A"] == 0  # tomorrow's order is in time


def test_an_order_for_a_minimum_lasts_until_it_is_reached() -> None:
    units, found = planned(10.0, {"min_order_value": 75.0})
    assert units["A"] == pytest.approx(80, rel=0.03)
    assert found.exceptions.is_empty()


def test_lines_share_the_cost_of_an_order() -> None:
    """Four items an order: a quarter of the order cost each, so the cover is that of one item at a quarter of the cost."""
    four, _ = planned(10.0, {"order_cost": 3.2}, ("A", "B", "C", "D"))
    assert list(four.values()) == [pytest.approx(40, abs=1)] * 4


def test_a_cover_counts_order_days() -> None:
    pair = pl.DataFrame(
        {"item_id": "A", "location_id": "S1", "item_cost": 1.0, "override_source": None, "overridden": False},
        schema_overrides={"override_source": pl.String},
    )
    chosen = pl.DataFrame({"source_id": "V1", "location_id": "S1", "cover": 3, "periods": 10, "per_period": 1.0, "waiting": 0.0})
    lines, _ = considered(pair, None, night(lanes=[{**LANE, "order_days": "mon,thu"}], covers=chosen))
    row = lines.row(0, named=True)
    assert (row["arrives_on"], row["next_arrives_on"]) == (day(1), day(11))


def test_nights_with_order_costs_is_cheaper_than_without_looking_ahead() -> None:
    """Rolled from night to night, steady demand of 10 a day: orders of the economic order quantity cost the least (three whole cycles)."""

    def per_day(terms: dict[str, Any], days: int) -> float:
        stock, coming, cost = 10.0, 0.0, 0.0
        for _ in range(days):
            stock += coming
            coming = planned(stock, terms)[0]["A"]
            cost += 5.0 * (coming > 0)
            cost += 2.0 * max(10.0 - stock, 0.0)
            stock = max(stock - 10.0, 0.0)
            cost += 0.01 * stock
        return cost / days

    best = min((5.0 + 0.1 * sum(range(t))) / t for t in range(1, 29))
    assert per_day({"order_cost": 5.0}, 30) <= 1.03 * best
    assert per_day({}, 8) > 3 * best


def test_by_week_covers_are_weeks() -> None:
    line = pl.DataFrame({"source_id": ["V1"], "location_id": ["S1"], "order_days": [""], "lead_time_days": [3]})
    weekly = lanes.later_arrivals(line, night(config=Config(grain="week")))
    assert weekly["cover"].to_list() == list(range(1, 14))
    assert weekly["next_arrives_on"].to_list()[:2] == [day(14), day(21)]


def test_covers_end_with_the_forecasts() -> None:
    line = pl.DataFrame({"source_id": ["V1"], "location_id": ["S1"], "order_days": [""], "lead_time_days": [1]})
    assert lanes.later_arrivals(line, night())["next_arrives_on"].max() == day(29)


def test_random_lead_times_are_averaged_before_a_quantity_is_chosen() -> None:
    """Nothing costs the mean over pairs of lead times; the best quantity for all of them no less than the mean of what is best for each."""
    demand, covers = series(steps=28), np.array([1, 2, 4, 8])
    unsure = terms(lead=4, lead_std=1.5, cover=1, on_hand=20.0, multiple=1.0)
    found = over_covers(unsure, demand, covers, 0.999)
    leads = drawn_covers(unsure, covers)
    assert len({lead for lead, _ in leads}) > 2
    each = [over_covers(terms(lead=lead, cover=1, on_hand=20.0, multiple=1.0), demand, lasting, 0.999) for lead, lasting in leads]
    assert found.nothing == pytest.approx(np.mean([one.nothing for one in each], axis=0))
    assert (found.cost >= np.mean([one.cost for one in each], axis=0) - 1e-9).all()
    assert (found.cost > np.mean([one.cost for one in each], axis=0) + 1e-3).any()
    sure = over_covers(terms(lead=4, cover=1, on_hand=20.0, multiple=1.0), demand, covers, 0.999)
    assert (found.cost > sure.cost).all()


def test_an_order_beyond_the_forecasts_is_named() -> None:
    rows = tables(
        forecasts=forecast("A", "S1", [10.0] * 5),
        items=ITEMS,
        stock=[{"item_id": "A", "location_id": "S1", "as_of": day(-1), "on_hand": 10, "reserved": 0}],
    )
    found = shard.lines_of(rows, night(lanes=[{**LANE, "order_days": "mon"}])).exceptions
    assert found.select("kind", "source_id", "location_id").rows() == [("forecast_too_short", "V1", "S1")]
    assert f"beyond {day(5)}" in found["message"][0]
    assert shard.lines_of(rows, night(lanes=[LANE])).exceptions.is_empty()
