"""What branch and bound keeps of a small problem, whatever its bounds come from: nodes by rising bound, the best plan, leaves searched."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np

from jobs.plan.coupled import exact
from jobs.plan.coupled.problem import Ints, Problem, is_feasible, plan_cost, state_of

#: Nodes of HiGHS's search for a leaf, and how many times more each time that it comes again, with a better plan known.
FIRST, TIMES = 250, 128
#: A plan of cost this near the lowest bound, as a share, is the optimum.
_CLOSE = 2 * exact.TOLERANCE


class Bounded(Protocol):
    """What is left of a problem in a node."""

    @property
    def bound(self) -> float:
        """No plan of it costs less."""
        ...


Left = TypeVar("Left", bound=Bounded)


@dataclass(order=True)
class Node(Generic[Left]):
    """A lower bound, the node's number, what is left of the problem, and HiGHS's nodes when it is a leaf (0: not seen yet)."""

    bound: float
    number: int
    left: Left = field(compare=False)
    nodes: int = field(compare=False, default=FIRST)


@dataclass
class Tree(Generic[Left]):
    """Nodes by rising bound, how many there have been, the best plan and its cost, the least bound of leaves searched."""

    problem: Problem
    n: Ints | None
    best: float = field(init=False)
    nodes: list[Node[Left]] = field(default_factory=list)
    count: int = 0
    searched: float = np.inf

    def __post_init__(self) -> None:
        self.best = np.inf if self.n is None else plan_cost(self.problem, state_of(self.problem, self.n))

    @property
    def lowest(self) -> float:
        """No plan costs less."""
        return min([self.searched, self.best, *(node.bound for node in self.nodes[:1])])

    def add(self, left: Left, bound: float, nodes: int = FIRST) -> None:
        """A node, if a cheaper plan could be in it."""
        self.count += 1
        if max(left.bound, bound) < self.best:
            heapq.heappush(self.nodes, Node(max(left.bound, bound), self.count, left, nodes))

    def offer(self, n: Ints | None) -> None:
        """A plan, kept where it is feasible and cheaper."""
        if n is not None:
            state = state_of(self.problem, n)
            if is_feasible(self.problem, state) and plan_cost(self.problem, state) < self.best:
                self.n, self.best = n, plan_cost(self.problem, state)

    def searched_leaf(self, node: Node[Left], found: exact.Exact) -> None:
        """A leaf that HiGHS has searched: done with, or put back with more nodes for the next time."""
        if found.proven:
            self.searched = min(self.searched, max(found.bound, node.bound))
        else:
            self.add(node.left, max(found.bound, node.bound), node.nodes * TIMES)

    def proven(self) -> bool:
        """Whether no plan can be cheaper, but for rounding."""
        return bool(np.isfinite(self.best) and self.best - self.lowest <= _CLOSE * max(abs(self.best), 1.0))

    def result(self) -> exact.Exact:
        """The optimum, or what is known of it."""
        return exact.Exact(self.n, self.lowest, self.proven(), infeasible=self.n is None and np.isinf(self.lowest))


def hint(problem: Problem, n: Ints | None) -> Ints | None:
    """A plan, where it is among those that a problem leaves."""
    return n if n is not None and np.isfinite(problem.at(np.arange(len(n)), n)).all() else None
