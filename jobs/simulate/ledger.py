"""The books of a simulation: what every night moved and cost, by pair, and what that comes to."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.plan.lanes import LANE
from jobs.plan.pools import SCALE

if TYPE_CHECKING:
    from jobs.simulate.goods import Moves
    from jobs.simulate.ground import Where
    from jobs.simulate.places import Rates

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: What is charged, in the order in which it is shown.
COMPONENTS = ("holding", "shortage", "presentation", "waste", "orders", "end")
#: Units of a night, in ten-thousandths, and money.
_UNITS = ("opening", "received", "shipped", "sold", "wasted", "closing", "ordered", "wanted")
_MONEY = ("holding", "shortage", "presentation", "waste", "orders", "value")
#: An item that hardly sells still sells in the end: units that leftovers go at, at least, over a whole span.
_SLOWEST = 0.5


@dataclass
class Ledger:
    """Arrays [nights, pairs]: units in ten-thousandths, money in currency (``value``: of the closing stock), ``open``: could sell."""

    nights: int
    pairs: int
    units: dict[str, Ints] = field(default_factory=dict)
    money: dict[str, Floats] = field(default_factory=dict)
    open: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))

    def __post_init__(self) -> None:
        shape = self.nights, self.pairs
        self.units = self.units or {name: np.zeros(shape, np.int64) for name in _UNITS}
        self.money = self.money or {name: np.zeros(shape) for name in _MONEY}
        self.open = self.open if self.open.size else np.zeros(shape, bool)

    def enter(self, night: int, moves: Moves, wanted: Ints, open_: np.ndarray, rates: Rates, of_orders: Floats) -> None:
        """Write a night down."""
        for each in fields(moves):
            self.units[each.name][night] = getattr(moves, each.name)
        self.units["wanted"][night], self.open[night] = wanted, open_
        closing, lost = moves.closing / SCALE, (wanted - moves.sold) / SCALE
        below = np.where(open_, np.maximum(rates.presentation - closing, 0.0), 0.0)
        amounts = (rates.holding * closing, rates.shortage * lost, rates.shortage * below, rates.waste * moves.wasted / SCALE)
        for name, amount in zip(_MONEY, (*amounts, of_orders, rates.buying * closing), strict=True):
            self.money[name][night] = amount

    def imbalance(self, before: Where, after: Where) -> int:
        """Ten-thousandths by which the books do not balance, over all nights and pairs: 0.

        opening + received - shipped - sold - wasted = closing, which opens the next night;
        under way before + ordered = received + under way after.
        """
        u = self.units
        nightly = u["opening"] + u["received"] - u["shipped"] - u["sold"] - u["wasted"] - u["closing"]
        overnight = u["opening"] - np.vstack([before.on_hand[None, :], u["closing"][:-1]])
        ordered = before.in_transit + u["ordered"].sum(axis=0) - u["received"].sum(axis=0) - after.in_transit
        return int(np.abs(nightly).sum() + np.abs(overnight).sum() + np.abs(ordered).sum())


def of_orders(lines: pl.DataFrame, pair: Ints, terms: pl.DataFrame, pairs: int) -> Floats:
    """[pairs] what orders cost beside their lines: order_cost and whole trucks, borne by their lines by worth.

    lines  source_id, location_id, worth, volume: a row a line ordered;  pair  [lines] where it goes;  terms  lanes.order_terms
    """
    total = np.zeros(pairs)
    rows = lines.with_row_index("row").join(terms, on=LANE)
    if rows.is_empty():
        return total
    trucks = (pl.col("volume").sum().over(LANE) / pl.col("truck_volume") - 1e-9).ceil() * pl.col("truck_cost")
    trucks = pl.when((pl.col("truck_volume") > 0) & (pl.col("truck_cost") > 0)).then(trucks).otherwise(0.0)
    worth = pl.col("worth").sum().over(LANE)
    share = pl.when(worth > 0).then(pl.col("worth") / worth).otherwise(1 / pl.len().over(LANE))
    borne = rows.select("row", money=(pl.col("order_cost") + trucks) * share)
    np.add.at(total, pair[borne["row"].to_numpy()], borne["money"].to_numpy())
    return total


def until_sold(left: Floats, pace: Floats, life: Ints, rates: Rates) -> Floats:
    """[pairs] what units left at the end of a span cost until they have sold at an even pace, as the plan's f has it.

    left  units there and under way;  pace  units a night;  life  nights they may be sold, 0: they keep

        holding * left^2 / (2 pace); of what spoils only what sells in time, the rest at waste_cost
    """
    time = left / pace
    spoils = (life > 0) & (time > life)
    kept = rates.holding * left * time / 2
    held = rates.holding * (left * life - pace * life**2 / 2) + rates.waste * (left - pace * life)
    return np.where(spoils, held, kept)


def paces(wanted: Ints, source: Ints) -> Floats:
    """[pairs] units a night at which leftovers go: of what is wanted there, and at the places that a pair supplies.

    wanted  [nights, pairs];  source  [pairs] pair that each is supplied from, -1: none
    """
    nights = max(len(wanted), 1)
    own = wanted.sum(axis=0) / SCALE / nights
    total, at = own.copy(), np.arange(len(own))
    for _ in range(8):  # no chain of places is longer; a circle ends here
        up = np.where(at >= 0, source[at], -1)
        if not (up >= 0).any():
            break
        np.add.at(total, up[up >= 0], own[up >= 0])
        at = up
    pace: Floats = np.maximum(total, _SLOWEST / nights)
    return pace
