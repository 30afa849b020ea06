"""Small problems to proven optimality: branch and bound over which orders are open and how many trucks they have.

In a linear program half an order has half the minimum, and part of a truck costs as much of it: bounds lie far below any
plan. So these are set first, best bound first, at bounds by a linear program that has no rounding in small limits either
(``tightening``). Where it has whole numbers of them, HiGHS decides the rest (a leaf): few are left, with short lists.
Two nodes are worked on at once, whatever the number of processors, so results don't depend on it.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import replace

import numpy as np

from jobs.plan.coupled import exact, first_look
from jobs.plan.coupled.narrowing import narrowed
from jobs.plan.coupled.problem import Ints, Problem
from jobs.plan.coupled.search_tree import FIRST, Node, Tree, hint
from jobs.plan.coupled.tightening import Tightened, branches, near, reduced, tightened
from jobs.workers import mapped

#: Problems of fewer lines HiGHS solves faster by itself.
_LINES = 60
#: Nodes at most: orders undecided then are left to HiGHS.
_NODES = 400
#: Nodes worked on at once.
_AT_ONCE = 2
#: Nodes of HiGHS's search for plans near the linear program's.
_NEAR = 100


class _Tree(Tree[Tightened]):
    """Leaves that no linear program was solved of have no plans near it: they are searched at once."""

    def add(self, left: Tightened, bound: float, nodes: int = 0) -> None:
        """A node, if a cheaper plan could be in it."""
        super().add(left, bound, nodes if left.taken is not None else max(nodes, FIRST))

    def next(self) -> list[Node[Tightened]]:
        """The node of the lowest bound, and the next of its kind (leaf or not): they take about as long."""
        first = heapq.heappop(self.nodes)
        like = [node for node in sorted(self.nodes) if self.is_leaf(node) == self.is_leaf(first)][: _AT_ONCE - 1]
        for node in like:
            self.nodes.remove(node)
        heapq.heapify(self.nodes)
        return [first, *like]

    def is_leaf(self, node: Node[Tightened]) -> bool:
        """Whether HiGHS decides the rest."""
        return node.left.order is None or self.count >= _NODES


def solve(problem: Problem, n: Ints | None, bound: float, deadline: float) -> exact.Exact:
    """The optimum, or what is known of it at the deadline (time.monotonic()); from a plan (None: none known) and a lower bound."""
    if len(problem) >= _LINES:
        looked = first_look.solve(problem, n, bound, deadline)
        if looked.proven or looked.infeasible:
            return looked
        n, bound = looked.n, max(bound, looked.bound)
    tree = _Tree(problem, n)
    left = narrowed(problem, np.full(len(problem.terms.fixed), -1), tree.best)
    root = Tightened(left) if len(problem) < _LINES else tightened(left)
    tree.add(root, bound)
    if root.order is not None:
        # A good plan before the tree grows: what it leaves out is left out everywhere.
        tree.offer(_near(root, tree, deadline).n)
    while tree.nodes and not tree.proven() and time.monotonic() < deadline:
        nodes = [replace(node, left=reduced(node.left, tree.best)) for node in tree.next()]
        nodes = [node for node in nodes if max(node.bound, node.left.bound) < tree.best]
        if nodes and tree.is_leaf(nodes[0]):
            _search(tree, nodes, deadline)
        else:
            children = [(child, node) for node in nodes for child in branches(node.left)]
            for left_of, (_, node) in zip(mapped(tightened, [child for child, _ in children]), children, strict=True):
                tree.add(left_of, node.bound)
    return tree.result()


def _near(left: Tightened, tree: _Tree, deadline: float) -> exact.Exact:
    """A plan near the linear program's, for its plan only."""
    problem = near(left)
    return exact.solve(problem, deadline - time.monotonic(), hint(problem, tree.n), _NEAR, left.left, tree.best, left.cuts)


def _search(tree: _Tree, nodes: list[Node[Tightened]], deadline: float) -> None:
    """Leaves by HiGHS. First plans near the linear program's are looked for."""
    below, n = tree.best, tree.n

    def one(node: Node[Tightened]) -> exact.Exact:
        if not node.nodes:
            return _near(node.left, tree, deadline)
        left = node.left.left
        return exact.solve(left.problem, deadline - time.monotonic(), hint(left.problem, n), node.nodes, left, below, node.left.cuts)

    for node, found in zip(nodes, mapped(one, nodes), strict=True):
        tree.offer(found.n)
        if node.nodes:
            tree.searched_leaf(node, found)
        else:
            tree.add(node.left, node.bound, FIRST)
