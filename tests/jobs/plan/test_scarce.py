"""A scarce pool against brute force: plan within the limit, bound below the best, price of the next unit."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from jobs.plan.pools import SCALE, UNLIMITED, Problem, solve
from jobs.plan.scarce import hull, marginal_value, solve_pool, unit_price

INF = float("inf")


def brute(lists: list[np.ndarray], multiple: list[int], limit: int) -> float:
    best = INF
    for plan in itertools.product(*(range(len(f)) for f in lists)):
        if sum(n * m for n, m in zip(plan, multiple, strict=True)) <= limit:
            best = min(best, sum(f[n] for f, n in zip(lists, plan, strict=True)))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_as_good_as_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lists = [np.concatenate([[9.0], rng.random(int(rng.integers(1, 6))) * 9]) for _ in range(4)]
    lists[0][1:-1] = INF  # a minimum: nothing or all
    multiple = np.array([1, 2, 3, 5]) * SCALE
    limit = 9 * SCALE
    result = solve_pool(lists, multiple, limit)
    cost = sum(f[n] for f, n in zip(lists, result.n, strict=True))
    best = brute(lists, multiple.tolist(), limit)
    assert (result.n * multiple).sum() <= limit
    assert cost == pytest.approx(best)
    assert result.lower_bound <= best + 1e-9
    assert result.lower_bound >= best - 1e-6 * max(best, 1)


def test_the_price_is_what_the_next_unit_saves() -> None:
    """Two lines that save 4, 2 and 3, 1 a unit: with two units the third would save 2."""
    lists = [np.array([6.0, 2.0, 0.0]), np.array([4.0, 1.0, 0.0])]
    result = solve_pool(lists, np.array([SCALE, SCALE]), 2 * SCALE)
    assert result.n.tolist() == [1, 1]
    assert 2.0 - 1e-9 <= result.price <= 3.0 + 1e-9
    assert result.lower_bound == pytest.approx(3.0)


def test_without_time_greedy_says_so_or_proves_itself() -> None:
    lists = [np.array([9.0, INF, INF, 0.0]), np.array([5.0, 4.0, 1.0])]
    result = solve_pool(lists, np.array([SCALE, SCALE]), 2 * SCALE, time.monotonic() - 1)
    assert not result.called
    assert result.degraded
    assert (result.n * SCALE).sum() <= 2 * SCALE
    assert result.lower_bound <= sum(f[n] for f, n in zip(lists, result.n, strict=True))


def test_both_prices_give_the_same_bound() -> None:
    rng = np.random.default_rng(3)
    lists = [np.sort(rng.random(9))[::-1].copy() for _ in range(6)]
    multiple = np.array([1, 2, 3, 1, 2, 3])
    from jobs.plan.scarce import lagrangian

    a, b = unit_price(lists, multiple, 20), marginal_value(lists, multiple, 20)
    assert lagrangian(lists, multiple, 20, a) == pytest.approx(lagrangian(lists, multiple, 20, b))


def test_hull_skips_what_is_not_allowed_or_above() -> None:
    assert hull(np.array([9.0, INF, 7.9, 1.0, 0.5, 2.0])) == [0, 3, 4]
    assert hull(np.array([INF, INF, 3.0])) == [2]


def test_plenty_needs_no_solver_and_has_no_price() -> None:
    cost = np.array([3.0, 1.0, 0.0, 2.0, 0.5])
    problem = Problem(np.array([0, 3, 5]), cost, np.array([SCALE, SCALE]), np.array([0, 0]), np.array([3 * SCALE]))
    solution = solve(problem)
    assert solution.n.tolist() == [2, 1]
    assert not solution.called.any()
    assert solution.price.tolist() == [0.0]
    unlimited = solve(Problem(problem.start, cost, problem.multiple, problem.pool, np.array([UNLIMITED])))
    assert unlimited.n.tolist() == [2, 1]


def test_ties_go_to_the_smaller_order() -> None:
    cost = np.array([1.0, 0.5, 0.5])
    assert solve(Problem(np.array([0, 3]), cost, np.array([1]), np.array([0]), np.array([UNLIMITED]))).n.tolist() == [1]
