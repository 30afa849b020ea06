"""``gold/projections``: expected stock per item, location and period, with what is under way and the night's orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

#: What a movement is; the order counts.
KINDS = ("demand", "stock", "arrival", "order")
#: Movements: what changes the stock of an item at a location. ``date`` of a stock counts as the first period's.
MOVEMENTS = pa.schema(
    [
        pa.field("item_id", pa.string()),
        pa.field("location_id", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("date", pa.date32()),
        pa.field("units", pa.float64()),
    ]
)
PROJECTED = pa.schema(
    [
        pa.field("item_id", pa.string()),
        pa.field("location_id", pa.string()),
        pa.field("date", pa.date32()),
        *(pa.field(name, pa.float64()) for name in ("opening", "arrivals", "ordered", "demand", "lost", "closing")),
    ]
)


def project(movements: pa.Table, dates: Sequence[date]) -> pa.Table:
    """Roll expected stock through the periods that begin on ``dates`` (ascending).

    Only item-locations with demand are projected. Movements before the first period count in it, those after the last
    period are left out. Stock below zero counts as zero. Sums run in order of value, so the rows' order does not matter.
    Takes rows of MOVEMENTS; gives rows of PROJECTED, one per item-location and date, sorted.
    """
    if not movements.num_rows or not dates:
        return PROJECTED.empty_table()
    pair, items, locations = _pairs(movements)
    kind = pc.index_in(movements["kind"], pa.array(KINDS)).to_numpy()
    units = movements["units"].to_numpy()
    step = _steps(movements["date"].cast(pa.int32()).to_numpy(), dates, kind)
    order = np.lexsort((units, step, kind, pair))
    order = order[step[order] < len(dates)]
    shape = (len(KINDS), len(items), len(dates))
    cell = np.ravel_multi_index((kind[order], pair[order], step[order]), shape)
    sums: NDArray[np.float64] = np.bincount(cell, weights=units[order], minlength=int(np.prod(shape))).astype(np.float64)
    demand, stock, arrivals, ordered = sums.reshape(shape)
    keep = np.isin(np.arange(len(items)), pair[kind == 0])
    columns = _roll(np.maximum(stock[keep].sum(axis=1), 0), demand[keep], arrivals[keep], ordered[keep])
    ids = [pa.array(values).take(pa.array(np.repeat(np.flatnonzero(keep), len(dates)))) for values in (items, locations)]
    days = pa.array(list(dates) * int(keep.sum()), pa.date32())
    return pa.Table.from_arrays([*ids, days, *(pa.array(c.ravel()) for c in columns)], schema=PROJECTED)


def _roll(
    stock: NDArray[np.float64], demand: NDArray[np.float64], arrivals: NDArray[np.float64], ordered: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Opening, arrivals, ordered, demand, lost, closing; each (pairs, periods)."""
    opening, lost, closing = (np.empty_like(demand) for _ in range(3))
    for t in range(demand.shape[1]):
        opening[:, t] = stock
        left = stock + arrivals[:, t] + ordered[:, t] - demand[:, t]
        lost[:, t] = np.maximum(-left, 0)
        stock = np.maximum(left, 0)
        closing[:, t] = stock
    return [opening, arrivals, ordered, demand, lost, closing]


def _pairs(movements: pa.Table) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """Number of each row's item-location in sorted order, and the items and locations of the numbers."""
    codes, names = [], []
    for column in ("item_id", "location_id"):
        values = movements[column].combine_chunks()
        distinct = sorted(pc.unique(values).to_pylist())
        codes.append(pc.index_in(values, pa.array(distinct, pa.string())).to_numpy().astype(np.int64))
        names.append(distinct)
    both, pair = np.unique(codes[0] * len(names[1]) + codes[1], return_inverse=True)
    return pair, [names[0][b // len(names[1])] for b in both], [names[1][b % len(names[1])] for b in both]


def _steps(days: NDArray[np.int32], dates: Sequence[date], kind: NDArray[np.int32]) -> NDArray[np.int64]:
    """Period of each movement; len(dates) for what comes after the last period."""
    starts = pa.array(dates, pa.date32()).cast(pa.int32()).to_numpy()
    length = int(starts[1] - starts[0]) if len(starts) > 1 else 1
    step = np.maximum(np.searchsorted(starts, days, side="right") - 1, 0)
    step = np.where(days >= starts[-1] + length, len(dates), step)
    return np.where(kind == KINDS.index("stock"), 0, step)
