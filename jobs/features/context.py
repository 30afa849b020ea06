"""What all series share: hierarchy, events, signals and levels, as small arrays for every task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.block import Span
from jobs.features.clock import Clock
from jobs.features.events import Events
from jobs.features.levels import ALL, CATEGORY, EVENT_KIND, ITEM, LOCATION, LevelStats, Sums, add_up, stats, to_sums
from jobs.features.prices import GeneralPrices
from jobs.features.signals import at_origin

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Names = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Context:
    """Shared by all blocks of one computation.

    region, category  location -> region, item -> category ('' where none)
    sums              level -> in-stock sales per id and period
    fractional        items seen sold in parts of a unit
    prices            price rows that hold at all locations
    signals           origin -> values [locations + 1, signals, horizon], rows in the order of ``locations``
    """

    clock: Clock
    span: Span
    horizon: int
    region: dict[str, str]
    category: dict[str, str]
    events: Events
    sums: dict[str, Sums]
    fractional: frozenset[str]
    prices: GeneralPrices
    locations: dict[str, int]
    signals: dict[int, Floats]

    def region_rows(self, locations: Names) -> Ints:
        """Row of each location's region in ``events``."""
        return np.array([self.events.row(self.region.get(name, "")) for name in locations], dtype=np.int64)

    def signal_rows(self, locations: Names) -> Ints:
        """Row of each location in ``signals``."""
        return np.array([self.locations.get(name, len(self.locations)) for name in locations], dtype=np.int64)

    def levels(self, origin: int) -> dict[str, LevelStats]:
        """Levels of items, locations and categories at the origin, from the periods before it."""
        first, last = self.sums[ITEM].first, self.span.last
        # What spans regions has an event where half of the regions have one.
        common = np.where(np.median(self.events.window(first, last), axis=0) > 0, EVENT_KIND, self.clock.weekday(np.arange(first, last)))
        top = stats(self.sums[ALL], None, common, origin, self.clock)
        own = self.events.kinds(first, last)[self.region_rows(self.sums[LOCATION].ids)]
        return {
            ITEM: stats(self.sums[ITEM], top, common, origin, self.clock),
            CATEGORY: stats(self.sums[CATEGORY], top, common, origin, self.clock),
            LOCATION: stats(self.sums[LOCATION], top, own, origin, self.clock),
        }


@dataclass(frozen=True, slots=True)
class Masters:
    """The small tables that a context is made of, as the night sees them.

    sums      (level, id, period, units, count, fractional): in-stock sales of items and of locations
    prices    (item_id, channel, period, price, promotion): prices that hold at all locations
    signals   every version of a signal that had landed (location_id, region, date, name, value, known_from, known_to)
    """

    items: pa.Table
    locations: pa.Table
    calendar: pa.Table
    signals: pa.Table
    sums: pa.Table
    prices: pa.Table


def build(masters: Masters, clock: Clock, origins: tuple[int, ...], horizon: int, night: int) -> Context:
    """The context of one computation.

    origins  origins whose features will be computed
    night    the business date's period, whose night computes them
    """
    span = Span.around(clock, origins, horizon)
    region = {r["location_id"]: r["region"] or "" for r in masters.locations.select(["location_id", "region"]).to_pylist()}
    items = masters.items.select(["item_id", "category", "department"]).to_pylist()
    category = {r["item_id"]: r["category"] or r["department"] or "" for r in items}
    first = span.ahead - clock.spans[-1]
    sums = {level: to_sums(masters.sums, level, clock, first, span.last) for level in (ITEM, LOCATION)}
    sums[CATEGORY] = add_up(sums[ITEM], np.array([category.get(name, "") for name in sums[ITEM].ids], object))
    sums[ALL] = add_up(sums[ITEM], np.full(len(sums[ITEM].ids), ""))
    locations = {name: row for row, name in enumerate(sorted(region))}
    return Context(
        clock,
        span,
        horizon,
        region,
        category,
        Events.build(masters.calendar, clock, span),
        sums,
        _fractional(masters.sums),
        GeneralPrices.build(masters.prices, clock),
        locations,
        {origin: at_origin(masters.signals, clock, locations, region, origin, horizon, night) for origin in origins},
    )


def _fractional(sums: pa.Table) -> frozenset[str]:
    rows = sums.filter(pa.compute.and_(pa.compute.equal(sums["level"], ITEM), pa.compute.greater(sums["fractional"], 0)))
    return frozenset(rows["id"].to_pylist())
