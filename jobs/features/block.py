"""A block of series as dense arrays: one row a series, one column a period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.features.clock import Clock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

KEY = ("item_id", "location_id", "channel")
#: What a row of the stream is: sales of a period, or a price of a given specificity, or only the pair's name.
SOLD, PAIR = 0, 9
#: Price rows, most specific first: (location and channel), (location), (channel), (neither).
PRICE_KINDS = (1, 2, 3, 4)

#: The stream of rows, sorted by key, from which blocks are made.
STREAM = pa.schema(
    [
        *((name, pa.string()) for name in KEY),
        ("kind", pa.int32()),
        ("period", pa.date32()),
        ("units", pa.float64()),
        ("in_stock_fraction", pa.float64()),
        ("price", pa.float64()),
        ("promotion", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class Span:
    """The periods of a block: history [first, last), and the horizons of all origins [ahead, last)."""

    first: int
    ahead: int
    last: int

    @classmethod
    def around(cls, clock: Clock, origins: Iterable[int], horizon: int) -> Span:
        """What is needed to compute features of the origins."""
        origins = list(origins)
        return cls(min(origins) - clock.reach, min(origins), max(origins) + horizon)


@dataclass(frozen=True, slots=True)
class Block:
    """Series of a block. NaN: nothing is known of the period.

    keys                  names of the series, one array a key column
    units, stock, price   [n, last - first] units sold, in-stock fraction, price that held
    demand                [n, last - first] units of periods in stock throughout; NaN elsewhere (sales there are a floor)
    promotion             [n, last - first] 1 where promoted
    price_ahead           [n, last - ahead] price known ahead; NaN where no price row says
    promotion_ahead       [n, last - ahead] 1 where a price row announces a promotion
    listed                [n] active by the assortment, though nothing of it is known
    """

    span: Span
    keys: dict[str, npt.NDArray[np.object_]]
    units: Floats
    stock: Floats
    demand: Floats
    price: Floats
    promotion: Floats
    price_ahead: Floats
    promotion_ahead: Floats
    listed: Bools

    def __len__(self) -> int:
        return len(self.units)

    def active(self, origin: int, clock: Clock) -> Bools:
        """Series to forecast: listed, or with a row (a zero counts) in the recent past."""
        end = origin - self.span.first
        active: Bools = self.listed | (~np.isnan(self.units[:, end - clock.recent : end])).any(axis=1)
        return active

    def take(self, chosen: Bools) -> Block:
        """Only the chosen series."""
        keys = {name: values[chosen] for name, values in self.keys.items()}
        arrays = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name not in ("span", "keys")}
        return Block(span=self.span, keys=keys, **arrays)


def whole_series(batches: Iterable[pa.RecordBatch], rows: int = 200_000, series: int = 4096) -> Iterator[pa.Table]:
    """Tables of whole series from a stream sorted by key, whatever its batches; about ``rows`` rows, at most ``series`` series each."""
    pending: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        pending.append(batch)
        held += batch.num_rows
        if held >= rows:
            table = pa.Table.from_batches(pending)
            starts = _starts(table)
            yield from _cut(table.slice(0, starts[-1]), starts[:-1], series)
            # The last series may go on in the next batch.
            rest = table.slice(starts[-1])
            pending, held = rest.to_batches(), rest.num_rows
    if pending:
        table = pa.Table.from_batches(pending)
        yield from _cut(table, _starts(table), series)


def _starts(table: pa.Table) -> npt.NDArray[np.int64]:
    """First row of each series."""
    changed = np.zeros(table.num_rows, bool)
    changed[:1] = True
    for name in KEY:
        column = table[name].combine_chunks()
        changed[1:] |= np.asarray(pc.not_equal(column[1:], column[:-1]))
    return np.flatnonzero(changed)


def _cut(table: pa.Table, starts: npt.NDArray[np.int64], series: int) -> Iterator[pa.Table]:
    edges = [*starts[::series].tolist(), table.num_rows]
    for begin, end in pairwise(edges):
        if end > begin:
            yield table.slice(begin, end - begin)


def to_block(table: pa.Table, clock: Clock, span: Span) -> Block:
    """Arrange whole series densely. Rows outside the span are left out, but price rows before it hold from its start."""
    starts = _starts(table)
    n, width = len(starts), span.last - span.first
    row = np.repeat(np.arange(n, dtype=np.int64), np.diff([*starts, table.num_rows]))
    kind = np.asarray(table["kind"], np.int64)
    days = np.asarray(table["period"].cast(pa.int32()).fill_null(0).cast(pa.int64()))
    column = clock.indices(days) - span.first
    sold = (kind == SOLD) & (column >= 0) & (column < width)
    place = row[sold], column[sold]
    dense = {name: np.full((n, width), np.nan) for name in ("units", "in_stock_fraction", "price", "promotion")}
    for name, values in dense.items():
        values[place] = _numbers(table[name])[sold]
    ahead = _ahead(table, kind, row, column - (span.ahead - span.first), n, span.last - span.ahead)
    keys = {name: np.asarray(table[name].take(pa.array(starts)).to_numpy(zero_copy_only=False)) for name in KEY}
    listed = np.zeros(n, bool)
    listed[row[kind == PAIR]] = True
    demand = np.where(dense["in_stock_fraction"] >= 1, dense["units"], np.nan)
    return Block(span, keys, dense["units"], dense["in_stock_fraction"], demand, dense["price"], dense["promotion"], *ahead, listed)


def _numbers(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.cast(pa.float64()).to_numpy(), float)


def _ahead(table: pa.Table, kind: Ints, row: Ints, column: Ints, n: int, width: int) -> tuple[Floats, Floats]:
    """Prices and promotions known ahead: each price holds to the next of its specificity, the most specific wins."""
    price, promotion = np.full((n, width), np.nan), np.zeros((n, width))
    prices, promotions = _numbers(table["price"]), np.nan_to_num(_numbers(table["promotion"]))
    for specificity in PRICE_KINDS:
        mine = (kind == specificity) & (column < width)
        if not mine.any():
            continue
        # Of the rows before the span only the last one arrives here, so that none overwrites another.
        dense = np.full((n, width), np.nan)
        dense[row[mine], np.maximum(column[mine], 0)] = prices[mine]
        price = np.where(np.isnan(price), fill_forward(dense), price)
        on_date = mine & (column >= 0)
        np.maximum.at(promotion, (row[on_date], column[on_date]), promotions[on_date])
    return price, promotion


def fill_forward(values: Floats) -> Floats:
    """Each row's last value so far; NaN before the first."""
    last = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(values.shape[1])), axis=1)
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    return np.where(last < 0, np.nan, filled)
