"""The lines of single orders at prices: their lists, and the limits that they take from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.exchange import candidates
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, raised
from jobs.plan.ragged import positions

#: Limits that lines of an order share and that are watched; others are kept by single lines alone.
WATCHED = 3


@dataclass(frozen=True)
class Prices:
    """What guides a search: any multipliers give bounds, lam on its side of the linear truck cost.

    w        [lines] price of what one multiple takes
    nu       [lines] price of being ordered (of a choice; any sign)
    free     [lines] whether the line may change at all
    mu, lam  [orders] of a unit of value, towards the minimum, and of volume
    few      [orders] whether at most ``trucks`` trucks are meant, or at least so many
    trucks   [orders]
    key      [limits] order * (resources + 1) + resource of limits inside orders, rising
    kappa    [limits] their prices
    idle     [limits] what a unit of them left over costs the plan beside (0: it may serve other orders)
    """

    w: Floats
    nu: Floats
    free: Flags
    mu: Floats
    lam: Floats
    few: Flags
    trucks: Ints
    key: Ints
    kappa: Floats
    idle: Floats


@dataclass(frozen=True)
class Lines:
    """The lines of some orders, one order after the other: number in the problem, order (as given), multiples given."""

    number: Ints
    owner: Ints
    given: Ints


@dataclass(frozen=True)
class Limits:
    """Limits that lines take from; a key is an order and a resource.

    line, use, key  [takings] who takes how much a multiple, of which key
    owner, left     [keys] whose it is, and what the order may take
    watched         [keys] number of the watched limit in its order; -1: not watched
    kappa, idle     [keys] prices of those watched, 0 of others
    """

    line: Ints
    use: Floats
    key: Ints
    owner: Ints
    left: Floats
    watched: Ints
    kappa: Floats
    idle: Floats


@dataclass(frozen=True)
class Entries:
    """Of each line its tried entries by rising reduced cost [lines, entries] (inf: none), and what is not tried [orders]."""

    n: Ints
    reduced: Floats
    dropped: Floats


def limits_of(problem: Problem, orders: Ints, lines: Lines, at: Prices, used: Floats | None) -> Limits:
    """What the lines take from, and what is left of it: all of it, or what others leave of what is ``used``."""
    width = len(problem.limit)
    key, line, use = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for layer in problem.layers:
        resource, each = layer.resource[lines.number], layer.use[lines.number]
        takes = np.flatnonzero((resource < width - 1) & (each > 0))
        key.append(lines.owner[takes] * width + resource[takes])
        line.append(takes)
        use.append(each[takes])
    taker, amount = np.concatenate(line), np.concatenate(use)
    keys, place, takers = np.unique(np.concatenate(key), return_inverse=True, return_counts=True)
    owner, resource = keys // width, keys % width
    left = raised(problem.limit[resource])
    if used is not None:
        left = left - used[resource] + np.bincount(place, amount * lines.given[taker], len(keys))
    most = problem.start[lines.number + 1] - problem.start[lines.number] - 1
    shared = (takers > 1) & (np.bincount(place, amount * most[taker], len(keys)) > left)
    kappa, idle = (_looked_up(orders[owner] * width + resource, at.key, each) for each in (at.kappa, at.idle))
    # The dearest of an order are watched.
    chosen = candidates(np.where(shared, owner, -1), -(kappa + idle), WATCHED)
    first = np.flatnonzero(np.diff(owner[chosen], prepend=-1) != 0)
    watched = np.full(len(keys), -1)
    watched[chosen] = np.arange(len(chosen)) - np.repeat(first, np.diff(np.append(first, len(chosen))))
    return Limits(taker, amount, place, owner, left, watched, *(np.where(watched >= 0, each, 0.0) for each in (kappa, idle)))


def _looked_up(wanted: Ints, key: Ints, value: Floats) -> Floats:
    """Values of keys (rising); 0 where there is none."""
    if not len(key):
        return np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[place] == wanted, value[place], 0.0)


def priced_lists(problem: Problem, orders: Ints, lines: Lines, limits: Limits, at: Prices) -> tuple[Ints, Floats]:
    """Lists of the lines (start, cost) at the prices; inf where an entry is not allowed or breaks a limit by itself."""
    number, owner, order = lines.number, lines.owner, orders[lines.owner]
    price = at.w[number] + at.lam[order] * problem.volume[number] - at.mu[order] * problem.value[number]
    price = price + np.bincount(limits.line, limits.use * limits.kappa[limits.key], len(owner))
    most = np.full(len(owner), np.inf)
    np.minimum.at(most, limits.line, limits.left[limits.key] / limits.use * (1 + 1e-12))
    most = np.maximum(most, lines.given)
    length = problem.start[number + 1] - problem.start[number]
    start = np.concatenate([[0], np.cumsum(length)])
    row, n = positions(start)
    cost = problem.cost[problem.start[number][row] + n] + price[row] * n + at.nu[number][row] * (n > 0)
    out = (n > most[row]) | (~at.free[number][row] & (n != lines.given[row]))
    return start, np.where(out, np.inf, cost)


def tried_entries(lines: Lines, start: Ints, reduced: Floats, room: Floats, most: int) -> Entries:
    """The entries of each line that may be part of a better plan, at most so many."""
    row, n = positions(start)
    kept = np.flatnonzero(reduced <= np.maximum(room, 0.0)[lines.owner[row]])
    chosen = kept[candidates(row[kept], reduced[kept], most)]
    left = np.ones(len(reduced), bool)
    left[chosen] = False
    others = kept[left[kept]]
    dropped = np.full(len(room), np.inf)
    np.minimum.at(dropped, lines.owner[row[others]], reduced[others])
    of = row[chosen]
    first = np.flatnonzero(np.diff(of, prepend=-1) != 0)
    place = np.arange(len(of)) - np.repeat(first, np.diff(np.append(first, len(of))))
    shape = len(start) - 1, int(place.max()) + 1
    dense_n, dense = np.zeros(shape, np.int64), np.full(shape, np.inf)
    dense_n[of, place], dense[of, place] = n[chosen], reduced[chosen]
    return Entries(dense_n, dense, dropped)
