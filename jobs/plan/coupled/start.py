"""Plans of single orders at prices, whatever other orders take: choices and order minima are kept, shared limits not looked at.

For each order a number of trucks is set (that of its better branch, then that of the other, where it could still be
better) and what exceeds it, or a limit of the order's own, is charged in proportion. Candidates start from the branch's
multipliers, volume and own limits a little dearer from one to the next, with as much more for value as the minimum
needs; moves and exchanges inside the order bring the best of them down. Charged in proportion, a plan half a truck too
large comes down step by step; charged by whole trucks no single step would pay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from jobs.plan.coupled.dual import Dual
from jobs.plan.coupled.exchanging import in_orders
from jobs.plan.coupled.hulls import cheapest
from jobs.plan.coupled.improve import Search, singly
from jobs.plan.coupled.problem import Flags, Floats, Ints, Layer, Problem, lowered, measured, order_costs, state_of, taken
from jobs.plan.coupled.relaxation import Branch, Relaxed
from jobs.plan.coupled.slices import Slice, slices_of
from jobs.plan.ragged import positions
from jobs.workers import mapped

_HALVINGS = 20
#: How much dearer volume is made, and what the order's own limits cost, from candidate to candidate.
_FACTORS = ((1.0, 1.0), (1.1, 1.0), (1.4, 1.0), (1.0, 1.5), (1.2, 2.5))
#: What exceeds an own limit or the trucks is charged so many times its price.
_CHARGE = 6.0


@dataclass(frozen=True)
class Alone:
    """Orders by themselves with a number of trucks.

    problem  lists with priced use; own limits and volumes of the trucks are its resources
    charge   [resources + 1] money per unit beyond
    branch   multipliers of each order's branch
    """

    problem: Problem
    charge: Floats
    branch: Branch


def planned_alone(search: Search, dual: Dual) -> tuple[Ints, Ints]:
    """The best plan found of every order by itself, closed where that is cheaper; and the best open plan of each."""
    n = one_of_each_choice(search.problem, dual.evaluation.n, search.w)
    if not search.problem.terms.any.any():
        return n, n

    def part(each: Slice) -> tuple[Ints, Ints]:
        return _planned(each.search(search), each.dual(dual), n[each.lines])

    found = mapped(part, slices_of(search.relaxed))
    return np.concatenate([each for each, _ in found]), np.concatenate([each for _, each in found])


def _planned(search: Search, dual: Dual, n: Ints) -> tuple[Ints, Ints]:
    """The same of some orders, given a plan in which choices are made."""
    relaxed, problem, terms, found = search.relaxed, search.problem, search.problem.terms, dual.evaluation
    fixed = np.where(problem.choice >= 0, n, -1)
    best, least = n, np.full(len(terms.fixed), np.inf)
    few = found.open_few <= found.open_many
    for branch, bound in ((few, np.minimum(found.open_few, found.open_many)), (~few, np.maximum(found.open_few, found.open_many))):
        look = terms.any & (bound < least) & (bound < relaxed.closed + 0.05 * np.abs(relaxed.closed))
        if not look.any() or (search.over() and np.isfinite(least).any()):
            break
        plan = _settled(search, dual, branch, fixed, look)
        cost = np.where(look, priced_orders(problem, plan, search.w) + own_charge(search, dual, plan), np.inf)
        best = np.where((cost < least)[problem.order], plan, best)
        least = np.minimum(least, cost)
    shut = terms.any & (relaxed.closed <= least) & np.isfinite(relaxed.closed)
    opened = np.where(problem.choice >= 0, 0, best)
    return np.where(shut[problem.order], 0, np.where(terms.any[problem.order], best, n)), opened


def _settled(search: Search, dual: Dual, few: Flags, fixed: Ints, look: Flags) -> Ints:
    """Plans of the orders looked at, each with the trucks of one branch."""
    alone = orders_alone(search, dual, few)
    best, least = lowest(search.relaxed, fixed), np.full(len(look), np.inf)
    trucks = (search.problem.terms.truck_cost > 0) & look
    limited = np.zeros(len(look), bool)
    limited[search.relaxed.own.order] = True
    for volume, limits in _FACTORS:
        mine = look & ((volume == 1.0) | trucks) & ((limits == 1.0) | limited)
        if not mine.any() or (search.over() and np.isfinite(least).any()):
            continue
        plan = with_minimum(search.relaxed, _order_prices(search, alone, (volume, limits)), fixed, mine)
        cost = np.where(mine, _charged(alone, plan), np.inf)
        best = np.where((cost < least)[search.problem.order], plan, best)
        least = np.minimum(least, cost)
    best = _brought_down(search, alone, best, look)
    # What is still a little above its trucks comes below them at their real cost.
    own = len(search.relaxed.own.limit) - 1
    real = replace(alone.problem, terms=search.problem.terms, layers=alone.problem.layers[:-1])
    charge = np.where(np.arange(len(alone.charge)) < own, alone.charge, 0.0)
    full = state_of(alone.problem, best).used[own : own + len(look)] > alone.problem.limit[own : own + len(look)]
    return _brought_down(search, replace(alone, problem=real, charge=charge), best, look & full)


def _brought_down(search: Search, alone: Alone, n: Ints, look: Flags) -> Ints:
    """Moves and exchanges inside the orders looked at."""
    none = np.zeros(len(n))
    relaxed = replace(search.relaxed, problem=alone.problem)
    by_order = replace(search, relaxed=relaxed, w=none, w_order=_order_prices(search, alone, (1.0, 1.0)) - search.w, penalty=alone.charge)
    among = look[search.problem.order] & (search.problem.choice < 0)
    n = singly(by_order, n, lines=np.flatnonzero(among), among=among)
    return in_orders(by_order, n, rounds=6, orders=look, among=among)


def orders_alone(search: Search, dual: Dual, few: Flags) -> Alone:
    """Orders with the trucks of a branch: at most so many, paid for anyway."""
    problem, terms, own, at = search.problem, search.problem.terms, search.relaxed.own, dual.at
    mu, lam = (np.where(few, getattr(at.few, k), getattr(at.many, k)) for k in ("mu", "lam"))
    branch = Branch(mu, lam, _kappa(dual, own.order, few))
    has = terms.truck_cost > 0
    trucks = np.maximum(at.trucks + ~few, 1)
    count = len(own.limit) - 1
    none = count + len(has)
    layers = tuple(Layer(np.where(layer.resource == count, none, layer.resource), layer.use) for layer in own.layers)
    volume = Layer(np.where(has[problem.order], count + problem.order, none), np.where(has[problem.order], problem.volume, 0.0))
    room = np.where(has, trucks * np.where(has, terms.truck_volume, 0.0), np.inf)
    charge = np.concatenate(
        [own_prices(search, dual)[:-1], np.maximum(branch.lam, np.where(has, terms.truck_cost / terms.truck_volume, 0.0)), [0.0]]
    )
    fixed = terms.fixed + np.where(has, trucks * terms.truck_cost, 0.0)
    free = replace(terms, fixed=fixed, truck_cost=np.zeros(len(has)), truck_volume=np.full(len(has), np.inf))
    owner, n = positions(problem.start)
    lists = problem.cost + search.w[owner] * n
    limit = np.concatenate([own.limit[:-1], room, [np.inf]])
    return Alone(replace(problem, cost=lists, terms=free, layers=(*layers, volume), limit=limit), _CHARGE * charge, branch)


def _kappa(dual: Dual, order: Ints, few: Flags) -> Floats:
    return np.append(np.where(few[order], dual.at.few.kappa[:-1], dual.at.many.kappa[:-1]), 0.0)


def own_prices(search: Search, dual: Dual) -> Floats:
    """[own limits + 1] what a unit costs: the resource's price and the limit's own; at least a tenth of the usual price."""
    own, at = search.relaxed.own, dual.at
    price = np.maximum(at.few.kappa, at.many.kappa) + at.price[own.resource]
    usual = 0.1 * float(np.median(at.price[at.price > 0])) if (at.price > 0).any() else 0.0
    return np.append(np.maximum(price[:-1], usual), 0.0)


def own_charge(search: Search, dual: Dual, n: Ints) -> Floats:
    """[orders] charge for what exceeds own limits."""
    own, price = search.relaxed.own, own_prices(search, dual)
    beyond = np.maximum(taken(own.layers, n, len(own.limit))[:-1] - own.limit[:-1] * (1 + 1e-9), 0.0)
    return np.bincount(own.order, _CHARGE * price[:-1] * beyond, len(search.problem.terms.fixed)).astype(float)


def _charged(alone: Alone, n: Ints) -> Floats:
    """[orders] cost of plans with what exceeds their resources charged."""
    problem = alone.problem
    cost = priced_orders(problem, n, np.zeros(len(n)))
    state = state_of(problem, n)
    over = alone.charge * np.maximum(state.used - problem.limit * (1 + 1e-9), 0.0)
    for layer in problem.layers:
        # Each resource is of one order: its charge goes there once, by its first line.
        resource, first = np.unique(layer.resource, return_index=True)
        cost += np.bincount(problem.order[first], np.where(np.isfinite(problem.limit[resource]), over[resource], 0.0), len(cost))
    return cost


def _order_prices(search: Search, alone: Alone, factors: tuple[float, float]) -> Floats:
    """[lines] price per multiple, with volume and the order's own limits."""
    problem, branch = search.problem, alone.branch
    price = search.w + factors[0] * branch.lam[problem.order] * problem.volume
    count = len(branch.kappa) - 1
    more = branch.kappa + (factors[1] - 1) * np.append(alone.charge[:count] / _CHARGE, 0.0)
    for layer in search.relaxed.own.layers:
        price = price + layer.use * more[layer.resource]
    return price


def priced_orders(problem: Problem, n: Ints, w: Floats) -> Floats:
    """[orders] cost with priced use of resources and order terms."""
    lines = problem.cost[problem.start[:-1] + n] + w * n
    return np.asarray(np.add.reduceat(lines, problem.terms.lines[:-1]) + order_costs(problem.terms, slice(None), *measured(problem, n)))


def one_of_each_choice(problem: Problem, n: Ints, w: Floats) -> Ints:
    """The plan with only the best line of each choice (at prices w per multiple)."""
    member = np.flatnonzero((problem.choice >= 0) & (n > 0))
    if not len(member):
        return n
    worth = problem.at(member, n[member]) + w[member] * n[member]
    rank = np.lexsort((member, worth, problem.choice[member]))
    again = np.diff(problem.choice[member][rank], prepend=-1) == 0
    n = n.copy()
    n[member[rank][again]] = 0
    return n


def lowest(relaxed: Relaxed, fixed: Ints) -> Ints:
    """[lines] the least each list allows, or what is fixed (>= 0)."""
    least = relaxed.hulls.n[relaxed.hulls.first[:-1]].astype(np.int64)
    return np.where(fixed >= 0, fixed, least)


def with_minimum(relaxed: Relaxed, price: Floats, fixed: Ints, look: Flags) -> Ints:
    """The cheapest vertices at prices, and in orders looked at as much more for value as their minimum needs.

    Bisection of a multiplier of value, all orders at once. Lines with ``fixed`` >= 0 stay at that. An order whose
    minimum can't be reached stays below it.
    """
    problem, hulls, terms = relaxed.problem, relaxed.hulls, relaxed.problem.terms
    lines = np.flatnonzero(look[problem.order])
    order, value, price = problem.order[lines], problem.value[lines], price[lines]
    vertex, stays = hulls.first[lines].copy(), fixed[lines]

    def plan(mu: Floats) -> Ints:
        n = hulls.n[cheapest(hulls, price - mu[order] * value, vertex)].astype(np.int64)
        return np.where(stays >= 0, stays, n)

    def enough(n: Ints) -> Flags:
        return np.bincount(order, value * n, len(look)) >= lowered(terms.minimum)

    last = hulls.first[lines + 1] - 1
    steepest = np.where(last > hulls.first[lines], hulls.down[last], 0.0) + price
    per_value = np.where(value > 0, steepest / np.where(value > 0, value, 1.0), 0.0)
    low, high = np.zeros(len(look)), np.zeros(len(look))
    np.maximum.at(high, order, np.maximum(per_value, 0.0) * (1 + 1e-9) + 1e-9)
    high = np.where(enough(plan(low)), low, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = enough(plan(middle))
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    n = lowest(relaxed, fixed)
    n[lines] = plan(high)
    return n
