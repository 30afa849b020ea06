"""Several lines changed at once: inside an order (whole trucks, minimum), or where a resource is shared.

By linear programming duality the parts of a good exchange have small reduced costs at good prices, so of each group
only the few steps of smallest reduced cost are put together, all with all: pairs in ``pairing``, threes here.
"""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.moves import Moves, order_change, penalised
from jobs.plan.coupled.problem import Floats, Ints, Problem, State


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
