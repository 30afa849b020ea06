"""What narrowing leaves out is in no cheaper plan; a limit missed by less than HiGHS's tolerance is missed."""

from __future__ import annotations

import time

import numpy as np
import pytest

from jobs.plan.coupled import branching, exact, first_look
from jobs.plan.coupled.folding import folded
from jobs.plan.coupled.narrowing import narrowed
from jobs.plan.coupled.problem import TOLERANCE, Problem, is_feasible, plan_cost, state_of
from tests.jobs.plan.coupled import drawn
from tests.jobs.plan.coupled.test_bound import as_read

INF = float("inf")


def optimum_of(problem: Problem) -> tuple[np.ndarray, float]:
    best = exact.solve(problem, 30.0)
    assert best.proven
    assert best.n is not None
    return best.n, plan_cost(problem, state_of(problem, best.n))


@pytest.mark.parametrize("seed", range(200, 240))
def test_the_optimum_is_left(seed: int) -> None:
    """Every entry of it, its orders open and closed as they are, its trucks; and no bound lies above it."""
    problem = folded(as_read(drawn.problem(seed)).problem)
    n, best = optimum_of(problem)
    left = narrowed(problem, np.full(len(problem.terms.fixed), -1), best + 1e-6)
    assert np.isfinite(left.problem.at(np.arange(len(problem)), n)).all()
    state = state_of(problem, n)
    opened, terms = state.ordered > 0, problem.terms
    assert (left.state[opened & terms.any] != 0).all()
    assert (left.state[~opened] != 1).all()
    trucks = np.ceil(state.volume / terms.truck_volume - TOLERANCE)[opened]
    assert (left.least[opened] <= trucks).all()
    assert (trucks <= left.most[opened]).all()
    assert left.bound <= best + 1e-9


def test_narrowing_leaves_out_much() -> None:
    """At the cost of the optimum a third of the entries, of all problems together, though their duality gaps are large."""
    before = after = 0
    for seed in range(200, 220):
        problem = folded(as_read(drawn.problem(seed)).problem)
        left = narrowed(problem, np.full(len(problem.terms.fixed), -1), optimum_of(problem)[1] + 1e-6)
        before, after = before + np.isfinite(problem.cost).sum(), after + np.isfinite(left.problem.cost).sum()
    assert after < before * 2 / 3


@pytest.mark.parametrize("looked", [False, True])
@pytest.mark.parametrize("seed", range(200, 208))
def test_the_optimum_is_found_where_no_plan_is_known(seed: int, looked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branching, "_LINES", 0)
    if not looked:
        monkeypatch.setattr(first_look, "FIRST", 0)
    problem = folded(as_read(drawn.problem(seed)).problem)
    found = branching.solve(problem, None, -INF, time.monotonic() + 60)
    assert found.proven
    assert found.n is not None
    assert plan_cost(problem, state_of(problem, found.n)) == pytest.approx(optimum_of(problem)[1], rel=2e-6, abs=2e-6)


def line(number: int, value: float, cost: list[float]) -> dict:
    return {
        "line_id": number, "item_id": f"I{number}", "source_id": "D0", "location_id": "S0", "expected_on": drawn.DAYS[0],
        "order_multiple": 1.0, "min_order_units": 0.0, "unit_volume": 0.0, "unit_weight": 0.0, "unit_value": value, "cost": cost,
        "budget_value": None, "choice_id": None,
    }  # fmt: skip


@pytest.mark.parametrize(("limit", "wanted"), [(5000.0, [0, 1]), (5000.01, [1, 1])])
def test_a_budget_is_kept_to_the_cent(limit: float, wanted: list[int]) -> None:
    """Both lines cost 5000.004: .8 millionths too much, which HiGHS takes for kept, but for a row in which a grain counts."""
    lines = [line(0, 2500.002, [3.0, 0.0]), line(1, 2500.002, [4.0, 0.0])]
    budget = [{"resource": "budget", "location_id": None, "item_id": None, "date": None, "limit": limit, "unit": "value"}]
    problem = as_read({"lines": lines, "capacities": budget}).problem
    found = exact.solve(problem, 10.0)
    assert found.n is not None
    assert is_feasible(problem, state_of(problem, found.n))
    assert found.n.tolist() == wanted


@pytest.mark.parametrize(("minimum", "cost"), [(5000.0, 8.0), (4999.99, 1.0)])
def test_an_order_minimum_is_reached_to_the_cent(minimum: float, cost: float) -> None:
    """One line alone comes to 4999.996; the other takes it beyond 5000 and costs 7 more."""
    lines = [line(0, 4999.996, [20.0, 1.0]), line(1, 1.0, [0.0, 7.0])]
    terms = [
        {"source_id": "D0", "location_id": "S0", "min_order_value": minimum, "order_cost": 0.0, "truck_volume": 0.0, "truck_cost": 0.0}
    ]
    problem = as_read({"lines": lines, "order_terms": terms}).problem
    n, found = optimum_of(problem)
    assert is_feasible(problem, state_of(problem, n))
    assert found == pytest.approx(cost)
