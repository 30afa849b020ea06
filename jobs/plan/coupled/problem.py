"""The coupled plan problem as arrays.

    minimise   constant + sum_i f_i(n_i) + sum_o [o ordered] * (fixed_o + truck_cost_o * ceil(volume_o / truck_volume_o))
    subject to value_o = 0 or >= minimum_o of every order o;  at most one line of a choice > 0;
               sum_i use_ri n_i <= limit_r of every resource r

Lines are in canonical order (source, location, item, line_id), so an order's lines lie side by side and results do not
depend on how rows came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jobs.workers import mapped

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: What counts as kept: a limit exceeded, or an order minimum missed, by this share of itself is rounding.
TOLERANCE = 1e-9
#: Sums of fewer lines take less time than threads.
_FEW = 20_000


@dataclass(frozen=True)
class Layer:
    """One kind of capacity (such as dc_stock in units): each line takes from at most one resource of it.

    resource  [lines] number of the resource; the last number (limit inf) where a line takes from none
    use       [lines] what one multiple takes
    """

    resource: Ints
    use: Floats


@dataclass(frozen=True)
class Terms:
    """Terms of each order; without a term: minimum 0, fixed 0, truck_volume inf, truck_cost 0.

    lines  [orders + 1] order o has lines lines[o] .. lines[o + 1] - 1
    """

    lines: Ints
    minimum: Floats
    fixed: Floats
    truck_volume: Floats
    truck_cost: Floats

    @cached_property
    def any(self) -> Flags:
        """[orders] whether an order has a term at all."""
        return np.asarray((self.minimum > 0) | (self.fixed != 0) | (self.truck_cost > 0))


@dataclass(frozen=True)
class Problem:
    """A problem of lines (ragged cost lists), orders and resources.

    start, cost     list of line i: cost[start[i] : start[i + 1]]; inf = not allowed. A choice's lists are net of the cost[0]
                    they share (0 first), which is counted once in ``constant``
    order           [lines] number of the order
    value, volume   [lines] of one multiple
    limit           [resources + 1] the last is inf: no resource
    choice          [lines] number of the choice, -1: none
    must            [choices] whether one of its lines must be ordered (cost[0] was inf)
    """

    start: Ints
    cost: Floats
    order: Ints
    value: Floats
    volume: Floats
    terms: Terms
    layers: tuple[Layer, ...]
    limit: Floats
    choice: Ints
    must: Flags
    constant: float

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def members(self) -> Ints:
        """Lines of choices."""
        return np.flatnonzero(self.choice >= 0)

    def at(self, lines: Ints, n: Ints) -> Floats:
        """Cost of n multiples of some lines."""
        return np.asarray(self.cost[self.start[lines] + n])


@dataclass(frozen=True)
class State:
    """What a plan takes and what its orders come to.

    used                    [resources + 1]
    value, volume, ordered  [orders] value, volume and number of lines ordered
    """

    n: Ints
    used: Floats
    value: Floats
    volume: Floats
    ordered: Ints


def numbered(layers: Iterable[Layer], none: int) -> tuple[Layer, ...]:
    """Layers in which -1 stood for no resource, with ``none`` in its place; nothing is taken from it."""
    return tuple(Layer(np.where(each.resource < 0, none, each.resource), np.where(each.resource < 0, 0.0, each.use)) for each in layers)


def totals(group: Ints, amount: Floats, count: int) -> Floats:
    """[count] sums of amounts by group."""
    return np.bincount(group, amount, count).astype(float)


def measured(problem: Problem, n: Ints) -> tuple[Floats, Floats, Ints]:
    """[orders] value, volume and number of lines ordered of a plan."""
    first = problem.terms.lines[:-1]
    value, volume = (np.add.reduceat(each * n, first) for each in (problem.value, problem.volume))
    return value, volume, np.add.reduceat((n > 0).astype(np.int64), first)


def used_by(problem: Problem, n: Ints) -> Floats:
    """[resources + 1] what a plan [lines] takes."""
    used = taken(problem.layers, n, len(problem.limit))
    used[-1] = 0.0
    return used


def taken(layers: Sequence[Layer], n: Ints, count: int) -> Floats:
    """[count] what quantities take of each limit of the layers, the last place (of none) too."""
    used = np.zeros(count)
    for each in mapped(lambda layer: totals(layer.resource, layer.use * n, count), layers, at_once=len(n) <= _FEW):
        used += each
    return used


def state_of(problem: Problem, n: Ints) -> State:
    """Measure a plan [lines]."""
    return State(n, used_by(problem, n), *measured(problem, n))


def state_after(problem: Problem, state: State, n: Ints) -> State:
    """Measure a plan that differs from a measured one in some lines: by what these change.

    Rounding adds up over many such steps, by far less than TOLERANCE; what counts in the end is measured anew.
    """
    lines = np.flatnonzero(n != state.n)
    if 4 * len(lines) > len(n):
        return state_of(problem, n)
    delta, order = n[lines] - state.n[lines], problem.order[lines]
    used = state.used.copy()
    for layer in problem.layers:
        np.add.at(used, layer.resource[lines], layer.use[lines] * delta)
    used[-1] = 0.0
    ordered = state.ordered.copy()
    np.add.at(ordered, order, (n[lines] > 0).astype(np.int64) - (state.n[lines] > 0))
    value, volume = state.value.copy(), state.volume.copy()
    for total, each in ((value, problem.value), (volume, problem.volume)):
        np.add.at(total, order, each[lines] * delta)
        # Nothing ordered has no rest of rounding.
        total[ordered == 0] = 0.0
    return State(n, used, value, volume, ordered)


def order_costs(terms: Terms, orders: Ints | slice, value: Floats, volume: Floats, ordered: Ints) -> Floats:
    """Fixed and truck costs of orders; inf below the minimum."""
    trucks = np.ceil(volume / terms.truck_volume[orders] - TOLERANCE)
    cost = terms.fixed[orders] + terms.truck_cost[orders] * np.maximum(trucks, 0)
    short = value < lowered(terms.minimum[orders])
    return np.where(ordered == 0, 0.0, np.where(short, np.inf, cost))


def lowered(minimum: Floats) -> Floats:
    """What counts as reaching an order minimum."""
    return minimum - TOLERANCE * np.maximum(minimum, 1)


def raised(limit: Floats) -> Floats:
    """What counts as within a limit."""
    return limit + TOLERANCE * np.maximum(limit, 1)


def plan_cost(problem: Problem, state: State) -> float:
    """Total cost of a plan; inf where a list or an order minimum is broken."""
    lines = problem.cost[problem.start[:-1] + state.n]
    orders = order_costs(problem.terms, slice(None), state.value, state.volume, state.ordered)
    return float(problem.constant + np.sum(lines) + np.sum(orders))


def broken_choices(problem: Problem, n: Ints) -> Flags:
    """[choices] with more than one line ordered, or none where one must be."""
    member = problem.members
    ordered = np.bincount(problem.choice[member], n[member] > 0, len(problem.must))
    return np.asarray((ordered > 1) | (problem.must & (ordered == 0)))


def is_feasible(problem: Problem, state: State) -> bool:
    """Whether a plan keeps lists, limits, minima and choices."""
    within = bool((state.used <= raised(problem.limit)).all())
    return within and bool(np.isfinite(plan_cost(problem, state))) and not broken_choices(problem, state.n).any()
