"""Masters of the landing folder: items, locations, assortment, lanes, capacities and the calendar."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.simulate.world import supply
from jobs.simulate.world.columns import category_name, dates, ids, region_name, table

if TYPE_CHECKING:
    from jobs.simulate.world.world import World

#: Days after the last drop for which the calendar is known.
_AHEAD = 400


def tables(world: World) -> dict[str, pa.Table]:
    """Feed -> table; feeds without rows are left out."""
    found = {
        "items": _items(world),
        "locations": _locations(world),
        "assortment": _assortment(world),
        "lanes": _lanes(world),
        "capacities": _capacities(world),
        "calendar": _calendar(world),
    }
    return {feed: rows for feed, rows in found.items() if rows.num_rows}


def _items(world: World) -> pa.Table:
    items = world.network.items
    categories = pa.array([category_name(c) for c in items.category], pa.string())
    life = pa.array(items.life, mask=items.life == 0)
    names = pa.array([f"Item {name}" for name in items.item_id], pa.string())
    return table(
        "items", item_id=ids(items.item_id, np.arange(len(items.item_id))), name=names, category=categories, unit_cost=items.cost,
        unit_price=items.price, unit_volume=items.volume, shelf_life_days=life,
    )  # fmt: skip


def _locations(world: World) -> pa.Table:
    places = world.network.places
    regions = pa.array(
        [None if kind == "supplier" else region_name(r) for kind, r in zip(places.kind, places.region, strict=True)], pa.string()
    )
    return table(
        "locations", location_id=pa.array(places.location_id.tolist()), kind=pa.array(places.kind.tolist()),
        name=pa.array([f"{kind} {name}" for kind, name in zip(places.kind, places.location_id, strict=True)]), region=regions, city=regions,
    )  # fmt: skip


def _assortment(world: World) -> pa.Table:
    rows, lines = world.rows, world.lines
    return table(
        "assortment", item_id=ids(rows.item_id, np.arange(lines)), location_id=ids(rows.location_id, np.arange(lines)),
        active_from=dates(rows.active_from[:lines]), active_to=dates(rows.active_to[:lines]),
    )  # fmt: skip


def _lanes(world: World) -> pa.Table:
    """A row for all items where a location has one source, with rows for the items of other packs; else a row an item.

    The contract reads a row without an item as a lane of all items: two such rows to one location would be alternatives.
    """
    lanes, rows, places = world.network.lanes, world.rows, world.network.places.location_id
    sources = np.bincount(lanes.location, minlength=len(places))
    general = np.flatnonzero(sources[lanes.location] == 1)
    single = sources[rows.location] == 1
    own = np.flatnonzero(~single | (rows.multiple != 1))
    order_cost, least = world.config.supply.order_cost or np.nan, world.config.supply.min_order_value or np.nan
    wide = table(
        "lanes", source_id=ids(places, lanes.source[general]), location_id=ids(places, lanes.location[general]),
        item_id=pa.nulls(len(general), pa.string()), lead_time_days=lanes.lead[general], lead_time_std=lanes.lead_std[general],
        order_days=_text(lanes.order_days[general]), order_multiple=np.ones(len(general), np.int64),
        min_order_value=_money(np.full(len(general), least)), order_cost=_money(np.full(len(general), order_cost)),
    )  # fmt: skip
    blank, lane = single[own], rows.lane[own]
    nothing = _money(np.full(len(own), np.nan))
    narrow = table(
        "lanes", source_id=ids(rows.source_id, own), location_id=ids(rows.location_id, own), item_id=ids(rows.item_id, own),
        lead_time_days=pa.array(lanes.lead[lane], mask=blank), lead_time_std=pa.array(lanes.lead_std[lane], mask=blank),
        order_days=pa.array(lanes.order_days[lane].tolist(), pa.string(), mask=blank | (lanes.order_days[lane] == "")),
        order_multiple=rows.multiple[own], min_order_value=nothing, order_cost=nothing,
    )  # fmt: skip
    return pa.concat_tables([wide, narrow])


def _capacities(world: World) -> pa.Table:
    limit = supply.outbound_limit(world.config, world.network)
    place = np.flatnonzero(np.isfinite(limit))
    resource, unit = pa.repeat("dc_outbound", len(place)), pa.repeat("units", len(place))
    return table("capacities", resource=resource, location_id=ids(world.network.places.location_id, place), limit=limit[place], unit=unit)


def _calendar(world: World) -> pa.Table:
    """Events of all years of the span and of more than one after it, everywhere; a closed day has a second row."""
    calendar, span = world.law.calendar, world.config.span
    rows = [
        (when, name)
        for year in range(span.first.year, date.fromordinal(span.last.toordinal() + _AHEAD).year + 1)
        for event in calendar.events
        for when in (date(year, event.month, event.day),)
        for name in ((event.name, "closed") if event.closed else (event.name,))
    ]
    return table(
        "calendar", date=pa.array([when for when, _ in rows], pa.date32()), event=pa.array([name for _, name in rows], pa.string())
    )


def _text(values: np.ndarray) -> pa.Array:
    return pa.array(values.tolist(), pa.string(), mask=values == "")


def _money(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)
