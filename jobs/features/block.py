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
from jobs.features.names import KEY, Names
from jobs.features.partial import completed
from jobs.features.prices import Ahead, GeneralPrices

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: What a row of the stream is: sales of a period; a price of the pair and channel, or of the pair; a row of the assortment.
SOLD, PRICE_OF_CHANNEL, PRICE_OF_PAIR, LISTED = 0, 1, 2, 9
#: Rows of the stream that a block has, about.
ROWS = 200_000

#: The stream of rows, sorted by item and location, from which blocks are made. Of an assortment row ``promotion``
#: says whether it is active. ``recovered`` is what silver/demand says of the demand of a period short of stock.
STREAM = pa.schema(
    [
        *((name, pa.string()) for name in KEY),
        ("kind", pa.int32()),
        ("period", pa.date32()),
        ("units", pa.float64()),
        ("in_stock_fraction", pa.float64()),
        ("recovered", pa.float64()),
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
    in_stock              [n, last - first] units of periods in stock throughout; NaN elsewhere (sales there are a floor)
    demand                [n, last - first] the same, and the recovered demand of periods short of stock; NaN where it is not known
    promotion             [n, last - first] 1 where promoted
    price_ahead           [n, last - ahead] price known ahead; NaN where no price row says
    promotion_ahead       [n, last - ahead] 1 where a price row announces a promotion
    listed                [n] active by the assortment, though nothing of it is known
    """

    span: Span
    keys: dict[str, Names]
    units: Floats
    stock: Floats
    in_stock: Floats
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


def whole_pairs(batches: Iterable[pa.RecordBatch], rows: int = ROWS, pairs: int = 4096) -> Iterator[pa.Table]:
    """Tables of whole item-locations from a stream sorted by them, whatever its batches: about ``rows`` rows, at most ``pairs``."""
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
            yield from _cut(table.slice(0, starts[-1]), starts[:-1], pairs)
            # The last one may go on in the next batch.
            rest = table.slice(starts[-1])
            pending, held = rest.to_batches(), rest.num_rows
    if pending:
        table = pa.Table.from_batches(pending)
        yield from _cut(table, _starts(table), pairs)


def _starts(table: pa.Table) -> Ints:
    """First row of each item-location."""
    changed = np.zeros(table.num_rows, bool)
    changed[:1] = True
    for name in KEY[:2]:
        column = table[name].combine_chunks()
        changed[1:] |= np.asarray(pc.not_equal(column[1:], column[:-1]))
    return np.flatnonzero(changed)


def _cut(table: pa.Table, starts: Ints, pairs: int) -> Iterator[pa.Table]:
    for begin, end in pairwise([*starts[::pairs].tolist(), table.num_rows]):
        if end > begin:
            yield table.slice(begin, end - begin)


def to_block(table: pa.Table, clock: Clock, span: Span, general: GeneralPrices) -> Block:
    """Arrange whole item-locations densely, one row a series that is sold or listed as active."""
    starts = _starts(table)
    pair = np.repeat(np.arange(len(starts), dtype=np.int64), np.diff([*starts, table.num_rows]))
    kind = np.asarray(table["kind"], np.int64)
    channels, code = _codes(table["channel"].fill_null(""))
    promotion = np.nan_to_num(_numbers(table["promotion"]))
    name = pair * len(channels) + code
    series, listed = _series(name, pair, kind, promotion > 0, len(channels))
    owner, channel = np.divmod(series, len(channels))
    keys = {n: np.asarray(table[n].take(pa.array(starts[owner])).to_numpy(zero_copy_only=False), object) for n in KEY[:2]}
    keys["channel"] = channels[channel]
    days = np.asarray(table["period"].cast(pa.int32()).fill_null(0).cast(pa.int64()))
    column, width = clock.indices(days) - span.first, span.last - span.first
    row = _row_of(series, name)
    sold = (kind == SOLD) & (row >= 0) & (column >= 0) & (column < width)
    values = {"promotion": promotion} | {n: _numbers(table[n]) for n in ("units", "in_stock_fraction", "recovered", "price")}
    dense = {n: _scatter(len(series), width, row[sold], column[sold], v[sold]) for n, v in values.items()}
    ahead = Ahead.empty(len(series), span.last - span.ahead)
    later = column - (span.ahead - span.first)
    ours = (kind == PRICE_OF_CHANNEL) & (row >= 0)
    ahead = ahead.add(row[ours], later[ours], values["price"][ours], promotion[ours])
    spread = _of_pair(series, pair, kind, len(channels))
    ahead = ahead.add(spread[0], later[spread[1]], values["price"][spread[1]], promotion[spread[1]])
    for rows in general.of(keys["item_id"], keys["channel"]):
        ahead = ahead.add(rows[0], general.period[rows[1]] - span.ahead, general.price[rows[1]], general.promotion[rows[1]])
    units, stock, price = dense["units"], dense["in_stock_fraction"], dense["price"]
    in_stock = np.where(stock >= 1, units, np.nan)
    demand = completed(np.where(stock >= 1, units, dense["recovered"]), units, stock, clock)
    return Block(span, keys, units, stock, in_stock, demand, price, dense["promotion"], ahead.price, ahead.promotion, listed)


def _codes(column: pa.ChunkedArray) -> tuple[Names, Ints]:
    """Distinct texts in order, and each row's place among them: by Arrow, since numpy sorts every row's text."""
    distinct = pc.unique(column).sort()
    code = pc.index_in(column, value_set=distinct).to_numpy().astype(np.int64)
    return np.asarray(distinct.to_numpy(zero_copy_only=False), object), code


def _series(name: Ints, pair: Ints, kind: Ints, active: Bools, channels: int) -> tuple[Ints, Bools]:
    """Series of the block, sorted, and which of them are listed as active.

    A pair with assortment rows none of which is active has no series; a listed pair that is sold already has no
    series of its own for its location's channel.
    """
    off = np.setdiff1d(pair[kind == LISTED], pair[(kind == LISTED) & active])
    sold = _distinct(name[(kind == SOLD) & ~_among(pair, off)])
    listed = np.unique(name[(kind == LISTED) & active])
    new = listed[~np.isin(listed // channels, sold // channels)]
    series = np.union1d(sold, new)
    return series, np.isin(series // channels, listed // channels)


def _distinct(names: Ints) -> Ints:
    """Distinct names in order; names that come in order already (one channel) need no sorting."""
    return names[np.diff(names, prepend=-1) != 0] if (names[1:] >= names[:-1]).all() else np.unique(names)


def _among(values: Ints, some: Ints) -> Bools:
    """Which values are among some, of which there are mostly none."""
    among: Bools = np.isin(values, some) if len(some) else np.zeros(len(values), bool)
    return among


def _row_of(series: Ints, name: Ints) -> Ints:
    """Row of each name among the series; -1 where it has none."""
    if not len(series):
        return np.full(len(name), -1)
    place = np.minimum(np.searchsorted(series, name), len(series) - 1)
    return np.where(series[place] == name, place, -1)


def _of_pair(series: Ints, pair: Ints, kind: Ints, channels: int) -> tuple[Ints, Ints]:
    """(series row, stream row) of the prices that hold in every channel of their pair."""
    found = np.flatnonzero(kind == PRICE_OF_PAIR)
    rows = np.concatenate([_row_of(series, pair[found] * channels + code) for code in range(channels)])
    source = np.tile(found, channels)
    return rows[rows >= 0], source[rows >= 0]


def _scatter(n: int, width: int, row: Ints, column: Ints, values: Floats) -> Floats:
    dense = np.full((n, width), np.nan)
    dense[row, column] = values
    return dense


def _numbers(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.cast(pa.float64()).to_numpy(), float)
