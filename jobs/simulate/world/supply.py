"""What becomes of orders: how much of them is accepted, and when it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jobs.simulate.world import draws

if TYPE_CHECKING:
    from jobs.simulate.world.config import WorldConfig
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.events import Calendar
    from jobs.simulate.world.network import Lanes, Network


def arrivals(lanes: Lanes, calendar: Calendar, latest: Ints, day: int) -> tuple[Ints, Ints, Ints]:
    """[lanes] of an order placed on a day: promised arrival, arrival, and the new ``latest``.

    The lead time is normal about ``lead`` with ``lead_std``, rounded half up, at least 0; who delivers on a closed day comes on the next
    open one. Orders of a lane don't overtake: ``latest`` [lanes] is the latest arrival of the orders of all earlier order days, whether
    they were placed or not, so that every policy meets the same.
    """
    score = draws.normal(lanes.key, day, "lead time")
    lead = np.maximum(np.floor(lanes.lead + lanes.lead_std * score + 0.5), 0).astype(np.int64)
    opens = {int(d): calendar.next_open(day + int(d)) for d in np.unique(np.concatenate([lead, lanes.lead]))}
    promised = np.array([opens[int(d)] for d in lanes.lead], np.int64)
    comes = np.maximum(np.array([opens[int(d)] for d in lead], np.int64), latest)
    return promised, comes, np.where(lanes.orders[:, (day - 1) % 7], comes, latest)


def accept(config: WorldConfig, network: Network, orders: Ints, on_hand: Ints, day: int) -> Ints:
    """[rows] units of orders that their sources deliver, whole multiples where something is cut.

    A centre ships what it has, and at most its outbound limit; who is served first is drawn anew every day. Of some order lines to
    suppliers only a part is delivered.
    """
    rows = network.rows
    accepted = np.where(rows.supplied_by >= 0, orders, _short(config, network, orders, day))
    from_centre = np.flatnonzero((rows.supplied_by >= 0) & (orders > 0))
    priority = draws.uniform(draws.keys(config.seed, "served", rows.item[from_centre], rows.location[from_centre]), day)
    accepted[from_centre] = ration(orders[from_centre], rows.supplied_by[from_centre], on_hand, rows.multiple[from_centre], priority)
    limit = outbound_limit(config, network)
    if np.isfinite(limit).any():
        accepted[from_centre] = ration(accepted[from_centre], rows.source[from_centre], limit, rows.multiple[from_centre], priority)
    return accepted


def ration(wanted: Ints, pool: Ints, available: Floats | Ints, multiple: Ints, priority: Floats) -> Ints:
    """[n] units given out of pools: in order of priority, each what it wants or the whole multiples that are left.

    pool  [n] index into ``available``
    """
    order = np.lexsort((priority, pool))
    units, which = wanted[order], pool[order]
    starts = np.flatnonzero(np.diff(which, prepend=-1))
    total = np.cumsum(units)
    before = total - units
    before -= np.repeat(before[starts], np.diff(starts, append=len(units)))
    left = np.maximum(available[which] - before, 0)
    given = np.where(units <= left, units, np.floor(np.minimum(left, units) / multiple[order]) * multiple[order])
    result = np.empty_like(wanted)
    result[order] = given.astype(np.int64)
    return result


def outbound_limit(config: WorldConfig, network: Network) -> Floats:
    """[locations] most units that a centre ships a day: ``supply.outbound`` times its lines' mean demand; infinite elsewhere."""
    limit = np.full(len(network.places.location_id), np.inf)
    if config.supply.outbound and config.has("outbound"):
        rows = network.rows
        fed = rows.supplied_by >= 0
        mean = np.bincount(rows.source[fed], rows.level[fed], len(limit))
        limit = np.where(mean > 0, np.ceil(config.supply.outbound * mean), np.inf)
    return limit


def _short(config: WorldConfig, network: Network, orders: Ints, day: int) -> Ints:
    """Units that suppliers deliver: with chance ``supply.shortages`` a uniform part of a line, in whole multiples."""
    if not config.has("shortages"):
        return orders.copy()
    rows = network.rows
    key = draws.keys(config.seed, "shortage", rows.item, rows.location)
    short = draws.uniform(key, day) < config.supply.shortages
    part = np.floor(draws.uniform(key, day, "part") * orders / rows.multiple) * rows.multiple
    return np.where(short, part.astype(np.int64), orders)
