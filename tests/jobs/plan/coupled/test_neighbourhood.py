"""A better plan near one known: feasible, never dearer, and often the optimum of a small problem."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.plan.coupled import fallback, neighbourhood
from jobs.plan.coupled.dual import maximise
from jobs.plan.coupled.folding import folded
from jobs.plan.coupled.heuristic import search_at
from jobs.plan.coupled.hulls import hulls_of
from jobs.plan.coupled.problem import is_feasible, plan_cost, state_of
from jobs.plan.coupled.relaxation import relaxed
from jobs.plan.ragged import first_least
from tests.jobs.plan.coupled import drawn
from tests.jobs.plan.coupled.test_bound import as_read
from tests.jobs.plan.coupled.test_narrowing import optimum_of

INF = float("inf")


def cut_down(seed: int) -> tuple:
    """A problem with its prices, and a plan of it that was cut down to what is kept."""
    problem = folded(as_read(drawn.problem(seed)).problem)
    ready = relaxed(problem)
    dual = maximise(ready, 60)
    n = fallback.cut_down(problem, hulls_of(problem.start, problem.cost), first_least(problem.start, problem.cost))
    return problem, search_at(ready, dual, None), dual, n


def test_plans_near_are_feasible_and_cheaper() -> None:
    cheaper = best = 0
    for seed in range(300, 340):
        problem, search, dual, n = cut_down(seed)
        before = state_of(problem, n)
        assert is_feasible(problem, before)
        after = state_of(problem, neighbourhood.planned_near(search, dual, n, -INF))
        assert is_feasible(problem, after)
        assert plan_cost(problem, after) <= plan_cost(problem, before)
        cheaper += plan_cost(problem, after) < plan_cost(problem, before)
        best += plan_cost(problem, after) <= optimum_of(problem)[1] * (1 + 1e-6) + 1e-6
    assert cheaper >= 10
    assert best >= 30


def test_only_entries_next_to_the_plans_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, search, dual, n = cut_down(300)
    rank = np.cumsum(np.isfinite(problem.cost))
    near = neighbourhood.planned_near(search, dual, n, -INF)
    own, priced, now = (rank[problem.start[:-1] + each] for each in (n, dual.evaluation.n, near))
    assert ((np.abs(now - own) <= 1) | (np.abs(now - priced) <= 1)).all()
    monkeypatch.setattr(neighbourhood, "_ENTRIES", 0)
    assert (neighbourhood.planned_near(search, dual, n, -INF) == n).all()


def test_a_plan_near_its_bound_is_left() -> None:
    problem, search, dual, n = cut_down(300)
    assert neighbourhood.planned_near(search, dual, n, plan_cost(problem, state_of(problem, n)) * 0.9999) is n
