"""Orders searched line by line, many orders at once: better plans of theirs, and better bounds.

With multipliers as in ``relaxation``, a plan of an order costs what the order's Lagrangian says, plus the reduced costs
of its entries, plus multipliers times slack. None of these is negative. So plans are built line by line, and what has
paid more than the best plan known is dropped: branch and bound, breadth first, over many orders at once in dense arrays.
Of each order only the ``width`` best partial plans are kept (a beam search; Lowerre, 1976). The least bound among those
dropped still bounds them: what comes out is a bound of the order, however narrow the beam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.beam_lists import Prices
from jobs.plan.coupled.beam_table import Table, table_of
from jobs.plan.coupled.problem import TOLERANCE, Flags, Floats, Ints, Problem
from jobs.workers import mapped

#: Orders searched at once, so that states of all fit a processor's cache.
_TOGETHER = 128
#: What rounding and tolerances may hide of a bound, as a share of what it is summed from.
_ROUNDING = 4e-9


@dataclass(frozen=True)
class Beam:
    """How broad a search is.

    width    partial plans kept of each order
    entries  of each line that are tried
    guide    what the distance from minimum, trucks and limits counts in choosing them: 0 gives the best bounds, and
             lines are searched in the order of falling stakes; above, the best plans, in the order of rising stakes
    """

    width: int
    entries: int
    guide: float = 0.0


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Found:
    """Of the orders searched.

    lines, n  their lines, and the best plan (as given where none was found)
    gain      [orders] how far the best plan lies below what was known (what is left idle counts); -inf: none was found
    bound     [orders] that no open plan lies below, or what was known where that is lower
    """

    lines: Ints
    n: Ints
    gain: Floats
    bound: Floats


def searched(
    problem: Problem, orders: Ints, at: Prices, known: Floats, n: Ints, used: Floats | None, beam: Beam, stop: Callable[[], bool] = _never
) -> Found:
    """Open plans of some orders at prices, within the limits, or (with ``used`` by plan n) what other orders leave of them.

    known  [orders] cost at the prices above which a plan is of no interest: that of plan n, or less
    stop   whether time is up: orders not searched by then gain nothing, and have the bound -inf
    """
    size = problem.terms.lines[orders + 1] - problem.terms.lines[orders]
    # Orders of like size lie side by side: little padding.
    rank = np.argsort(size, kind="stable")
    parts = [rank[k : k + _TOGETHER] for k in range(0, len(rank), _TOGETHER)]

    none = np.zeros(0, np.int64)

    def chunk(part: Ints) -> Found:
        if stop():
            return Found(none, none, np.full(len(part), -np.inf), np.full(len(part), -np.inf))
        return _chunk(table_of(problem, orders[part], at, known[part], (n, used), beam.entries, rising=beam.guide > 0), beam)

    found = mapped(chunk, parts)
    gain, bound = np.empty(len(orders)), np.empty(len(orders))
    for part, each in zip(parts, found, strict=True):
        gain[part], bound[part] = each.gain, each.bound
    lines, plan = (np.concatenate([none, *(getattr(each, name) for each in found)]) for name in ("lines", "n"))
    return Found(lines, plan, gain, bound)


def _chunk(table: Table, beam: Beam) -> Found:
    paid, amount, kept, dropped = _grown(table, beam)
    above = paid + _slack(table, amount)
    rows = np.arange(len(above))
    best = np.argmin(above, axis=1)
    least = above[rows, best]
    found = np.isfinite(least)
    n = _traced(table, kept, best, found)
    # Rows lie by depth; what comes out, as the orders were given.
    least, lowest = least[table.place], np.minimum(least, dropped)[table.place]
    bound = table.base + np.minimum(lowest, np.maximum(table.room, 0.0)) - _ROUNDING * table.size
    return Found(table.lines, n, table.room - least, bound)


def _grown(table: Table, beam: Beam) -> tuple[Floats, Floats, list[Ints], Floats]:
    """What partial plans have paid [orders, width], their sums [sums, orders, width], which were kept, least bound of those dropped."""
    width, (sums, orders) = beam.width, table.first.shape
    paid, amount = np.full((orders, width), np.inf), np.zeros((sums, orders, width))
    paid[:, 0], amount[:, :, 0] = 0.0, table.first
    rank = np.argsort(table.place)
    room, dropped, kept = table.room[rank], table.dropped[rank], []
    for step in range(table.n.shape[1]):
        active = int(np.searchsorted(-table.depth, -step))
        more = (paid[:active, :, None] + table.reduced[:active, step, None, :]).reshape(active, -1)
        total = (amount[:, :active, :, None] + table.amount[:, :active, step, None, :]).reshape(sums, active, -1)
        bound = _bounds(table, more, total, step, room)
        score = bound + beam.guide * _distance(table, total, step) if beam.guide else bound
        chosen = _lowest(score, width)
        rows = np.arange(active)[:, None]
        place = np.nonzero(chosen)[1].reshape(active, width)
        bound_kept = bound[rows, place]
        bound[chosen] = np.inf
        dropped[:active] = np.minimum(dropped[:active], bound.min(axis=1))
        paid[:active] = np.where(np.isfinite(bound_kept), more[rows, place], np.inf)
        amount[:, :active] = total[:, rows, place]
        kept.append(place)
    return paid, amount, kept, dropped


def _bounds(table: Table, paid: Floats, total: Floats, step: int, room: Floats) -> Floats:
    """[orders, states] least that a state can still come to; inf where it can't keep a window or has paid too much."""
    bound, active, window = paid.copy(), len(paid), table.window
    for k, amount in enumerate(total):
        low, high, target, over, under = (x[k, :active, None] for x in window)
        least, most = (x[k, :active, step + 1, None] for x in (table.rest_least, table.rest_most))
        if over.any():
            bound += over * np.maximum(amount + (least - target), 0.0)
        if under.any():
            bound += under * np.maximum((target - most) - amount, 0.0)
        bound[(amount < low - most) | (amount > high - least)] = np.inf
    bound[bound > room[:active, None]] = np.inf
    return bound


def _distance(table: Table, total: Floats, step: int) -> Floats:
    """[orders, states] how far from their targets sums end if all other lines take their least entries, at the multipliers."""
    distance, active = np.zeros(total.shape[1:]), total.shape[1]
    for k, amount in enumerate(total):
        price = table.price[k, :active, None]
        if price.any():
            distance += price * np.abs(amount + (table.rest_usual[k, :active, step + 1, None] - table.window.target[k, :active, None]))
    return distance


def _lowest(score: Floats, width: int) -> Flags:
    """[orders, states] the ``width`` lowest of each row; of equals the first."""
    last = np.partition(score, width - 1, axis=1)[:, width - 1 : width]
    less, equal = score < last, score == last
    return np.asarray(less | (equal & (np.cumsum(equal, axis=1) <= width - less.sum(axis=1, keepdims=True))))


def _slack(table: Table, amount: Floats) -> Floats:
    """[orders, states] what complete plans cost beyond the Lagrangian and their reduced costs; inf outside the windows."""
    slack, window = np.zeros(amount.shape[1:]), table.window
    for k, each in enumerate(amount):
        low, high, target, over, under = (x[k, :, None] for x in window)
        if k != table.VOLUME:
            slack += over * (each - target) + under * (target - each)
        slack[(each < low) | (each > high)] = np.inf
    cost, volume, lam, trucks = (x[:, None] for x in table.trucks)
    full = np.where(volume > 0, np.ceil(amount[table.VOLUME] / np.where(volume > 0, volume, 1.0) - TOLERANCE), 0.0)
    return np.asarray(slack + cost * (full - trucks) - lam * (amount[table.VOLUME] - trucks * volume))


def _traced(table: Table, kept: list[Ints], best: Ints, found: Flags) -> Ints:
    """[lines] the plans of the states given, as given where none was found."""
    n, state = table.usual.copy(), best.copy()
    for step in range(len(kept) - 1, -1, -1):
        active = len(kept[step])
        rows = np.arange(active)
        place = kept[step][rows, state[:active]]
        entries = table.n.shape[2]
        n[table.line[:active, step]] = table.n[rows, step, place % entries]
        state[:active] = place // entries
    return np.where(found[table.place][table.owner], n, table.given)
