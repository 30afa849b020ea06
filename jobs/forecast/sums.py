"""Whether sums of demand are forecast as well as single periods: their distribution comes from demand paths.

Orders are placed for spans of days and a distribution centre serves many stores, so what counts is the spread of sums;
it is right only if the paths have the dependence that demand has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array

from jobs.features.names import KEY, join
from jobs.forecast.distribution import LEVELS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Rows of SCHEMA of one origin -> units demanded on each path [rows, paths]; a row's paths don't depend on the other rows given.
Draw = Callable[[pa.Table], Floats]

SPANS = (3, 7, 14)
_IN_STOCK_OF = 7
IN_STOCK, STORES, ITEMS = f"in stock of {_IN_STOCK_OF}", "stores of an item", "items of a store"
#: Rows drawn at a time: 20,000 x 128 paths are 20 MB.
_ROWS = 20_000


def sums(rows: pa.Table, draw: Draw) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Per kind of sum its groups' demand [g], mean [g] and quantiles [g, 15] over the paths; kinds without a group are left out.

    rows  of one origin, in stock throughout, sorted by series and step, with ``units`` and ``step``

    "k periods"          the first k periods of a series, where it was in stock in all of them: such series sell less than others
    "in stock of 7"      those of the first 7 periods of a series in which it was in stock, at least two
    "stores of an item"  one period, over the stores that had the item in stock, at least two; "items of a store" likewise
    """
    groups = {kind: group for kind, group in _groups(rows) if group.max(initial=-1) >= 0}
    units = np.asarray(rows["units"], float)
    totals: dict[str, Floats] = {}
    for begin, end in _chunks(rows):
        paths = draw(rows.slice(begin, end - begin))
        for kind, group in groups.items():
            part = _matrix(group[begin:end], int(group.max()) + 1) @ paths
            totals[kind] = totals[kind] + part if kind in totals else part
    found = {}
    for kind, total in totals.items():
        actual = _matrix(groups[kind], len(total)) @ units
        # Hazen's plotting positions are those of the stratified ranks.
        found[kind] = actual, total.mean(axis=1), np.quantile(total, LEVELS, axis=1, method="hazen").T
    return found


def _groups(rows: pa.Table) -> Iterator[tuple[str, Ints]]:
    """Kind of sum and the group of each row; -1: in none."""
    step = np.asarray(rows["step"].cast(pa.int64()), np.int64)
    item, location = _codes(rows, ("item_id",)), _codes(rows, ("location_id",))
    series = _codes(rows, KEY)
    for span in SPANS:
        early = step < span
        whole = np.bincount(series[early], minlength=series.max(initial=-1) + 1) == span
        yield f"{span} periods", _numbered(np.where(early & whole[series], series, -1), least=1)
    yield IN_STOCK, _numbered(np.where(step < _IN_STOCK_OF, series, -1), least=2)
    last = step.max(initial=0) + 1
    yield STORES, _numbered(item * last + step, least=2)
    yield ITEMS, _numbered(location * last + step, least=2)


def _numbered(group: Ints, least: int) -> Ints:
    """Groups of at least so many rows numbered from 0; -1 elsewhere."""
    names, code, count = np.unique(group, return_inverse=True, return_counts=True)
    kept = (names >= 0) & (count >= least)
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    return number[code].astype(np.int64)


def _codes(rows: pa.Table, columns: tuple[str, ...]) -> Ints:
    """A number for each distinct key, in the order in which the keys come."""
    return np.asarray(join(rows, columns).combine_chunks().dictionary_encode().indices, np.int64)


def _chunks(rows: pa.Table) -> Iterator[tuple[int, int]]:
    """Row ranges of whole series."""
    series = _codes(rows, KEY)
    starts = np.flatnonzero(np.diff(series, prepend=-1))
    block = starts // _ROWS
    cuts = starts[np.flatnonzero(np.diff(block, prepend=-1))].tolist()
    yield from pairwise([*cuts, len(series)])


def _matrix(group: Ints, groups: int) -> csr_array:
    """[groups, rows] with a one where the row belongs to the group."""
    member = np.flatnonzero(group >= 0)
    return csr_array((np.ones(len(member)), (group[member], member)), shape=(groups, len(group)))
