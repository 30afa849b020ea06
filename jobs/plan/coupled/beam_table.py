"""What a beam search of single orders needs of them, side by side in dense arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from jobs.plan.coupled.beam_lists import WATCHED, Entries, Limits, Lines, Prices, limits_of, priced_lists, tried_entries
from jobs.plan.coupled.problem import TOLERANCE, Floats, Ints, Problem, totals

#: Sums over an order's lines: value, volume, lines ordered, then the watched limits.
_VALUE, _VOLUME, _ORDERED, _LIMITS = 0, 1, 2, 3


class Window(NamedTuple):
    """Bounds of sums [sums, orders], and what slack costs: ``over`` a unit above the target, ``under`` a unit below."""

    low: Floats
    high: Floats
    target: Floats
    over: Floats
    under: Floats


@dataclass(frozen=True)
class Table:
    """Orders by falling depth (lines of which more than one entry is left), their lines in the order they are searched.

    place                  [orders given] row of each
    lines, owner, given    [lines] of all orders: number in the problem, order given, multiples given
    usual                  [lines] multiples of the least entry
    depth                  [orders]
    line                   [orders, depth] number in ``lines``; -1: padding
    n, reduced             [orders, depth, entries] multiples and reduced costs; inf: no entry
    amount                 [sums, orders, depth, entries] what an entry adds
    first                  [sums, orders] what the lines with one entry add
    rest_least, rest_most, rest_usual   [sums, orders, depth + 1] least, most, usual sum of the lines from there on
    window                 bounds of the sums
    price                  [sums, orders] multipliers of the sums
    trucks                 cost, volume (0: no trucks), lam, number meant [orders]
    base, room, size, dropped   [orders given] Lagrangian; what may be paid above it (idle limits count); what it is summed from;
                                least reduced cost that is not tried
    """

    VOLUME: ClassVar[int] = _VOLUME
    place: Ints
    lines: Ints
    owner: Ints
    given: Ints
    usual: Ints
    depth: Ints
    line: Ints
    n: Ints
    reduced: Floats
    amount: Floats
    first: Floats
    rest_least: Floats
    rest_most: Floats
    rest_usual: Floats
    window: Window
    price: Floats
    trucks: tuple[Floats, ...]
    base: Floats
    room: Floats
    size: Floats
    dropped: Floats


def table_of(
    problem: Problem, orders: Ints, at: Prices, known: Floats, plan: tuple[Ints, Floats | None], entries: int, *, rising: bool
) -> Table:
    """Some orders at prices, within limits or, where plan = (n, used) says what is used, what others leave of them.

    rising  whether lines with the lowest stakes (second least reduced cost) come first
    """
    terms, count = problem.terms, len(orders)
    size = terms.lines[orders + 1] - terms.lines[orders]
    owner = np.repeat(np.arange(count), size)
    number = np.repeat(terms.lines[orders] - np.cumsum(size) + size, size) + np.arange(len(owner))
    lines = Lines(number, owner, plan[0][number])
    limits = limits_of(problem, orders, lines, at, plan[1])
    start, cost = priced_lists(problem, orders, lines, limits, at)
    least = np.minimum.reduceat(cost, start[:-1])
    base, magnitude = _lagrangian(problem, orders, lines, limits, at, least)
    given = np.bincount(limits.key, limits.use * lines.given[limits.line], len(limits.left))
    idle = np.bincount(limits.owner, limits.idle * np.maximum(limits.left - given, 0.0), count)
    room = known + idle - base
    tried = tried_entries(lines, start, cost - np.repeat(least, np.diff(start)), room, entries)
    per = _per_multiple(problem, lines, limits)
    window, price, trucks = _windows(problem, orders, limits, at)
    return _side_by_side(lines, tried, per, (window, price, trucks), (base, room, magnitude), rising=rising)


def _lagrangian(problem: Problem, orders: Ints, lines: Lines, limits: Limits, at: Prices, least: Floats) -> tuple[Floats, Floats]:
    """[orders] the Lagrangian of being open, and the size of what it is summed from."""
    terms, count = problem.terms, len(orders)
    cost, volume, lam, trucks = _trucks(problem, orders, at)
    value = at.mu[orders] * terms.minimum[orders]
    kept = np.bincount(limits.owner, limits.kappa * limits.left, count)
    base = np.bincount(lines.owner, least, count) + terms.fixed[orders] + value + trucks * (cost - lam * volume) - kept
    size = np.bincount(lines.owner, np.abs(least), count) + np.abs(terms.fixed[orders]) + value + trucks * (cost + lam * volume)
    return base, size + np.abs(kept)


def _trucks(problem: Problem, orders: Ints, at: Prices) -> tuple[Floats, ...]:
    """[orders] cost, volume, price of volume and number of trucks; all 0 without trucks."""
    terms = problem.terms
    cost = terms.truck_cost[orders]
    has = cost > 0
    volume, lam, trucks = (np.where(has, x[orders], 0.0) for x in (terms.truck_volume, at.lam, at.trucks))
    return cost, volume, lam, trucks


def _per_multiple(problem: Problem, lines: Lines, limits: Limits) -> Floats:
    """[sums, lines] what one multiple adds; of lines ordered it is counted otherwise."""
    per = np.zeros((_LIMITS + WATCHED, len(lines.number)))
    per[_VALUE], per[_VOLUME] = problem.value[lines.number], problem.volume[lines.number]
    seen = limits.watched[limits.key] >= 0
    per[_LIMITS + limits.watched[limits.key[seen]], limits.line[seen]] = limits.use[seen]
    return per


def _windows(problem: Problem, orders: Ints, limits: Limits, at: Prices) -> tuple[Window, Floats, tuple[Floats, ...]]:
    """Windows of the sums, their multipliers, and the trucks."""
    minimum, few = problem.terms.minimum[orders], at.few[orders]
    cost, volume, lam, trucks = _trucks(problem, orders, at)
    shape = _LIMITS + WATCHED, len(orders)
    low, high = np.full(shape, -np.inf), np.full(shape, np.inf)
    target, over, under, price = (np.zeros(shape) for _ in range(4))
    has, linear = volume > 0, cost / np.where(volume > 0, volume, 1.0)
    low[_VALUE] = np.where(minimum > 0, minimum - 1.5 * TOLERANCE * np.maximum(minimum, 1), -np.inf)
    target[_VALUE], over[_VALUE], price[_VALUE] = minimum, at.mu[orders], at.mu[orders]
    # Trucks that a plan leaves empty cost it: at most so many, or at least so many, with what is given up for another number.
    high[_VOLUME] = np.where(has & few, volume * trucks + 2 * TOLERANCE * volume * (trucks + 1), np.inf)
    low[_VOLUME] = np.where(has & ~few, volume * (trucks - 1) - 2 * TOLERANCE * volume * trucks, -np.inf)
    target[_VOLUME], price[_VOLUME] = volume * trucks, lam
    under[_VOLUME] = np.where(few, np.maximum(lam - linear, 0.0), lam)
    over[_VOLUME] = np.where(few, 0.0, np.maximum(linear - lam, 0.0))
    low[_ORDERED] = 1.0
    seen = np.flatnonzero(limits.watched >= 0)
    at_limit = _LIMITS + limits.watched[seen], limits.owner[seen]
    high[at_limit] = limits.left[seen] + 1e-12 * np.abs(limits.left[seen])
    target[at_limit] = limits.left[seen]
    under[at_limit] = price[at_limit] = limits.kappa[seen] + limits.idle[seen]
    return Window(low, high, target, over, under), price, (cost, volume, lam, trucks)


def _side_by_side(
    lines: Lines, tried: Entries, per: Floats, sums: tuple[Window, Floats, tuple[Floats, ...]],
    values: tuple[Floats, Floats, Floats], *, rising: bool,
) -> Table:  # fmt: skip
    """The table: lines with a choice of entries in the order they are searched, others summed up."""
    count, second = len(values[0]), tried.reduced[:, 1] if tried.reduced.shape[1] > 1 else np.full(len(per[0]), np.inf)
    usual = tried.n[:, 0]
    choice = np.isfinite(second)
    depth = np.bincount(lines.owner, choice, count).astype(np.int64)
    rank = np.argsort(-depth, kind="stable")
    place = np.empty(count, np.int64)
    place[rank] = np.arange(count)
    open_ = np.flatnonzero(choice)
    open_ = open_[np.lexsort((second[open_] if rising else -second[open_], place[lines.owner[open_]]))]
    row = place[lines.owner[open_]]
    first = np.flatnonzero(np.diff(row, prepend=-1) != 0)
    column = np.arange(len(open_)) - np.repeat(first, np.diff(np.append(first, len(open_))))
    line = np.full((count, int(depth.max(initial=0))), -1)
    line[row, column] = open_
    padding = line < 0
    n, reduced = np.where(padding[..., None], 0, tried.n[line]), np.where(padding[..., None], np.inf, tried.reduced[line])
    amount: Floats = per[:, line][..., None] * n
    amount[_ORDERED] = n > 0
    alone = per * usual
    alone[_ORDERED] = usual > 0
    window, price, trucks = sums
    none = ~np.isfinite(reduced)
    ends = (np.where(none, fill, amount) for fill in (np.inf, -np.inf))
    least, most = (np.where(padding, 0.0, pick(each, axis=3)) for pick, each in zip((np.min, np.max), ends, strict=True))
    base, room, size = values
    return Table(
        place, lines.number, lines.owner, lines.given, usual, depth[rank], line, n, reduced, amount,
        np.stack([totals(lines.owner, np.where(choice, 0.0, each), count) for each in alone])[:, rank],
        _from_there_on(least), _from_there_on(most), _from_there_on(amount[..., 0]),
        Window(*(x[:, rank] for x in window)), price[:, rank], tuple(x[rank] for x in trucks), base, room, size, tried.dropped,
    )  # fmt: skip


def _from_there_on(each: Floats) -> Floats:
    """[.., depth + 1] sums of what comes at a place and after it."""
    ahead = np.cumsum(each[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([ahead, np.zeros((*each.shape[:-1], 1))], axis=-1)
