"""A plan problem as a mixed integer program, in arrays.

Lists are written in increments (a binary for each step up from one allowed entry to the next, steps taken in order), so
that a branch says "at most k" or "more than k": with a binary an entry instead, "not exactly k" says nothing
(docs/decisions/price_coordination.md). One binary an order for being open, whole trucks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from jobs.plan.coupled.problem import TOLERANCE, Floats, Ints, Problem, lowered, raised

_MILLION = 1e6
#: A row counts in so many grains at most, and its numbers are no larger than this.
_GRAINS = 1e4


class Set(Protocol):
    """What is known of orders [orders]: 1 must be open, 0 is closed, -1 either; trucks of an open one."""

    @property
    def state(self) -> Ints:
        """Whether they are open."""
        ...

    @property
    def least(self) -> Floats:
        """Fewest trucks."""
        ...

    @property
    def most(self) -> Floats:
        """Most trucks."""
        ...


@dataclass(frozen=True)
class Cut:
    """What every plan keeps: the sum over some lines of a weight of their entry is at least so much.

    lines   their numbers
    weight  of each line, of each entry of its list
    least   the sum
    """

    lines: Ints
    weight: tuple[Floats, ...]
    least: float


@dataclass(frozen=True)
class Steps:
    """Increments of the lists, line by line, by rising multiples; step k is column k of the program.

    line, more, cost  [steps] whose it is, by how many multiples, what it costs more
    least             [lines] the multiples without any step
    first             [lines + 1] steps of line i: first[i] .. first[i + 1] - 1
    """

    line: Ints
    more: Ints
    cost: Floats
    least: Ints
    first: Ints

    def reached(self) -> Ints:
        """[steps] multiples of a line that has taken the step and all before it."""
        total = np.cumsum(self.more)
        before = np.append(0, total)[self.first[:-1]]
        return np.asarray(total - before[self.line] + self.least[self.line])

    def plan(self, taken: Floats) -> Ints:
        """[lines] multiples of a solution [steps]."""
        return self.least + np.bincount(self.line, self.more * (taken > 0.5), len(self.least)).astype(np.int64)


@dataclass
class Program:
    """Columns (cost, bounds, whole or not) and rows (entries between two ends) as they grow.

    opened, trucks  columns of orders
    """

    steps: Steps
    cost: list[float]
    low: list[float]
    high: list[float]
    whole: list[bool]
    offset: float
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    opened: dict[int, int] = field(default_factory=dict)
    trucks: dict[int, int] = field(default_factory=dict)

    def add_column(self, cost: float, low: float, high: float, *, whole: bool = True) -> int:
        """A new column; its number."""
        self.cost.append(cost)
        self.low.append(low)
        self.high.append(high)
        self.whole.append(whole)
        return len(self.cost) - 1

    def add_row(self, columns: Sequence[int], values: Sequence[float], least: float, most: float) -> int:
        """A new row; its number."""
        number = len(self.least)
        self.row.extend([number] * len(columns))
        self.column.extend(columns)
        self.value.extend(values)
        self.least.append(least)
        self.most.append(most)
        return number

    def total(self, lines: Ints, each: Floats) -> tuple[list[int], list[float], float]:
        """What lines take or come to when one multiple of each counts so much [lines given]: columns, values, constant."""
        first, steps = self.steps.first, self.steps
        columns = [k for amount, i in zip(each, lines, strict=True) if amount != 0 for k in range(first[i], first[i + 1])]
        of_line = np.zeros(len(steps.least))
        of_line[lines] = each
        values = of_line[steps.line[columns]] * steps.more[columns] if columns else np.zeros(0)
        return columns, values.tolist(), float(each @ steps.least[lines])


def program_of(problem: Problem, within: Set | None = None, cuts: Sequence[Cut] = ()) -> Program:
    """The program of a problem, with what is known of orders and what else plans keep."""
    steps = _steps(problem)
    count = len(steps.line)
    least = float(np.sum(problem.at(np.arange(len(problem)), steps.least))) + problem.constant
    made = Program(steps, steps.cost.tolist(), [0.0] * count, [1.0] * count, [True] * count, least)
    for k in np.flatnonzero(steps.line[1:] == steps.line[:-1]).tolist():
        made.add_row([k, k + 1], [1.0, -1.0], 0.0, np.inf)
    for o in np.flatnonzero(problem.terms.any).tolist():
        _add_order(made, problem, o, within)
    _add_choices(made, problem)
    _add_limits(made, problem)
    for cut in cuts:
        _add_cut(made, cut)
    return made


def _steps(problem: Problem) -> Steps:
    entries = np.flatnonzero(np.isfinite(problem.cost))
    owner = np.searchsorted(problem.start, entries, "right") - 1
    n = entries - problem.start[owner]
    begins = np.diff(owner, prepend=-1) != 0
    step = np.flatnonzero(~begins)
    line, more, cost = owner[step], n[step] - n[step - 1], problem.cost[entries[step]] - problem.cost[entries[step - 1]]
    return Steps(line, more, cost, n[begins], np.searchsorted(line, np.arange(len(problem) + 1)))


def between(amounts: Floats, end: float, *, up: bool) -> tuple[float, float]:
    """A limit halfway between the last sum of multiples of amounts that keeps it and the first that doesn't, and what to divide its row by.

    up  whether sums of at least the end keep it, rather than at most

    At the limit itself HiGHS's rounding cuts off plans that keep it exactly, and its tolerance lets others pass. Rows are
    near 1, but half a grain is many times the tolerance.
    """
    grain, scale = grain_of(amounts), max(abs(end), 1.0)
    if not grain:
        return end, scale
    whole = np.ceil(end / grain) - 0.5 if up else np.floor(end / grain) + 0.5
    return float(whole * grain), max(min(scale, _GRAINS * grain), scale / _GRAINS)


def grain_of(amounts: Floats) -> float:
    """The greatest common divisor of amounts, in millionths; 0 where they are not whole millionths."""
    whole = np.rint(amounts * _MILLION)
    if (np.abs(whole - amounts * _MILLION) > 1e-3).any() or (whole > 2**53).any():
        return 0.0
    return float(np.gcd.reduce(whole.astype(np.int64))) / _MILLION


def _ordered(steps: Steps, lines: Ints) -> tuple[list[int], int]:
    """First steps of lines, which say whether they are ordered, and how many must be."""
    first, end = steps.first[lines], steps.first[lines + 1]
    free = (steps.least[lines] == 0) & (first < end)
    return first[free].tolist(), int(np.sum(steps.least[lines] > 0))


def _add_choices(made: Program, problem: Problem) -> None:
    """At most one line of a choice above nothing, one where it must be."""
    for choice in range(len(problem.must)):
        some, always = _ordered(made.steps, np.flatnonzero(problem.choice == choice))
        made.add_row(some, [1.0] * len(some), float(problem.must[choice]) - always, 1.0 - always)


def _add_order(made: Program, problem: Problem, o: int, within: Set | None) -> None:
    """Whether an order is open, its minimum and trucks, and what these cost."""
    terms = problem.terms
    lines = np.arange(terms.lines[o], terms.lines[o + 1])
    state = -1 if within is None else int(within.state[o])
    is_open = made.opened[o] = made.add_column(float(terms.fixed[o]), float(state == 1), float(state != 0))
    some, always = _ordered(made.steps, lines)
    if always:
        made.add_row([is_open], [1.0], 1.0, np.inf)
    for k in some:
        made.add_row([k, is_open], [1.0, -1.0], -np.inf, 0.0)
    made.add_row([*some, is_open], [*[1.0] * len(some), -1.0], -float(always), np.inf)
    if terms.minimum[o] > 0:
        least, scale = between(problem.value[lines], float(lowered(terms.minimum[o : o + 1])[0]), up=True)
        columns, values, constant = made.total(lines, problem.value[lines] / scale)
        made.add_row([*columns, is_open], [*values, -least / scale], -constant, np.inf)
    if terms.truck_cost[o] > 0:
        _add_trucks(made, problem, lines, (o, is_open), within)


def _add_trucks(made: Program, problem: Problem, lines: Ints, order: tuple[int, int], within: Set | None) -> None:
    terms, (o, is_open) = problem.terms, order
    full = float(terms.truck_volume[o])
    trucks = made.trucks[o] = made.add_column(float(terms.truck_cost[o]), 0.0, np.inf if within is None else float(within.most[o]))
    if within is not None and within.least[o] > 0:
        made.add_row([trucks, is_open], [1.0, -float(within.least[o])], 0.0, np.inf)
    more, scale = between(np.append(problem.volume[lines], full), full * (1 + TOLERANCE), up=False)
    columns, values, constant = made.total(lines, problem.volume[lines] / scale)
    made.add_row([*columns, trucks], [*values, -full / scale], -np.inf, (more - full) / scale - constant)
    if (problem.volume[lines] > 0).all():
        made.add_row([trucks, is_open], [1.0, -1.0], 0.0, np.inf)


def _add_limits(made: Program, problem: Problem) -> None:
    """Shared limits; what one order takes of one that it could exceed by itself is no more than the limit if open, else nothing."""
    steps, none, limit = made.steps, len(problem.limit) - 1, raised(problem.limit)
    most = steps.least + np.bincount(steps.line, steps.more, len(problem))
    for layer in problem.layers:
        for r in np.unique(layer.resource[layer.resource < none]):
            lines = np.flatnonzero((layer.resource == r) & (layer.use > 0))
            room, scale = between(layer.use[lines], float(limit[r]), up=False)
            columns, values, constant = made.total(lines, layer.use[lines] / scale)
            made.add_row(columns, values, -np.inf, room / scale - constant)
            for o in np.unique(problem.order[lines]).tolist():
                mine = lines[problem.order[lines] == o]
                if o in made.opened and float(layer.use[mine] @ most[mine]) > limit[r]:
                    columns, values, constant = made.total(mine, layer.use[mine] / scale)
                    made.add_row([*columns, made.opened[o]], [*values, -room / scale], -np.inf, -constant)


def _add_cut(made: Program, cut: Cut) -> None:
    steps, constant = made.steps, 0.0
    columns: list[int] = []
    values: list[float] = []
    for i, weight in zip(cut.lines.tolist(), cut.weight, strict=True):
        n = np.append(steps.least[i], steps.least[i] + np.cumsum(steps.more[steps.first[i] : steps.first[i + 1]]))
        constant += float(weight[n[0]])
        columns.extend(range(steps.first[i], steps.first[i + 1]))
        values.extend(np.diff(weight[n]).tolist())
    kept = [k for k, value in enumerate(values) if value != 0]
    made.add_row([columns[k] for k in kept], [values[k] for k in kept], cut.least - constant, np.inf)
