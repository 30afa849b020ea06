"""The pulse of a group of series: what it has sold lately against what its series usually sell on such days.

A group's sales move with which of its series were in stock. The sum of what was sold, over the sum of level x usual
share of the kind of day, both over the same series and periods whose demand is known, does not: it tells whether the
item (or its sales in a region, or a location) is warming up or cooling down. That takes two passes over the series, since
a series' features need the sums of all others: the first adds up, the second looks up.

Sums are whole numbers of 1/10,000, so that they come out the same in whatever order they are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.block import Block
from jobs.features.clock import Clock
from jobs.features.names import Names, joined, with_region

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Group -> the columns whose values, joined, are its id.
GROUPS: dict[str, tuple[str, ...]] = {"item": ("item_id",), "item_region": ("item_id", "region"), "location": ("location_id",)}
_SCALE = 10_000
#: In-stock series-periods at the usual level that are mixed in.
_PRIOR = 4.0

#: Sums of one origin, group and window (number of its last periods): sold and expected in 1/10,000 units.
COUNTS = pa.schema(
    [
        ("origin", pa.int64()),
        ("group", pa.string()),
        ("id", pa.string()),
        ("window", pa.int64()),
        ("sold", pa.int64()),
        ("expected", pa.int64()),
        ("periods", pa.int64()),
    ]
)
KEY = ("origin", "group", "id", "window")


def windows(clock: Clock) -> tuple[int, int, int]:
    """Last periods that a pulse is taken of: 1, 3, 7 days; 1, 2, 4 weeks."""
    return (1, clock.spans[0], clock.spans[1])


@dataclass(frozen=True, slots=True)
class Pulse:
    """Of one origin: group and window -> ids (sorted) and their pulse, 1 being as usual."""

    found: Mapping[tuple[str, int], tuple[Names, Floats]]

    def of(self, group: str, window: int, ids: Names) -> Floats:
        """Pulse of each id; 1 where nothing is known."""
        names, values = self.found.get((group, window), (np.empty(0, object), np.empty(0)))
        if not len(names):
            return np.ones(len(ids))
        place = np.minimum(np.searchsorted(names, ids), len(names) - 1)
        return np.where(names[place] == ids, values[place], 1.0)


def names_of(keys: Mapping[str, Names], region: Mapping[str, str]) -> dict[str, Names]:
    """Group -> id of each series."""
    columns = with_region(keys, region)
    return {group: joined(columns, parts) for group, parts in GROUPS.items()}


def count(block: Block, origin: int, usual: Floats, ids: Mapping[str, Names], clock: Clock) -> pa.Table:
    """What the block's series add to the sums of an origin, in COUNTS.

    usual  [n, periods of the longest window] what a series usually sells in each of the last periods, units
    """
    end = origin - block.span.first
    parts = []
    for window in windows(clock):
        demand = block.demand[:, end - window : end]
        known = ~np.isnan(demand)
        sold, expected = (np.where(known, values, 0.0).sum(axis=1) for values in (demand, usual[:, usual.shape[1] - window :]))
        numbers = np.round(sold * _SCALE).astype(np.int64), np.round(expected * _SCALE).astype(np.int64), known.sum(axis=1)
        parts += [_rows(origin, group, window, names, numbers) for group, names in ids.items()]
    return pa.concat_tables(parts)


def _rows(origin: int, group: str, window: int, names: Names, numbers: tuple[Ints, ...]) -> pa.Table:
    found, row = np.unique(names.astype(str), return_inverse=True)
    sums = [np.zeros(len(found), np.int64) for _ in numbers]
    for total, values in zip(sums, numbers, strict=True):
        np.add.at(total, row, values)
    n = len(found)
    columns = [np.full(n, origin), pa.array([group] * n, pa.string()), pa.array(found, pa.string()), np.full(n, window), *sums]
    return pa.table(columns, schema=COUNTS)


def gather(tables: Iterable[pa.Table]) -> dict[int, Pulse]:
    """Origin -> pulse, from sums in COUNTS, added up or still in parts."""
    rows = pa.concat_tables([COUNTS.empty_table(), *tables]).group_by(list(KEY)).aggregate([(n, "sum") for n in COUNTS.names[4:]])
    rows = rows.sort_by([(name, "ascending") for name in KEY])
    found: dict[int, dict[tuple[str, int], tuple[Names, Floats]]] = {}
    origins, groups, windowed = (np.asarray(rows[name].to_numpy(zero_copy_only=False)) for name in ("origin", "group", "window"))
    ids = np.asarray(rows["id"].to_numpy(zero_copy_only=False), object)
    sold, expected, periods = (np.asarray(rows[f"{name}_sum"], np.float64) for name in COUNTS.names[4:])
    for origin in np.unique(origins).tolist():
        for group in GROUPS:
            for window in np.unique(windowed).tolist():
                mine = (origins == origin) & (groups == group) & (windowed == window)
                prior = _PRIOR * expected[mine].sum() / max(periods[mine].sum(), 1.0)
                pulse = (sold[mine] + prior) / np.maximum(expected[mine] + prior, 1e-9)
                found.setdefault(origin, {})[group, window] = ids[mine], np.where(prior > 0, pulse, 1.0)
    return {origin: Pulse(values) for origin, values in found.items()}
