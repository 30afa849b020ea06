"""What no plan cheaper than one known does: entries of lists, orders open or closed, numbers of trucks left out.

The Lagrangian bounds every such choice by itself: with entry e of a line its order costs at least its branch's value
plus the entry's reduced cost (reduced-cost fixing; Nemhauser, Wolsey, 1988, section II.5.2). Shorter lists have tighter
hulls, so the bound rises too and leaves out more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from jobs.plan.coupled.bound import certified, contributions, line_prices, paid_when_open
from jobs.plan.coupled.dual import maximise
from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, totals
from jobs.plan.coupled.relaxation import Multipliers, Relaxed, priced_use, relaxed
from jobs.plan.ragged import positions

#: Steps of prices a pass, passes at most, and the share of entries that one must leave out to be worth another.
_ROUNDS, _PASSES, _WORTH = 60, 6, 0.03
#: What rounding may hide, as a share; a cost that every plan is below.
_ROUNDING, _ANY = 1e-9, 1e300


@dataclass(frozen=True)
class Narrowed:
    """A problem whose lists lack what is left out (inf).

    below         plans cheaper than this lack nothing
    state         [orders] 1: open, 0: closed, -1: either
    least, most   [orders] trucks that an open order has
    bound         no plan of it costs less; inf where nothing is left
    """

    problem: Problem
    below: float
    state: Ints
    least: Floats
    most: Floats
    bound: float


def narrowed(problem: Problem, state: Ints, below: float, passes: int = _PASSES) -> Narrowed:
    """The problem with orders set as in ``state``, without what no plan cheaper than ``below`` does."""
    orders, below = len(state), min(below, _ANY)
    found = Narrowed(without(problem, state == 0), below, state, np.zeros(orders), np.full(orders, np.inf), -np.inf)
    for _ in range(passes):
        before = np.isfinite(found.problem.cost).sum()
        found = _once(found, below)
        if np.isinf(found.bound) or found.bound >= below or np.isfinite(found.problem.cost).sum() > (1 - _WORTH) * before:
            break
    return found


def _once(before: Narrowed, below: float) -> Narrowed:
    """Prices of a high bound, and what they leave out."""
    problem, terms = before.problem, before.problem.terms
    ready = relaxed(problem)
    ready = replace(ready, closed=np.where(before.state == 1, np.inf, ready.closed))
    parts = contributions(ready, maximise(ready, _ROUNDS).at)
    if np.isinf(parts.orders).any():
        return replace(before, bound=np.inf)
    bound = certified(ready, parts)
    others = bound - parts.orders
    most = below + _ROUNDING * max(abs(below), 1.0)
    (few, reduced_few), (many, reduced_many) = _branches(ready, parts.at)
    owner, n = positions(problem.start)
    order = problem.order[owner]
    entry = np.minimum(few[order] + reduced_few, many[order] + reduced_many)
    entry = np.where((n == 0) & terms.any[order], np.minimum(entry, ready.closed[order]), entry)
    cost = np.where(others[order] + entry > most, np.inf, problem.cost)
    shut = terms.any & (others + np.minimum(few, many) > most)
    opened = terms.any & (others + ready.closed > most)
    left = without(replace(problem, cost=cost), shut)
    lost = np.isinf(np.minimum.reduceat(left.cost, left.start[:-1])).any() or (shut & opened).any()
    fewest, largest = _trucks(ready, parts.at, (few, many), most - others)
    return Narrowed(
        left, below, np.where(shut, 0, np.where(opened, 1, before.state)),
        np.maximum(before.least, fewest), np.minimum(before.most, largest), np.inf if lost else max(bound, before.bound),
    )  # fmt: skip


def _branches(ready: Relaxed, at: Multipliers) -> list[tuple[Floats, Floats]]:
    """Of each branch its value [orders] (inf where it has none) and the reduced costs [entries]."""
    problem, terms = ready.problem, ready.problem.terms
    w, lines = priced_use(problem, at.price), np.arange(len(problem))
    owner, n = positions(problem.start)
    nu = np.append(at.nu, 0.0)[problem.choice]
    result = []
    for branch, trucks, none in (
        (at.few, at.trucks, (at.trucks == 0) & (terms.truck_cost > 0) & ready.never_zero),
        (at.many, at.trucks + 1, terms.truck_cost <= 0),
    ):
        price, _ = line_prices(ready, w, branch, lines)
        value = problem.cost + price[owner] * n + nu[owner] * (n > 0)
        least = np.minimum.reduceat(value, problem.start[:-1])
        fixed, _ = paid_when_open(ready, branch, trucks)
        opened = np.where(none, np.inf, totals(problem.order, least, len(trucks)) + fixed)
        result.append((opened, value - least[owner]))
    return result


def _trucks(ready: Relaxed, at: Multipliers, values: tuple[Floats, Floats], room: Floats) -> tuple[Floats, Floats]:
    """[orders] the fewest and the most trucks of an open order within what it may cost: a branch's value is linear in them."""
    terms, (few, many) = ready.problem.terms, values
    has = terms.truck_cost > 0
    full = np.where(has, terms.truck_volume, 0.0)
    # What a truck less than the branch's costs, and a truck more.
    less, more = at.few.lam * full - terms.truck_cost, terms.truck_cost - at.many.lam * full
    fewest = at.trucks - _steps(room - few, less)
    largest = at.trucks + 1 + _steps(room - many, more)
    fewest = np.where(few <= room, fewest, at.trucks + 1)
    largest = np.where(many <= room, largest, at.trucks)
    return np.where(has, np.maximum(fewest, 0), 0.0), np.where(has, largest, np.inf)


def _steps(room: Floats, each: Floats) -> Floats:
    """How many steps of some size there is room for."""
    return np.where(each > 0, np.floor(np.maximum(room, 0.0) / np.where(each > 0, each, 1.0) + _ROUNDING), np.inf)


def without(problem: Problem, closed: Flags) -> Problem:
    """The problem with nothing ordered in some orders."""
    owner, n = positions(problem.start)
    cost = np.where(closed[problem.order[owner]] & (n > 0), np.inf, problem.cost)
    cleared = {name: np.where(closed, 0.0, getattr(problem.terms, name)) for name in ("minimum", "fixed", "truck_cost")}
    volume = np.where(closed, np.inf, problem.terms.truck_volume)
    return replace(problem, cost=cost, terms=replace(problem.terms, **cleared, truck_volume=volume))
