"""Who sells and supplies what: items, locations, lanes, and the rows that hold stock. Made from the settings and the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.plan.schedule import lead_times
from jobs.simulate.world import draws

if TYPE_CHECKING:
    from jobs.simulate.world.config import WorldConfig
    from jobs.simulate.world.draws import Floats, Ints

Texts = NDArray[np.str_]
#: Units in a pack, and packs in the case of a distribution centre.
PACKS = (1, 2, 4, 6, 12, 24, 48)
CASE = 5


@dataclass(frozen=True)
class Items:
    """[items] each. ``level``: units a day at a median line; ``life``: days that a unit may be sold after arrival, 0 for ever."""

    item_id: Texts
    category: Ints
    supplier: Ints
    level: Floats
    price: Floats
    cost: Floats
    life: Ints
    pack: Ints
    volume: Floats
    active_from: Ints
    active_to: Ints
    price_key: Ints


@dataclass(frozen=True)
class Places:
    """[locations] each: stores, online sites, centres, suppliers. ``dc``: the centre's index, -1 without one."""

    location_id: Texts
    kind: Texts
    region: Ints
    dc: Ints

    def of(self, kind: str) -> Ints:
        """Indices of a kind."""
        return np.flatnonzero(self.kind == kind)


@dataclass(frozen=True)
class Lanes:
    """[lanes] each: a source and whom it supplies; planned ``lead`` in days and its deviation; ``orders`` [lanes, 7]: order days."""

    source: Ints
    location: Ints
    lead: Ints
    lead_std: Floats
    order_days: Texts
    orders: NDArray[np.bool_]
    key: Ints


@dataclass(frozen=True)
class Rows:
    """[rows] each: lines (item at a store or site), then items at centres. Named as in ``jobs.simulate.world``."""

    item: Ints
    location: Ints
    source: Ints
    lane: Ints
    supplied_by: Ints
    multiple: Ints
    life: Ints
    level: Floats
    item_id: Texts
    location_id: Texts
    source_id: Texts
    lead: Ints
    lead_std: Floats
    active_from: Ints
    active_to: Ints

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True)
class Network:
    """All of it. ``lines`` rows sell; ``share`` [lines] of demand comes by the second channel."""

    items: Items
    places: Places
    lanes: Lanes
    rows: Rows
    lines: int
    share: Floats


def build(config: WorldConfig) -> Network:
    """The network of a world."""
    items, places = _items(config), _places(config)
    item, location = _assortment(config, items, places)
    level = _line_levels(config, items, item, location)
    dc = places.dc[location]
    served = np.unique(dc[dc >= 0] * len(items.item_id) + item[dc >= 0])
    dc_item, dc_place = served % len(items.item_id), served // len(items.item_id)
    all_items, all_places = np.concatenate([item, dc_item]), np.concatenate([location, dc_place])
    supplier = places.of("supplier")[items.supplier[all_items]]
    source = np.where(places.dc[all_places] >= 0, places.dc[all_places], supplier)
    lanes, lane = _lanes(config, places, source, all_places)
    lookup = dict(zip(served.tolist(), range(len(item), len(all_items)), strict=True))
    fed = [lookup.get(int(d) * len(items.item_id) + int(i), -1) for d, i in zip(dc, item, strict=True)]
    multiple = items.pack[all_items] * np.where(np.arange(len(all_items)) < len(item), 1, CASE)
    rows = Rows(
        item=all_items, location=all_places, source=source, lane=lane, multiple=multiple, life=items.life[all_items],
        supplied_by=np.concatenate([np.array(fed, np.int64), np.full(len(served), -1, np.int64)]),
        level=np.concatenate([level, np.bincount(np.array(fed, np.int64)[dc >= 0], level[dc >= 0], len(all_items))[len(item):]]),
        item_id=items.item_id[all_items], location_id=places.location_id[all_places], source_id=places.location_id[source],
        lead=lanes.lead[lane], lead_std=lanes.lead_std[lane],
        active_from=items.active_from[all_items], active_to=items.active_to[all_items],
    )  # fmt: skip
    return Network(items, places, lanes, rows, len(item), _second_channel(config, places, item, location))


def _numbers(n: int) -> Ints:
    return np.arange(n, dtype=np.int64)


def _ids(prefix: str, n: int, width: int = 4) -> Texts:
    return np.array([f"{prefix}{k + 1:0{width}d}" for k in range(n)], dtype=np.str_)


def _between(u: Floats, low: float, high: float) -> Floats:
    return low + (high - low) * u


def _pick(u: Floats, n: int) -> Ints:
    return np.minimum((u * n).astype(np.int64), n - 1)


def _items(config: WorldConfig) -> Items:
    seed, n, supply = config.seed, _numbers(config.size.items), config.supply
    level = config.level.median * np.exp(config.level.item * draws.score(seed, "item level", n))
    fresh = config.has("expiry") & (draws.attribute(seed, "fresh", n) < supply.fresh)
    low, high = supply.life
    life = np.where(fresh, low + _pick(draws.attribute(seed, "life", n), high - low + 1), 0)
    wanted = level * _between(draws.attribute(seed, "pack", n), *supply.pack_days)
    pack = np.asarray(PACKS)[np.abs(np.log(np.asarray(PACKS)[None, :]) - np.log(wanted[:, None])).argmin(axis=1)]
    price = np.round(3 * 10 ** draws.attribute(seed, "price", n)) + 0.9
    active_from, active_to = _lives(config, n)
    return Items(
        item_id=_ids("P", len(n), 5),
        category=_pick(draws.attribute(seed, "category", n), config.size.categories),
        supplier=_pick(draws.attribute(seed, "supplier", n), config.size.suppliers),
        level=level, price=price, life=life, pack=pack, active_from=active_from, active_to=active_to,
        cost=np.round(price * (1 - supply.margin * _between(draws.attribute(seed, "margin", n), 0.8, 1.2)), 2),
        volume=np.round(10 ** _between(draws.attribute(seed, "volume", n), -1, 1), 2),
        price_key=draws.keys(seed, "prices", n),
    )  # fmt: skip


def _lives(config: WorldConfig, n: Ints) -> tuple[Ints, Ints]:
    """First and last day of sale as ordinals; 0 and 9999-12-31 where an item always was and stays."""
    first, last = config.span.first.toordinal(), config.span.last.toordinal()
    on = config.has("life")
    new = on & (draws.attribute(config.seed, "new", n) < config.course.new)
    ending = on & ~new & (draws.attribute(config.seed, "ending", n) < config.course.ending)
    begins = first + (draws.attribute(config.seed, "begins", n) * (last - first)).astype(np.int64)
    ends = first + (draws.attribute(config.seed, "ends", n) * (last - first)).astype(np.int64)
    return np.where(new, begins, 0), np.where(ending, ends, 3_652_059)


def _places(config: WorldConfig) -> Places:
    """Stores, sites and centres lie in regions one after the other; a region has one of the centres."""
    size = config.size
    kinds = {"store": ("S", size.stores), "online": ("O", size.online), "dc": ("DC", size.dcs), "supplier": ("V", size.suppliers)}
    ids = np.concatenate([_ids(prefix, n) for prefix, n in kinds.values()])
    kind = np.repeat(np.array(list(kinds)), [n for _, n in kinds.values()])
    region = np.concatenate([_numbers(n) % size.regions for _, n in kinds.values()])
    sells = np.isin(kind, ("store", "online"))
    first_dc = size.stores + size.online
    dc = np.where(sells & (size.dcs > 0), first_dc + region % max(size.dcs, 1), -1)
    return Places(ids, kind, region, dc)


def _assortment(config: WorldConfig, items: Items, places: Places) -> tuple[Ints, Ints]:
    """Items of each selling location, as many in each (one more in the first ones): those that sell more are in more of them."""
    sells, size = np.flatnonzero(np.isin(places.kind, ("store", "online"))), config.size
    each, more = divmod(size.lines, len(sells))
    item: list[Ints] = []
    for k, place in enumerate(sells):
        u = draws.attribute(config.seed, "assortment", _numbers(size.items), np.full(size.items, place))
        # The smallest of exponential variables with rates as weights: weighted sampling without replacement (Efraimidis and Spirakis 2006).
        rank = np.argsort(-np.log(u) / np.sqrt(items.level), kind="stable")
        item.append(np.sort(rank[: each + (k < more)]))
    return np.concatenate(item), np.repeat(sells, [len(part) for part in item])


def _line_levels(config: WorldConfig, items: Items, item: Ints, location: Ints) -> Floats:
    """Units a day of each line, at most 500 and at least 0.01."""
    spread = config.level
    place = spread.location * draws.score(config.seed, "location level", location)
    line = spread.line * draws.score(config.seed, "line level", item, location)
    return np.clip(items.level[item] * np.exp(place + line), 0.01, 500.0)


def _second_channel(config: WorldConfig, places: Places, item: Ints, location: Ints) -> Floats:
    """Share of a line's demand that comes by the second channel: 0 in locations that have none."""
    low, high = config.channels.share
    share = _between(draws.attribute(config.seed, "channel share", item, location), low, high)
    both = (places.kind[location] == "online") | (draws.attribute(config.seed, "channel", location) < config.channels.stores)
    return np.where(both & config.has("second_channel"), share, 0.0)


def _lanes(config: WorldConfig, places: Places, source: Ints, location: Ints) -> tuple[Lanes, Ints]:
    """The distinct pairs of source and location, and the lane of each row."""
    pairs, lane = np.unique(np.stack([source, location], axis=1), axis=0, return_inverse=True)
    src, dst = pairs[:, 0], pairs[:, 1]
    from_dc, seed, supply = places.kind[src] == "dc", config.seed, config.supply
    u, v = draws.attribute(seed, "lead", src, dst), draws.attribute(seed, "order days", src, dst)
    near, far = np.asarray(supply.store_lead), np.asarray(supply.supplier_lead)
    lead = np.where(from_dc, near[_pick(u, len(near))], far[_pick(u, len(far))])
    std = np.where(from_dc, supply.store_lead_std, supply.supplier_lead_std) * config.has("lead_time")
    patterns = [supply.store_order_days if dc else supply.supplier_order_days for dc in from_dc]
    days = np.array([p[min(int(x * len(p)), len(p) - 1)] for p, x in zip(patterns, v, strict=True)], dtype=np.str_)
    orders = np.array([[lead is not None for lead in lead_times(text, 1, 1)] for text in days], dtype=np.bool_)
    return Lanes(src, dst, lead, std, days, orders, draws.keys(seed, "lane", src, dst)), lane.reshape(-1).astype(np.int64)
