"""Single orders searched by beam: bounds never above the optimum and equal to it where the beam is broad, plans at their stated gain."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from jobs import workers
from jobs.plan.coupled import neighbourhood, relaxation
from jobs.plan.coupled.beam import Beam, Found, searched
from jobs.plan.coupled.beam_lists import Prices
from jobs.plan.coupled.dual import Dual, maximise
from jobs.plan.coupled.folding import folded
from jobs.plan.coupled.heuristic import planned, search_at
from jobs.plan.coupled.order_search import bounded, branches, planned_better_alone, priced
from jobs.plan.coupled.problem import Floats, Ints, Problem, is_feasible, plan_cost, raised, state_of
from jobs.plan.coupled.reading import Read, read
from jobs.plan.coupled.relaxation import relaxed
from jobs.plan.coupled.solve import solve
from jobs.plan.files import _read
from tests.jobs.plan.coupled import drawn
from tests.jobs.plan.coupled.test_bound import as_read
from tests.jobs.plan.coupled.test_whole import LAWS

INF = float("inf")


def naive_cost(problem: Problem, order: int, n: Ints, w: Floats, nu: Floats) -> float:
    """Cost of an order at prices, by a loop; inf where it breaks its minimum or a limit by itself, or orders nothing."""
    lines = range(problem.terms.lines[order], problem.terms.lines[order + 1])
    terms, cost, value, volume = problem.terms, float(problem.terms.fixed[order]), 0.0, 0.0
    used = np.zeros(len(problem.limit))
    for i in lines:
        cost += problem.cost[problem.start[i] + n[i]] + w[i] * n[i] + nu[i] * (n[i] > 0)
        value, volume = value + problem.value[i] * n[i], volume + problem.volume[i] * n[i]
        for layer in problem.layers:
            used[layer.resource[i]] += layer.use[i] * n[i]
    used[-1] = 0.0
    if value < terms.minimum[order] * (1 - 1e-9) or (used > raised(problem.limit)).any() or not any(n[i] for i in lines):
        return INF
    return cost + float(terms.truck_cost[order] * np.ceil(volume / terms.truck_volume[order] - 1e-9))


def naive_best(problem: Problem, order: int, w: Floats, nu: Floats) -> float:
    """Least cost of an open plan of the order, over all plans."""
    lines = range(problem.terms.lines[order], problem.terms.lines[order + 1])
    n = np.zeros(len(problem), np.int64)
    best = INF
    for plan in itertools.product(*(range(problem.start[i + 1] - problem.start[i]) for i in lines)):
        n[list(lines)] = plan
        best = min(best, naive_cost(problem, order, n, w, nu))
    return best


def small_orders(problem: Problem) -> Ints:
    """Orders with terms that have at most 30,000 plans."""
    plans = np.add.reduceat(np.log(np.diff(problem.start)), problem.terms.lines[:-1])
    return np.flatnonzero(problem.terms.any & (plans < np.log(30_000)))


def random_prices(problem: Problem, rng: np.random.Generator, scale: float, *, few: bool) -> Prices:
    orders, lines = len(problem.terms.fixed), len(problem)
    linear = problem.terms.truck_cost / problem.terms.truck_volume
    lam = linear + rng.exponential(scale, orders) if few else linear * rng.random(orders)
    lam = np.where(problem.terms.truck_cost > 0, lam, 0.0)
    nu = np.where(problem.choice >= 0, rng.exponential(scale, lines), 0.0)
    keys = np.arange(orders * len(problem.limit))
    mu, kappa = (rng.exponential(scale, count) for count in (orders, len(keys)))
    trucks = rng.integers(0, 3, orders) + (not few)
    return Prices(
        rng.exponential(0.1, lines), nu, np.ones(lines, bool), mu, lam, np.full(orders, few), trucks, keys, kappa, np.zeros(len(keys))
    )


@pytest.mark.parametrize("seed", range(12))
def test_any_prices_bound_the_order_and_a_broad_beam_finds_its_optimum(seed: int) -> None:
    problem = folded(as_read(drawn.problem(seed)).problem)
    orders, rng, n = small_orders(problem), np.random.default_rng(seed), np.zeros(len(problem), np.int64)
    for scale in (0.05, 1.0):
        least = {beam: np.full(len(orders), INF) for beam in (Beam(2, 2), Beam(4, 3, 0.5), Beam(20_000, 9))}
        for few in (True, False):
            at = random_prices(problem, rng, scale, few=few)
            at = replace(at, w=np.arange(len(problem)) % 7 * 0.3, nu=np.where(problem.choice >= 0, 0.2, 0.0))
            # The branches meet at the same number of trucks.
            at = replace(at, trucks=np.arange(len(at.mu)) % 3 + (not few))
            for beam, bound in least.items():
                found = searched(problem, orders, at, np.full(len(orders), 1e4), n, None, beam)
                bound[:] = np.minimum(bound, found.bound)
        best = np.array([naive_best(problem, int(o), at.w, at.nu) for o in orders])
        for bound in least.values():
            assert (bound <= best + 1e-9).all()
        assert least[Beam(20_000, 9)] == pytest.approx(np.minimum(best, 1e4), rel=1e-5, abs=1e-5 * (1 + scale))


def stated(problem: Problem, found: Found, orders: Ints, at: Prices, known: Floats) -> int:
    """How many orders have a plan; each costs what is known less its gain."""
    n = np.zeros(len(problem), np.int64)
    n[found.lines] = found.n
    count = 0
    for order, gain, most in zip(orders, found.gain, known, strict=True):
        if np.isfinite(gain):
            assert naive_cost(problem, int(order), n, at.w, at.nu) == pytest.approx(most - gain, rel=1e-9, abs=1e-9)
            count += 1
    return count


def test_plans_cost_what_their_gain_says() -> None:
    plans = 0
    for seed in range(20):
        problem = folded(as_read(drawn.problem(seed)).problem)
        orders, rng = np.flatnonzero(problem.terms.any), np.random.default_rng(seed)
        known = np.full(len(orders), 1e4)
        for few in (True, False):
            at = random_prices(problem, rng, 0.5, few=few)
            found = searched(problem, orders, at, known, np.zeros(len(problem), np.int64), None, Beam(16, 4, 0.3))
            plans += stated(problem, found, orders, at, known)
    assert plans > 20


def whole(kind: str, lines: int, seed: int, tmp_path: object) -> tuple[relaxation.Relaxed, Dual, Ints]:
    LAWS.write(LAWS.problem(kind, lines, seed), tmp_path)
    known: Read = read(*_read(tmp_path))
    ready = relaxed(folded(known.problem))
    dual = maximise(ready, 60)
    return ready, dual, planned(ready, dual)[0]


def test_within_what_others_leave_no_limit_is_broken(tmp_path) -> None:
    ready, dual, n = whole("all_together", 1500, 5, tmp_path)
    problem, search = ready.problem, search_at(ready, dual, None)
    used = state_of(problem, n).used
    cost = priced(search, dual, n)
    looked = 0
    for branch in branches(search, dual, problem.choice < 0, idle=True):
        orders = np.flatnonzero(problem.terms.any & (branch.value < cost))
        found = searched(problem, orders, branch.prices, cost[orders], n, used, Beam(32, 4, 0.3))
        for order in orders[found.gain > 1e-9]:
            after = n.copy()
            mine = problem.order[found.lines] == order
            after[found.lines[mine]] = found.n[mine]
            now = state_of(problem, after)
            assert (now.used <= raised(problem.limit)).all()
            assert now.value[order] >= problem.terms.minimum[order] * (1 - 1e-9)
            assert (after[problem.choice >= 0] == n[problem.choice >= 0]).all()
            looked += 1
    assert looked


def test_bounds_of_orders_rise(tmp_path) -> None:
    ready, dual, n = whole("terms", 1500, 5, tmp_path)
    better, low = bounded(search_at(ready, dual, None), dual, n)
    rise = low - dual.evaluation.orders
    above = priced(search_at(ready, dual, None), dual, n) - dual.evaluation.orders
    assert (rise >= 0).all()
    assert (rise <= np.maximum(above, 0) + 1e-9).all(), "without shared limits the plan's cost is above every bound of its order"
    assert rise.sum() > 0.2 * above.sum()
    after = priced(search_at(ready, dual, None), dual, better) - dual.evaluation.orders
    assert (after <= above + 1e-9).all()
    assert (rise <= np.maximum(after, 0) + 1e-9).all()
    chosen = ready.problem.choice >= 0
    assert (better[chosen] == n[chosen]).all()


def test_the_number_of_workers_and_slices_changes_no_byte(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    LAWS.write(LAWS.problem("all_together", 6000, 7), tmp_path)
    known: Read = read(*_read(tmp_path))
    # Of fewer entries HiGHS's part takes seconds, and is still in what is compared.
    monkeypatch.setattr(neighbourhood, "_ENTRIES", 500)
    results = []
    for count, rows in ((1, 65_536), (2, 700), (5, 1500)):
        monkeypatch.setattr(workers, "workers", lambda count=count: count)
        monkeypatch.setattr(workers, "_ROWS", rows)
        solved = solve(known.problem)
        results.append((solved.n.tobytes(), solved.price.tobytes(), solved.cost, solved.bound))
    assert results[1] == results[0]
    assert results[2] == results[0]


def test_out_of_time_nothing_is_gained_and_no_bound_rises(tmp_path) -> None:
    ready, dual, n = whole("terms", 1500, 5, tmp_path)
    search = search_at(ready, dual, 0.0)
    better, low = bounded(search, dual, n)
    assert (better == n).all()
    assert (low == dual.evaluation.orders).all()
    assert (planned_better_alone(search, dual, n, low) == n).all()
    orders = np.flatnonzero(ready.problem.terms.any)
    at = random_prices(ready.problem, np.random.default_rng(1), 0.5, few=True)
    found = searched(ready.problem, orders, at, np.full(len(orders), 1e4), n, None, Beam(8, 3), lambda: True)
    assert not len(found.lines)
    assert (found.gain == -INF).all()


def test_a_quarter_of_the_time_is_kept(tmp_path) -> None:
    """A feasible, complete plan in time, with its honest gap."""
    LAWS.write(LAWS.problem("all_together", 20_000, 8), tmp_path)
    problem = read(*_read(tmp_path)).problem
    began = time.monotonic()
    whole_time = solve(problem)
    needed = time.monotonic() - began
    began = time.monotonic()
    found = solve(problem, began + needed / 4)
    assert time.monotonic() - began < needed / 2, "a quarter, and as much again for a loaded machine"
    assert is_feasible(problem, state_of(problem, found.n))
    assert plan_cost(problem, state_of(problem, found.n)) == pytest.approx(found.cost)
    assert found.degraded
    assert found.bound <= min(found.cost, whole_time.cost)
    assert found.cost - found.bound > whole_time.cost - whole_time.bound
