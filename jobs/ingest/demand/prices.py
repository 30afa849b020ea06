"""Price and promotion that held for each series and period.

A price holds from its date to the next row of the same key; of the keys that match (location and channel,
location, channel, everywhere) the most specific with a price wins; its promotion holds on its date only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.ingest.demand.facts import Ints, carry


@dataclass(frozen=True)
class PriceRows:
    """Rows of one kind of key. ``owner`` is the code of the key, ``promotion`` -1 for none."""

    owner: Ints
    day: Ints
    price: Ints
    promotion: Ints


@dataclass(frozen=True)
class PriceLevel:
    """One kind of key: its rows, how many keys there are, and the key of each series (-1: none)."""

    rows: PriceRows
    keys: int
    key_of_series: Ints


def listed_prices(levels: list[PriceLevel], series: int, first: int, days: int, step: int) -> tuple[Ints, Ints]:
    """Price (1/10,000, -1: none) and code of the promotion (-1: none), series x period.

    ``levels`` go from the most to the least specific; ``days`` days from ``first`` on, ``step`` a period.
    A week's price is the mean over its days, rounded half up; its promotion the alphabetically first.
    """
    winner = np.full((series, days), -1, dtype=np.int64)
    offset = 0
    for level in levels:
        if len(level.rows.day):
            holding = _holding(level, first, days)[level.key_of_series]
            holding[level.key_of_series < 0] = -1
            winner = np.where((winner < 0) & (holding >= 0), holding + offset, winner)
        offset += len(level.rows.day)
    rows = [level.rows for level in levels]
    price = _gather(np.concatenate([r.price for r in rows]), winner)
    row_day = _gather(np.concatenate([r.day for r in rows]), winner)
    promotion = _gather(np.concatenate([r.promotion for r in rows]), winner)
    promotion[row_day != first + np.arange(days)] = -1
    return _by_period(price, promotion, step)


def _holding(level: PriceLevel, first: int, days: int) -> Ints:
    """Number of the row that holds for each key and day; rows before ``first`` count as there already."""
    table = np.full((level.keys, days), -1, dtype=np.int64)
    rows = level.rows
    order = np.lexsort((rows.day, rows.owner))
    inside = order[(rows.owner[order] >= 0) & (rows.day[order] < first + days)]
    rank = np.full(len(rows.day), -1, dtype=np.int64)
    rank[inside] = np.arange(len(inside))
    column = np.maximum(rows.day[inside] - first, 0)
    np.maximum.at(table, (rows.owner[inside], column), rank[inside])
    ranked = np.append(inside, -1)
    return np.asarray(ranked[carry(table)], dtype=np.int64)


def _gather(values: Ints, rows: Ints) -> Ints:
    return np.where(rows >= 0, np.append(values, -1)[rows], -1)


def _by_period(price: Ints, promotion: Ints, step: int) -> tuple[Ints, Ints]:
    if step == 1:
        return price, promotion
    prices = price.reshape(len(price), -1, step)
    known = (prices >= 0).sum(axis=2)
    total = np.where(prices >= 0, prices, 0).sum(axis=2)
    mean = np.where(known > 0, (2 * total + known) // np.maximum(2 * known, 1), -1)
    promotions = promotion.reshape(len(price), -1, step)
    first = np.where(promotions >= 0, promotions, np.iinfo(np.int64).max).min(axis=2)
    return mean, np.where(first == np.iinfo(np.int64).max, -1, first)
