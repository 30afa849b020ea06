"""Limits without rounding, what their multipliers say of the lists, and what reduced costs leave out; against all plans."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from jobs.plan.coupled import exact, pool_flows
from jobs.plan.coupled.folding import folded
from jobs.plan.coupled.narrowing import Narrowed, narrowed
from jobs.plan.coupled.problem import Problem, plan_cost, state_of
from jobs.plan.coupled.program import program_of
from jobs.plan.coupled.tightening import branches, near, reduced, tightened
from tests.jobs.plan.coupled import drawn
from tests.jobs.plan.coupled.test_bound import as_read
from tests.jobs.plan.coupled.test_narrowing import line, optimum_of


def stock(limit: float, packs: tuple[float, ...] = (6.0, 4.0, 1.0)) -> Problem:
    """Lines of one item in packs, each saving 1 a unit up to three packs, and a limit that they share."""
    lines = [
        line(k, 1.0, [3 * pack - pack * n for n in range(4)]) | {"item_id": "A", "order_multiple": pack, "location_id": f"S{k}"}
        for k, pack in enumerate(packs)
    ]
    limits = [{"resource": "dc_stock", "location_id": "D0", "item_id": "A", "date": None, "limit": limit, "unit": "units"}]
    return as_read({"lines": lines, "capacities": limits}).problem


def whole(problem: Problem, below: float = 1e9) -> Narrowed:
    return narrowed(problem, np.full(len(problem.terms.fixed), -1), below, passes=0)


def test_a_limit_of_packs_is_not_filled_by_shares_of_packs() -> None:
    """Packs of 6 and 4 take 14 of 15 at most; by shares they take 15, which saves 1 more."""
    problem = stock(15.0, (6.0, 4.0))
    made = program_of(problem)
    shares = exact.relaxation(made)
    pool_flows.add(made, pool_flows.pools_of(problem))
    packs = exact.relaxation(made)
    assert shares is not None
    assert packs is not None
    assert packs.cost == pytest.approx(30 - 14)
    assert shares.cost < packs.cost - 0.5


@pytest.mark.parametrize("limit", [9.0, 13.0, 26.0])
def test_cuts_hold_for_every_plan_and_say_what_the_paths_do(limit: float) -> None:
    problem = stock(limit)
    made = program_of(problem)
    flows = pool_flows.add(made, pool_flows.pools_of(problem))
    found = exact.relaxation(made)
    assert found is not None
    (cut,) = pool_flows.cuts_of(problem, flows, found.dual)
    for plan in itertools.product(range(4), repeat=3):
        if plan[0] * 6 + plan[1] * 4 + plan[2] <= limit:
            assert sum(weight[n] for weight, n in zip(cut.weight, plan, strict=True)) >= cut.least - 1e-9
    alone = exact.relaxation(program_of(problem, cuts=[cut]))
    assert alone is not None
    assert alone.cost == pytest.approx(found.cost, abs=1e-4)


@pytest.mark.parametrize("seed", range(300, 330))
def test_the_optimum_is_left(seed: int) -> None:
    """In one of the two branches, with a bound not above it, and by what its cuts say."""
    problem = folded(as_read(drawn.problem(seed)).problem)
    n, best = optimum_of(problem)
    known = reduced(tightened(whole(problem, best + 1e-6)), best + 1e-6)
    assert known.bound <= best + 1e-6
    assert np.isfinite(known.left.problem.at(np.arange(len(problem)), n)).all()
    for cut in known.cuts:
        assert sum(weight[n[i]] for i, weight in zip(cut.lines, cut.weight, strict=True)) >= cut.least - 1e-9
    if known.order is not None:
        found = [exact.solve(each.problem, 30.0, within=each) for each in branches(known)]
        costs = [plan_cost(problem, state_of(problem, each.n)) for each in found if each.n is not None]
        assert min(costs) == pytest.approx(best, rel=2e-6, abs=2e-6)
        assert all(tightened(each).bound >= known.bound - 1e-6 for each in branches(known)), "a branch's bound is no lower"


def test_near_the_linear_program_are_few_entries_of_each_line() -> None:
    before = after = 0
    for seed in range(300, 310):
        problem = folded(as_read(drawn.problem(seed)).problem)
        allowed = np.isfinite(near(tightened(whole(problem))).cost)
        each = np.add.reduceat(allowed.astype(int), problem.start[:-1])
        assert each.min() >= 1
        assert each.max() <= 4
        before, after = before + int(np.isfinite(problem.cost).sum()), after + int(allowed.sum())
    assert after < 0.8 * before
