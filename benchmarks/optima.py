"""Optimal average costs of single-item inventory with lost sales, by value iteration on a whole number of units.

A period opens with what arrives, then meets demand; holding counts at its close, shortage by the unit lost. An order placed in period t
is there in period t + lead. The dynamic programs are those of the papers that benchmarks/closed_loop.py cites; bounds on average cost
by Odoni (Operations Research 17, 1969): least and largest change of an iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def with_reviews(law: Law, gaps: Sequence[int], lead: int, shortage: float, order_cost: float = 0.0, most: int | None = None) -> float:
    """Least average cost a period with an order every gaps[0], gaps[1], ... periods (over and over), each longer than the lead.

    One gap of 1, lead 0: base stock, or (s, S) with an order cost. No order is under way when one is placed, so stock is the state.
    """
    if min(gaps) <= lead:
        raise ValueError(f"an order every {min(gaps)} periods must come within {lead}")
    longest = max(gaps) + lead
    most = most or law.quantile(1 - 1e-6, longest) + int(np.sqrt(2 * order_cost * law.mean)) + 1
    chances, cost = rolled(law, most, shortage)
    before, spent = _several(chances, cost, lead)
    value, change = np.zeros(most + 1), np.zeros(most + 1)
    after = [_several(chances, cost, gap - lead) for gap in gaps]
    for _ in range(_LONGEST):
        new = value
        for power, paid in reversed(after):
            stocked = paid + power @ new
            # after[y] of stock y at arrival and an order q: [y, q]
            sums = np.minimum(np.arange(most + 1)[:, None] + np.arange(most + 1), most)
            each = before @ stocked[sums]
            each[:, 1:] += order_cost
            new = spent + each.min(axis=1)
        change, value = new - value, new - new[0]
        if np.ptp(change) <= _CLOSE * change.min():
            return float(change.min() + change.max()) / 2 / sum(gaps)
    raise ArithmeticError("value iteration did not converge")


def _several(chances: Floats, cost: Floats, periods: int) -> tuple[Floats, Floats]:
    """Chances and expected cost of some periods without arrivals."""
    power, total = np.eye(len(cost)), np.zeros(len(cost))
    for _ in range(periods):
        total = total + power @ cost
        power = power @ chances
    return power, total


def with_pipeline(law: Law, lead: int, shortage: float, order_cost: float = 0.0) -> float:
    """Least average cost a period with an order every period that comes after ``lead`` >= 1 periods: the model of Zipkin (2008).

    The state is the stock with today's arrival, and the orders that come tomorrow, ...: [stock, order, ..., order], the lead in all.
    Without an order cost no order exceeds the newsvendor quantile of a period, nor stock and orders together that of lead + 1
    (Zipkin, Operations Research 56, 2008, section 3).
    """
    ratio = shortage / (shortage + 1)
    largest, most = law.quantile(ratio), law.quantile(ratio, lead + 1)
    if order_cost > 0:
        largest = int(np.sqrt(2 * order_cost * law.mean)) + law.quantile(1 - 1e-4)
        most = largest + law.quantile(1 - 1e-4, lead + 1)
    chances, cost = rolled(law, most, shortage)
    shape = (most + 1,) + (largest + 1,) * (lead - 1)
    paid = np.where(np.arange(largest + 1) > 0, order_cost, 0.0)
    value = np.zeros(shape)
    for _ in range(_LONGEST):
        new = np.stack([_next(chances, value, z, largest, lead, paid) for z in range(largest + 1)], axis=1) if lead > 1 else None
        new = _next_of_one(chances, value, largest, paid) if new is None else new
        new = new + cost.reshape(-1, *[1] * (lead - 1))
        change, value = new - value, new - new.flat[0]
        if np.ptp(change) <= _CLOSE * change.min():
            return float(change.min() + change.max()) / 2
    raise ArithmeticError("value iteration did not converge")


def _next(chances: Floats, value: Floats, arriving: int, largest: int, lead: int, paid: Floats) -> Floats:
    """[stock, later orders ...] the least expected value tomorrow where ``arriving`` comes then; the last axis of ``value`` is the order."""
    most = len(chances) - 1
    shifted = value[np.minimum(np.arange(most + 1) + arriving, most)].reshape(most + 1, -1)
    expected = (chances @ shifted).reshape((most + 1,) + (largest + 1,) * (lead - 1))
    return np.asarray((expected + paid).min(axis=-1))


def _next_of_one(chances: Floats, value: Floats, largest: int, paid: Floats) -> Floats:
    """[stock] the same with a lead of one period: tonight's order is what comes tomorrow."""
    most = len(chances) - 1
    sums = np.minimum(np.arange(most + 1)[:, None] + np.arange(largest + 1), most)
    return np.asarray((chances @ value[sums] + paid).min(axis=1))
