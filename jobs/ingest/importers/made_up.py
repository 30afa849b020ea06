"""What FreshRetailNet does not contain, made up by a seeded rule: prices, costs, packs, lanes, stock.

Every draw is a hash of the seed, the name of the draw and the ids it is for. It is no sequence of random numbers, so
a few cities, stores or products get the same values as the whole file. data/README.md lists the rules in words.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
#: Order multiples and the share of products that has each. Units are normalised (the median series sells 0.6 a day).
_MULTIPLES = ((0.5, 0.25), (1.0, 0.50), (2.0, 0.17), (4.0, 0.08))
#: Days whose in-stock sales make the mean that stock is made from.
MEAN_DAYS = 28


def uniform(seed: int, draw: str, *ids: Ids) -> Floats:
    """Numbers in [0, 1), one for each row of ids, by SplitMix64 (Steele, Lea, Flood 2014, figure 16)."""
    with np.errstate(over="ignore"):
        state = np.full(len(ids[0]), np.uint64(seed) ^ np.uint64(zlib.crc32(draw.encode())), dtype=np.uint64)
        for part in ids:
            state = _mix(state * _GOLDEN + part.astype(np.uint64) + _GOLDEN)
        return (_mix(state + _GOLDEN) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def list_price(seed: int, product: Ids) -> Floats:
    """List price per unit, 3.90 to 29.90, many cheap and few dear."""
    return np.floor(3 * 10 ** uniform(seed, "list_price", product)) + 0.9


def unit_cost(seed: int, product: Ids) -> Floats:
    """Purchase cost per unit: 55% to 75% of the list price."""
    return np.round(list_price(seed, product) * (0.55 + 0.2 * uniform(seed, "unit_cost", product)), 2)


def shelf_life(seed: int, product: Ids) -> NDArray[np.int32]:
    """Days a unit may be sold after arrival: 3 to 14."""
    return (3 + np.floor(12 * uniform(seed, "shelf_life", product))).astype(np.int32)


def holding_cost(seed: int, product: Ids) -> Floats:
    """Cost of a unit held for a day: 30% of its cost, spread over its shelf life (fresh goods spoil)."""
    return np.round(0.3 * unit_cost(seed, product) / shelf_life(seed, product), 4)


def order_multiple(seed: int, product: Ids) -> Floats:
    """Units in a pack: 0.5, 1, 2 or 4."""
    packs, shares = zip(*_MULTIPLES, strict=True)
    edges = np.cumsum(shares)[:-1]
    return np.asarray(packs)[np.searchsorted(edges, uniform(seed, "order_multiple", product), side="right")]


def max_stock(seed: int, store: Ids, product: Ids) -> Floats:
    """Most units on the shelf and under way: eight packs or 8 units for one pair in ten, else NaN (no limit)."""
    limited = uniform(seed, "max_stock", store, product) < 0.1
    return np.where(limited, np.maximum(8.0, 8 * order_multiple(seed, product)), np.nan)


def lead_time(seed: int, store: Ids) -> NDArray[np.int32]:
    """Days from order to shelf: 1 for three stores in four, else 2."""
    return np.where(uniform(seed, "lead_time", store) < 0.75, 1, 2).astype(np.int32)


def order_days(seed: int, store: Ids) -> list[str]:
    """Every day for seven stores in ten, else four fixed days (one of two patterns)."""
    u = uniform(seed, "order_days", store)
    return ["" if x < 0.7 else "mon,wed,fri,sun" if x < 0.85 else "tue,thu,sat,sun" for x in u]


def order_cost(seed: int, store: Ids) -> Floats:
    """Cost of a delivery to a store: 4.00 to 12.00 for one store in two, else NaN (none)."""
    u = uniform(seed, "order_cost", store)
    return np.where(u < 0.5, np.round(4 + 16 * u, 2), np.nan)


def min_order_value(seed: int, store: Ids) -> Floats:
    """Least value of a store's order: 150 to 450 for one store in three, else NaN (none)."""
    u = uniform(seed, "min_order_value", store)
    return np.where(u < 1 / 3, np.round(150 + 900 * u), np.nan)


def recent_mean(units: Floats, in_stock: NDArray[np.bool_]) -> Floats:
    """Mean sales of a day, as known before each day: of the in-stock days among the 28 before it.

    units, in_stock: series x days. Where none was in stock: of all of them; on the first day: that day's own.
    """
    weights = in_stock.astype(np.float64)
    stocked = _before(weights)
    alike = np.where(stocked > 0, _before(units * weights) / np.maximum(stocked, 1), 0.0)
    days = np.minimum(np.arange(units.shape[1]), MEAN_DAYS)
    plain = _before(units) / np.maximum(days, 1)
    plain[:, 0] = units[:, 0]
    return np.where(stocked > 0, alike, plain)


def store_stock(units: Floats, out_at_close: NDArray[np.bool_], mean: Floats, cover: Floats, multiple: Floats) -> Floats:
    """Stock after closing, series x days, that agrees with the sales and with the publisher's stock-out flags.

    Each morning whole packs bring the stock up to ``cover`` days of mean sales, and more where the day sold more;
    what is left at closing is the stock, and nothing is left where the publisher says the shelf was empty.
    """
    closing = np.zeros_like(units)
    stock = cover * mean[:, 0]
    for day in range(units.shape[1]):
        sold = units[:, day]
        packs = np.floor(np.maximum(cover * mean[:, day] - stock, 0.0) / multiple)
        short = sold + np.where(out_at_close[:, day], 0.0, 0.1) - stock - packs * multiple
        packs += np.ceil(np.maximum(short, 0.0) / multiple - 1e-9)
        stock = np.where(out_at_close[:, day], 0.0, np.maximum(stock + packs * multiple - sold, 0.0))
        closing[:, day] = stock
    return np.round(closing, 1)


def cover_days(seed: int, store: Ids, product: Ids) -> Floats:
    """Days of mean sales that the shelf of a pair is filled up to: 2 to 4."""
    return 2 + 2 * uniform(seed, "cover_days", store, product)


def dc_stock(seed: int, city: Ids, product: Ids, day: Ids, daily: Floats) -> Floats:
    """Stock of a city's DC, given the daily sales of its stores.

    One item in six is scarce (30% to 80% of a day's sales, changing from day to day); the others have 4 to 8 days.
    """
    scarce = uniform(seed, "dc_scarce", city, product) < 1 / 6
    u = uniform(seed, "dc_stock", city, product, day)
    return np.floor(10 * daily * np.where(scarce, 0.3 + 0.5 * u, 4 + 4 * u)) / 10


def _before(values: Floats) -> Floats:
    """Sum over the 28 days before each day, series x days."""
    total = np.cumsum(values, axis=1)
    shifted = np.pad(total, ((0, 0), (1, 0)))[:, :-1]
    old = np.pad(total, ((0, 0), (MEAN_DAYS + 1, 0)))[:, : total.shape[1]]
    return np.asarray(shifted - old)


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
