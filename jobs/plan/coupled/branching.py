"""Small problems to proven optimality: branch and bound over which orders are open, the rest by HiGHS.

In a linear program half an order has half the minimum, which fits into limits that the whole does not: bounds lie far below
any plan. So orders with a minimum are set open or closed first, best bound first, at bounds by the Lagrangian. Leaves, in
which all are set, are few; HiGHS finds most of them infeasible or dearer than the best plan at once.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, field, replace

import numpy as np

from jobs.plan.coupled import exact
from jobs.plan.coupled.bound import certified, contributions
from jobs.plan.coupled.dual import maximise
from jobs.plan.coupled.problem import Flags, Ints, Problem, is_feasible, plan_cost, state_of
from jobs.plan.coupled.relaxation import relaxed
from jobs.plan.ragged import positions

#: Problems of fewer lines HiGHS solves faster by itself.
_LINES = 60
#: Steps of prices at a node, and nodes at most: orders undecided then are left to HiGHS.
_ROUNDS, _NODES = 60, 100
#: Share of the time left that one leaf may take while there are others.
_SHARE = 0.2


@dataclass(order=True)
class _Node:
    """A lower bound, the node's number, and [orders] 1: open, 0: closed, -1: undecided."""

    bound: float
    number: int
    state: Ints = field(compare=False)


def solve(problem: Problem, n: Ints | None, bound: float, deadline: float) -> exact.Exact:
    """The optimum, or what is known of it at the deadline (time.monotonic()); from a plan (None: none known) and a lower bound."""
    best = np.inf if n is None else plan_cost(problem, state_of(problem, n))
    orders = _decided(problem)
    nodes, number, searched = [_Node(bound, 0, np.full(len(problem.terms.fixed), -1))], 1, np.inf
    while nodes and nodes[0].bound < best and time.monotonic() < deadline:
        node = heapq.heappop(nodes)
        undecided = orders[node.state[orders] < 0]
        if len(undecided) and number < _NODES:
            for child in _children(problem, node, int(undecided[0]), number):
                heapq.heappush(nodes, child)
            number += 2
            continue
        hint = n if n is not None and _agrees(problem, n, node.state) else None
        left = deadline - time.monotonic()
        found = exact.solve(problem, left * (_SHARE if nodes else 1.0), hint, state=node.state, below=best)
        if found.proven:
            searched = min(searched, max(found.bound, node.bound))
        else:
            # Once more when it is the lowest again, with a better plan known.
            heapq.heappush(nodes, _Node(max(found.bound, node.bound), number, node.state))
            number += 1
        if found.n is not None:
            state = state_of(problem, found.n)
            if is_feasible(problem, state) and plan_cost(problem, state) < best:
                n, best = found.n, plan_cost(problem, state)
    lowest = min([searched, best, *(node.bound for node in nodes)])
    proven = best - lowest <= 2 * exact.TOLERANCE * max(abs(best), 1.0)
    return exact.Exact(n, lowest, proven, infeasible=n is None and np.isinf(lowest))


def _decided(problem: Problem) -> Ints:
    """Orders to be set, those first on which most depends."""
    if len(problem) < _LINES:
        return np.zeros(0, np.int64)
    closed = np.add.reduceat(problem.cost[problem.start[:-1]], problem.terms.lines[:-1])
    orders = np.flatnonzero((problem.terms.minimum > 0) & np.isfinite(closed))
    return orders[np.argsort(-np.abs(closed[orders]), kind="stable")]


def _agrees(problem: Problem, n: Ints, state: Ints) -> bool:
    """Whether the plan's orders are open and closed as set."""
    ordered = state_of(problem, n).ordered > 0
    return bool((ordered == (state == 1))[state >= 0].all())


def _children(problem: Problem, node: _Node, order: int, number: int) -> list[_Node]:
    """The node with the order closed, and open."""
    children = []
    for state in (0, 1):
        child = node.state.copy()
        child[order] = state
        children.append(_Node(max(_bound(problem, child), node.bound), number + state, child))
    return children


def _bound(problem: Problem, state: Ints) -> float:
    """A lower bound with some orders set."""
    ready = relaxed(_without(problem, state == 0))
    ready = replace(ready, closed=np.where(state == 1, np.inf, ready.closed))
    return certified(ready, contributions(ready, maximise(ready, _ROUNDS).at))


def _without(problem: Problem, closed: Flags) -> Problem:
    """The problem with nothing ordered in some orders."""
    owner, n = positions(problem.start)
    cost = np.where(closed[problem.order[owner]] & (n > 0), np.inf, problem.cost)
    cleared = {name: np.where(closed, 0.0, getattr(problem.terms, name)) for name in ("minimum", "fixed", "truck_cost")}
    volume = np.where(closed, np.inf, problem.terms.truck_volume)
    return replace(problem, cost=cost, terms=replace(problem.terms, **cleared, truck_volume=volume))
