"""What an order up to a level came to: realised cost of a line's window, and its derivatives by the moves that made the level.

With nothing on the shelf when an order arrives and D_t demanded from then to the close of period t of its window (c periods), a
level y costs what expected_cost.py charges on a path:

    f(y) = sum_t holding (min(y, Z_t) - D_t)^+ + shortage (D_c - min(y, Z_c))^+ + pace ((min(y, Z_c) - D_c)^+ - S)^+^2 + waste (y - Z)^+

Z: units of the order that can be sold in its life (Z_t = Z once that is over, before without end); S: the next base stock; pace:
holding / (2 rate), so that the square is holding of what exceeds S until it has sold at the mean rate: a fixed tail.

An order is whole multiples P. Of those in reach the plan takes the level of least expected cost, so it orders up to somewhere in
[L, L + P), L being where a multiple more begins not to pay: E f(L + P) = E f(L) under the forecast distribution. Where in it depends on
the stock, which lies anywhere within a multiple. The mean over that makes the order linear between multiples, and the loss smooth:

    F(L) = 1/P integral of f over [L, L + P],    F'(L) = (f(L + P) - f(L)) / P

A distribution moved by a and s leads to L(a, s) = m a + G(s): G is found from its paths, at SCALES and linear between them. Without
multiples and with linear costs L is the critical ratio's quantile Q, G(s) = m + exp(s) (Q - m), and F' that of the pinball loss.
dF/da = F'(L) m and dF/ds = F'(L) G'(s).

What happens once in hundreds of windows and costs a hundred times as much is in few lessons, or in none. So what was expected, E F under
the forecast distribution, counts as some lines beside those that happened: ``prior``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from jobs.plan.night import Floats, Ints

Bools = npt.NDArray[np.bool_]

#: Stocks within a multiple over which the loss is averaged.
STOCKS = 8
#: Largest moves, either way: of the mean as a share of it, and of the logarithm of the scale.
MOST_SHIFT, MOST_SCALE = 0.6, 1.2
#: Logarithms of the scale at which the level is found.
SCALES: npt.NDArray[np.float64] = np.linspace(-MOST_SCALE, MOST_SCALE, 7)
#: Levels, in deviations of demand and of a stock within a multiple from the unmoved one, at which the slope that was expected is kept.
NODES: npt.NDArray[np.float64] = np.linspace(-4.0, 4.0, 9)
#: Standard deviations of demand, either way, over which the slope's turning is measured; the least part of its bound that is believed:
#: the density of a normal law at its mean, in standard deviations.
_NEAR, _LEAST_TURN, _DENSITY = 0.5, 0.02, 0.4
#: Standard deviations from the mean at which a level still counts as moved by the scale.
_LEAST_REACH = 0.3
#: Halvings of the search for the least cost: to a 16,000th of the widest need.
_HALVINGS = 14


@dataclass(frozen=True)
class Windows:
    """Windows of lines: what they cost and what was demanded, on one path or on several.

    holding, shortage, waste  [n] currency a unit (holding: and period);  pace: of the square of what exceeds the next base stock
    next_stock  [n] units up to which the next order fills the shelf
    cumulated   [periods, n, paths] demand from the order's arrival to each close;  counts: [periods, n] whether it is of the window
    spoilt      [periods, n] whether the order's life is over at that close;  sellable: [n, paths] units sold in its life (inf: it keeps)
    """

    holding: Floats
    shortage: Floats
    waste: Floats
    pace: Floats
    next_stock: Floats
    cumulated: Floats
    counts: Bools
    spoilt: Bools
    sellable: Floats

    def __len__(self) -> int:
        return len(self.holding)

    def take(self, rows: Ints | Bools) -> Windows:
        """Some of the lines."""
        late = ("cumulated", "counts", "spoilt")
        return Windows(**{f.name: getattr(self, f.name)[:, rows] if f.name in late else getattr(self, f.name)[rows] for f in fields(self)})

    def cost(self, level: Floats) -> Floats:
        """[n, k] what levels [n, k] cost; k is the number of paths, or 1 of them is taken for every level."""
        total = np.zeros(np.broadcast_shapes(level.shape, self.sellable.shape))
        for close, counts, spoilt in zip(self.cumulated, self.counts, self.spoilt, strict=True):
            reached = np.where(spoilt[:, None], np.minimum(level, self.sellable), level)
            total += (self.holding * counts)[:, None] * np.maximum(reached - close, 0.0)
        reached, last = self._at_end(level)
        over = np.maximum(np.maximum(reached - last, 0.0) - self.next_stock[:, None], 0.0)
        total += self.shortage[:, None] * np.maximum(last - reached, 0.0) + self.pace[:, None] * over**2
        cost: Floats = total + self.waste[:, None] * np.maximum(level - self.sellable, 0.0)
        return cost

    def slope(self, level: Floats, multiple: Floats) -> Floats:
        """[n] F' of levels [n]: the mean over the paths of what a multiple [n] more costs, a unit."""
        ends = [self.cost(np.maximum(each, 0.0)[:, None]).mean(axis=1) for each in (level, level + multiple)]
        slope: Floats = (ends[1] - ends[0]) / multiple
        return slope

    def turn(self, level: Floats, multiple: Floats) -> Floats:
        """[n] F'' near levels [n], above 0."""
        whole = self.cumulated[-1]
        spread = np.sqrt(whole.var(axis=1) + multiple**2 / 12)
        near = _NEAR * np.maximum(spread, 1e-9)
        measured = (self.slope(level + near, multiple) - self.slope(level - near, multiple)) / (2 * near)
        bound = _DENSITY * (self.shortage + self.holding * self.counts.sum(axis=0)) / np.maximum(spread, 1e-9)
        turn: Floats = np.maximum(measured, np.maximum(_LEAST_TURN * bound, 1e-12))
        return turn

    def _at_end(self, level: Floats) -> tuple[Floats, Floats]:
        """What counts of a level at the window's close, and demand until then."""
        spoilt = self.spoilt[-1][:, None]
        return np.where(spoilt, np.minimum(level, self.sellable), level), self.cumulated[-1]

    def indifferent(self, multiple: Floats) -> Floats:
        """[n] the level at which one multiple [n] more begins not to pay: bisection, since the mean cost over the paths is convex."""
        low, high = -multiple, self.cumulated[-1].max(axis=1, initial=0.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            rises = self.cost(middle[:, None] + multiple[:, None]).mean(axis=1) >= self.cost(middle[:, None]).mean(axis=1)
            low, high = np.where(rises, low, middle), np.where(rises, middle, high)
        level: Floats = high
        return level


@dataclass(frozen=True)
class Lessons:
    """Lines whose windows are over.

    windows   what happened, on its one path
    mean, spread  [n] of the window's demand as it was forecast
    levels    [n, SCALES] the level L that the forecast leads to when its scale is moved
    turn      [n] second derivative of the loss that was expected, near that of the unmoved scale; above 0
    slopes    [n, NODES] derivative of the loss that was expected, at levels NODES x unit from the unmoved one;  unit: [n]
    prior     [n] how much what was expected counts beside what happened
    multiple  [n] units
    price     [n] last night's price of a scarce unit, held fixed; 0: nothing was scarce
    weight    [n] how much a line counts
    """

    windows: Windows
    mean: Floats
    spread: Floats
    levels: Floats
    turn: Floats
    slopes: Floats
    unit: Floats
    prior: Floats
    multiple: Floats
    price: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.mean)

    def take(self, rows: Ints | Bools) -> Lessons:
        """Some of the lines."""
        own = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "windows"}
        return replace(self, windows=self.windows.take(rows), **own)

    def moved(self, moves: Floats) -> tuple[Floats, Floats]:
        """[n] the level that moves [n, 2] of the distribution lead to, and its derivative by the second one."""
        last = len(SCALES) - 2
        left = np.clip(np.searchsorted(SCALES, moves[:, 1], side="right") - 1, 0, last)
        row, step = np.arange(len(self)), SCALES[1] - SCALES[0]
        low = self.levels[row, left]
        reach = (self.levels[row, left + 1] - low) / step
        return self.mean * moves[:, 0] + low + reach * (moves[:, 1] - SCALES[left]), reach

    def loss(self, moves: Floats, stocks: int = STOCKS) -> Floats:
        """[n] cost F of the level, the integral by so many points, with what it takes of a scarce thing."""
        level, _ = self.moved(moves)
        points = level[:, None] + self.multiple[:, None] * (np.arange(stocks) + 0.5) / stocks
        cost: Floats = self.windows.cost(np.maximum(points, 0.0)).mean(axis=1) + self.price * level + self.prior * self.expected(level)[0]
        return cost

    def expected(self, level: Floats) -> tuple[Floats, Floats]:
        """[n] what a level was expected to cost beyond the unmoved one, and its slope: linear between NODES, beyond them as at the last."""
        away = (level - self.levels[:, len(SCALES) // 2]) / self.unit
        step, row = NODES[1] - NODES[0], np.arange(len(self))
        inside = np.clip(away, NODES[0], NODES[-1])
        left = np.clip(np.searchsorted(NODES, inside, side="right") - 1, 0, len(NODES) - 2)
        low, high = self.slopes[row, left], self.slopes[row, left + 1]
        slope = low + (high - low) * (inside - NODES[left]) / step
        sums = np.concatenate([np.zeros((len(self), 1)), ((self.slopes[:, 1:] + self.slopes[:, :-1]) / 2 * step).cumsum(axis=1)], axis=1)
        area = sums[row, left] - sums[row, len(NODES) // 2] + (inside - NODES[left]) * (low + slope) / 2 + (away - inside) * slope
        return self.unit * area, slope

    def gradients(self, moves: Floats) -> tuple[Floats, Floats]:
        """Of the loss by the moves [n, 2], and what stands for their second derivatives, above 0 [n, 2].

        The second derivative of what happened is 0 nearly everywhere, so that of what was expected is taken (as Fisher scoring does);
        twice that on the diagonal bounds a matrix of two rows.
        """
        level, reach = self.moved(moves)
        slope = self.windows.slope(level, self.multiple) + self.price + self.prior * self.expected(level)[1]
        by = np.column_stack([self.mean, reach])
        far = np.column_stack([self.mean, np.maximum(np.abs(reach), _LEAST_REACH * self.spread)])
        return slope[:, None] * by * self.weight[:, None], 2 * self.turn[:, None] * far**2 * self.weight[:, None]


def within(moves: Floats) -> Floats:
    """Moves [n, 2] no larger than allowed."""
    limit = np.array([MOST_SHIFT, MOST_SCALE])
    bounded: Floats = np.clip(moves, -limit, limit)
    return bounded
