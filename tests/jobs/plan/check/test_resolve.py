"""The other solver against all plans of small orders, and dynamic programming against all plans of small pools."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from jobs.plan.check import pools, resolve
from jobs.plan.check.lists import Listed


def best(order: dict[str, Any]) -> float:
    """The least cost over all plans."""
    found = math.inf
    for plan in itertools.product(*(range(len(line[0])) for line in order["lines"])):
        units = [line[0][n] for line, n in zip(order["lines"], plan, strict=True)]
        cost = sum(line[1][n] for line, n in zip(order["lines"], plan, strict=True))
        if any(sum(a * u for a, u in zip(use, units, strict=True)) > limit + 1e-9 for use, limit in order["limits"]):
            continue
        if any(units):
            if sum(u * line[2] for u, line in zip(units, order["lines"], strict=True)) < order["minimum"]:
                continue
            volume = sum(u * line[3] for u, line in zip(units, order["lines"], strict=True))
            cost += order["fixed"] + (order["truck_cost"] * math.ceil(volume / order["truck_volume"] - 1e-9) if order["truck_cost"] else 0)
        found = min(found, cost)
    return found


def drawn(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    lines = [[(np.arange(5) * m).tolist(), rng.uniform(0, 20, 5).round(4).tolist(), 2.5, 1.5] for m in (1, 2, 3)]
    return {
        "lines": lines,
        "fixed": float(rng.choice([0.0, 4.0, -1.0])),
        "minimum": float(rng.choice([0.0, 20.0, 1000.0])),
        "truck_volume": 6.0,
        "truck_cost": float(rng.choice([0.0, 3.0])),
        "limits": [[[1.0, 1.0, 0.0], float(rng.integers(2, 9))], [[0.0, 2.5, 2.5], 15.0]][: int(rng.integers(0, 3))],
    }


@pytest.mark.parametrize("seed", range(30))
def test_an_order_is_solved_to_its_optimum(seed: int) -> None:
    order = drawn(seed)
    found = resolve.solve(order)
    assert found is not None
    assert found == pytest.approx((best(order), best(order)), abs=1e-4)


def test_in_a_process_of_its_own() -> None:
    assert resolve.in_a_process([drawn(1), drawn(2)], 60.0) == [resolve.solve(drawn(1)), resolve.solve(drawn(2))]


@pytest.mark.parametrize("seed", range(20))
def test_a_pool_is_solved_to_its_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = [Listed({"order_multiple": m}, 1.0, [n * m for n in range(5)], rng.uniform(0, 20, 5).tolist()) for m in (1.0, 2.5, 4.0)]
    limit = pools.grained(lines, 11.3)
    assert limit == 11.0
    plans = itertools.product(range(5), repeat=3)
    naive = min(
        sum(line.cost[n] for line, n in zip(lines, plan, strict=True))
        for plan in plans
        if sum(line.units[n] for line, n in zip(lines, plan, strict=True)) <= limit
    )
    assert pools.optimum(lines, limit) == pytest.approx(naive)
    assert pools.highest_lagrangian(lines, limit) <= naive + 1e-9
    assert pools.lagrangian(lines, limit, 0.3) <= pools.highest_lagrangian(lines, limit) + 1e-9
