"""The pulse of a group of series: what it has sold lately against what its series usually sell on such days.

A group's sales move with which of its series were in stock. The sum of what was sold, over the sum of level x usual
share of the kind of day, both over the same series and periods whose demand is known, does not: it tells whether the
item (or its sales in a region, or a location) is warming up or cooling down. That takes two passes over the series, since
a series' features need the sums of all others: the first adds up, the second looks up.

Beside it what the item's series cost in each period ahead, in all and in a region: a price says more against those of the
same item elsewhere than against its own past (measured: docs/decisions/forecast_model.md).

Sums are whole numbers of 1/10,000, so that they come out the same in whatever order they are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.block import Block
from jobs.features.clock import Clock
from jobs.features.names import Names, joined, looked_up, with_region

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Group -> the columns whose values, joined, are its id; none: everything.
GROUPS: dict[str, tuple[str, ...]] = {
    "item": ("item_id",),
    "item_region": ("item_id", "region"),
    "location": ("location_id",),
    "region": ("region",),
    "category": ("category",),
    "all": (),
}
#: Groups whose prices are compared.
PRICED = ("item", "item_region")
_SCALE = 10_000
#: In-stock series-periods at the usual level that are mixed in.
_PRIOR = 4.0

#: Of one origin and group, and each id: what was summed. A pulse sums units sold (total) and expected (weight) in 1/10,000
#: and counts periods, of its window's number of last periods; prices (PRICE + the step ahead) sum their logarithm (total) and
#: that against the series' usual price (weight) in 1/10,000, and count series.
KEY = ("origin", "group", "id")
_PARTS = ("total", "weight", "count")
PRICE = 1_000


def windows(clock: Clock) -> tuple[int, int, int, int, int]:
    """Last periods that a pulse is taken of: 1, 3, 7, 28, 91 days; 1, 2, 4, 13, 39 weeks."""
    return (1, clock.spans[0], clock.spans[1], clock.spans[3], clock.recent)


def schema(clock: Clock, horizon: int) -> pa.Schema:
    """Columns of ``count``: KEY, then the sums of each window, then of each step's prices (zero where a group has none)."""
    whats = (*windows(clock), *range(PRICE, PRICE + horizon))
    sums = [(f"{part}_{what}", pa.int64()) for what in whats for part in _PARTS]
    return pa.schema([("origin", pa.int64()), ("group", pa.string()), ("id", pa.string()), *sums])


@dataclass(frozen=True, slots=True)
class Pulse:
    """Of one origin: (group, what) -> ids (sorted), and of each its pulse; or, of prices, their mean logarithm and its change."""

    found: Mapping[tuple[str, int], tuple[Names, Floats, Floats]]

    def of(self, group: str, window: int, ids: Names) -> Floats:
        """Pulse of each id: sold against expected; 1 where nothing is known."""
        return self._looked_up(group, window, ids, 1.0)[0]

    def price(self, group: str, step: int, ids: Names) -> tuple[Floats, Floats]:
        """Mean logarithm of the prices of each id's series in a step ahead, and of their change from the usual; NaN: not known."""
        return self._looked_up(group, PRICE + step, ids, np.nan)

    def _looked_up(self, group: str, what: int, ids: Names, otherwise: float) -> tuple[Floats, Floats]:
        names, *values = self.found.get((group, what), (np.empty(0, object), np.empty(0), np.empty(0)))
        if not len(names):
            return np.full(len(ids), otherwise), np.full(len(ids), otherwise)
        place = np.minimum(np.searchsorted(names, ids), len(names) - 1)
        first, second = (np.where(names[place] == ids, of[place], otherwise) for of in values)
        return first, second


def names_of(keys: Mapping[str, Names], region: Mapping[str, str], category: Mapping[str, str]) -> dict[str, Names]:
    """Group -> id of each series; ``region`` of its location, ``category`` of its item."""
    columns = with_region(keys, region) | {"category": looked_up(keys["item_id"], lambda name: category.get(name, ""))}
    everything = np.full(len(keys["item_id"]), "", object)
    return {group: joined(columns, parts) if parts else everything for group, parts in GROUPS.items()}


def count(block: Block, origin: int, usual: Floats, prices: tuple[Floats, Floats], ids: Mapping[str, Names], clock: Clock) -> pa.Table:
    """What the block's series add to the sums of an origin, in ``schema``.

    usual   [n, periods of the longest window] what a series usually sells in each of the last periods, units
    prices  ([n, horizon], [n]) price in each period ahead, and usual price
    """
    end = origin - block.span.first
    sums: dict[int, tuple[Ints, Ints, Ints]] = {}
    for window in windows(clock):
        demand = block.demand[:, end - window : end]
        known = ~np.isnan(demand)
        sold, expected = (np.where(known, values, 0.0).sum(axis=1) for values in (demand, usual[:, usual.shape[1] - window :]))
        sums[window] = _whole(sold), _whole(expected), known.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        price, before = (np.log(values) for values in prices)
        change = price - before[:, None]
    known = np.isfinite(price) & np.isfinite(change)
    price, change = _whole(np.where(known, price, 0.0)), _whole(np.where(known, change, 0.0))
    ahead = {PRICE + step: (price[:, step], change[:, step], known[:, step].astype(np.int64)) for step in range(known.shape[1])}
    columns = schema(clock, known.shape[1])
    return pa.concat_tables(_rows(origin, group, names, sums | ahead if group in PRICED else sums, columns) for group, names in ids.items())


def _whole(values: Floats) -> Ints:
    """In whole numbers of 1/10,000."""
    whole: Ints = np.round(values * _SCALE).astype(np.int64)
    return whole


def _rows(origin: int, group: str, names: Names, sums: Mapping[int, tuple[Ints, Ints, Ints]], columns: pa.Schema) -> pa.Table:
    """Sums (what -> total, weight, count of each series) added up by name, in ``columns``."""
    found, row = np.unique(names.astype(str), return_inverse=True)
    order = np.argsort(row, kind="stable")
    first = np.searchsorted(row[order], np.arange(len(found)))
    added = {
        f"{part}_{what}": np.add.reduceat(values[order], first)
        for what, numbers in sums.items()
        for part, values in zip(_PARTS, numbers, strict=True)
    }
    none, n = np.zeros(len(found), np.int64), len(found)
    key = [np.full(n, origin), pa.array([group] * n, pa.string()), pa.array(found, pa.string())]
    return pa.table([*key, *(added.get(name, none) for name in columns.names[len(KEY) :])], schema=columns)


def gather(rows: pa.Table) -> dict[int, Pulse]:
    """Origin -> pulse, from sums in ``schema``, added up or still in parts."""
    names = rows.column_names[len(KEY) :]
    rows = rows.group_by(list(KEY)).aggregate([(name, "sum") for name in names]).sort_by([(name, "ascending") for name in KEY])
    sums = {name: np.asarray(rows[f"{name}_sum"], np.float64) for name in names}
    whats = sorted({int(name.rpartition("_")[2]) for name in names})
    origins, groups, ids = (np.asarray(rows[name].to_numpy(zero_copy_only=False)) for name in KEY)
    cuts = np.flatnonzero((origins[1:] != origins[:-1]) | (groups[1:] != groups[:-1])) + 1
    found: dict[int, dict[tuple[str, int], tuple[Names, Floats, Floats]]] = {}
    for part in np.split(np.arange(len(ids)), cuts) if len(ids) else []:
        group, own = str(groups[part[0]]), found.setdefault(int(origins[part[0]]), {})
        for what in whats if group in PRICED else [what for what in whats if what < PRICE]:
            total, weight, number = (sums[f"{name}_{what}"][part] for name in _PARTS)
            made = _means if what >= PRICE else _pulse
            own[group, what] = ids[part].astype(object), *made(total / _SCALE, weight / _SCALE, number)
    return {origin: Pulse(values) for origin, values in found.items()}


def _pulse(sold: Floats, expected: Floats, periods: Floats) -> tuple[Floats, Floats]:
    """Sold against expected, shrunk to one; and what was expected."""
    prior = _PRIOR * expected.sum() / max(periods.sum(), 1.0)
    pulse = (sold + prior) / np.maximum(expected + prior, 1e-9)
    return np.where(prior > 0, pulse, 1.0), expected


def _means(price: Floats, change: Floats, series: Floats) -> tuple[Floats, Floats]:
    """Means over the series; NaN where there is none."""
    first, second = (np.divide(values, series, out=np.full(len(series), np.nan), where=series > 0) for values in (price, change))
    return first, second
