"""What a beam search of single orders needs of them, side by side in dense arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from jobs.plan.coupled.exchange import candidates
from jobs.plan.coupled.problem import TOLERANCE, Flags, Floats, Ints, Problem, raised
from jobs.plan.ragged import positions

#: Limits that lines of an order share and that are watched; others are kept by single lines alone.
_WATCHED = 3
#: Sums over an order's lines: value, volume, lines ordered, then the watched limits.
_VALUE, _VOLUME, _ORDERED, _LIMITS = 0, 1, 2, 3


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
    base, room, size, dropped   [orders given] Lagrangian; what may be paid above it; what it is summed from; least reduced cost not tried
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
    trucks: tuple[Floats, Floats, Floats, Floats]
    base: Floats
    room: Floats
    size: Floats
    dropped: Floats


@dataclass(frozen=True)
class _Lines:
    """The lines of some orders, one order after the other: number in the problem, order (as given), multiples given."""

    number: Ints
    owner: Ints
    given: Ints


@dataclass(frozen=True)
class _Limits:
    """Limits that lines take from; a key is an order and a resource.

    line, use, key  [takings] who takes how much a multiple, of which key
    owner, left     [keys] whose it is, and what the order may take
    watched, kappa  [keys] number of the watched limit in its order (-1: not watched), and its price (0 where not watched)
    """

    line: Ints
    use: Floats
    key: Ints
    owner: Ints
    left: Floats
    watched: Ints
    kappa: Floats


@dataclass(frozen=True)
class _Entries:
    """Of each line its tried entries by rising reduced cost [lines, entries] (inf: none), and what is not tried [orders]."""

    n: Ints
    reduced: Floats
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
    lines = _Lines(number, owner, plan[0][number])
    limits = _limits(problem, orders, lines, at, plan[1])
    start, cost = _priced(problem, orders, lines, limits, at)
    least = np.minimum.reduceat(cost, start[:-1])
    base, magnitude = _lagrangian(problem, orders, lines, limits, at, least)
    room = known - base
    tried = _tried(lines, start, cost - np.repeat(least, np.diff(start)), room, entries)
    per = _per_multiple(problem, lines, limits)
    window, price, trucks = _windows(problem, orders, limits, at)
    return _side_by_side(lines, tried, per, (window, price, trucks), (base, room, magnitude), rising=rising)


def _limits(problem: Problem, orders: Ints, lines: _Lines, at: Prices, used: Floats | None) -> _Limits:
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
    kappa = _looked_up(orders[owner] * width + resource, at.key, at.kappa)
    # The dearest of an order are watched.
    chosen = candidates(np.where(shared, owner, -1), -kappa, _WATCHED)
    first = np.flatnonzero(np.diff(owner[chosen], prepend=-1) != 0)
    watched = np.full(len(keys), -1)
    watched[chosen] = np.arange(len(chosen)) - np.repeat(first, np.diff(np.append(first, len(chosen))))
    return _Limits(taker, amount, place, owner, left, watched, np.where(watched >= 0, kappa, 0.0))


def _looked_up(wanted: Ints, key: Ints, value: Floats) -> Floats:
    """Values of keys (rising); 0 where there is none."""
    if not len(key):
        return np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[place] == wanted, value[place], 0.0)


def _priced(problem: Problem, orders: Ints, lines: _Lines, limits: _Limits, at: Prices) -> tuple[Ints, Floats]:
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


def _lagrangian(problem: Problem, orders: Ints, lines: _Lines, limits: _Limits, at: Prices, least: Floats) -> tuple[Floats, Floats]:
    """[orders] the Lagrangian of being open, and the size of what it is summed from."""
    terms, count = problem.terms, len(orders)
    cost, volume, lam, trucks = _trucks(problem, orders, at)
    value = at.mu[orders] * terms.minimum[orders]
    kept = np.bincount(limits.owner, limits.kappa * limits.left, count)
    base = np.bincount(lines.owner, least, count) + terms.fixed[orders] + value + trucks * (cost - lam * volume) - kept
    size = np.bincount(lines.owner, np.abs(least), count) + np.abs(terms.fixed[orders]) + value + trucks * (cost + lam * volume)
    return base, size + np.abs(kept)


def _trucks(problem: Problem, orders: Ints, at: Prices) -> tuple[Floats, Floats, Floats, Floats]:
    """[orders] cost, volume, price of volume and number of trucks; all 0 without trucks."""
    terms = problem.terms
    cost = terms.truck_cost[orders]
    has = cost > 0
    volume, lam, trucks = (np.where(has, x[orders], 0.0) for x in (terms.truck_volume, at.lam, at.trucks))
    return cost, volume, lam, trucks


def _tried(lines: _Lines, start: Ints, reduced: Floats, room: Floats, most: int) -> _Entries:
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
    return _Entries(dense_n, dense, dropped)


def _per_multiple(problem: Problem, lines: _Lines, limits: _Limits) -> Floats:
    """[sums, lines] what one multiple adds; of lines ordered it is counted otherwise."""
    per = np.zeros((_LIMITS + _WATCHED, len(lines.number)))
    per[_VALUE], per[_VOLUME] = problem.value[lines.number], problem.volume[lines.number]
    seen = limits.watched[limits.key] >= 0
    per[_LIMITS + limits.watched[limits.key[seen]], limits.line[seen]] = limits.use[seen]
    return per


def _windows(problem: Problem, orders: Ints, limits: _Limits, at: Prices) -> tuple[Window, Floats, tuple[Floats, Floats, Floats, Floats]]:
    """Windows of the sums, their multipliers, and the trucks."""
    minimum, few = problem.terms.minimum[orders], at.few[orders]
    cost, volume, lam, trucks = _trucks(problem, orders, at)
    shape = _LIMITS + _WATCHED, len(orders)
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
    under[at_limit] = price[at_limit] = limits.kappa[seen]
    return Window(low, high, target, over, under), price, (cost, volume, lam, trucks)


def _side_by_side(
    lines: _Lines, tried: _Entries, per: Floats, sums: tuple[Window, Floats, tuple[Floats, Floats, Floats, Floats]],
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
    amount = per[:, line][..., None] * n
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
        np.stack([np.bincount(lines.owner, np.where(choice, 0.0, each), count) for each in alone])[:, rank],
        _from_there_on(least), _from_there_on(most), _from_there_on(amount[..., 0]),
        Window(*(x[:, rank] for x in window)), price[:, rank], tuple(x[rank] for x in trucks), base, room, size, tried.dropped,
    )  # fmt: skip


def _from_there_on(each: Floats) -> Floats:
    """[.., depth + 1] sums of what comes at a place and after it."""
    ahead = np.cumsum(each[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([ahead, np.zeros((*each.shape[:-1], 1))], axis=-1)
