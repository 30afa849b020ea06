"""Work in slices against the same work on the whole, and sums by what changes against sums anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import plan as laws
from jobs.plan.coupled import slices
from jobs.plan.coupled.dual import Dual, maximise
from jobs.plan.coupled.folding import folded
from jobs.plan.coupled.heuristic import search_at
from jobs.plan.coupled.hulls import hulls_of
from jobs.plan.coupled.problem import broken_choices, state_after, state_of
from jobs.plan.coupled.reading import read
from jobs.plan.coupled.relaxation import Relaxed, relaxed
from jobs.plan.coupled.start import own_charge, planned_alone, priced_orders
from jobs.plan.files import _read
from jobs.plan.ragged import first_least
from jobs.workers import group_cuts, mapped


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Relaxed:
    folder = Path(tmp_path_factory.mktemp("problem"))
    laws.write(laws.problem("all_together", 2_000, 3), folder)
    return relaxed(folded(read(*_read(folder)).problem))


@pytest.fixture(scope="module")
def dual(ready: Relaxed) -> Dual:
    return maximise(ready, 30)


def test_orders_by_themselves_are_planned_alike_in_slices(ready: Relaxed, dual: Dual, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for exchanges that pay the same but for rounding: which comes first depends on what lies beside."""
    search = search_at(ready, dual, None)
    assert len(slices.slices_of(ready)) == 1
    whole = planned_alone(search, dual)
    monkeypatch.setattr(slices, "_LINES", 300)
    assert len(slices.slices_of(ready)) > 4
    parts = planned_alone(search, dual)
    for one, other in zip(whole, parts, strict=True):
        assert np.mean(one == other) > 0.99
    costs = [float(np.sum(priced_orders(ready.problem, n, search.w) + own_charge(search, dual, n))) for n in (whole[0], parts[0])]
    assert costs[1] == pytest.approx(costs[0], rel=1e-3)
    assert not broken_choices(ready.problem, parts[0]).any()


def test_slices_cover_every_line_once_and_keep_what_they_are_of(ready: Relaxed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_LINES", 300)
    problem, least = ready.problem, first_least(ready.problem.start, ready.problem.cost)
    value = []
    for each in slices.slices_of(ready):
        part = each.relaxed(ready)
        value.append(state_of(part.problem, least[each.lines]).value)
        again = hulls_of(part.problem.start, part.problem.cost)
        # A choice's hull lacks nothing ordered, so only of other lines is it that of the list.
        same = np.repeat(part.problem.choice < 0, np.diff(part.hulls.first))
        other = np.repeat(part.problem.choice < 0, np.diff(again.first))
        assert (part.hulls.n[same] == again.n[other]).all()
    assert np.concatenate(value) == pytest.approx(state_of(problem, least).value)


def test_sums_by_what_changes_are_the_sums_anew(ready: Relaxed) -> None:
    problem, rng = ready.problem, np.random.default_rng(5)
    state = state_of(problem, first_least(problem.start, problem.cost))
    for share in (0.0, 0.01, 0.1, 0.9):
        n = np.where(rng.random(len(problem)) < share, rng.integers(0, np.diff(problem.start)), state.n)
        state, anew = state_after(problem, state, n), state_of(problem, n)
        assert (state.n == n).all()
        assert (state.ordered == anew.ordered).all()
        for name in ("used", "value", "volume"):
            assert getattr(state, name) == pytest.approx(getattr(anew, name), rel=1e-12, abs=1e-9)


def test_cuts_lie_between_groups() -> None:
    group = np.repeat(np.arange(7), [3, 1, 8, 2, 2, 1, 4])
    parts = group_cuts(group, 5)
    assert [k for part in parts for k in range(part.start, part.stop)] == list(range(len(group)))
    assert all(group[part.start] != group[part.start - 1] for part in parts[1:])
    assert len(parts) == 3
    assert group_cuts(group[:0]) == [slice(0, 0)]


def test_parts_of_parts_are_worked_on_where_they_are() -> None:
    """Threads within threads would wait for each other."""
    assert mapped(lambda k: mapped(lambda i: 10 * k + i, [0, 1]), [1, 2, 3]) == [[10, 11], [20, 21], [30, 31]]
