"""A first look at a small problem: orders with a minimum set open or closed at bounds by the Lagrangian, leaves by HiGHS.

Its nodes cost little, so most problems are proven by it in seconds. Where bounds by the Lagrangian are far off, HiGHS doesn't end a
leaf in few nodes: then this ends with the best plan it has found, and ``branching`` goes on at bounds that cost more.
"""

from __future__ import annotations

import heapq
import time

import numpy as np

from jobs.plan.coupled import exact
from jobs.plan.coupled.narrowing import Narrowed, narrowed
from jobs.plan.coupled.problem import Ints, Problem
from jobs.plan.coupled.search_tree import FIRST, Tree, hint

#: Nodes at most: orders undecided then are left to HiGHS.
_NODES = 100


def solve(problem: Problem, n: Ints | None, bound: float, deadline: float) -> exact.Exact:
    """The optimum, or what is known of it in the end; from a plan (None: none known) and a lower bound."""
    tree: Tree[Narrowed] = Tree(problem, n)
    tree.add(narrowed(problem, np.full(len(problem.terms.fixed), -1), tree.best), bound)
    while tree.nodes and tree.nodes[0].nodes == FIRST and not tree.proven() and time.monotonic() < deadline:
        node = heapq.heappop(tree.nodes)
        left = node.left
        order = _undecided(left) if tree.count < _NODES else None
        if tree.best < left.below:
            tree.add(narrowed(left.problem, left.state, tree.best), node.bound)
        elif order is not None:
            for state in (0, 1):
                child = left.state.copy()
                child[order] = state
                tree.add(narrowed(left.problem, child, tree.best), node.bound)
        else:
            seconds = deadline - time.monotonic()
            found = exact.solve(left.problem, seconds, hint(left.problem, tree.n), node.nodes, left, tree.best)
            tree.offer(found.n)
            tree.searched_leaf(node, found)
    return tree.result()


def _undecided(left: Narrowed) -> int | None:
    """The order with a minimum to be set next: the one on which most depends."""
    problem = left.problem
    closed = np.add.reduceat(problem.cost[problem.start[:-1]], problem.terms.lines[:-1])
    orders = np.flatnonzero((problem.terms.minimum > 0) & (left.state < 0) & np.isfinite(closed))
    return int(orders[np.argmax(np.abs(closed[orders]))]) if len(orders) else None
