"""Pairs of lines changed at once: inside an order (whole trucks, minimum), or where a resource is shared.

By linear programming duality the parts of a good exchange have small reduced costs at good prices, so of each group
only the few steps of smallest reduced cost are paired, all with all.
"""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.moves import Moves, order_change, penalised
from jobs.plan.coupled.problem import Flags, Floats, Ints, Layer, Problem, State


def candidates(group: Ints, score: Floats, each: int) -> Ints:
    """Places of the ``each`` lowest scores of each group, by group and score; groups below 0 have none."""
    some = np.flatnonzero(group >= 0)
    rank = some[np.lexsort((score[some], group[some]))]
    first = np.flatnonzero(np.diff(group[rank], prepend=-1) != 0)
    position = np.arange(len(rank)) - np.repeat(first, np.diff(np.append(first, len(rank))))
    return rank[position < each]


def all_pairs(group: Ints) -> tuple[Ints, Ints]:
    """Places (a, b), a before b, of all pairs within groups (which lie together)."""
    first = np.flatnonzero(np.diff(group, prepend=-1) != 0)
    size = np.diff(np.append(first, len(group)))
    after = np.repeat(first + size, size) - np.arange(len(group)) - 1
    a = np.repeat(np.arange(len(group)), after)
    b = a + 1 + np.arange(len(a)) - np.repeat(np.cumsum(after) - after, after)
    return a, b


def pair_gains(problem: Problem, state: State, steps: Moves, a: Ints, b: Ints, penalty: Floats, taken: Flags) -> Floats:
    """Change of cost and penalties of steps a and b made together; inf where a minimum, a choice or a line forbids it.

    taken  as of ``taken_choices``
    """
    line_a, line_b = steps.line[a], steps.line[b]
    at_cost = problem.at(steps.line, steps.to) - problem.at(steps.line, state.n[steps.line])
    change = at_cost[a] + at_cost[b]
    delta = steps.to - state.n[steps.line]
    for layer in problem.layers:
        change += _layer_change(problem, layer, state, (steps.line, delta), (a, b), penalty)
    change += _orders_change(problem, state, steps, delta, a, b)
    same_choice = (problem.choice[line_a] == problem.choice[line_b]) & (problem.choice[line_a] >= 0)
    for place, line in ((a, line_a), (b, line_b)):
        # One more line of a choice: only in exchange for the other. That a choice has none is looked at later.
        opens = (steps.to[place] > 0) & (state.n[line] == 0) & (problem.choice[line] >= 0) & ~same_choice
        change[opens & taken[problem.choice[line]]] = np.inf
    both = same_choice & (steps.to[a] > 0) & (steps.to[b] > 0)
    change[both | (line_a == line_b)] = np.inf
    return change


def taken_choices(problem: Problem, state: State) -> Flags:
    """[choices + 1] whether a line is ordered; the last (of lines without choice) not."""
    taken = np.zeros(len(problem.must) + 1, bool)
    taken[problem.choice[(problem.choice >= 0) & (state.n > 0)]] = True
    return taken


def _layer_change(
    problem: Problem, layer: Layer, state: State, steps: tuple[Ints, Ints], places: tuple[Ints, Ints], penalty: Floats
) -> Floats:
    line, delta = steps
    a, b = places
    resource, amount = layer.resource[line], layer.use[line] * delta
    alone = penalised(problem, state, penalty, resource, amount)
    change = alone[a] + alone[b]
    shared = np.flatnonzero((resource[a] == resource[b]) & (resource[a] < len(problem.limit) - 1))
    if len(shared):
        both = amount[a[shared]] + amount[b[shared]]
        change[shared] = penalised(problem, state, penalty, resource[a[shared]], both)
    return change


def _orders_change(problem: Problem, state: State, steps: Moves, delta: Ints, a: Ints, b: Ints) -> Floats:
    terms, line = problem.terms, steps.line
    order = problem.order[line]
    value, volume = problem.value[line] * delta, problem.volume[line] * delta
    ordered = (steps.to > 0).astype(np.int64) - (state.n[line] > 0)
    alone = np.where(terms.any[order], order_change(terms, state, order, value, volume, ordered), 0.0)
    with np.errstate(invalid="ignore"):
        change = alone[a] + alone[b]
    shared = np.flatnonzero((order[a] == order[b]) & terms.any[order[a]])
    if len(shared):
        x, y = a[shared], b[shared]
        change[shared] = order_change(terms, state, order[x], value[x] + value[y], volume[x] + volume[y], ordered[x] + ordered[y])
    return change


def all_triples(group: Ints) -> tuple[Ints, Ints, Ints]:
    """Places (a, b, c), rising, of all triples within groups (which lie together)."""
    a, b = all_pairs(group)
    first = np.flatnonzero(np.diff(group, prepend=-1) != 0)
    end = np.repeat(np.append(first[1:], len(group)), np.diff(np.append(first, len(group))))
    after = end[b] - b - 1
    pair = np.repeat(np.arange(len(a)), after)
    c = b[pair] + 1 + np.arange(len(pair)) - np.repeat(np.cumsum(after) - after, after)
    return a[pair], b[pair], c


def triple_gains(problem: Problem, state: State, steps: Moves, places: tuple[Ints, Ints, Ints], penalty: Floats) -> Floats:
    """Change of cost and penalties of three steps of an order made together; inf where a line is twice or its minimum is missed.

    No line of a choice may be among the steps.
    """
    a, b, c = places
    line, delta = steps.line, steps.to - state.n[steps.line]
    at_cost = problem.at(line, steps.to) - problem.at(line, state.n[line])
    change = at_cost[a] + at_cost[b] + at_cost[c]
    for layer in problem.layers:
        resource, amount = layer.resource[line], layer.use[line] * delta
        ab, ac, bc = resource[a] == resource[b], resource[a] == resource[c], resource[b] == resource[c]
        # What steps take of the same resource counts together, with the first of them.
        change += penalised(problem, state, penalty, resource[a], amount[a] + np.where(ab, amount[b], 0.0) + np.where(ac, amount[c], 0.0))
        change += np.where(ab, 0.0, penalised(problem, state, penalty, resource[b], amount[b] + np.where(bc, amount[c], 0.0)))
        change += np.where(ac | bc, 0.0, penalised(problem, state, penalty, resource[c], amount[c]))
    order = problem.order[line[a]]
    value, volume = problem.value[line] * delta, problem.volume[line] * delta
    ordered = (steps.to > 0).astype(np.int64) - (state.n[line] > 0)
    count = ordered[a] + ordered[b] + ordered[c]
    change += order_change(problem.terms, state, order, value[a] + value[b] + value[c], volume[a] + volume[b] + volume[c], count)
    change[(line[a] == line[b]) | (line[a] == line[c]) | (line[b] == line[c])] = np.inf
    return change
