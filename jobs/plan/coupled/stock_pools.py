"""A single kind of capacity and nothing else: each resource is a problem of its own, solved to its optimum.

At the dual's price an entry whose reduced cost exceeds the gap between plan and bound can't be part of a better plan.
What is left (a few lines with a few entries) is a knapsack by dynamic programming over what it takes of the limit
(Martello, Toth, 1990, section 3.2, with dominated states dropped): its best is the resource's optimum, and so its bound.
"""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.problem import Floats, Ints, Problem, raised, state_of, totals
from jobs.plan.coupled.relaxation import Multipliers, priced_use
from jobs.plan.ragged import positions

#: States kept of one resource; where more would be needed its plan and bound stay as they are.
_STATES = 20_000


def applies(problem: Problem) -> bool:
    """Whether resources are all that couples, and each line takes from at most one."""
    return len(problem.layers) == 1 and not problem.terms.any.any() and not len(problem.must)


def settled(problem: Problem, at: Multipliers, n: Ints) -> tuple[Ints, float]:
    """A plan [lines] and how much the sum of the resources' Lagrangians rises when each is solved to its optimum.

    The rise is a lower bound of itself: it is taken over exact optima only, less the rounding of their sums.
    """
    layer, price = problem.layers[0], at.price
    w = priced_use(problem, price)
    owner, multiples = positions(problem.start)
    priced = problem.cost + w[owner] * multiples
    least = np.minimum.reduceat(priced, problem.start[:-1])
    over_least = problem.cost[problem.start[:-1] + n] + w * n - least
    used = state_of(problem, n).used
    limit = raised(problem.limit)
    left = price * np.where(np.isfinite(limit), limit - used, 0.0)
    room = totals(layer.resource, over_least, len(problem.limit)) + left
    room[-1] = 0.0
    reduced = priced - least[owner]
    possible = np.flatnonzero(reduced <= np.maximum(room, 0.0)[layer.resource[owner]] * (1 + 1e-9) + 1e-12)
    resource = layer.resource[owner[possible]]
    possible = possible[np.argsort(resource, kind="stable")]
    bounds = np.searchsorted(np.sort(resource), np.arange(len(problem.limit)))
    n, risen = n.copy(), 0.0
    for r in np.flatnonzero(room[:-1] > 1e-9 * np.maximum(price[:-1] * problem.limit[:-1], 1e-9)):
        entries = possible[bounds[r] : bounds[r + 1]]
        of = float(limit[r]), float(price[r]), float(room[r]) * (1 + 1e-9) + 1e-12
        found = _knapsack(problem, owner[entries], entries, reduced[entries], of)
        if found is not None:
            lines, to, above = found
            n[lines] = to
            risen += max(above - 1e-12 * float(np.sum(np.abs(least[lines])) + price[r] * problem.limit[r]), 0.0)
    return n, risen


def _knapsack(
    problem: Problem, owner: Ints, entries: Ints, reduced: Floats, resource: tuple[float, float, float]
) -> tuple[Ints, Ints, float] | None:
    """Lines, multiples and the least (reduced costs + price of what is left) of one resource (its limit, price and gap).

    None: too many states.
    """
    limit, price, room = resource
    use = problem.layers[0].use
    first = np.flatnonzero(np.diff(owner, prepend=-1) != 0)
    ends = np.append(first[1:], len(owner))
    taken, cost, back = np.zeros(1), np.zeros(1), []
    for a, b in zip(first, ends, strict=True):
        n = entries[a:b] - problem.start[owner[a]]
        total = (taken[:, None] + use[owner[a]] * n).ravel()
        paid = (cost[:, None] + reduced[a:b]).ravel()
        # Reduced costs only add up: what has paid more than the gap is no part of a better plan.
        keep = np.flatnonzero((total <= limit) & (paid <= room))
        keep = keep[_undominated(total[keep], paid[keep], price)]
        if len(keep) > _STATES or not len(keep):
            return None
        back.append((keep // (b - a), n[keep % (b - a)]))
        taken, cost = total[keep], paid[keep]
    best = int(np.argmin(cost + price * (limit - taken)))
    above = float(cost[best] + price * (limit - taken[best]))
    to = np.zeros(len(first), np.int64)
    for k in range(len(first) - 1, -1, -1):
        before, n = back[k]
        to[k] = n[best]
        best = int(before[best])
    return owner[first], to, above


def _undominated(total: Floats, paid: Floats, price: float) -> Ints:
    """States whose cost without prices (paid - price taken) is below that of all that take no more."""
    rank = np.lexsort((paid, total))
    original = paid[rank] - price * total[rank]
    best = np.minimum.accumulate(np.concatenate([[np.inf], original[:-1]]))
    return rank[original < best]
