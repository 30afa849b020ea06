"""Pairs of steps judged in blocks against the same pairs judged one by one, and neighbours on hulls against a loop."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from jobs.plan.coupled.folding import folded
from jobs.plan.coupled.hulls import hulls_of
from jobs.plan.coupled.moves import gains, pairs, steps
from jobs.plan.coupled.pairing import paying_pairs
from jobs.plan.coupled.problem import Problem, state_of
from jobs.plan.coupled.reading import read
from jobs.plan.coupled.relaxation import relaxed
from jobs.plan.files import _read
from jobs.plan.ragged import first_least
from tests.jobs.plan.coupled import drawn


def problem_of(seed: int, tmp_path: Path) -> Problem:
    return folded(read(*_read(Path(drawn.write(drawn.problem(seed), tmp_path / "problem")))).problem)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 11])
@pytest.mark.parametrize("by_order", [True, False])
def test_pairs_in_blocks_change_what_each_changes_alone(seed: int, by_order: bool, tmp_path: Path) -> None:
    """Whatever the plan, also one that breaks limits: the same pairs pay, by the same amount."""
    problem, rng = problem_of(seed, tmp_path), np.random.default_rng(seed)
    n = rng.integers(0, np.diff(problem.start))
    n = np.where(np.isfinite(problem.at(np.arange(len(problem)), n)), n, 0)
    state, penalty = state_of(problem, n), rng.uniform(0, 3, len(problem.limit))
    moves = steps(problem, relaxed(problem).hulls, np.arange(len(problem)), n)
    # By order, or all in one group: then pairs are of different orders too.
    group = problem.order[moves.line] if by_order else np.zeros(len(moves.line), np.int64)
    a, b, change = paying_pairs(problem, state, moves, group, penalty, 1e-7)
    found = {(int(x), int(y)): z for x, y, z in zip(a, b, change, strict=True)}
    every = [(x, y) for x, y in combinations(range(len(group)), 2) if group[x] == group[y] and moves.line[x] != moves.line[y]]
    x, y = np.array(every, np.int64).reshape(-1, 2).T
    alone = gains(problem, state, pairs((moves.line[x], moves.to[x]), (moves.line[y], moves.to[y])), penalty)
    # A choice that must be ordered and would not be is looked at when a move is made, not here.
    expected = {pair: z for pair, z in zip(every, alone, strict=True) if z < -1e-7}
    assert set(expected) <= set(found)
    assert [found[pair] for pair in expected] == pytest.approx(list(expected.values()), rel=1e-9, abs=1e-9)
    assert problem.must.any() or set(found) == set(expected)


def test_of_pairs_with_a_pivot_none_is_missed(tmp_path: Path) -> None:
    """Only pairs with one of the first steps of a group are asked for: just these come out."""
    problem = problem_of(3, tmp_path)
    n = first_least(problem.start, problem.cost)
    state, none = state_of(problem, n), np.ones(len(problem.limit))
    moves = steps(problem, relaxed(problem).hulls, np.arange(len(problem)), n)
    group = np.zeros(len(moves.line), np.int64)
    first = len(group) // 2
    pivot = np.arange(len(group)) < first
    a, b, _ = paying_pairs(problem, state, moves, group, none, 1e-7)
    with_pivot = {(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True) if x < first}
    a, b, _ = paying_pairs(problem, state, moves, group, none, 1e-7, pivot)
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == with_pivot
    assert with_pivot


def test_neighbours_on_hulls_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(4)
    length = rng.integers(1, 9, 200)
    start = np.concatenate([[0], np.cumsum(length)])
    cost = np.where(rng.random(start[-1]) < 0.2, np.inf, rng.normal(size=start[-1]))
    cost[start[:-1]] = 1.0
    hulls = hulls_of(start, cost)
    for line in range(200):
        vertices = hulls.n[hulls.first[line] : hulls.first[line + 1]]
        for n in range(length[line]):
            below, above = hulls.around(np.array([line]), np.array([n]))
            assert below[0] == max(vertices[vertices < n], default=n)
            assert above[0] == min(vertices[vertices > n], default=n)
