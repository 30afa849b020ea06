"""What the retailer delivers: the world as feeds of the landing contract, as Arrow tables with the contract's columns and types."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.simulate.world import draws, prices, weather
from jobs.simulate.world.columns import EPOCH, days_of, ids, region_name, table

if TYPE_CHECKING:
    from jobs.simulate.goods import Transit
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.state import Night, State
    from jobs.simulate.world.world import World


class Feeds:
    """The feeds of a world. A drop of business date D brings what happened until D - 1 and what is known ahead on D."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._item_ids = pa.array(world.rows.item_id.tolist(), pa.string())
        self._location_ids = pa.array(world.rows.location_id.tolist(), pa.string())
        self._source_ids = pa.array(world.rows.source_id.tolist(), pa.string())

    @cached_property
    def _channels(self) -> list[pa.Array]:
        return [pa.array(names.tolist(), pa.string()) for names in self.world.channel_names.T]

    def drop(self, state: State, night: Night) -> dict[str, pa.Table]:
        """The drop of ``state.day``, the morning after ``night``: what is new since the drop before."""
        day, ahead = state.day.toordinal(), self.world.config.files.ahead_days
        return {
            **self.happened(night),
            "inventory": self.inventory(state),
            "open_orders": self.open_orders(state),
            "prices": self.prices(day + ahead - 1, day + ahead),
            "signals": self.signals(day - 1, day),
        }

    def happened(self, night: Night) -> dict[str, pa.Table]:
        """Sales, availability and receipts of a day. Like a till, sales have no rows of zero; a closed day has no availability."""
        day = night.day.toordinal()
        price = prices.of(self.world.config, self.world.network.items, day).price[self.world.rows.item[: self.world.lines]]
        sales = []
        for channel, names in enumerate(self._channels):
            row = np.flatnonzero(night.sold[:, channel])
            units = night.sold[row, channel]
            sales.append(
                self._of_rows("sales", row, channel=names.take(row), sold_at=days_of(day, len(row)), units=units, unit_price=price[row])
            )
        seen, came = np.flatnonzero(~np.isnan(night.in_stock)), night.receipts
        share = night.in_stock[seen].round(4)
        return {
            "sales": pa.concat_tables(sales),
            "availability": self._of_rows("availability", seen, date=days_of(day, len(seen)), in_stock_fraction=share),
            "receipts": self._of_rows(
                "receipts", came.row, order_id=self._order_ids(came), source_id=self._source_ids.take(came.row), units=came.units,
                received_on=days_of(day, len(came.row)),
            ),
        }  # fmt: skip

    def inventory(self, state: State) -> pa.Table:
        """Stock after closing on the day before ``state.day``: a row a batch of what spoils, a row of the others, also where it is 0."""
        day = state.day.toordinal()
        row, units, left = state.goods.stock.listed()
        expires = pa.array(day + left - EPOCH, mask=left < 0)
        return self._of_rows("inventory", row, as_of=days_of(day - 1, len(row)), on_hand=units, expires_on=expires)

    def open_orders(self, state: State) -> pa.Table:
        """What is under way before opening on ``state.day``, with the promised dates."""
        t = state.transit
        return self._of_rows(
            "open_orders", t.row, order_id=self._order_ids(t), source_id=self._source_ids.take(t.row), units=t.units,
            ordered_on=t.ordered_on - EPOCH, expected_on=t.expected_on - EPOCH,
        )  # fmt: skip

    def prices(self, first: int, until: int) -> pa.Table:
        """Prices that begin from ``first`` on and before ``until`` (ordinals): where they change, and every day of a promotion.

        From the span's first day on all prices begin.
        """
        config, items = self.world.config, self.world.network.items
        before = prices.of(config, items, first - 1).price if first > config.span.first.toordinal() else np.full(len(items.price), np.nan)
        found: list[tuple[Ints, Ints, Floats, np.ndarray]] = []
        for day in range(first, until):
            today = prices.of(config, items, day)
            item = np.flatnonzero((today.price != before) | today.promoted)
            found.append((item, np.full(len(item), day), today.price[item], today.promoted[item]))
            before = today.price
        item, day_of, price, promoted = (np.concatenate(parts) for parts in zip(*found, strict=True))
        kind = pa.array(np.where(promoted, "promotion", ""), mask=~promoted)
        return table("prices", item_id=ids(items.item_id, item), date=day_of - EPOCH, unit_price=price, promotion=kind)

    def signals(self, first: int, morning: int) -> pa.Table:
        """Weather by region known in the morning of a day: observed from ``first`` on until the day before, then forecast."""
        config, key = self.world.config, self.world.law.weather_key
        days = range(first, morning + config.files.weather_days)
        values = np.stack([self._weather(key, day, day - morning + 1) for day in days])
        n = len(key)
        named = pa.array([region_name(region) for _ in days for _ in range(2) for region in range(n)], pa.string())
        name = pa.array([name for _ in days for name in ("temperature", "rain") for _ in range(n)], pa.string())
        dates = np.repeat(np.array(days, np.int64), 2 * n) - EPOCH
        return table("signals", region=named, date=dates, name=name, value=values.ravel())

    def _weather(self, key: Ints, day: int, ahead: int) -> Floats:
        """[2, regions] temperature and rain; a forecast errs by a normal deviation that grows with the days ahead."""
        temperature, rain = weather.temperature(key, day), weather.rain(key, day)
        if ahead > 0:
            error = self.world.config.files.weather_error * np.sqrt(ahead)
            temperature = temperature + error * draws.normal(key, day, f"forecast {ahead}")
            rain = np.maximum(rain + error * draws.normal(key, day, f"rain forecast {ahead}"), 0) * (rain > 0)
        return np.stack([temperature, rain]).round(2)

    def _order_ids(self, transit: Transit) -> pa.Array:
        """source-location-date: one order a lane and day."""
        lanes, places = self.world.network.lanes, self.world.network.places.location_id
        days, at = np.unique(transit.ordered_on, return_inverse=True)
        lane = self.world.rows.lane[transit.row]
        both, order = np.unique(lane * len(days) + at, return_inverse=True) if len(lane) else (lane, lane)
        names = []
        for lane, day in zip((both // len(days)).tolist(), days[both % len(days)].tolist(), strict=True) if len(both) else ():
            pair = f"{places[lanes.source[lane]]}-{places[lanes.location[lane]]}"
            names.append(f"{pair}-{date.fromordinal(day):%Y%m%d}")
        return pa.array(names, pa.string()).take(pa.array(order))

    def _of_rows(self, feed: str, row: Ints, **columns: pa.Array | np.ndarray) -> pa.Table:
        return table(feed, item_id=self._item_ids.take(row), location_id=self._location_ids.take(row), **columns)
