"""Small problems to proven optimality: branch and bound over which orders are open and how many trucks they have.

In a linear program half an order has half the minimum, and part of a truck costs as much of it: bounds lie far below any
plan. So these are set first, best bound first, at bounds by a linear program that has no rounding in small limits either
(``tightening``). Where it has whole numbers of them, HiGHS decides the rest (a leaf): few are left, with short lists.
Two nodes are worked on at once, whatever the number of processors, so results don't depend on it.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, field, replace

import numpy as np

from jobs.plan.coupled import exact, first_look
from jobs.plan.coupled.narrowing import narrowed
from jobs.plan.coupled.problem import Ints, Problem, is_feasible, plan_cost, state_of
from jobs.plan.coupled.tightening import Tightened, branches, near, reduced, tightened
from jobs.plan.coupled.workers import mapped

#: Problems of fewer lines HiGHS solves faster by itself.
_LINES = 60
#: Nodes at most: orders undecided then are left to HiGHS.
_NODES = 400
#: Nodes worked on at once.
_AT_ONCE = 2
#: Nodes of HiGHS's search for plans near the linear program's, for a leaf, and how many times more each time that it comes again.
_NEAR, _FIRST, _TIMES = 100, 500, 8
#: A plan of cost this near the lowest bound, as a share, is the optimum.
_CLOSE = 2 * exact.TOLERANCE


@dataclass(order=True)
class _Node:
    """A lower bound, the node's number, what is left of the problem, and HiGHS's nodes when it is a leaf (0: not seen yet)."""

    bound: float
    number: int
    left: Tightened = field(compare=False)
    nodes: int = field(compare=False, default=0)


@dataclass
class _Tree:
    """Nodes by rising bound, how many there have been, the best plan and its cost, the least bound of leaves searched."""

    problem: Problem
    n: Ints | None
    best: float
    nodes: list[_Node]
    count: int = 0
    searched: float = np.inf

    @property
    def lowest(self) -> float:
        """No plan costs less."""
        return min([self.searched, self.best, *(node.bound for node in self.nodes[:1])])

    def add(self, left: Tightened, bound: float, nodes: int = 0) -> None:
        """A node, if a cheaper plan could be in it."""
        self.count += 1
        if left.taken is None:
            nodes = max(nodes, _FIRST)
        if max(left.bound, bound) < self.best:
            heapq.heappush(self.nodes, _Node(max(left.bound, bound), self.count, left, nodes))

    def offer(self, n: Ints | None) -> None:
        """A plan, kept where it is feasible and cheaper."""
        if n is not None:
            state = state_of(self.problem, n)
            if is_feasible(self.problem, state) and plan_cost(self.problem, state) < self.best:
                self.n, self.best = n, plan_cost(self.problem, state)

    def next(self) -> list[_Node]:
        """The node of the lowest bound, and the next of its kind (leaf or not): they take about as long."""
        first = heapq.heappop(self.nodes)
        like = [node for node in sorted(self.nodes) if self.is_leaf(node) == self.is_leaf(first)][: _AT_ONCE - 1]
        for node in like:
            self.nodes.remove(node)
        heapq.heapify(self.nodes)
        return [first, *like]

    def is_leaf(self, node: _Node) -> bool:
        """Whether HiGHS decides the rest."""
        return node.left.order is None or self.count >= _NODES

    def proven(self) -> bool:
        """Whether no plan can be cheaper, but for rounding."""
        return bool(np.isfinite(self.best) and self.best - self.lowest <= _CLOSE * max(abs(self.best), 1.0))


def solve(problem: Problem, n: Ints | None, bound: float, deadline: float) -> exact.Exact:
    """The optimum, or what is known of it at the deadline (time.monotonic()); from a plan (None: none known) and a lower bound."""
    if len(problem) >= _LINES:
        looked = first_look.solve(problem, n, bound, deadline)
        if looked.proven or looked.infeasible:
            return looked
        n, bound = looked.n, max(bound, looked.bound)
    tree = _Tree(problem, n, np.inf if n is None else plan_cost(problem, state_of(problem, n)), [])
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
    return exact.Exact(tree.n, tree.lowest, tree.proven(), infeasible=tree.n is None and np.isinf(tree.lowest))


def _near(left: Tightened, tree: _Tree, deadline: float) -> exact.Exact:
    """A plan near the linear program's, for its plan only."""
    problem = near(left)
    hint = tree.n if tree.n is not None and _holds(problem, tree.n) else None
    return exact.solve(problem, deadline - time.monotonic(), hint, _NEAR, left.left, tree.best, left.cuts)


def _search(tree: _Tree, nodes: list[_Node], deadline: float) -> None:
    """Leaves by HiGHS: done with, or put back with more nodes for the next time. First plans near the linear program's are looked for."""
    below, n = tree.best, tree.n

    def one(node: _Node) -> exact.Exact:
        if not node.nodes:
            return _near(node.left, tree, deadline)
        left = node.left.left
        hint = n if n is not None and _holds(left.problem, n) else None
        return exact.solve(left.problem, deadline - time.monotonic(), hint, node.nodes, left, below, node.left.cuts)

    for node, found in zip(nodes, mapped(one, nodes), strict=True):
        tree.offer(found.n)
        if not node.nodes:
            tree.add(node.left, node.bound, _FIRST)
        elif found.proven:
            tree.searched = min(tree.searched, max(found.bound, node.bound))
        else:
            tree.add(node.left, max(found.bound, node.bound), node.nodes * _TIMES)


def _holds(problem: Problem, n: Ints) -> bool:
    """Whether a plan is among those that are left."""
    return bool(np.isfinite(problem.at(np.arange(len(n)), n)).all())
