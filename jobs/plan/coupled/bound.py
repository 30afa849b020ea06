"""The lower bound as it is certified: from the lists as given, with a deduction for every rounding.

The multipliers may come from anywhere: any prices >= 0 give a bound (weak duality). Here it is computed once more over
all entries (not their hulls), with limits and minima as loose as a plan may use them (problem.TOLERANCE).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.problem import TOLERANCE, Floats, Ints, Problem, lowered, raised, totals
from jobs.plan.coupled.relaxation import Branch, Multipliers, Relaxed, priced_use

_CHUNK = 200_000


@dataclass(frozen=True)
class Parts:
    """The Lagrangian's parts at multipliers that give a bound.

    orders   [orders] what each contributes, before limits are paid back
    size     sum of the sizes of all that was added inside them
    """

    at: Multipliers
    orders: Floats
    size: float


def certified(relaxed: Relaxed, parts: Parts) -> float:
    """A number that no plan's cost is below, whatever the rounding."""
    problem, at, orders = relaxed.problem, parts.at, parts.orders
    limits = at.price[:-1] * raised(problem.limit[:-1])
    size = parts.size + abs(problem.constant) + float(np.sum(np.abs(limits)) + np.sum(np.abs(at.nu)) + np.sum(np.abs(orders)))
    # A sum of m terms in any order is off by at most m eps times the sum of their sizes (Higham, 2002, section 4.2);
    # orders are summed in a row, totals in pairs.
    longest_sum = int(np.max(np.diff(problem.terms.lines), initial=1)) + len(relaxed.own.layers) + len(problem.layers) + 200
    rounding = longest_sum * np.finfo(float).eps * size
    return problem.constant + float(np.sum(orders)) - float(np.sum(limits)) - float(np.sum(at.nu)) - rounding


def of_orders(relaxed: Relaxed, parts: Parts, n: Ints) -> Floats:
    """[orders] no plan of the order costs less within its share of every limit, by what it uses of it in a plan.

    What a choice pays for being one goes to the order that it is made in (else that of its first line). They add up to the whole bound
    where each priced limit is used at all, less what choices share (problem.constant).
    """
    problem = relaxed.problem
    bound = parts.orders.copy()
    member = np.flatnonzero(problem.choice >= 0)
    made = member[np.lexsort((member, n[member] == 0, problem.choice[member]))]
    made = made[np.diff(problem.choice[made], prepend=-1) != 0]
    np.subtract.at(bound, problem.order[made], parts.at.nu[problem.choice[made]])
    for layer in problem.layers:
        taken = layer.use * n
        used = totals(layer.resource, taken, len(problem.limit))
        limit = raised(problem.limit)
        paid = np.divide(parts.at.price * np.where(np.isfinite(limit), limit, 0.0), used, out=np.zeros(len(limit)), where=used > 0)
        bound -= totals(problem.order, taken * paid[layer.resource], len(bound))
    return bound


def contributions(relaxed: Relaxed, at: Multipliers) -> Parts:
    """What each order contributes to the Lagrangian, over all entries of the lists as given."""
    problem, terms = relaxed.problem, relaxed.problem.terms
    at = allowed(relaxed, at)
    w = priced_use(problem, at.price)
    longest = np.diff(problem.start) - 1.0
    opened, size = np.full(len(terms.fixed), np.inf), 0.0
    for branch, trucks, lines in ((at.few, at.trucks, None), (at.many, at.trucks + 1, relaxed.in_trucks)):
        if lines is not None and not len(lines):
            continue
        value, weight = _order_sums(relaxed, w, branch, at.nu, lines, longest)
        fixed, magnitude = paid_when_open(relaxed, branch, trucks)
        total = value + fixed
        if lines is None:
            total = np.where((trucks == 0) & (terms.truck_cost > 0) & relaxed.never_zero, np.inf, total)
        else:
            total = np.where(terms.truck_cost > 0, total, np.inf)
        opened = np.minimum(opened, total)
        size += float(np.sum(weight + magnitude))
    orders = np.where(terms.any, np.minimum(relaxed.closed, opened), opened)
    return Parts(at, orders, size)


def allowed(relaxed: Relaxed, at: Multipliers) -> Multipliers:
    """Multipliers brought to where they give a bound: prices >= 0, each branch on its side of the linear truck cost."""
    terms = relaxed.problem.terms
    linear = terms.truck_cost / terms.truck_volume
    few, many = np.maximum(at.few.lam, linear), np.clip(at.many.lam, 0.0, linear)
    # Without trucks volume costs nothing.
    few = np.where(terms.truck_cost > 0, few, 0.0)
    less, more = (Branch(np.maximum(b.mu, 0.0), lam, np.maximum(b.kappa, 0.0)) for b, lam in ((at.few, few), (at.many, many)))
    nu = np.where(relaxed.problem.must, at.nu, np.maximum(at.nu, 0.0))
    return Multipliers(np.maximum(at.price, 0.0), nu, less, more, np.maximum(at.trucks, 0))


def paid_when_open(relaxed: Relaxed, at: Branch, trucks: Ints) -> tuple[Floats, Floats]:
    """[orders] what multipliers give back and what is paid when open, and its size."""
    terms, own = relaxed.problem.terms, relaxed.own
    has = terms.truck_cost > 0
    volume = np.where(has, terms.truck_volume, 0.0)
    minimum = at.mu * lowered(terms.minimum)
    paid = trucks * terms.truck_cost
    full = at.lam * volume * (trucks + TOLERANCE)
    kept = np.bincount(own.order, at.kappa[:-1] * raised(own.limit[:-1]), len(volume))
    size = np.abs(terms.fixed) + np.abs(minimum) + paid + full + kept
    return terms.fixed + np.where(terms.minimum > 0, minimum, 0.0) + np.where(has, paid - full, 0.0) - kept, size


def _order_sums(relaxed: Relaxed, w: Floats, at: Branch, nu: Floats, lines: Ints | None, longest: Floats) -> tuple[Floats, Floats]:
    """[orders] sums of the lines' least priced entries, and of their sizes."""
    problem = relaxed.problem
    lines = np.arange(len(problem)) if lines is None else lines
    order = problem.order[lines]
    price, size = line_prices(relaxed, w, at, lines)
    value = np.concatenate([_least(problem, lines[k : k + _CHUNK], price[k : k + _CHUNK]) for k in range(0, len(lines), _CHUNK)])
    member = np.flatnonzero(problem.choice[lines] >= 0)
    if len(member):
        value[member] = np.minimum(value[member] + nu[problem.choice[lines[member]]], 0.0)
    count = len(problem.terms.fixed)
    return totals(order, value, count), totals(order, np.abs(value) + size * longest[lines], count)


def line_prices(relaxed: Relaxed, w: Floats, at: Branch, lines: Ints) -> tuple[Floats, Floats]:
    """[lines given] what a multiple costs at prices w and a branch's multipliers, and its size."""
    problem = relaxed.problem
    order = problem.order[lines]
    price = w[lines] + at.lam[order] * problem.volume[lines] - at.mu[order] * problem.value[lines]
    size = np.abs(w[lines]) + at.lam[order] * problem.volume[lines] + at.mu[order] * problem.value[lines]
    for layer in relaxed.own.layers:
        own = layer.use[lines] * at.kappa[layer.resource[lines]]
        price, size = price + own, size + own
    return price, size


def _least(problem: Problem, lines: Ints, price: Floats) -> Floats:
    """Least priced entry of each list; of a choice's line above nothing (inf where it has none)."""
    length = problem.start[lines + 1] - problem.start[lines]
    first = np.cumsum(length) - length
    n = np.arange(int(length.sum())) - np.repeat(first, length)
    values = problem.cost[np.repeat(problem.start[lines], length) + n] + np.repeat(price, length) * n
    values[first[problem.choice[lines] >= 0]] = np.inf
    return np.asarray(np.minimum.reduceat(values, first))
