"""One scarce pool: which lines get the stock of a source that does not suffice.

    minimise sum f_i(n_i)  with  sum m_i n_i <= limit,  n_i from the line's list

The relaxation (each list by its lower convex hull) is a linear program with one constraint: GLOP gives the price of a
unit. The Lagrangian at that price is the proven bound, computed here from the lists as given. The plan at the price,
filled up greedily, is nearly optimal; CP-SAT closes what remains, over the entries that reduced costs leave possible.
"""

from __future__ import annotations

import itertools
import math
import time
from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.pools import SCALE, PoolResult

if TYPE_CHECKING:
    from jobs.plan.night import Floats, Ints

#: A plan this close to its bound, as a share of cost, is not worth a search.
_CLOSE = 1e-6
#: Deterministic effort of one search: the same work on every machine.
_EFFORT = 0.5
#: CP-SAT counts money in whole steps: this many span the largest difference in the pool.
_STEPS = 10**9


def solve_pool(lists: list[Floats], multiple: Ints, limit: int, deadline: float | None = None) -> PoolResult:
    """Cheapest multiples within ``limit`` (ten-thousandths of a unit, as is ``multiple``).

    Each list's least orders must fit the limit together. Deterministic: one worker, deterministic effort; past
    ``deadline`` units go where they save most (marginal value), and what that leaves unproven is called degraded.
    """
    # Only whole packs can be shipped: what is left of the limit below the packs' common divisor is of no use.
    grain = int(np.gcd.reduce(multiple))
    packs, limit = multiple // grain, limit // grain
    late = deadline is not None and time.monotonic() > deadline
    price = marginal_value(lists, packs, limit) if late else unit_price(lists, packs, limit)
    bound = lagrangian(lists, packs, limit, price)
    plan = _fill(lists, packs, limit, _at_price(lists, packs, price))
    cost, per_unit = _cost(lists, plan), price * SCALE / grain
    if cost - bound <= _CLOSE * max(abs(cost), 1e-9):
        return PoolResult(plan, bound, per_unit, called=not late, degraded=False)
    if late:
        return PoolResult(plan, bound, per_unit, called=False, degraded=True)
    better, proven = _search(lists, packs, limit, price, bound, plan)
    return PoolResult(better, max(bound, proven), per_unit, called=True, degraded=False)


def lagrangian(lists: list[Floats], multiple: Ints, limit: int, price: float) -> float:
    """Lower bound of any plan within the limit, at a price >= 0 (currency for 1 of limit)."""
    return float(sum(np.min(f + price * m * np.arange(len(f))) for f, m in zip(lists, multiple, strict=True))) - price * limit


def unit_price(lists: list[Floats], multiple: Ints, limit: int) -> float:
    """Price of 1 of the limit: its dual in the relaxation (GLOP)."""
    from ortools.linear_solver import pywraplp

    solver = pywraplp.Solver.CreateSolver("GLOP")
    row, objective = solver.Constraint(-solver.infinity(), 0.0), solver.Objective()
    left = limit
    for f, m in zip(lists, multiple, strict=True):
        corners = hull(f)
        left -= int(m) * corners[0]
        for a, b in itertools.pairwise(corners):
            share = solver.NumVar(0.0, 1.0, "")
            row.SetCoefficient(share, float(m * (b - a)))
            objective.SetCoefficient(share, float(f[b] - f[a]))
    row.SetUb(float(left))
    objective.SetMinimization()
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        raise RuntimeError("GLOP did not solve the relaxation of a pool, which always has a solution")
    return max(-float(row.dual_value()), 0.0)


def marginal_value(lists: list[Floats], multiple: Ints, limit: int) -> float:
    """The same price without a solver: what the first part that no longer fits would save by 1 of the limit."""
    parts: list[tuple[float, int]] = []
    left = limit
    for f, m in zip(lists, multiple, strict=True):
        corners = hull(f)
        left -= int(m) * corners[0]
        parts.extend(((f[a] - f[b]) / (m * (b - a)), int(m) * (b - a)) for a, b in itertools.pairwise(corners))
    for saving, size in sorted(parts, reverse=True):
        left -= size
        if left < 0:
            return float(saving)
    return 0.0


def hull(f: Floats) -> list[int]:
    """Entries on the falling part of a list's lower convex hull, from the first allowed to the first of least cost."""
    corners: list[int] = []
    for n in np.flatnonzero(np.isfinite(f[: int(np.argmin(f)) + 1])).tolist():
        while len(corners) > 1 and _above(f, corners[-2], corners[-1], n):
            corners.pop()
        corners.append(n)
    return corners


def _above(f: Floats, a: int, b: int, c: int) -> bool:
    """Whether entry b lies on or above the line from a to c."""
    return bool((f[b] - f[a]) * (c - a) >= (f[c] - f[a]) * (b - a))


def _at_price(lists: list[Floats], multiple: Ints, price: float) -> Ints:
    """The smallest cheapest entry of each line at a price."""
    return np.array([np.argmin(f + price * m * np.arange(len(f))) for f, m in zip(lists, multiple, strict=True)], np.int64)


def _cost(lists: list[Floats], plan: Ints) -> float:
    return float(sum(f[n] for f, n in zip(lists, plan, strict=True)))


def _fill(lists: list[Floats], multiple: Ints, limit: int, plan: Ints) -> Ints:
    """Make a plan feasible, then spend what is left where a unit saves most."""
    plan = plan.copy()
    left = limit - int((plan * multiple).sum())
    while left < 0:
        line, n = _cheapest_cut(lists, multiple, plan)
        left += int((plan[line] - n) * multiple[line])
        plan[line] = n
    while True:
        line, n = _best_step(lists, multiple, plan, left)
        if line < 0:
            return plan
        left -= int((n - plan[line]) * multiple[line])
        plan[line] = n


def _best_step(lists: list[Floats], multiple: Ints, plan: Ints, left: int) -> tuple[int, int]:
    best, line, to = 0.0, -1, 0
    for i, (f, m, n) in enumerate(zip(lists, multiple, plan, strict=True)):
        top = min(len(f) - 1, int(n) + left // int(m))
        if top <= n:
            continue
        steps = np.arange(1, top - n + 1)
        saving = (f[n] - f[n + 1 : top + 1]) / (steps * m)
        k = int(np.argmax(saving))
        if saving[k] > best:
            best, line, to = float(saving[k]), i, int(n) + k + 1
    return line, to


def _cheapest_cut(lists: list[Floats], multiple: Ints, plan: Ints) -> tuple[int, int]:
    best, line, to = np.inf, -1, 0
    for i, (f, m, n) in enumerate(zip(lists, multiple, plan, strict=True)):
        if n == 0:
            continue
        loss = (f[:n] - f[n]) / ((n - np.arange(n)) * m)
        k = int(np.argmin(loss))
        if loss[k] < best:
            best, line, to = float(loss[k]), i, k
    return line, to


def _search(lists: list[Floats], multiple: Ints, limit: int, price: float, bound: float, plan: Ints) -> tuple[Ints, float]:
    """CP-SAT over the entries that a better plan could contain; returns a plan no worse, and a proven bound.

    Cost above the bound = reduced costs of the entries + price * stock left over; the solver counts it in steps,
    rounded down, so that its bound stays a bound.
    """
    from ortools.sat.python import cp_model

    room = _cost(lists, plan) - bound
    step = room / _STEPS
    model = cp_model.CpModel()
    flags: list[tuple[int, int, cp_model.IntVar]] = []
    used, steps = [], []
    for i, (f, m) in enumerate(zip(lists, multiple, strict=True)):
        priced = f + price * m * np.arange(len(f))
        reduced = priced - priced.min()
        # An entry whose reduced cost exceeds the room can't be part of a better plan.
        possible = np.flatnonzero(reduced <= room)
        entries = sorted({*possible.tolist(), int(plan[i])})
        variables = [model.new_bool_var("") for _ in entries]
        model.add_exactly_one(variables)
        for n, variable in zip(entries, variables, strict=True):
            flags.append((i, n, variable))
            used.append(int(m) * n * variable)
            steps.append(math.floor(reduced[n] / step) * variable)
            model.add_hint(variable, n == int(plan[i]))
    spare = model.new_int_var(0, limit, "")
    model.add(sum(used) + spare == limit)
    model.minimize(sum(steps) + math.floor(min(price / step, _STEPS)) * spare)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = _EFFORT
    solver.parameters.random_seed = 1
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return plan, bound
    found = plan.copy()
    for i, n, variable in flags:
        if solver.value(variable):
            found[i] = n
    better = found if _cost(lists, found) < _cost(lists, plan) else plan
    return better, min(bound + solver.best_objective_bound * step, _cost(lists, better))
