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
from jobs.plan.coupled.problem import Flags, Floats, Ints, Layer, Problem, numbered, totals
from jobs.workers import cuts, mapped


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

    def matters(self, opened: Floats) -> Flags:
        """[orders] whose branch could still be what the order does: raising a branch beyond the others gains nothing.

        Without this, the multipliers of an order that can't reach its minimum within its limits grow without end.
        """
        return np.asarray(opened <= self.orders + 0.02 * np.abs(self.orders) + 1e-9)


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

    def part(cut: slice) -> Floats:
        w = np.zeros(len(problem.order[cut]))
        for layer in problem.layers:
            w += layer.use[cut] * price[layer.resource[cut]]
        return w

    return np.concatenate(mapped(part, cuts(len(problem))))


@dataclass(frozen=True)
class Rows:
    """Lines to be priced, with what that takes side by side.

    line    their numbers; None: all
    own     layers of limits inside orders
    vertex  where each line's cheapest vertex was last: the next search starts there, so it takes a step or two (changed in place)
    """

    line: Ints | None
    order: Ints
    value: Floats
    volume: Floats
    choice: Ints
    own: tuple[Layer, ...]
    vertex: Ints

    def take(self, kept: Flags) -> Rows:
        """Only some of them."""
        line = np.flatnonzero(kept) if self.line is None else self.line[kept]
        own = tuple(Layer(layer.resource[kept], layer.use[kept]) for layer in self.own)
        return Rows(line, self.order[kept], self.value[kept], self.volume[kept], self.choice[kept], own, self.vertex[kept])


@dataclass(frozen=True)
class Searches:
    """Lines to be priced in each branch."""

    few: Rows
    many: Rows

    @classmethod
    def of(cls, relaxed: Relaxed) -> Searches:
        """All lines, and all with trucks."""
        problem = relaxed.problem
        few = Rows(None, problem.order, problem.value, problem.volume, problem.choice, relaxed.own.layers, relaxed.hulls.first[:-1].copy())
        return cls(few, few.take((problem.terms.truck_cost > 0)[problem.order]))


def evaluate(relaxed: Relaxed, at: Multipliers, searches: Searches) -> Evaluation:
    """Price every line and order at some multipliers."""
    problem, terms = relaxed.problem, relaxed.problem.terms
    w = priced_use(problem, at.price)
    few, open_few = _branch(relaxed, w, (at.few, at.trucks), at.nu, searches.few)
    open_few = np.where((at.trucks == 0) & (terms.truck_cost > 0) & relaxed.never_zero, np.inf, open_few)
    many, open_many = np.zeros(0, np.int64), np.full(len(open_few), np.inf)
    if len(searches.many.order):
        many, open_many = _branch(relaxed, w, (at.many, at.trucks + 1), at.nu, searches.many)
    open_many = np.where(terms.truck_cost > 0, open_many, np.inf)
    opened = np.minimum(open_few, open_many)
    orders = np.where(terms.any, np.minimum(relaxed.closed, opened), open_few)
    n = _attained(relaxed, searches, (few, many), open_few, open_many)
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


def _branch(relaxed: Relaxed, w: Floats, at: tuple[Branch, Ints], nu: Floats, rows: Rows) -> tuple[Ints, Floats]:
    """Multiples of each row at a branch's multipliers, and [orders] its value."""
    terms, (branch, trucks) = relaxed.problem.terms, at
    mine = w if rows.line is None else w[rows.line]

    def part(cut: slice) -> tuple[Ints, Floats]:
        return _lines_priced(relaxed, mine[cut], branch, nu, rows, cut)

    parts = mapped(part, cuts(len(mine)))
    n, value = np.concatenate([n for n, _ in parts]), np.concatenate([value for _, value in parts])
    total = totals(rows.order, value, len(terms.fixed))
    return n, total + terms.fixed + branch.mu * terms.minimum + _truck_part(relaxed, branch, trucks)


def _lines_priced(relaxed: Relaxed, w: Floats, at: Branch, nu: Floats, rows: Rows, cut: slice) -> tuple[Ints, Floats]:
    """Multiples and value of some rows at a branch's multipliers; their vertices are changed in place."""
    hulls, order, vertex = relaxed.hulls, rows.order[cut], rows.vertex[cut]
    for layer in rows.own:
        w = w + layer.use[cut] * at.kappa[layer.resource[cut]]
    price = w + at.lam[order] * rows.volume[cut]
    price -= at.mu[order] * rows.value[cut]
    cheapest(hulls, price, vertex)
    n = hulls.n[vertex]
    value = price * n
    value += hulls.cost[vertex]
    if len(nu):
        choice = rows.choice[cut]
        member = np.flatnonzero(choice >= 0)
        with_nu = value[member] + nu[choice[member]]
        taken = (with_nu < 0) & (n[member] > 0)
        value[member] = np.minimum(with_nu, 0.0)
        n[member] = np.where(taken, n[member], 0)
    return n.astype(np.int64), value


def _attained(relaxed: Relaxed, searches: Searches, plans: tuple[Ints, Ints], open_few: Floats, open_many: Floats) -> Ints:
    """[lines] the plan that attains the orders' values."""
    terms, order = relaxed.problem.terms, relaxed.problem.order
    few, many = plans
    n = few.copy()
    if searches.many.line is not None and len(many):
        better = (open_many < open_few)[searches.many.order]
        n[searches.many.line[better]] = many[better]
    shut = terms.any & (relaxed.closed <= np.minimum(open_few, open_many))
    return np.where(shut[order], 0, n)
