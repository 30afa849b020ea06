"""Single orders solved by CP-SAT, in a process of its own: what the check holds a night's plan against.

    python -m jobs.plan.check.resolve < orders.json > found.json

Reads a list of problems, writes for each the least that its cost can be and the cost of the best plan found (null: none). A problem is

    orders, limits, choices                       of several orders: uses are those of the lines of all, one order after the other;
                                                  of the lines of a choice at most one is ordered

or a single order:

    lines         [[units, ...], [cost, ...], value of a unit, volume of a unit] of each line
    fixed, minimum, truck_volume, truck_cost      terms (truck_cost 0: no trucks)
    limits        [[use of a unit of each line, ...], limit]

Money is counted in millionths, all else in ten-thousandths, rounded so that what a plan may do stays possible.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_MONEY, _FINE = 10**6, 10**4
#: Deterministic effort an order: the same on every machine.
_EFFORT = 5.0
#: No number is larger, so that sums of a model fit 64 bits.
_LARGE = 10**15


def in_a_process(orders: Sequence[Mapping[str, Any]], seconds: float) -> list[tuple[float, float] | None]:
    """(least, best found) of each order; None where nothing came of it: no plan, no time, a process that died."""
    command = [sys.executable, "-m", "jobs.plan.check.resolve"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command, input=json.dumps(orders), capture_output=True, text=True, timeout=seconds, env=environment, check=True
        )
        found = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        return [None] * len(orders)
    return [None if each is None else (each[0], each[1]) for each in found]


def solve(problem: Mapping[str, Any]) -> tuple[float, float] | None:
    """The least that a problem can cost, and what its best plan found costs."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    parts = [_order(model, order) for order in problem.get("orders", [problem])]
    lines = [line for each in parts for line in each.lines]
    for use, limit in problem["limits"]:
        model.add(_total(lines, use, math.floor) <= math.ceil(min(limit * _FINE, _LARGE)))
    for choice in problem.get("choices", []):
        model.add_at_most_one(x for i in choice for x, u in zip(lines[i][1], lines[i][0], strict=True) if u > 0)
    model.minimize(sum(term for each in parts for term in each.cost))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = _EFFORT
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return solver.best_objective_bound / _MONEY, solver.objective_value / _MONEY


class _Modelled(NamedTuple):
    """An order in the model: units and variables of each line, terms of its cost."""

    lines: Sequence[tuple[Sequence[float], Sequence[Any]]]
    cost: list[Any]


def _order(model: Any, order: Mapping[str, Any]) -> _Modelled:
    """Variables and constraints of one order."""
    is_open = model.new_bool_var("open")
    lines = [(units, [model.new_bool_var("") for _ in units]) for units, *_ in order["lines"]]
    cost, ordered = [_whole(order["fixed"] * _MONEY) * is_open], []
    for (units, pick), (_, of_entry, *_) in zip(lines, order["lines"], strict=True):
        model.add_exactly_one(pick)
        some = [x for x, u in zip(pick, units, strict=True) if u > 0]
        for x in some:
            model.add_implication(x, is_open)
        ordered += some
        cost += [_whole(c * _MONEY) * x for c, x in zip(of_entry, pick, strict=True)]
    model.add_bool_or([*ordered, is_open.negated()])
    if order["minimum"] > 0:
        model.add(_total(lines, [line[2] for line in order["lines"]], math.ceil) >= math.floor(order["minimum"] * _FINE) * is_open)
    if order["truck_cost"] > 0:
        trucks = model.new_int_var(0, 10**6, "trucks")
        volume = _total(lines, [line[3] for line in order["lines"]], math.floor)
        model.add(volume <= math.ceil(order["truck_volume"] * _FINE) * trucks)
        if all(line[3] > 0 for line in order["lines"]):
            model.add(trucks >= 1).only_enforce_if(is_open)
        cost.append(_whole(order["truck_cost"] * _MONEY) * trucks)
    return _Modelled(lines, cost)


def _total(lines: Sequence[tuple[Sequence[float], Sequence[Any]]], use: Sequence[float], rounded: Any) -> Any:
    """What a plan takes, a unit of each line taking its ``use``; each entry rounded."""
    return sum(
        rounded(round(u * each * _FINE, 6)) * x
        for (units, pick), each in zip(lines, use, strict=True)
        for u, x in zip(units, pick, strict=True)
    )


def _whole(amount: float) -> int:
    return math.floor(amount + 0.5)


if __name__ == "__main__":
    json.dump([solve(order) for order in json.load(sys.stdin)], sys.stdout)
