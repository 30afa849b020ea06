"""In-stock share of periods that have no availability row, from stock records rolled forward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.ingest.demand.facts import NONE, Bools, Floats, Ints, carry


@dataclass(frozen=True)
class StockRows:
    """Stock after closing on ``day``, by pair (-1: a pair that does not count)."""

    pair: Ints
    day: Ints
    units: Ints


@dataclass(frozen=True)
class Movements:
    """Net change of stock on ``day``: + receipts, - units sold, + returns to stock."""

    pair: Ints
    day: Ints
    units: Ints


def in_stock(stock: StockRows, moves: Movements, arriving: tuple[Ints, Ints], pairs: int, first: int, days: int, step: int) -> Floats:
    """Pair x period: share of the days that opened with stock or saw something arrive; 1 where stock is unknown.

    ``arriving`` are pairs and days on which units were received or expected.
    """
    share = np.ones((pairs, days // step))
    known = np.unique(stock.pair[stock.pair >= 0])
    if len(known) == 0:
        return share
    place = np.full(pairs + 1, -1, dtype=np.int64)
    place[known] = np.arange(len(known))
    empty = _opened_empty(stock, moves, place, len(known), first, days)
    row, day = place[arriving[0]], arriving[1] - first
    inside = (arriving[0] >= 0) & (row >= 0) & (day >= 0) & (day < days)
    empty[row[inside], day[inside]] = False
    share[known] = 1 - empty.reshape(len(known), -1, step).mean(axis=2)
    return share


def _opened_empty(stock: StockRows, moves: Movements, place: Ints, pairs: int, first: int, days: int) -> Bools:
    """Pair x day: opened without stock. The level is that of the last record, moved by what happened since."""
    start = min(int(stock.day[stock.pair >= 0].min()), first - 1)
    width = first + days - start
    net = np.zeros((pairs, width), dtype=np.int64)
    row, column = place[moves.pair], moves.day - start
    inside = (moves.pair >= 0) & (row >= 0) & (column >= 0) & (column < width)
    np.add.at(net, (row[inside], column[inside]), moves.units[inside])
    total = net.cumsum(axis=1)
    record = np.full((pairs, width), NONE, dtype=np.int64)
    counted = np.zeros((pairs, width), dtype=np.int64)
    row, column = place[stock.pair], stock.day - start
    inside = (stock.pair >= 0) & (column < width)
    record[row[inside], column[inside]] = column[inside]
    counted[row[inside], column[inside]] = stock.units[inside]
    last = carry(record)
    each = np.arange(pairs)[:, None]
    since = np.maximum(last, 0)  # before a pair's first record: any column, its level is not used
    level = counted[each, since] + total - total[each, since]
    empty = (last >= 0) & (level <= 0)
    return np.asarray(empty[:, first - 1 - start : width - 1], dtype=np.bool_)
