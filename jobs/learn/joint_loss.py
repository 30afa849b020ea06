"""What an order up to a level came to: realised cost of a line's window, and its derivatives by the moves that made the level.

With nothing on the shelf when an order arrives and D_t demanded from then to the close of period t of its window (c periods), a
level y costs what expected_cost.py charges on a path:

    f(y) = sum_t holding (min(y, Z_t) - D_t)^+ + shortage (D_c - min(y, Z_c))^+ + pace ((min(y, Z_c) - D_c)^+ - S)^+^2 + waste (y - Z)^+

Z: units of the order that can be sold in its life (Z_t = Z once that is over, before without end); S: the next base stock; pace:
holding / (2 rate), so that the square is holding of what exceeds S until it has sold at the mean rate: a fixed tail.

An order is whole multiples P of a stock that lies anywhere within one: the level reached from a stock u is u + k P. Between two of
these f is taken as linear, and the loss of a level L is the mean over stocks u in [0, P):

    F(L) = mean_u f_u(max(L, u)),    F'(L) = mean_u [u <= L] (f(y + P) - f(y)) / P,  y = u + P floor((L - u) / P)

L = m (1 + a) + exp(s) (Q - m), so dF/da = F'(L) m and dF/ds = F'(L) exp(s) (Q - m).
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
STOCKS = 4
#: Largest moves, either way: of the mean as a share of it, and of the logarithm of the scale.
MOST_SHIFT, MOST_SCALE = 0.6, 1.2
#: Density of a normal law at its mean, in standard deviations: how fast a quantile's slope turns at most.
_DENSITY = 0.4
#: Standard deviations from the mean at which a level still counts as moved by the scale.
_LEAST_REACH = 0.3
#: Halvings of the search for the least cost: to a 65,000th of the widest need.
_HALVINGS = 16


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

    def slope(self, level: Floats) -> Floats:
        """[n] derivative of the mean cost over the paths at levels [n], from the right."""
        at = level[:, None]
        rises = np.zeros_like(self.sellable)
        open_ = at < self.sellable
        for close, counts, spoilt in zip(self.cumulated, self.counts, self.spoilt, strict=True):
            rises += (self.holding * counts)[:, None] * ((close <= at) & (open_ | ~spoilt[:, None]))
        reached, last = self._at_end(at)
        moves = open_ | ~self.spoilt[-1][:, None]
        over = np.maximum(np.maximum(reached - last, 0.0) - self.next_stock[:, None], 0.0)
        rises += moves * (2 * self.pace[:, None] * over - self.shortage[:, None] * (last > at))
        result: Floats = (rises + self.waste[:, None] * ~open_).mean(axis=1)
        return result

    def _at_end(self, level: Floats) -> tuple[Floats, Floats]:
        """What counts of a level at the window's close, and demand until then."""
        spoilt = self.spoilt[-1][:, None]
        return np.where(spoilt, np.minimum(level, self.sellable), level), self.cumulated[-1]

    def best(self) -> Floats:
        """[n] the level of least mean cost over the paths: bisection on the slope, which only rises."""
        low, high = np.zeros(len(self)), self.cumulated[-1].max(axis=1, initial=0.0)
        nothing = self.slope(low) >= 0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            rising = self.slope(middle) >= 0
            low, high = np.where(rising, low, middle), np.where(rising, middle, high)
        return np.where(nothing, 0.0, high)


@dataclass(frozen=True)
class Lessons:
    """Lines whose windows are over.

    windows   what happened, on its one path
    mean, spread, level  [n] of the window's demand as it was forecast: mean, deviation, and the level Q that it led to
    multiple  [n] units
    price     [n] last night's price of a scarce unit, held fixed; 0: nothing was scarce
    weight    [n] how much a line counts
    """

    windows: Windows
    mean: Floats
    spread: Floats
    level: Floats
    multiple: Floats
    price: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.mean)

    def take(self, rows: Ints | Bools) -> Lessons:
        """Some of the lines."""
        own = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "windows"}
        return replace(self, windows=self.windows.take(rows), **own)

    def moved(self, moves: Floats) -> Floats:
        """[n] the level that moves [n, 2] of the distribution lead to."""
        level: Floats = self.mean * (1 + moves[:, 0]) + np.exp(moves[:, 1]) * (self.level - self.mean)
        return level

    def loss(self, moves: Floats) -> Floats:
        """[n] cost F of the level, with what it takes of a scarce thing."""
        level, cost = self.moved(moves), np.zeros(len(self))
        for at, _ in self._stocks(level):
            share = (np.maximum(level, at) - at) / self.multiple
            ends = self.windows.cost(np.column_stack([at, at + self.multiple]))
            cost += ends[:, 0] + share * (ends[:, 1] - ends[:, 0])
        return cost / STOCKS + self.price * np.maximum(level, 0.0)

    def gradients(self, moves: Floats) -> tuple[Floats, Floats]:
        """Of the loss by the moves [n, 2], and what bounds their second derivatives, above 0 [n, 2].

        F' turns by (shortage + c holding) x the density of demand in its window. That of a normal law at its mean bounds it, with the
        spread of a stock within a multiple added; twice that on the diagonal bounds a matrix of two rows.
        """
        level, slope = self.moved(moves), np.zeros(len(self))
        for at, free in self._stocks(level):
            ends = self.windows.cost(np.column_stack([at, at + self.multiple]))
            slope += free * (ends[:, 1] - ends[:, 0]) / self.multiple
        slope = slope / STOCKS + self.price * (level > 0)
        reach = np.exp(moves[:, 1]) * (self.level - self.mean)
        windows = self.windows
        turn = windows.shortage + windows.holding * windows.counts.sum(axis=0) + windows.waste * np.isfinite(windows.sellable[:, 0])
        turn = 2 * _DENSITY * turn / np.sqrt(self.spread**2 + self.multiple**2 / 6)
        by = np.column_stack([self.mean, reach])
        far = np.column_stack([self.mean, np.maximum(np.abs(reach), _LEAST_REACH * self.spread)])
        return slope[:, None] * by * self.weight[:, None], turn[:, None] * far**2 * self.weight[:, None]

    def _stocks(self, level: Floats) -> list[tuple[Floats, Bools]]:
        """The last level that can be reached below ``level`` [n] from each stock within a multiple, and whether anything is ordered."""
        found = []
        for number in range(STOCKS):
            stock = (number + 0.5) / STOCKS * self.multiple
            orders = np.floor((level - stock) / self.multiple)
            found.append((stock + self.multiple * np.maximum(orders, 0.0), orders >= 0))
        return found


def within(moves: Floats) -> Floats:
    """Moves [n, 2] no larger than allowed."""
    limit = np.array([MOST_SHIFT, MOST_SCALE])
    bounded: Floats = np.clip(moves, -limit, limit)
    return bounded
