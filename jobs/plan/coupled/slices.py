"""A run of orders with all that is known of them, as a problem of its own: for work in which orders don't meet.

Limits and choices keep their numbers, so prices hold as they are. Arrays are views, not copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from jobs.plan.coupled.dual import Dual
from jobs.plan.coupled.hulls import Hulls
from jobs.plan.coupled.improve import Search
from jobs.plan.coupled.problem import Ints, Layer, Problem, Terms
from jobs.plan.coupled.relaxation import Branch, Evaluation, Multipliers, Own, Relaxed
from jobs.workers import group_cuts

#: Lines of a slice: they and what is made of them fit a processor's cache.
_LINES = 32_768


@dataclass(frozen=True)
class Slice:
    """Orders and their lines, and which limits inside orders [limits] are theirs."""

    orders: slice
    lines: slice
    own: Ints

    def search(self, search: Search) -> Search:
        """The search among these lines."""
        ready = self.relaxed(search.relaxed)
        w, w_order = search.w[self.lines], search.w_order[self.lines]
        return replace(search, relaxed=ready, w=w, w_order=w_order, share=search.share * len(w) / len(search.w))

    def relaxed(self, whole: Relaxed) -> Relaxed:
        """These orders ready to be priced."""
        in_trucks = whole.in_trucks[np.searchsorted(whole.in_trucks, self.lines.start) : np.searchsorted(whole.in_trucks, self.lines.stop)]
        return Relaxed(
            _problem(whole.problem, self.orders, self.lines), _hulls(whole.hulls, self.lines), in_trucks - self.lines.start,
            whole.closed[self.orders], whole.never_zero[self.orders], self._own(whole.own),
        )  # fmt: skip

    def dual(self, whole: Dual) -> Dual:
        """Multipliers of these orders, and what the Lagrangian is there (without plans of the branches)."""
        at, found, none = whole.at, whole.evaluation, np.zeros(0, np.int64)
        few, many = (
            Branch(each.mu[self.orders], each.lam[self.orders], np.append(each.kappa[self.own], 0.0)) for each in (at.few, at.many)
        )
        value, open_few, open_many = (each[self.orders] for each in (found.orders, found.open_few, found.open_many))
        here = Evaluation(found.bound, found.n[self.lines], value, open_few, open_many, few=none, many=none)
        return Dual(Multipliers(at.price, at.nu, few, many, at.trucks[self.orders]), here, whole.rounds)

    def _own(self, own: Own) -> Own:
        number = np.full(len(own.limit), len(self.own))
        number[self.own] = np.arange(len(self.own))
        layers = tuple(Layer(number[each.resource[self.lines]], each.use[self.lines]) for each in own.layers)
        kept = np.append(self.own, len(own.limit) - 1)
        return Own(layers, own.limit[kept], own.order[self.own] - self.orders.start, own.resource[kept])


def slices_of(relaxed: Relaxed) -> list[Slice]:
    """All orders, in slices."""
    order, own = relaxed.problem.order, relaxed.own.order
    parts = []
    for lines in group_cuts(order, _LINES):
        orders = slice(int(order[lines.start]), int(order[lines.stop - 1]) + 1)
        parts.append(Slice(orders, lines, np.flatnonzero((own >= orders.start) & (own < orders.stop))))
    return parts


def _problem(whole: Problem, orders: slice, lines: slice) -> Problem:
    terms, first = whole.terms, slice(orders.start, orders.stop + 1)
    start = whole.start[lines.start : lines.stop + 1]
    minimum, fixed, volume, cost = (x[orders] for x in (terms.minimum, terms.fixed, terms.truck_volume, terms.truck_cost))
    return replace(
        whole, start=start - start[0], cost=whole.cost[start[0] : start[-1]], order=whole.order[lines] - orders.start,
        value=whole.value[lines], volume=whole.volume[lines], terms=Terms(terms.lines[first] - lines.start, minimum, fixed, volume, cost),
        layers=tuple(Layer(layer.resource[lines], layer.use[lines]) for layer in whole.layers), choice=whole.choice[lines],
    )  # fmt: skip


def _hulls(whole: Hulls, lines: slice) -> Hulls:
    first, start = (each[lines.start : lines.stop + 1] for each in (whole.first, whole.start))
    vertices, entries = slice(first[0], first[-1]), slice(start[0], start[-1])
    n, cost, up, down = (x[vertices] for x in (whole.n, whole.cost, whole.up, whole.down))
    return Hulls(first - first[0], n, cost, up, down, start - start[0], whole.below[entries], whole.above[entries])
