"""Features as a whole: nothing of the future, the same for the night and for training, sane where nothing is known."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from jobs.features.block import PRICE_OF_PAIR
from schemas.gold.features import FEATURES
from tests.jobs.features.blocks import features, listed, past, sold

D = date(2024, 5, 29)
DAY = timedelta(days=1)


def _rows() -> list[dict]:
    return [*past("a", "S1", D, 60), *past("a", "S2", D, 40), *past("b", "S1", D, 100)]


def _equal(one: pa.Table, other: pa.Table) -> None:
    for name in one.column_names:
        left, right = (np.asarray(t[name].to_numpy(zero_copy_only=False)) for t in (one, other))
        assert (left == right).all() or np.array_equal(left.astype(float), right.astype(float), equal_nan=True), name


def test_nothing_dated_from_the_origin_on_is_seen() -> None:
    history = _rows()
    one = [sold(i, p, D + DAY * k, 7.0) for i, p in (("a", "S1"), ("b", "S1")) for k in range(5)]
    other = [{**row, "units": 900.0, "in_stock_fraction": 0.3, "price": 50.0, "promotion": True} for row in one]
    night = D + 5 * DAY
    expected = features(history, D)
    for future in (one, other):
        _equal(features(history + future, D, night=night), expected)


def test_a_change_the_day_before_the_origin_is_seen() -> None:
    changed = [{**r, "units": 99.0, "in_stock_fraction": 1.0} if r["period"] == D - DAY else r for r in _rows()]
    assert not features(changed, D)["level"].equals(features(_rows(), D)["level"])


def test_training_computes_the_same_features_as_the_night_did() -> None:
    rows = _rows() + [sold("a", "S1", D + DAY * k, 3.0) for k in range(10)]
    # One block for three origins, seen from ten days later.
    together = features(rows, D, [D + 5 * DAY, D - 5 * DAY], night=D + 10 * DAY)
    _equal(together, features(_rows(), D))


def test_stockouts_are_no_demand() -> None:
    full = [sold("a", "S1", D - DAY * k, 4.0) for k in range(1, 30)]
    out = [{**r, "units": 0.0, "in_stock_fraction": 0.0} if i % 2 else r for i, r in enumerate(full)]
    made = features(out, D)
    assert np.allclose(made["mean_4"], np.divide(4.0, made["level"]))
    assert set(made["share_of_zeros"].to_pylist()) == {0.0}
    assert abs(made["level"][0].as_py() - 4) < 1e-6


def test_a_new_item_takes_the_level_of_its_store_and_everything_is_finite_or_null() -> None:
    made = features([*_rows(), listed("new", "S1")], D)
    made = made.filter(pa.compute.equal(made["item_id"], "new"))
    assert made.num_rows == 3
    assert 2 < made["level"][0].as_py() < 6  # others sell 4 a day
    for column in FEATURES:
        values = np.array([v for v in made[column.name].to_pylist() if v is not None], float)
        assert np.isfinite(values).all(), column.name


def test_one_day_of_history_and_a_series_of_zeros_are_finite() -> None:
    rows = [sold("a", "S1", D - DAY, 5.0), *(sold("z", "S1", D - DAY * k, 0.0) for k in range(1, 60))]
    made = features(rows, D).to_pandas().set_index("item_id")
    assert made.loc["a", "level"].iloc[0] > 1
    assert made.loc["z", "level"].iloc[0] < 0.3
    assert (made.loc["z", "share_of_zeros"] == 1).all()


def test_no_history_at_all_gives_the_least_level() -> None:
    made = features([listed("new", "S1")], D)
    assert made["level"].to_pylist() == [np.float32(0.02)] * 3


def test_a_price_known_ahead_shows_from_its_date_and_a_promotion_on_its_date_only() -> None:
    price = {"item_id": "a", "location_id": "S1", "kind": PRICE_OF_PAIR, "period": D + DAY, "price": 1.0, "promotion": True}
    made = features([*(sold("a", "S1", D - DAY * k, 4.0) for k in range(1, 30)), price], D)
    assert np.allclose(made["price_ratio"], [0, np.log(0.5), np.log(0.5)])
    assert made["promotion"].to_pylist() == [0, 1, 0]


def test_a_price_is_compared_with_the_highest_and_with_that_of_the_day_before() -> None:
    cut = {"item_id": "a", "location_id": "S1", "kind": PRICE_OF_PAIR, "period": D + DAY, "price": 1.0}
    made = features([*(sold("a", "S1", D - DAY * k, 4.0, price=4.0 if k > 5 else 2.0) for k in range(1, 30)), cut], D)
    assert np.allclose(made["price_high"], np.log([0.5, 0.25, 0.25]))
    assert np.allclose(made["price_step"], [0, np.log(0.5), 0])


def test_an_item_sold_in_parts_is_not_sold_whole() -> None:
    made = features([sold("a", "S1", D - DAY, 1.5), sold("b", "S1", D - DAY, 2.0)], D).to_pandas().set_index("item_id")
    assert not made.loc["a", "whole_units"].any()
    assert made.loc["b", "whole_units"].all()
