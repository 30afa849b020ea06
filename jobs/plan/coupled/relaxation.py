"""The Lagrangian of the coupled problem: every line on its own at prices, every order by two branches.

Prices >= 0 stand for the resources, nu_c for a choice (one line at most), and inside an order mu for its minimum and
lam for its volume. With D(mu, lam) = sum_i min_n f_i(n) + (w_i + lam volume_i - mu value_i) n, w_i the priced use,
an open order with t trucks costs at least

    fixed + mu minimum + T t + D(mu, lam) - lam v t        (T cost, v volume of a truck)

which is linear in t. With lam v >= T it falls in t: over t <= k its least is at k. With lam v <= T it rises: over
t >= k + 1 its least is at k + 1. So two branches, each with multipliers of its own, bound the order from below for
every whole number of trucks, whatever k; the best k is the floor of the linear truck count, because D maximised is
convex in volume (Geoffrion, 1974, on Lagrangian duals; whole trucks inside the bound instead of their linear cost).

What one order takes of a resource is no more than its limit, though others take of it too. Where an order could take
more, that is kept inside the order with a price of its own (kappa), paid back only when the order is open:
min(closed, open - kappa limit) instead of min(closed, open) - price limit. Without it, an order and a limit of its own
(a store's receiving) would be a mixture of open and closed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.plan.coupled.hulls import Hulls, cheapest, hulls_of
from jobs.plan.coupled.problem import Flags, Floats, Ints, Layer, Problem, numbered
from jobs.plan.coupled.workers import cuts, mapped


@dataclass(frozen=True)
class Branch:
    """Multipliers of one branch: for the minimum and the volume of each order, and its own limits [limits + 1]; the last is 0."""

    mu: Floats
    lam: Floats
    kappa: Floats


@dataclass(frozen=True)
class Multipliers:
    """Everything that prices the coupling.

    price     [resources + 1] money per unit of the resource; the last is 0
    nu        [choices]
    few       branch of at most ``trucks`` trucks; also the only branch of orders without trucks
    many      branch of at least trucks + 1
    """

    price: Floats
    nu: Floats
    few: Branch
    many: Branch
    trucks: Ints


@dataclass(frozen=True)
class Own:
    """Limits inside single orders: layers whose resource is the number of the limit (the last: none).

    limit     [limits + 1]
    order     [limits] whose it is
    resource  [limits + 1] which resource it is a limit of
    """

    layers: tuple[Layer, ...]
    limit: Floats
    order: Ints
    resource: Ints


@dataclass(frozen=True)
class Relaxed:
    """A problem ready to be priced.

    in_trucks   lines of orders with trucks, which have a second branch
    closed      [orders] cost when nothing is ordered (inf: not allowed)
    never_zero  [orders] every line has volume: an open order has a truck
    own         limits inside single orders
    """

    problem: Problem
    hulls: Hulls
    in_trucks: Ints
    closed: Floats
    never_zero: Flags
    own: Own


@dataclass(frozen=True)
class Evaluation:
    """The Lagrangian at multipliers.

    bound           value, without deduction for rounding
    n               [lines] a plan that attains it
    orders          [orders] what each order contributes
    open_few, open_many   [orders] value of the branches, with fixed cost
    few, many       [lines] plans of the branches (many: of lines ``in_trucks``)
    """

    bound: float
    n: Ints
    orders: Floats
    open_few: Floats
    open_many: Floats
    few: Ints
    many: Ints


def relaxed(problem: Problem) -> Relaxed:
    """Hulls and subsets. A choice's lists lose n = 0, which the choice's own multiplier covers."""
    cost = problem.cost.copy()
    member = np.flatnonzero(problem.choice >= 0)
    if len(member):
        finite = np.add.reduceat(np.isfinite(cost).astype(np.int64), problem.start[:-1])[member]
        cost[problem.start[:-1][member[finite > 1]]] = np.inf
    hulls = hulls_of(problem.start, cost)
    trucks = problem.terms.truck_cost > 0
    lines = np.flatnonzero(trucks[problem.order])
    closed = np.add.reduceat(problem.cost[problem.start[:-1]], problem.terms.lines[:-1])
    never_zero = np.minimum.reduceat(problem.volume, problem.terms.lines[:-1]) > 0
    return Relaxed(problem, hulls, lines, closed, never_zero, _own_limits(problem, hulls))


def _own_limits(problem: Problem, hulls: Hulls) -> Own:
    """A limit for each order with terms and resource of which it could take more than there is."""
    most = hulls.n[hulls.first[1:] - 1]
    layers: list[Layer] = []
    limits, orders, resources, count = [], [], [], 0
    width = len(problem.limit)
    for layer in problem.layers:
        lines = np.flatnonzero((layer.resource < width - 1) & (layer.use > 0) & problem.terms.any[problem.order])
        key, place = np.unique(problem.order[lines] * width + layer.resource[lines], return_inverse=True)
        limit = problem.limit[key % width]
        could = np.bincount(place, layer.use[lines] * most[lines], len(key)) > limit
        number = np.full(len(problem), -1)
        number[lines] = np.where(could, count + np.cumsum(could) - 1, -1)[place]
        if could.any():
            layers.append(Layer(number, layer.use))
            limits.append(limit[could])
            orders.append((key // width)[could])
            resources.append((key % width)[could])
            count += int(could.sum())
    none = np.zeros(0, np.int64)
    return Own(
        numbered(layers, count),
        np.append(np.concatenate([np.zeros(0), *limits]), np.inf),
        np.concatenate([none, *orders]),
        np.append(np.concatenate([none, *resources]), width - 1),
    )


def nothing_priced(relaxed: Relaxed) -> Multipliers:
    """Free resources and no order terms but the linear cost of trucks."""
    terms = relaxed.problem.terms
    orders = len(terms.fixed)
    linear = Branch(np.zeros(orders), terms.truck_cost / terms.truck_volume, np.zeros(len(relaxed.own.limit)))
    nu = np.zeros(len(relaxed.problem.must))
    return Multipliers(np.zeros(len(relaxed.problem.limit)), nu, linear, linear, np.zeros(orders, np.int64))


def priced_use(problem: Problem, price: Floats) -> Floats:
    """[lines] what the resources that one multiple takes cost."""
    w = np.zeros(len(problem))
    for layer in problem.layers:
        w += layer.use * price[layer.resource]
    return w


class Searches:
    """Where each line's cheapest vertex was last: the next search starts there, so it takes a step or two."""

    def __init__(self, relaxed: Relaxed) -> None:
        self.few = relaxed.hulls.first[:-1].copy()
        self.many = self.few[relaxed.in_trucks].copy()


def evaluate(relaxed: Relaxed, at: Multipliers, searches: Searches) -> Evaluation:
    """Price every line and order at some multipliers."""
    problem, terms = relaxed.problem, relaxed.problem.terms
    w = priced_use(problem, at.price)
    few, value = _branch(relaxed, w, at.few, at.nu, None, searches.few)
    total = np.add.reduceat(value, terms.lines[:-1])
    open_few = total + terms.fixed + at.few.mu * terms.minimum + _truck_part(relaxed, at.few, at.trucks)
    open_few = np.where((at.trucks == 0) & (terms.truck_cost > 0) & relaxed.never_zero, np.inf, open_few)
    many, open_many = np.zeros(0, np.int64), np.full(len(open_few), np.inf)
    if len(relaxed.in_trucks):
        many, value = _branch(relaxed, w[relaxed.in_trucks], at.many, at.nu, relaxed.in_trucks, searches.many)
        total = np.bincount(problem.order[relaxed.in_trucks], value, len(open_few))
        open_many = total + terms.fixed + at.many.mu * terms.minimum + _truck_part(relaxed, at.many, at.trucks + 1)
        open_many = np.where(terms.truck_cost > 0, open_many, np.inf)
    opened = np.minimum(open_few, open_many)
    orders = np.where(terms.any, np.minimum(relaxed.closed, opened), open_few)
    n = _attained(relaxed, (few, many), open_few, open_many)
    limit = problem.limit[:-1]
    bound = problem.constant + float(np.sum(orders)) - float(at.price[:-1] @ limit) - float(np.sum(at.nu))
    return Evaluation(bound, n, orders, open_few, open_many, few, many)


def _truck_part(relaxed: Relaxed, at: Branch, trucks: Ints) -> Floats:
    """[orders] trucks and volume, and what own limits give back."""
    terms, own = relaxed.problem.terms, relaxed.own
    has = terms.truck_cost > 0
    volume = np.where(has, terms.truck_volume, 0.0)
    back = np.bincount(own.order, at.kappa[:-1] * own.limit[:-1], len(volume))
    return np.asarray(trucks * (terms.truck_cost - at.lam * volume) - back)


def _branch(relaxed: Relaxed, w: Floats, at: Branch, nu: Floats, lines: Ints | None, vertex: Ints) -> tuple[Ints, Floats]:
    """Multiples and value of each line (or of some lines) at a branch's multipliers."""

    def part(cut: slice) -> tuple[Ints, Floats]:
        return _lines_priced(relaxed, w[cut], at, nu, cut if lines is None else lines[cut], vertex[cut])

    parts = mapped(part, cuts(len(w)))
    return np.concatenate([n for n, _ in parts]), np.concatenate([value for _, value in parts])


def _lines_priced(relaxed: Relaxed, w: Floats, at: Branch, nu: Floats, lines: Ints | slice, vertex: Ints) -> tuple[Ints, Floats]:
    """The same of some lines; their vertices are changed in place."""
    problem, hulls = relaxed.problem, relaxed.hulls
    order = problem.order[lines]
    for layer in relaxed.own.layers:
        w = w + layer.use[lines] * at.kappa[layer.resource[lines]]
    price = w + at.lam[order] * problem.volume[lines] - at.mu[order] * problem.value[lines]
    # Vertices are numbered over all lines, so some lines search the same arrays.
    cheapest(hulls, price, vertex)
    n = hulls.n[vertex].astype(np.int64)
    value = hulls.cost[vertex] + price * n
    if len(nu):
        choice = problem.choice[lines]
        member = np.flatnonzero(choice >= 0)
        with_nu = value[member] + nu[choice[member]]
        taken = (with_nu < 0) & (n[member] > 0)
        value[member] = np.minimum(with_nu, 0.0)
        n[member] = np.where(taken, n[member], 0)
    return n, value


def _attained(relaxed: Relaxed, plans: tuple[Ints, Ints], open_few: Floats, open_many: Floats) -> Ints:
    """[lines] the plan that attains the orders' values."""
    terms, order = relaxed.problem.terms, relaxed.problem.order
    few, many = plans
    n = few.copy()
    if len(relaxed.in_trucks):
        better = (open_many < open_few)[order[relaxed.in_trucks]]
        n[relaxed.in_trucks[better]] = many[better]
    shut = terms.any & (relaxed.closed <= np.minimum(open_few, open_many))
    return np.where(shut[order], 0, n)
