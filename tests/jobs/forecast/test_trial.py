"""A challenger on trial: what decides before anything is forecast, and which rows calibrate it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.config import Config
from jobs.features.block import Span, to_block
from jobs.forecast import judgement
from jobs.forecast.days import FACTOR
from jobs.forecast.examples import Layout
from jobs.forecast.model import INPUTS, Model, numbers, to_matrix
from jobs.forecast.outcomes import of_origin
from jobs.forecast.trial import half_calibrated, held, names_of, series_of, verdict
from jobs.lake import Lake
from tests.jobs.features.blocks import CLOCK, context, past, stream

D = date(2024, 5, 29)
DAY = timedelta(days=1)
NONE: Any = None
PLAN = Layout((19_860,), 19_858)


def test_the_first_model_wins(tmp_path: Path) -> None:
    found = verdict(NONE, Lake(str(tmp_path)), Config(), D, PLAN, (b"", pa.table({}), []), None)
    assert found == judgement.FIRST
    assert str(found) == "champion: the first model"


def test_a_champion_that_can_not_be_loaded_makes_way(tmp_path: Path) -> None:
    """Else a change of the features would leave a lake without a model for ever."""
    found = verdict(NONE, Lake(str(tmp_path)), Config(), D, PLAN, (b"", pa.table({}), []), {"model_id": "gone"})
    assert found.wins
    assert "gone can't be used any more" in found.reasons[0]


def test_series_are_numbered_by_name_whatever_the_order_of_rows() -> None:
    keys = [("b", "S", "store"), ("a", "S", "store"), ("b", "S", "store"), ("a", "T", "online")]
    rows = pa.Table.from_pylist([dict(zip(("item_id", "location_id", "channel"), key, strict=True)) for key in keys])
    assert series_of(rows).tolist() == [2, 0, 2, 1]
    assert len(np.unique(names_of(rows))) == 3


def _trained(rows: pa.Table) -> bytes:
    """A small booster on the in-stock rows."""
    from xgboost import DMatrix, train

    data = DMatrix(to_matrix(rows), label=numbers(rows, "units") / numbers(rows, "level"), feature_names=list(INPUTS))
    return bytes(train({"max_depth": 3, "nthread": 1, "objective": "reg:absoluteerror"}, data, 10).save_raw("ubj"))


def _happened(origin: date) -> pa.Table:
    """Sixty items of a store, sales before and after the origin, a stock-out in five."""
    rows = [row for i in range(60) for row in past(f"i{i:02d}", "S", D + 3 * DAY, 60)]
    shared = context(rows, [origin], night=D + 3 * DAY)
    span = Span.around(CLOCK, [CLOCK.index(origin)], shared.horizon)
    return of_origin(to_block(stream(rows), CLOCK, span, shared.prices), shared, CLOCK.index(origin))


def test_a_champion_that_forecasts_half_of_it_is_beaten_and_an_equal_one_is_not() -> None:
    before, after = _happened(D - 5 * DAY), _happened(D)
    booster, held_out = _trained(before.filter(before["in_stock"])), after.filter(after["in_stock"])
    held_out = held_out.append_column(FACTOR, pa.array(np.ones(held_out.num_rows)))
    equal, rest = half_calibrated(booster, held_out, Config(), [])
    assert len(set(names_of(held_out)) - set(names_of(rest))) == len(set(names_of(rest))) == 30
    halved = [[ratio / 2 for ratio in ratios] for ratios in equal.calibration.ratios]
    champion = Model(booster, replace(equal.calibration, ratios=halved))
    assert held((booster, held_out, []), champion, after, Config(), {}).wins
    found = held((booster, held_out, []), equal, after, Config(), {})
    assert not found.wins
    assert "0.0% less (must be 0.5% less)" in found.reasons[0]
