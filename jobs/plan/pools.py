"""Choose the multiples of every line: each its cheapest, and where a source's stock is scarce, together.

A pool is the lines of one item from one source. Pools do not touch each other, so each is solved on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.plan.night import Floats, Ints
from jobs.plan.ragged import first_least

#: Units are counted in ten-thousandths (decimal(18,4)), so that sums and limits are exact.
SCALE = 10_000
#: No limit.
UNLIMITED = -1


@dataclass(frozen=True)
class Problem:
    """Lines with their cost lists, grouped in pools.

    start     [lines + 1] list of line i is cost[start[i] : start[i + 1]]; inf = not allowed
    multiple  [lines] ten-thousandths of a unit
    pool      [lines] number of the line's pool
    limit     [pools] ten-thousandths of a unit; -1: unlimited
    """

    start: Ints
    cost: Floats
    multiple: Ints
    pool: Ints
    limit: Ints

    def line(self, i: int) -> Floats:
        """The list of line i."""
        return self.cost[self.start[i] : self.start[i + 1]]


@dataclass(frozen=True)
class Solution:
    """What was chosen.

    n          [lines] multiples
    free       [lines] multiples if nothing were scarce
    cost, lower_bound, price (currency a unit), scarce, called (OR-Tools), degraded      [pools]
    """

    n: Ints
    free: Ints
    cost: Floats
    lower_bound: Floats
    price: Floats
    scarce: np.ndarray
    called: np.ndarray
    degraded: np.ndarray


@dataclass(frozen=True)
class PoolResult:
    """A scarce pool solved: multiples a line, bound, price in currency a unit, whether proven and whole."""

    n: Ints
    lower_bound: float
    price: float
    called: bool
    degraded: bool


def solve(problem: Problem, deadline: float | None = None) -> Solution:
    """Cheapest multiples within each pool's limit. Ties go to the smaller order.

    deadline  moment of time.monotonic() after which pools are no longer solved to the end
    """
    free = first_least(problem.start, problem.cost)
    pools = len(problem.limit)
    least = problem.cost[problem.start[:-1] + free]
    wanted = np.zeros(pools, np.int64)
    np.add.at(wanted, problem.pool, free * problem.multiple)
    scarce = (problem.limit != UNLIMITED) & (wanted > problem.limit)
    chosen = free.copy()
    bound, price = sums(least, problem.pool, pools), np.zeros(pools)
    called, degraded = np.zeros(pools, bool), np.zeros(pools, bool)
    order = np.argsort(problem.pool, kind="stable")
    ends = np.searchsorted(problem.pool[order], np.arange(pools + 1))
    for pool in np.flatnonzero(scarce):
        from jobs.plan.scarce import solve_pool

        lines = order[ends[pool] : ends[pool + 1]]
        result = solve_pool([problem.line(i) for i in lines], problem.multiple[lines], int(problem.limit[pool]), deadline)
        chosen[lines] = result.n
        bound[pool], price[pool] = result.lower_bound, result.price
        called[pool], degraded[pool] = result.called, result.degraded
    cost = sums(problem.cost[problem.start[:-1] + chosen], problem.pool, pools)
    return Solution(chosen, free, cost, np.minimum(bound, cost), price, scarce, called, degraded)


def sums(values: Floats, pool: Ints, pools: int) -> Floats:
    """[pools] sums in line order."""
    return np.bincount(pool, values, pools).astype(float)


def denied(pool: Ints, need: Ints | Floats, limit: Ints | Floats, locked: Ints) -> np.ndarray:
    """[lines] which locked lines a limit has no room for, served in line order.

    pool, need  [lines] the limit that each takes from (below 0: none), and how much;  limit  [pools];  locked  numbers of lines
    """
    refused, left = np.zeros(len(pool), bool), limit.copy()
    for i in locked[pool[locked] >= 0]:
        refused[i] = need[i] > left[pool[i]]
        left[pool[i]] -= 0 if refused[i] else need[i]
    return refused
