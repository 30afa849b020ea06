"""A trained model on series that are hard or broken: each gets a sane forecast, never NaN, never negative."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost

from jobs.config import Config
from jobs.features.block import PRICE_OF_PAIR
from jobs.forecast import calibration
from jobs.forecast.boosting import parameters
from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.model import INPUTS, Model, forecast, numbers, points, to_matrix, traits
from tests.jobs.features.blocks import features, listed, past, sold

D = date(2024, 5, 29)
DAY = timedelta(days=1)
#: What each case may forecast as the mean of a day, and why.
CASES: dict[str, tuple[list[dict], float, float]] = {}


def _days(item: str, units: list[float], first: int = 1, **more: float) -> list[dict]:
    """Sales of successive days, the newest first, ``first`` days before D."""
    return [sold(item, "S1", D - DAY * (first + k), value, **more) for k, value in enumerate(units)]


CASES["intermittent"] = (_days("intermittent", [1.0 if k % 9 == 4 else 0.0 for k in range(60)]), 0.0, 0.6)
CASES["zeros"] = (_days("zeros", [0.0] * 60), 0.0, 0.3)
CASES["one_day"] = (_days("one_day", [5.0]), 1.0, 9.0)
CASES["gaps"] = (_days("gaps", [4.0] * 3) + _days("gaps", [4.0] * 5, first=40), 2.0, 7.0)
#: It takes its category's level, which the other cases here are part of.
CASES["new"] = ([listed("new", "S1")], 0.5, 10.0)
#: It sold six a day until it ran out: demand is at least that.
CASES["only_ran_out"] = (_days("only_ran_out", [6.0] * 40, stock=0.5), 4.0, 16.0)
CASES["never_there"] = (_days("never_there", [0.0] * 40, stock=0.0), 0.0, 8.0)
#: One day of 400 among fours, in sight of every window.
CASES["outlier"] = (_days("outlier", [4.0] * 10 + [400.0] + [4.0] * 40), 2.0, 40.0)
CASES["free"] = (_days("free", [4.0] * 40, price=0.0), 2.0, 8.0)
CASES["phase_out"] = (_days("phase_out", [0.0] * 21 + [6.0] * 40), 0.0, 2.5)
CASES["back"] = (_days("back", [5.0] * 4) + _days("back", [5.0] * 20, first=60), 2.0, 9.0)
CASES["first_promotion"] = (
    [
        *_days("first_promotion", [4.0] * 40),
        {"item_id": "first_promotion", "location_id": "S1", "kind": PRICE_OF_PAIR, "period": D, "price": 1.0, "promotion": True},
    ],
    2.0,
    16.0,
)


def _ordinary() -> list[dict]:
    """Thirty series that sell four a day, seen until ten days after D; of six of them demand ended, at different times."""
    rows = [row for i in range(30) for row in past(f"i{i}", "S1", D + 10 * DAY, 90, seed=i)]
    ends = {f"i{i}": D - DAY * (12 * i + 6) for i in range(6)}
    return [{**row, "units": 0.0, "in_stock_fraction": 1.0} if row["period"] >= ends.get(row["item_id"], date.max) else row for row in rows]


def _examples(rows: list[dict], origin: date) -> tuple[pa.Table, np.ndarray]:
    """Features and what was then sold, of days in stock."""
    known = {(r["item_id"], r["period"]): r["units"] for r in rows if r["in_stock_fraction"] >= 1}
    made = features([r for r in rows if r["period"] < origin], origin)
    units = np.array([known.get(key, np.nan) for key in zip(made["item_id"].to_pylist(), made["target_date"].to_pylist(), strict=True)])
    return made.filter(pa.array(~np.isnan(units))), units[~np.isnan(units)]


@pytest.fixture(scope="module")
def model() -> Model:
    """A small booster with the parameters of every night, calibrated on an origin that it has not seen."""
    rows = _ordinary()
    train = [_examples(rows, D - DAY * k) for k in (5, 10, 15, 20, 25)]
    table, units = pa.concat_tables([t for t, _ in train]), np.concatenate([u for _, u in train])
    data = xgboost.DMatrix(to_matrix(table), units / numbers(table, "expected"), feature_names=list(INPUTS))
    booster = bytes(xgboost.train({**parameters(Config()), "max_depth": 3, "nthread": 1}, data, 20).save_raw("ubj"))
    held, sales = _examples(rows, D)
    return Model(booster, calibration.fit(points(booster, held), sales, traits(held), "day"))


@pytest.fixture(scope="module")
def made(model: Model) -> pd.DataFrame:
    """Forecasts of all cases in one block, beside ordinary series."""
    rows = [r for r in _ordinary() if r["period"] < D] + [row for case, _, _ in CASES.values() for row in case]
    return forecast(model, features(rows, D)).to_pandas()


def _parts(rows: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    yield rows["mean"].to_numpy(), rows["p_zero"].to_numpy(), rows[list(NAMES)].to_numpy()


@pytest.mark.parametrize("case", CASES)
def test_a_sane_distribution(made: pd.DataFrame, case: str) -> None:
    rows = made[made["item_id"] == case]
    assert len(rows) == 3
    for mean, p_zero, quantiles in _parts(rows):
        assert np.isfinite(mean).all()
        assert np.isfinite(quantiles).all()
        assert ((p_zero >= 0) & (p_zero <= 1)).all()
        assert (quantiles >= 0).all()
        assert (np.diff(quantiles, axis=1) >= 0).all()
        assert (quantiles[p_zero[:, None] > LEVELS] == 0).all()
    _, low, high = CASES[case]
    assert rows["mean"].between(low, high).all(), rows["mean"].tolist()


def test_whole_units_have_no_demand_between_zero_and_one(made: pd.DataFrame) -> None:
    rows = made[made["item_id"].isin(["intermittent", "zeros"])]
    assert rows["whole_units"].all()
    quantiles = rows[list(NAMES)].to_numpy()
    assert ((quantiles == 0) | (quantiles >= 1)).all()
    assert (rows["p_zero"] >= 1 - rows["mean"] - 1e-6).all()


def test_an_outlier_moves_the_other_items_little(model: Model) -> None:
    """Only by the levels of their location and category: one day of a hundred times the usual."""
    good = [r for r in _ordinary() if r["period"] < D]
    alone = forecast(model, features(good, D)).to_pandas()
    beside = forecast(model, features([*good, *CASES["outlier"][0]], D)).to_pandas()
    beside = beside[beside["item_id"] != "outlier"]
    assert beside["mean"].sum() == pytest.approx(alone["mean"].sum(), rel=0.15)


def test_signals_missing_for_the_horizon(model: Model) -> None:
    rows = past("a", "S1", D, 60)
    landed = {"location_id": "S1", "region": None, "name": "rain", "known_to": None}
    signals = [{**landed, "date": D - DAY * k, "known_from": D - DAY * k, "value": float(k)} for k in range(1, 20)]
    made = forecast(model, features(rows, D, signals=signals)).to_pandas()
    assert made["mean"].between(2, 7).all()
    assert np.isfinite(made[list(NAMES)].to_numpy()).all()
