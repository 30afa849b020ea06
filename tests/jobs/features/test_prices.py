"""Prices known ahead: each holds to the next of its kind, the most specific wins."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from jobs.features.block import PRICE_OF_CHANNEL, PRICE_OF_PAIR
from jobs.features.prices import Ahead, GeneralPrices, fill_forward
from tests.jobs.features.blocks import CLOCK, PRICES, features, sold

D = date(2024, 5, 29)
DAY = timedelta(days=1)


def test_fill_forward() -> None:
    nan = np.nan
    made = fill_forward(np.array([[nan, 1, nan, 2], [3, nan, nan, nan], [nan] * 4]))
    assert np.array_equal(made, [[nan, 1, 1, 2], [3, 3, 3, 3], [nan] * 4], equal_nan=True)


def test_a_less_specific_price_only_fills_what_is_open() -> None:
    none = np.array([0.0])
    ahead = Ahead.empty(1, 4).add(np.array([0]), np.array([2]), np.array([5.0]), none)
    ahead = ahead.add(np.array([0, 0]), np.array([0, 3]), np.array([9.0, 8.0]), np.array([0.0, 1.0]))
    assert ahead.price.tolist() == [[9, 9, 5, 5]]
    assert ahead.promotion.tolist() == [[0, 0, 0, 1]]


def test_general_prices_of_a_channel_come_before_those_of_all() -> None:
    rows = pa.Table.from_pylist(
        [
            {"item_id": "a", "channel": None, "period": D, "price": 2.0, "promotion": False},
            {"item_id": "a", "channel": "app", "period": D, "price": 1.0, "promotion": False},
            {"item_id": "b", "channel": None, "period": D, "price": 7.0, "promotion": False},
        ],
        PRICES,
    )
    prices = GeneralPrices.build(rows, CLOCK)
    own, anyone = prices.of(np.array(["a", "a", "c"], object), np.array(["app", "store", "app"], object))
    assert [(s, prices.price[r]) for s, r in zip(*own, strict=True)] == [(0, 1.0)]
    assert [(s, prices.price[r]) for s, r in zip(*anyone, strict=True)] == [(0, 2.0), (1, 2.0)]


def test_specificity_in_features() -> None:
    rows = [sold("a", "S1", D - DAY * k, 4.0, price=8.0) for k in range(1, 20)]
    general = [{"item_id": "a", "channel": None, "period": D, "price": 4.0, "promotion": False}]
    pair = {"item_id": "a", "location_id": "S1", "kind": PRICE_OF_PAIR, "period": D + DAY, "price": 2.0, "promotion": False}
    channel = {**pair, "channel": "store", "kind": PRICE_OF_CHANNEL, "period": D + 2 * DAY, "price": 1.0}
    made = features([*rows, pair, channel], D, prices=general)
    assert np.allclose(np.exp(made["price_ratio"]) * 8, [4, 2, 1])
