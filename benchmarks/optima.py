"""Optimal average costs of single-item inventory with lost sales, by value iteration on a whole number of units.

A period opens with what arrives, then meets demand; holding counts at its close, shortage by the unit lost. An order placed in period t
is there in period t + lead. The dynamic programs are those of the papers that benchmarks/closed_loop.py cites; bounds on average cost
by Odoni (Operations Research 17, 1969): least and largest change of an iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Bounds this close, as a share of cost, end an iteration; and it ends without when they aren't after so many.
_CLOSE, _LONGEST = 1e-5, 20_000
#: Probability beyond which a law of demand is cut off.
_TAIL = 1e-12


@dataclass(frozen=True)
class Law:
    """Demand of a period: pmf[k] = P(k units); independent from period to period."""

    name: str
    pmf: Floats

    @property
    def mean(self) -> float:
        """Units a period."""
        return float(self.pmf @ np.arange(len(self.pmf)))

    def over(self, periods: int) -> Floats:
        """The pmf of the sum over some periods."""
        total = np.ones(1)
        for _ in range(periods):
            total = np.convolve(total, self.pmf)
        return total

    def quantile(self, level: float, periods: int = 1) -> int:
        """The least number of units that covers a level of demand over some periods."""
        return int(np.searchsorted(np.cumsum(self.over(periods)), level - 1e-12))


def poisson(mean: float) -> Law:
    """Poisson demand."""
    from scipy.stats import poisson as law

    return Law(f"Poisson {mean:g}", _cut(law(mean)))


def geometric(mean: float) -> Law:
    """Geometric demand from 0 on, as in Zipkin (2008)."""
    from scipy.stats import geom

    return Law(f"geometric {mean:g}", _cut(geom(1 / (1 + mean), loc=-1)))


def negative_binomial(mean: float, variance: float) -> Law:
    """Negative binomial demand, variance > mean."""
    from scipy.stats import nbinom

    return Law(f"neg. binomial {mean:g}, variance {variance:g}", _cut(nbinom(mean**2 / (variance - mean), mean / variance)))


def _cut(law: object) -> Floats:
    pmf = np.asarray(law.pmf(np.arange(int(law.ppf(1 - _TAIL)) + 1)))  # type: ignore[attr-defined]
    return pmf / pmf.sum()


def rolled(law: Law, most: int, shortage: float) -> tuple[Floats, Floats]:
    """Of stock 0 .. most at opening: the chances [stock, stock] of each stock at close, and the expected cost [stock] (holding 1)."""
    units = np.arange(most + 1)
    left = units[:, None] - np.arange(len(law.pmf))
    chances = np.zeros((most + 1, most + 1))
    for row, stock in zip(chances, left, strict=True):
        np.add.at(row, np.maximum(stock, 0), law.pmf)
    cost = np.maximum(left, 0) @ law.pmf + shortage * (np.maximum(-left, 0) @ law.pmf)
    return chances, cost


@dataclass(frozen=True)
class Optimum:
    """The least average cost a period, and the orders that reach it.

    lead, shortage, order_cost   of the problem (holding 1)
    gaps    periods from one order day to the next, over and over
    orders  [order days of a round][stock with today's arrival, what comes tomorrow, ..] units to order
    """

    cost: float
    lead: int
    shortage: float
    order_cost: float
    gaps: tuple[int, ...]
    orders: tuple[Ints, ...]

    def on(self, demand: Floats, stock: float) -> Floats:
        """[nights, replications] what these orders cost on some demand [nights, replications], from a stock and nothing under way."""
        on_hand = np.full(demand.shape[1], stock)
        coming = np.zeros((self.lead + 1, demand.shape[1]))
        days = np.cumsum([0, *self.gaps])
        cost = np.empty_like(demand)
        for night, units in enumerate(demand):
            here = on_hand + coming[0]
            ordered, review = np.zeros_like(here), np.flatnonzero(days[:-1] == night % days[-1])
            if len(review):
                policy = self.orders[review[0]]
                state = [here, *coming[1 : self.lead]][: policy.ndim]
                ordered = policy[tuple(np.minimum(x, n - 1).astype(np.int64) for x, n in zip(state, policy.shape, strict=True))].astype(
                    float
                )
            coming[self.lead] += ordered
            if self.lead == 0:
                here = here + ordered
            on_hand = np.maximum(here - units, 0.0)
            coming = np.concatenate([coming[1:], np.zeros((1, len(units)))])
            cost[night] = on_hand + self.shortage * np.maximum(units - here, 0.0) + self.order_cost * (ordered > 0)
        return cost


def with_reviews(law: Law, gaps: Sequence[int], lead: int, shortage: float, order_cost: float = 0.0) -> Optimum:
    """An order every gaps[0], gaps[1], ... periods, each longer than the lead.

    One gap of 1, lead 0: base stock, or (s, S) with an order cost. No order is under way when one is placed, so stock is the state.
    """
    if min(gaps) <= lead:
        raise ValueError(f"an order every {min(gaps)} periods must come within {lead}")
    most = law.quantile(1 - 1e-6, max(gaps) + lead) + int(np.sqrt(2 * order_cost * law.mean)) + 1
    chances, cost = rolled(law, most, shortage)
    before, spent = _several(chances, cost, lead)
    after = [_several(chances, cost, gap - lead) for gap in gaps]
    # [stock at arrival, order]
    sums = np.minimum(np.arange(most + 1)[:, None] + np.arange(most + 1), most)
    paid = np.where(np.arange(most + 1) > 0, order_cost, 0.0)

    def improved(value: Floats) -> tuple[Floats, tuple[Ints, ...]]:
        orders: list[Ints] = []
        for power, cost_after in reversed(after):
            each = before @ (cost_after + power @ value)[sums] + paid
            orders.insert(0, each.argmin(axis=1))
            value = spent + each.min(axis=1)
        return value, tuple(orders)

    least, orders = _iterated(improved, np.zeros(most + 1))
    return Optimum(least / sum(gaps), lead, shortage, order_cost, tuple(gaps), orders)


def _several(chances: Floats, cost: Floats, periods: int) -> tuple[Floats, Floats]:
    """Chances and expected cost of some periods without arrivals."""
    power, total = np.eye(len(cost)), np.zeros(len(cost))
    for _ in range(periods):
        total = total + power @ cost
        power = power @ chances
    return power, total


def with_pipeline(law: Law, lead: int, shortage: float, order_cost: float = 0.0) -> Optimum:
    """An order every period that comes after ``lead`` >= 1 periods: the model of Zipkin (2008).

    The state is the stock with today's arrival, and the orders that come tomorrow, ...: as many axes as the lead.
    Without an order cost no order exceeds the newsvendor quantile of a period, nor stock and orders together that of lead + 1
    (Zipkin, Operations Research 56, 2008, section 3).
    """
    ratio = shortage / (shortage + 1)
    largest, most = law.quantile(ratio), law.quantile(ratio, lead + 1)
    if order_cost > 0:
        largest = int(np.sqrt(2 * order_cost * law.mean)) + law.quantile(1 - 1e-4)
        most = largest + law.quantile(1 - 1e-4, lead + 1)
    chances, cost = rolled(law, most, shortage)
    paid = np.where(np.arange(largest + 1) > 0, order_cost, 0.0)
    shape = (most + 1,) + (largest + 1,) * (lead - 1)

    def improved(value: Floats) -> tuple[Floats, tuple[Ints, ...]]:
        if lead == 1:
            each = chances @ value[np.minimum(np.arange(most + 1)[:, None] + np.arange(largest + 1), most)]
        else:
            arriving = [value[np.minimum(np.arange(most + 1) + z, most)].reshape(most + 1, -1) for z in range(largest + 1)]
            each = np.stack([(chances @ values).reshape(shape) for values in arriving], axis=1)
        each = each + paid
        return each.min(axis=-1) + cost.reshape(-1, *[1] * (lead - 1)), (each.argmin(axis=-1),)

    least, orders = _iterated(improved, np.zeros(shape))
    return Optimum(least, lead, shortage, order_cost, (1,), orders)


def _iterated(improved: Callable[[Floats], tuple[Floats, tuple[Ints, ...]]], value: Floats) -> tuple[float, tuple[Ints, ...]]:
    """Value iteration until least and largest change are close: the average cost a round, and the orders."""
    for _ in range(_LONGEST):
        new, orders = improved(value)
        change, value = new - value, new - new.flat[0]
        if np.ptp(change) <= _CLOSE * change.min():
            return float(change.min() + change.max()) / 2, orders
    raise ArithmeticError("value iteration did not converge")
