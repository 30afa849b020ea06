"""All pairs of steps within many groups at once, judged in dense arrays.

Groups lie side by side as columns, their steps as rows. The pairs of one row with all later rows are then arithmetic on
whole blocks, without a gather for each pair, and a block fits a processor's cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.moves import Moves, order_change, penalised
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, State, raised
from jobs.workers import mapped

#: Groups side by side: blocks of this many columns and some dozen rows stay in the cache.
_COLUMNS = 1024


@dataclass(frozen=True)
class _Shared:
    """What steps take of a layer of which some pairs of a group take the same resource [steps, groups]."""

    resource: Ints
    amount: Floats
    beyond: Floats
    penalty: Floats
    alone: Floats


@dataclass(frozen=True)
class _Block:
    """Steps [steps, groups]; where a group has fewer, their cost is inf.

    alone                   cost and what changes whatever else is done
    layers                  layers of which two steps of a group may take the same resource
    value, volume, ordered  what each adds to its order; terms what that costs when the other is of another order
    opens                   a line of a choice that has another line
    """

    row: Ints
    line: Ints
    to: Ints
    order: Ints
    choice: Ints
    alone: Floats
    layers: tuple[_Shared, ...]
    value: Floats
    volume: Floats
    ordered: Ints
    terms: Floats
    opens: Flags
    in_orders: bool


def paying_pairs(
    problem: Problem,
    state: State,
    steps: Moves,
    group: Ints,
    penalty: Floats,
    least: float,
    pivot: Flags | None = None,
    taken: Flags | None = None,
) -> tuple[Ints, Ints, Floats]:
    """Rows (a, b) of pairs of steps within groups that pay more than ``least`` when made together, and the change.

    group  [rows] of each step; those of a group lie together
    pivot  [rows] steps of which one must be among a pair; they are the first of their group
    taken  as ``taken_choices`` says, where the caller knows
    """
    first = np.flatnonzero(np.diff(group, prepend=-1) != 0)
    size = np.diff(np.append(first, len(group)))
    leading = size if pivot is None else np.add.reduceat(pivot.astype(np.int64), first) if len(first) else size
    first, size, leading = (each[size > 1] for each in (first, size, leading))
    # Groups of like size lie side by side: little padding.
    rank = np.lexsort((leading, size))
    parts = [rank[k : k + _COLUMNS] for k in range(0, len(rank), _COLUMNS)]
    known = taken_choices(problem, state) if taken is None else taken

    def judged(part: Ints) -> tuple[Ints, Ints, Floats]:
        block = _block(problem, state, steps, (first[part], size[part]), penalty, known)
        return _paying(problem, state, block, least, int(leading[part].max()))

    found = mapped(judged, parts)
    none = np.zeros(0, np.int64)
    a, b = (np.concatenate([none, *(each[k] for each in found)]) for k in (0, 1))
    return a, b, np.concatenate([np.zeros(0), *(each[2] for each in found)])


def taken_choices(problem: Problem, state: State) -> Flags:
    """[choices + 1] whether a line is ordered; the last (of lines without choice) not."""
    taken = np.zeros(len(problem.must) + 1, bool)
    taken[problem.choice[problem.members[state.n[problem.members] > 0]]] = True
    return taken


def _block(problem: Problem, state: State, steps: Moves, groups: tuple[Ints, Ints], penalty: Floats, taken: Flags) -> _Block:
    first, size = groups
    place = np.arange(int(size.max()))[:, None]
    there = place < size
    row = first + np.where(there, place, 0)
    line, to = steps.line[row], steps.to[row]
    now = state.n[line]
    order, choice, delta = problem.order[line], problem.choice[line], to - now
    value, volume, ordered = problem.value[line] * delta, problem.volume[line] * delta, (to > 0).astype(np.int64) - (now > 0)
    terms = order_change(problem.terms, state, order, value, volume, ordered)
    alone = np.where(there, problem.at(line, to) - problem.at(line, now), np.inf)
    layers = []
    for layer in problem.layers:
        resource, amount = layer.resource[line], layer.use[line] * delta
        change = penalised(problem, state, penalty, resource, amount)
        if _any_twice(np.where(there, resource, len(problem.limit) - 1), len(problem.limit) - 1):
            beyond = state.used[resource] - raised(problem.limit[resource])
            layers.append(_Shared(resource, amount, beyond, penalty[resource], change))
        else:
            alone += change
    opens = (to > 0) & (now == 0) & (choice >= 0) & taken[choice]
    in_orders = bool((order == order[0]).all())
    return _Block(row, line, to, order, choice, alone, tuple(layers), value, volume, ordered, terms, opens, in_orders)


def _any_twice(number: Ints, none: int) -> bool:
    """Whether any column holds a number twice."""
    rising = np.sort(number, axis=0)
    return bool(((rising[1:] == rising[:-1]) & (rising[1:] < none)).any())


def _paying(problem: Problem, state: State, block: _Block, least: float, leading: int) -> tuple[Ints, Ints, Floats]:
    found: list[tuple[Ints, Ints, Floats]] = []
    for i in range(min(leading, len(block.row) - 1)):
        change = _changes(problem, state, block, i)
        later, column = np.nonzero(change < -least)
        found.append((block.row[i, column], block.row[i + 1 + later, column], change[later, column]))
    none = np.zeros(0, np.int64)
    a, b = (np.concatenate([none, *(each[k] for each in found)]) for k in (0, 1))
    return a, b, np.concatenate([np.zeros(0), *(each[2] for each in found)])


def _changes(problem: Problem, state: State, block: _Block, i: int) -> Floats:
    """[later steps, groups] change of cost and penalties of step i of each group made together with each later one."""
    rest = slice(i + 1, None)
    change = block.alone[i] + block.alone[rest]
    for layer in block.layers:
        same = layer.resource[i] == layer.resource[rest]
        beyond = layer.beyond[i]
        both = np.maximum(beyond + layer.amount[i] + np.where(same, layer.amount[rest], 0.0), 0.0) - np.maximum(beyond, 0.0)
        change += layer.penalty[i] * both + np.where(same, 0.0, layer.alone[rest])
    if block.in_orders:
        value, volume, ordered = (each[rest] + each[i] for each in (block.value, block.volume, block.ordered))
        change += order_change(problem.terms, state, block.order[i], value, volume, ordered)
    else:
        same = block.order[i] == block.order[rest]
        value, volume, ordered = (np.where(same, each[rest], 0) + each[i] for each in (block.value, block.volume, block.ordered))
        change += order_change(problem.terms, state, block.order[i], value, volume, ordered) + np.where(same, 0.0, block.terms[rest])
    # One more line of a choice: only in exchange for the other. That a choice has none is looked at later.
    if (block.choice[i] >= 0).any() or block.opens[rest].any():
        same = (block.choice[i] == block.choice[rest]) & (block.choice[i] >= 0)
        both = same & (block.to[i] > 0) & (block.to[rest] > 0)
        change[both | ((block.opens[i] | block.opens[rest]) & ~same)] = np.inf
    change[block.line[i] == block.line[rest]] = np.inf
    return np.asarray(change)
