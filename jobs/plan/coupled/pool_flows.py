"""Limits that few lines share, without rounding: what the lines take as a path through what is taken so far.

Three lines in packs of 6, 4 and 1 don't fill a limit of 13 by shares of packs. With a variable for each step (taken so
far, entry of the next line) the linear program has whole plans of such a limit as its corners (dynamic programming as a
network; Martin, Rardin, Campbell, 1990). What its multipliers say of the lists holds in any program of the problem
(``cuts_of``), and takes no variables there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jobs.plan.coupled.problem import Floats, Ints, Problem, raised
from jobs.plan.coupled.program import Cut, Program, grain_of

#: Variables of one limit at most, and of all.
_EACH, _ALL = 2_000, 9_000
#: What rounding may hide of a cut, as a share of what it is summed from; far above HiGHS's own.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Pool:
    """A limit in whole grains.

    lines    whose use is a number of grains, by rising number
    entries  [lines] of each its allowed multiples
    use      [lines] of each what its entries take
    limit    grains
    """

    lines: Ints
    entries: tuple[Ints, ...]
    use: tuple[Ints, ...]
    limit: int

    @cached_property
    def stages(self) -> list[list[tuple[int, int, int]]]:
        """Of each line the ways to go on: (taken before, entry's place, taken after).

        Where what is left can't exceed the limit any more, it doesn't matter how much is left: such states are one.
        """
        rest = np.append(np.cumsum([int(use[-1]) for use in self.use[::-1]])[::-1], 0).tolist()
        states, stages = [max(0, self.limit - rest[0])], []
        for use, after in zip(self.use, rest[1:], strict=True):
            ways = [(s, k, max(s + u, self.limit - after)) for s in states for k, u in enumerate(use.tolist()) if s + u <= self.limit]
            stages.append(ways)
            states = sorted({t for _, _, t in ways})
        return stages


@dataclass(frozen=True)
class Flow:
    """A pool in a program: of each line the rows that link its steps, first to last."""

    pool: Pool
    link: tuple[tuple[int, ...], ...]


def pools_of(problem: Problem) -> list[Pool]:
    """The limits that are whole grains and have few ways to be filled, those with the fewest first."""
    none, limit = len(problem.limit) - 1, raised(problem.limit)
    found: list[tuple[int, int, Pool]] = []
    for layer in problem.layers:
        for r in np.unique(layer.resource[layer.resource < none]):
            lines = np.flatnonzero((layer.resource == r) & (layer.use > 0))
            grain = grain_of(layer.use[lines])
            if len(lines) < 2 or not grain:
                continue
            entries = tuple(np.flatnonzero(np.isfinite(problem.cost[problem.start[i] : problem.start[i + 1]])) for i in lines)
            each = np.rint(layer.use[lines] / grain).astype(np.int64)
            use = tuple(n * u for n, u in zip(entries, each, strict=True))
            most = int(limit[r] / grain * (1 + 1e-12))
            # An upper end of what stages count, which would itself take long.
            ways = sum(len(n) for n in entries) * (most + 1)
            if ways <= 20 * _EACH and sum(int(u[-1]) for u in use) > most:
                pool = Pool(lines, entries, use, most)
                count = sum(len(stage) for stage in pool.stages)
                if all(pool.stages) and count <= _EACH:
                    found.append((count, len(found), pool))
    kept, total = [], 0
    for count, _, pool in sorted(found, key=lambda each: each[:2]):
        total += count
        if total <= _ALL:
            kept.append(pool)
    return kept


def add(made: Program, pools: Sequence[Pool]) -> list[Flow]:
    """The program with a path through each pool."""
    return [_added(made, pool) for pool in pools]


def _added(made: Program, pool: Pool) -> Flow:
    into: dict[int, list[int]] = {}
    link: list[tuple[int, ...]] = []
    for number, (i, ways) in enumerate(zip(pool.lines.tolist(), pool.stages, strict=True)):
        out: dict[int, list[int]] = {}
        after: dict[int, list[int]] = {}
        by_entry: list[list[int]] = [[] for _ in pool.entries[number]]
        for s, k, t in ways:
            column = made.add_column(0.0, 0.0, np.inf, whole=False)
            out.setdefault(s, []).append(column)
            after.setdefault(t, []).append(column)
            by_entry[k].append(column)
        for s, columns in out.items():
            arrived = into.get(s, [])
            one = 0.0 if number else 1.0
            made.add_row([*columns, *arrived], [*[1.0] * len(columns), *[-1.0] * len(arrived)], one, one)
        rows = []
        for k, step in enumerate(range(made.steps.first[i], made.steps.first[i + 1])):
            above = [column for columns in by_entry[k + 1 :] for column in columns]
            rows.append(made.add_row([step, *above], [1.0, *[-1.0] * len(above)], 0.0, 0.0))
        link.append(tuple(rows))
        into = after
    return Flow(pool, tuple(link))


def cuts_of(problem: Problem, flows: Sequence[Flow], dual: Floats) -> list[Cut]:
    """What the multipliers of the links say of the lists: no plan of a pool weighs less than its lightest path."""
    cuts = []
    for flow in flows:
        weights = [np.append(0.0, np.cumsum(dual[list(rows)])) for rows in flow.link]
        size = float(sum(np.max(np.abs(weight)) for weight in weights))
        if size <= _ROUNDING:
            continue
        least = _lightest(flow.pool, weights) - _ROUNDING * size
        spread = []
        for i, n, weight in zip(flow.pool.lines.tolist(), flow.pool.entries, weights, strict=True):
            whole = np.zeros(problem.start[i + 1] - problem.start[i])
            whole[n] = weight
            spread.append(whole / size)
        cuts.append(Cut(flow.pool.lines, tuple(spread), least / size))
    return cuts


def _lightest(pool: Pool, weights: Sequence[Floats]) -> float:
    """The least sum of weights of a plan that keeps the pool's limit."""
    best = {pool.stages[0][0][0]: 0.0}
    for stage, weight in zip(pool.stages, weights, strict=True):
        after: dict[int, float] = {}
        for s, k, t in stage:
            after[t] = min(after.get(t, np.inf), best[s] + float(weight[k]))
        best = after
    return min(best.values())
