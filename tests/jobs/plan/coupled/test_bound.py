"""The bound: valid at any prices, exact where it should be, and never above the plan it certifies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from jobs.plan.coupled.bound import allowed, certified, contributions
from jobs.plan.coupled.dual import maximise
from jobs.plan.coupled.folding import folded
from jobs.plan.coupled.hulls import cheapest, hulls_of
from jobs.plan.coupled.reading import Read, read
from jobs.plan.coupled.relaxation import Branch, Searches, evaluate, relaxed
from jobs.plan.files import _CAPACITIES, _TERMS
from tests.jobs.plan.coupled import drawn
from tests.jobs.plan.coupled.naive import optimum

INF = float("inf")


def table(rows: list[dict], columns: dict[str, pa.DataType]) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(pa.Table.from_pylist(rows, schema=pa.schema(list(columns.items())))))


def as_read(tables: dict[str, list[dict]]) -> Read:
    lines = pl.DataFrame(pl.from_arrow(pa.Table.from_pylist(tables["lines"], schema=drawn.SCHEMAS["lines"])))
    return read(lines, table(tables.get("order_terms", []), _TERMS), table(tables.get("capacities", []), _CAPACITIES))


@pytest.mark.parametrize("seed", range(20))
def test_any_prices_give_a_bound(seed: int) -> None:
    """Random multipliers, good or absurd: never above the optimum."""
    tables = drawn.problem(seed)
    best = optimum(tables)
    assert best is not None
    ready = relaxed(folded(as_read(tables).problem))
    rng = np.random.default_rng(seed)
    orders, limits, own = len(ready.problem.terms.fixed), len(ready.problem.limit), len(ready.own.limit)
    linear = ready.problem.terms.truck_cost / ready.problem.terms.truck_volume
    for scale in (0.01, 0.3, 3.0, 100.0):
        price, kappa = np.append(rng.exponential(scale, limits - 1), 0.0), np.append(rng.exponential(scale, own - 1), 0.0)
        few = Branch(rng.exponential(scale, orders), linear + rng.exponential(scale, orders), kappa)
        many = Branch(rng.exponential(scale, orders), linear * rng.random(orders), kappa)
        at = maximise(ready, 0).at
        at = replace(at, price=price, few=few, many=many, nu=rng.exponential(scale, len(at.nu)), trucks=rng.integers(0, 4, orders))
        bound = certified(ready, contributions(ready, at))
        assert bound <= best + 1e-9 * max(abs(best), 1)
        # The two computations (hulls, entries) agree.
        assert bound == pytest.approx(evaluate(ready, allowed(ready, at), Searches.of(ready)).bound, rel=1e-6, abs=1e-6 * (1 + scale))


def test_hulls_and_cheapest_vertices_as_by_a_loop() -> None:
    rng = np.random.default_rng(3)
    lists = [np.where(rng.random(size) < 0.2, INF, rng.random(size) * 9) for size in rng.integers(1, 12, 200)]
    for each in lists:
        each[rng.integers(len(each))] = rng.random()
    start = np.concatenate([[0], np.cumsum([len(each) for each in lists])])
    hulls = hulls_of(start, np.concatenate(lists))
    vertex = hulls.first[:-1].copy()
    for price in (0.0, 0.7, -0.4, 5.0, -8.0):
        cheapest(hulls, np.full(len(lists), price), vertex)
        least = [np.min(each + price * np.arange(len(each))) for each in lists]
        assert hulls.cost[vertex] + price * hulls.n[vertex] == pytest.approx(np.array(least))


def test_whole_trucks_are_inside_the_bound() -> None:
    """Ten lines of half a truck that must be ordered, one truck each two: linear trucks cost 5, whole trucks 5; eleven cost 6, not 5.5."""
    line = drawn.problem(0)["lines"][0] | {"source_id": "D", "location_id": "S", "order_multiple": 1.0, "min_order_units": 0.0}
    line |= {"unit_volume": 0.5, "cost": [INF, 0.0], "choice_id": None}
    lines = [{**line, "line_id": i, "item_id": f"I{i}"} for i in range(11)]
    terms = [{"source_id": "D", "location_id": "S", "min_order_value": 0.0, "order_cost": 0.0, "truck_volume": 1.0, "truck_cost": 1.0}]
    ready = relaxed(folded(as_read({"lines": lines, "order_terms": terms}).problem))
    assert certified(ready, contributions(ready, maximise(ready, 60).at)) == pytest.approx(6.0, abs=1e-3)
