"""Exact preprocessing: an order of one line needs no order terms, its list can hold them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jobs.errors import UsageError
from jobs.plan.coupled.problem import Problem, order_costs


def folded(problem: Problem) -> Problem:
    """The problem with the terms of one-line orders inside their lists (below the minimum: not allowed).

    Raises UsageError where that leaves a line nothing.
    """
    terms = problem.terms
    single = terms.any & (np.diff(terms.lines) == 1)
    if not single.any():
        return problem
    line = terms.lines[:-1][single]
    length = problem.start[line + 1] - problem.start[line]
    entry = np.repeat(problem.start[line], length) + np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    owner = np.repeat(line, length)
    n = entry - problem.start[owner]
    cost = problem.cost.copy()
    cost[entry] += order_costs(terms, problem.order[owner], n * problem.value[owner], n * problem.volume[owner], n)
    if np.isinf(np.minimum.reduceat(cost, problem.start[:-1])).any():
        raise UsageError("no plan keeps the minimum of an order whose only line must be ordered (cost[0] not allowed) but can't reach it")
    clear = {name: np.where(single, 0.0, getattr(terms, name)) for name in ("minimum", "fixed", "truck_cost")}
    return replace(problem, cost=cost, terms=replace(terms, **clear, truck_volume=np.where(single, np.inf, terms.truck_volume)))
