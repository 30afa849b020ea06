"""What is where on a simulated night: stock by the days it may still be sold, and what is under way. All in ten-thousandths."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

#: Goods that never spoil, as days of shelf life.
FOR_EVER = 0


@dataclass(frozen=True)
class Transit:
    """Order lines under way; every array has one entry a line.

    pair, source        number of where it goes, and of where it comes from (-1: without a stock record)
    units               ten-thousandths
    ordered, arrives    night as an ordinal; it is on the shelf before opening of ``arrives``
    origin              number of the location where it comes from
    """

    pair: Ints
    source: Ints
    units: Ints
    ordered: Ints
    arrives: Ints
    origin: Ints

    def __len__(self) -> int:
        return len(self.pair)

    def take(self, chosen: np.ndarray) -> Transit:
        """Some of the lines."""
        return Transit(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def with_lines(self, more: Transit) -> Transit:
        """These lines and others."""
        return Transit(*(np.concatenate([getattr(self, each.name), getattr(more, each.name)]) for each in fields(self)))

    @staticmethod
    def none() -> Transit:
        """Nothing under way."""
        return Transit(*(np.zeros(0, np.int64) for _ in fields(Transit)))


@dataclass(frozen=True)
class Moves:
    """What a night moved, by pair [pairs], in ten-thousandths: opening + received - shipped - sold - wasted = closing."""

    opening: Ints
    received: Ints
    shipped: Ints
    sold: Ints
    wasted: Ints
    closing: Ints
    ordered: Ints


@dataclass(frozen=True)
class State:
    """Stock and transit before a night's orders.

    stock    [pairs, lives + 1] units by the days they may still be sold, tonight's included; in column 0 for ever
    life     [pairs] days a unit may be sold from its arrival; FOR_EVER: it keeps
    """

    stock: Ints
    life: Ints
    transit: Transit

    @property
    def on_hand(self) -> Ints:
        """Units of each pair [pairs]."""
        units: Ints = self.stock.sum(axis=1)
        return units

    def in_transit(self) -> Ints:
        """Units under way to each pair [pairs]."""
        units = np.zeros(len(self.stock), np.int64)
        np.add.at(units, self.transit.pair, self.transit.units)
        return units


def opening(on_hand: Ints, life: Ints, age: Ints, transit: Transit) -> State:
    """The state in which a simulation begins: units on hand as old as ``age`` says (days since they came), by pair."""
    stock = np.zeros((len(on_hand), int(life.max(initial=0)) + 1), np.int64)
    left = np.where(life == FOR_EVER, FOR_EVER, np.maximum(life - age, 1))
    stock[np.arange(len(on_hand)), left] = on_hand
    return State(stock, life, transit)


def pass_night(state: State, orders: Transit, wanted: Ints, tonight: int) -> tuple[State, Moves]:
    """Place a night's orders, let arrive what is due, sell, throw away what is past its last day.

    orders   lines ordered tonight; what has a source with a record leaves its stock at once, oldest first
    wanted   [pairs] units that customers want

    Raises ValueError where a source is asked for more than it has.
    """
    before = state.on_hand
    shipped, ordered = np.zeros(len(before), np.int64), np.zeros(len(before), np.int64)
    inside = orders.source >= 0
    np.add.at(shipped, orders.source[inside], orders.units[inside])
    np.add.at(ordered, orders.pair, orders.units)
    if (shipped > before).any():
        raise ValueError(f"orders take more than their source has at {int((shipped > before).sum())} places")
    stock = _taken(state.stock, shipped)
    every = state.transit.with_lines(orders)
    due = every.arrives <= tonight
    received = np.zeros(len(before), np.int64)
    np.add.at(received, every.pair[due], every.units[due])
    stock[np.arange(len(before)), state.life] += received
    sold = np.minimum(stock.sum(axis=1), wanted)
    stock, wasted = _aged(_taken(stock, sold))
    after = State(stock, state.life, every.take(~due))
    return after, Moves(before, received, shipped, sold, wasted, stock.sum(axis=1), ordered)


def _taken(stock: Ints, units: Ints) -> Ints:
    """Stock after so many units of each pair were taken, those first that must be sold first; a copy."""
    order = np.r_[1 : stock.shape[1], 0]
    total = np.maximum(stock[:, order].cumsum(axis=1) - units[:, None], 0)
    left = np.empty_like(stock)
    left[:, order] = np.diff(total, axis=1, prepend=0)
    return left


def _aged(stock: Ints) -> tuple[Ints, Ints]:
    """Stock a day later, and what of it is past its last day [pairs]."""
    if stock.shape[1] == 1:
        return stock, np.zeros(len(stock), np.int64)
    aged = np.zeros_like(stock)
    aged[:, 0] = stock[:, 0]
    aged[:, 1:-1] = stock[:, 2:]
    return aged, stock[:, 1].copy()
