"""A first look at a small problem: orders with a minimum set open or closed at bounds by the Lagrangian, leaves by HiGHS.

Its nodes cost little, so most problems are proven by it in seconds. Where bounds by the Lagrangian are far off it ends with the best
plan it has found, after so many of HiGHS's nodes, and ``branching`` goes on at bounds that cost more.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, field

import numpy as np

from jobs.plan.coupled import exact
from jobs.plan.coupled.narrowing import Narrowed, narrowed
from jobs.plan.coupled.problem import Ints, Problem, is_feasible, plan_cost, state_of

#: Nodes at most: orders undecided then are left to HiGHS.
_NODES = 100
#: Nodes of HiGHS's search for a leaf the first time, how many times more the second, with a better plan known; and of all leaves.
_FIRST, _TIMES, _ALL = 500, 8, 5_000
#: A plan of cost this near the lowest bound, as a share, is the optimum.
_CLOSE = 2 * exact.TOLERANCE


@dataclass(order=True)
class _Node:
    """A lower bound, the node's number, what is left of the problem, and HiGHS's nodes when it is a leaf."""

    bound: float
    number: int
    left: Narrowed = field(compare=False)
    nodes: int = field(compare=False, default=_FIRST)


@dataclass
class _Tree:
    """Nodes by rising bound, how many there have been, the best plan and its cost, the least bound of leaves searched, HiGHS's nodes."""

    problem: Problem
    n: Ints | None
    best: float
    nodes: list[_Node]
    count: int = 0
    searched: float = np.inf
    spent: int = 0

    @property
    def lowest(self) -> float:
        """No plan costs less."""
        return min([self.searched, self.best, *(node.bound for node in self.nodes[:1])])

    def add(self, left: Narrowed, bound: float, nodes: int = _FIRST) -> None:
        """A node, if a cheaper plan could be in it."""
        self.count += 1
        if max(left.bound, bound) < self.best:
            heapq.heappush(self.nodes, _Node(max(left.bound, bound), self.count, left, nodes))

    def proven(self) -> bool:
        """Whether no plan can be cheaper, but for rounding."""
        return bool(np.isfinite(self.best) and self.best - self.lowest <= _CLOSE * max(abs(self.best), 1.0))


def solve(problem: Problem, n: Ints | None, bound: float, deadline: float) -> exact.Exact:
    """The optimum, or what is known of it in the end; from a plan (None: none known) and a lower bound."""
    tree = _Tree(problem, n, np.inf if n is None else plan_cost(problem, state_of(problem, n)), [])
    tree.add(narrowed(problem, np.full(len(problem.terms.fixed), -1), tree.best), bound)
    while tree.nodes and not tree.proven() and tree.spent < _ALL and time.monotonic() < deadline:
        node = heapq.heappop(tree.nodes)
        order = _undecided(node.left) if tree.count < _NODES else None
        if tree.best < node.left.below:
            tree.add(narrowed(node.left.problem, node.left.state, tree.best), node.bound, node.nodes)
        elif order is not None:
            for state in (0, 1):
                child = node.left.state.copy()
                child[order] = state
                tree.add(narrowed(node.left.problem, child, tree.best), node.bound)
        else:
            _search(tree, node, deadline)
    return exact.Exact(tree.n, tree.lowest, tree.proven(), infeasible=tree.n is None and np.isinf(tree.lowest))


def _search(tree: _Tree, node: _Node, deadline: float) -> None:
    """A leaf by HiGHS: done with, or put back with more nodes for the next time."""
    left = node.left
    hint = tree.n if tree.n is not None and np.isfinite(left.problem.at(np.arange(len(tree.n)), tree.n)).all() else None
    found = exact.solve(left.problem, deadline - time.monotonic(), hint, node.nodes, left, tree.best)
    tree.spent += node.nodes
    if found.n is not None:
        state = state_of(tree.problem, found.n)
        if is_feasible(tree.problem, state) and plan_cost(tree.problem, state) < tree.best:
            tree.n, tree.best = found.n, plan_cost(tree.problem, state)
    if found.proven:
        tree.searched = min(tree.searched, max(found.bound, node.bound))
    else:
        tree.add(left, max(found.bound, node.bound), node.nodes * _TIMES)


def _undecided(left: Narrowed) -> int | None:
    """The order with a minimum to be set next: the one on which most depends."""
    problem = left.problem
    closed = np.add.reduceat(problem.cost[problem.start[:-1]], problem.terms.lines[:-1])
    orders = np.flatnonzero((problem.terms.minimum > 0) & (left.state < 0) & np.isfinite(closed))
    return int(orders[np.argmax(np.abs(closed[orders]))]) if len(orders) else None
