"""A plan on fresh demand paths: its cost path by path, its optimism, and the base stock it is compared with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from jobs.config import Config
from jobs.plan import base_stock, fresh, shard
from jobs.plan.cover import MICRO
from jobs.plan.expected_cost import evaluate
from jobs.plan.pools import Problem
from jobs.plan.writing import afresh
from tests.jobs.plan.small import day, forecast, night, ranks, tables
from tests.jobs.plan.test_expected_cost import naive, naive_of_a_centre, series, terms

MORE = [
    {},
    {"lead": 0, "cover": 1},
    {"lead": 3, "cover": 4, "arrivals": np.ones((2, 7)) * [[2.0], [0.5]]},
    {"presentation": 5.0},
    {"life": [3.0, np.inf], "on_hand": 20.0, "batches": [[12.0, 8.0], [0.0, 0.0]]},
    {"life": [2.0, 4.0], "on_hand": 16.0, "batches": [[8.0, 5.0, 3.0], [2.0, 0.0, 14.0]], "cover": 5, "arrivals": np.ones((2, 6)) * 1.5},
]


@pytest.mark.parametrize("more", MORE)
def test_the_cost_of_an_order_as_the_naive_loop_and_the_list(more: dict) -> None:
    t, d = terms(**more), series()
    lists = evaluate(t, d, 0.999)
    for n in (0, 1, 2):
        cost = fresh.on_paths(t, d, np.full((1, 2), n * t.multiple))[0].mean(axis=1)
        for i in range(2):
            assert cost[i] == pytest.approx(naive(t, d, i, n)[0])
            assert cost[i] == pytest.approx(lists.line(i)[n])


@pytest.mark.parametrize("owed", [3.0, 9.0, 99.0])
def test_the_cost_of_what_waits_as_the_naive_loop(owed: float) -> None:
    """A centre, short of units for two prices, beside a line that loses its sales."""
    waits = np.array([[[0.0, 0.3], [4.0, 0.7]], [[0.0, 0.0], [0.0, 0.0]]])
    t, d = replace(terms(on_hand=2.0, cover=3), owed=np.array([owed, 0.0]), waits=waits), series()
    lists = evaluate(t, d, 1.0)
    for n in (0, 2, 5):
        cost = fresh.on_paths(t, d, np.full((1, 2), n * t.multiple))[0].mean(axis=1)
        assert cost == pytest.approx([naive_of_a_centre(t, d, 0, n), lists.line(1)[n]])


def test_random_lead_times_are_averaged_as_in_the_lists() -> None:
    t, d = terms(lead=3, cover=2, lead_std=[1.5, 0.0]), series(steps=16)
    assert fresh.steps(t) > 5
    lists, cost = evaluate(t, d, 0.999), fresh.on_paths(t, d, np.full((1, 2), 6.0))[0].mean(axis=1)
    assert cost == pytest.approx([lists.line(0)[2], lists.line(1)[2]])


def test_what_is_kept_of_demand_is_enough_to_draw_it_again() -> None:
    """Same ranks, same costs: also where a line looks beyond the horizon and the last week repeats."""
    for cover in (2, 14):
        t, d = terms(cover=cover, arrivals=np.zeros((2, 15))), series()
        kept = d.unranked(fresh.steps(t))
        assert kept.horizon == min(1 + 2 * cover, 10)
        assert kept.strata.size == 0
        units = np.full((1, 2), 9.0)
        assert np.array_equal(fresh.on_paths(t, kept.afresh(ranks(64)), units), fresh.on_paths(t, d, units))


def test_fresh_ranks_are_others_by_the_same_law() -> None:
    names = {"item_id": np.array(["A"]), "location_id": np.array(["S"]), "channel": np.array(["store"])}
    old, new = ranks(64), ranks(64).fresh()
    assert (new.paths, new.dependence) == (old.paths, old.dependence)
    assert new.seed == ranks(64).fresh().seed != old.seed
    one, other = old.of(names, 3), new.of(names, 3)
    assert not np.array_equal(one, other)
    assert np.array_equal(np.sort(one, axis=2), np.sort(other, axis=2))


def test_a_base_stock_covers_its_quantile_in_multiples() -> None:
    """A sure demand of 4 and 7 a day, lead 1 and cover 2: 12 and 21 needed, 6 on hand, 2 coming in the window."""
    t, d = terms(arrivals=np.ones((2, 3)) * [[0.0, 2.0, 0.0]]), series(spread=0.0)
    wanted = evaluate(t, d, 0.999).base_stock
    assert wanted == pytest.approx([4, 13])
    assert base_stock.multiples(t, wanted).tolist() == [2, 5]
    assert base_stock.multiples(terms(min_units=10.0), np.array([1.0, 0.0])).tolist() == [4, 0]


def test_a_base_stock_that_does_not_fit_is_cut_in_equal_shares() -> None:
    """10 and 20 wanted of 15; entries that a line does not allow are passed over, downwards."""
    cost = np.zeros(42)
    start = np.array([0, 21, 42])
    problem = Problem(start, cost, np.array([10_000, 10_000]), np.zeros(2, np.int64), np.array([150_000]))
    assert base_stock.of_pools(problem, np.array([10, 20])).tolist() == [5, 10]
    assert base_stock.of_pools(replace(problem, limit=np.array([-1])), np.array([10, 30])).tolist() == [10, 20]
    cost[[4, 5]] = np.inf
    assert base_stock.of_pools(problem, np.array([10, 20])).tolist() == [3, 10]


def plan(items: list[str], paths: int = 64) -> shard.Decision:
    rows = tables(
        forecasts=[row for item in items for row in forecast(item, "S1", [5.0, 3.0, 6.0, 4.0, 5.0, 5.0, 7.0, 6.0])],
        items=[{"item_id": item, "unit_cost": 2, "unit_price": 3} for item in items],
        stock=[{"item_id": item, "location_id": "S1", "as_of": day(-1), "on_hand": 3, "reserved": 0} for item in items],
    )
    lanes = [{"source_id": "DC", "location_id": "S1", "lead_time_days": 1, "order_days": "mon,thu"}]
    return shard.decide(rows, night(lanes=lanes, ranks=ranks(paths), config=Config()))


def test_what_was_chosen_on_few_paths_costs_more_on_others() -> None:
    """A hundred lines, chosen on 8 paths: optimism well beyond its standard error, and more than on 64 paths."""
    items = [f"I{k:03}" for k in range(100)]
    found = {paths: plan(items, paths) for paths in (8, 64)}
    cost = {paths: float(decision.pools["cost"].sum()) for paths, decision in found.items()}
    row = {paths: afresh(decision.fresh, cost[paths], dict.fromkeys(fresh.PLANS, 0.0)) for paths, decision in found.items()}
    assert all(row[paths]["cost_fresh"] == pytest.approx(cost[paths] + row[paths]["sampling_bias"]) for paths in found)
    assert row[8]["sampling_bias"] > 3 * row[8]["cost_fresh_se"] > 0
    assert abs(row[64]["sampling_bias"] / cost[64]) < row[8]["sampling_bias"] / cost[8] / 2
    assert row[64]["cost_fresh_nothing"] > row[64]["cost_fresh_base_stock"] > 0
    assert row[64]["nothing_se"] > row[64]["base_stock_se"] > 0


def test_sums_add_up_the_same_however_lines_are_split() -> None:
    items = ["A", "B", "C", "D"]
    whole, *parts = (plan(some).fresh for some in (items, items[:1], items[1:]))
    added = pl.concat(parts).group_by("source_id", "path").agg(pl.col(fresh.PLANS).sum()).sort("source_id", "path")
    assert added.equals(whole.sort("source_id", "path"))
    assert whole["nothing"].sum() / MICRO / 64 > 0


def test_a_shard_without_lines_says_nothing() -> None:
    row = afresh(pl.DataFrame(schema=fresh.SUMS), 0.0, dict.fromkeys(fresh.PLANS, 0.0))
    assert (row["cost_fresh"], row["cost_fresh_se"], row["sampling_bias"]) == (0, 0, 0)
    assert afresh(pl.DataFrame(schema=fresh.SUMS), 0.0, {"chosen": 1.0, "nothing": np.inf, "base_stock": 2.0})["nothing_se"] is None
