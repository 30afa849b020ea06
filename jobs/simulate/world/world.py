"""A world: its network and law, and how it goes from one night to the next."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.simulate.goods import Goods, Stock, Transit, pass_night
from jobs.simulate.world import demand, hidden, law, network, ordering, selling, supply
from jobs.simulate.world.state import Night, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.simulate.world.config import WorldConfig
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.network import Rows, Texts

CHANNELS = {"store": ("store", "pickup"), "online": ("online", "marketplace")}


class World:
    """Fixed, the same for every policy; ``State`` holds what changes."""

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self.network = network.build(config)
        self.law = law.of(config, self.network)
        self.randomness = hidden.of(config, self.network)
        self.usual = ordering.of(config, self.network)

    @property
    def rows(self) -> Rows:
        """What holds stock."""
        return self.network.rows

    @property
    def lines(self) -> int:
        """Rows that sell: the first ones."""
        return self.network.lines

    @cached_property
    def channel_names(self) -> Texts:
        """[lines, 2] names of channels; "" where a line has no second one."""
        kinds = self.network.places.kind[self.rows.location[: self.lines]]
        names = np.array([CHANNELS[kind] for kind in kinds], dtype=np.str_).reshape(-1, 2)
        names[self.network.share == 0, 1] = ""
        return names

    def row_of(self, item_ids: Sequence[str], location_ids: Sequence[str]) -> Ints:
        """[n] row of each pair of ids; -1: there is none."""
        return np.array([self._row_numbers.get(pair, -1) for pair in zip(item_ids, location_ids, strict=True)], np.int64)

    def orders_of(self, table: pa.Table) -> Ints:
        """[rows] units of a table with item_id, location_id and units (such as gold/orders), rounded half up to whole units.

        Raises ValueError for a pair that the world does not have.
        """
        row = self.row_of(table["item_id"].to_pylist(), table["location_id"].to_pylist())
        if (row < 0).any():
            where = int(np.flatnonzero(row < 0)[0])
            raise ValueError(f"the world has no item {table['item_id'][where]} at {table['location_id'][where]}")
        units = np.floor(table["units"].cast(pa.float64()).to_numpy() + 0.5)
        return np.bincount(row, units, len(self.rows)).astype(np.int64)

    @cached_property
    def _newest_first(self) -> NDArray[np.bool_]:
        """[rows] whether shoppers take the newest units."""
        stores: NDArray[np.bool_] = self.network.places.kind[self.rows.location] == "store"
        return stores & (self.config.supply.issuing == "lifo")

    @cached_property
    def _row_numbers(self) -> dict[tuple[str, str], int]:
        return {pair: k for k, pair in enumerate(zip(self.rows.item_id.tolist(), self.rows.location_id.tolist(), strict=True))}

    def start(self) -> State:
        """Before opening on the first day: full shelves, nothing under way."""
        day, rate = self.config.span.first, self.rows.level.copy()
        shelf = Stock.of(self.usual.base_stock(rate), self.rows.life, age=0)
        latest = np.zeros(len(self.network.lanes.source), np.int64)
        return State(day, Goods(shelf, Transit.none()), self.randomness.start(day.toordinal()), latest, rate)

    def usual_orders(self, state: State) -> Ints:
        """[rows] units that the world orders for itself (docs/world.md, Usual orders)."""
        return self.usual.orders(state)

    def advance(self, state: State, orders: Ints, *, fenced: bool = False) -> tuple[State, Night]:
        """A night on: orders [rows] of ``state.day`` are placed before opening. Returns the next morning's state and what happened.

        fenced  whether each channel sells from a part of the stock of its own

        Raises ValueError where orders are negative or of another length.
        """
        if orders.shape != (len(self.rows),) or (orders < 0).any():
            raise ValueError(f"orders must be {len(self.rows)} numbers of at least 0")
        day, centres = state.day.toordinal(), len(self.rows) - self.lines
        state_of_demand = self.randomness.step(state.hidden, hidden.Keyed(day))
        wanted = demand.draw(self.law, self.randomness, state_of_demand, day)
        promised, comes, latest = supply.arrivals(self.network.lanes, self.law.calendar, state.latest, day)
        placed, sold, in_stock = Transit.none(), wanted.units, np.zeros(0)

        def place(on_hand: Ints) -> tuple[Transit, Ints]:
            nonlocal placed
            accepted = supply.accept(self.config, self.network, orders.astype(np.int64), on_hand, day)
            row = np.flatnonzero(accepted)
            lane = self.rows.lane[row]
            placed = Transit(row, self.rows.source[row], accepted[row], np.full(len(row), day), promised[lane], comes[lane])
            return placed, self._shipped(accepted)

        def sell(on_hand: Ints) -> Ints:
            nonlocal sold, in_stock
            stock, key = on_hand[: self.lines], self.randomness.demand_key
            if fenced:
                sold, in_stock = selling.sell_fenced(wanted.units, stock, self.network.share, key, day)
            else:
                sold, in_stock = selling.sell(wanted.units, stock, key, day)
            return np.concatenate([sold.sum(axis=1), np.zeros(centres, np.int64)])

        goods, moves, came = pass_night(state.goods, day, place, sell, self._newest_first)
        in_stock[wanted.mean.sum(axis=1) == 0] = np.nan
        rate = self.usual.rate(state.rate, moves.sold, in_stock)
        night = Night(state.day, moves, orders, wanted.units, sold, in_stock, placed, came, wanted)
        return State(state.day + timedelta(days=1), goods, state_of_demand, latest, rate), night

    def foresight(self, state: State, horizon: int) -> Ints:
        """[lines, 2, horizon] the demand that will be drawn from ``state.day`` on, whatever is ordered."""
        return demand.foresight(self.law, self.randomness, state.hidden, state.day.toordinal(), horizon)

    def mean_ahead(self, state: State, horizon: int) -> Floats:
        """[lines, 2, horizon] its mean, given the hidden state, prices, events and weather ahead."""
        return demand.mean_ahead(self.law, self.randomness, state.hidden, state.day.toordinal(), horizon)

    def paths(self, state: State, horizon: int, count: int, seed: int) -> NDArray[np.int32]:
        """[lines, horizon, count] demand of both channels drawn anew from the law, given the same. A pure function of its arguments."""
        day = state.day.toordinal()
        generator = np.random.Generator(np.random.Philox(key=[seed, (self.config.seed << 32) | day]))
        return demand.paths(self.law, self.randomness, state.hidden, day, horizon, generator, count)

    def _shipped(self, accepted: Ints) -> Ints:
        """[rows] units that leave centres for others."""
        fed = np.flatnonzero((self.rows.supplied_by >= 0) & (accepted > 0))
        return np.bincount(self.rows.supplied_by[fed], accepted[fed], len(accepted)).astype(np.int64)
