"""When a challenger takes the champion's place: on literal rows, one reason at a time."""

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from jobs.config import Config, Training
from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.judgement import Verdict, compare
from jobs.forecast.model import SCHEMA

CONFIG = Config(training=Training(margin=0.05, big_segment=0.2, tolerated_loss=0.1))
D = date(2024, 5, 29)
#: item, step, units, in stock: item a sells 10, b 100 (most of demand), c 1 (too little to matter)
HAPPENED = [
    ("a", 0, 10.0, True),
    ("a", 1, 10.0, True),
    ("b", 0, 100.0, True),
    ("b", 1, 100.0, True),
    ("c", 0, 1.0, True),
    ("c", 1, 5.0, False),
]


def rows(factor: dict[str, float], wide: float = 0.2) -> pa.Table:
    """Forecasts that are ``factor`` times demand for an item (default 1), within +- wide."""
    made: list[dict[str, Any]] = []
    for item, step, units, in_stock in HAPPENED:
        middle = units * factor.get(item, 1.0)
        row = {"item_id": item, "location_id": "S", "channel": "store", "target_date": D + timedelta(step), "mean": middle, "p_zero": 0.0}
        row |= {name: middle * (1 + wide * (2 * level - 1)) for name, level in zip(NAMES, LEVELS, strict=True)}
        row |= {"whole_units": False, "model_id": "m", "origin": 19872, "step": step, "level": units, "promotion": 0.0}
        made.append(row | {"units": units, "in_stock": in_stock})
    kept = [("origin", pa.int64()), ("step", pa.int64()), ("level", pa.float64()), ("promotion", pa.float64())]
    return pa.Table.from_pylist(made, pa.schema([*SCHEMA, *kept, ("units", pa.float64()), ("in_stock", pa.bool_())]))


def judge(challenger: dict[str, float], champion: dict[str, float]) -> Verdict:
    return compare(rows(challenger), rows(champion), CONFIG, {"a": "fresh", "b": "dry"})


def test_better_everywhere_wins_and_says_by_how_much() -> None:
    found = judge({}, {"a": 1.5, "b": 1.5, "c": 1.5})
    assert found.wins
    assert "less" in found.reasons[0]
    assert str(found).startswith("champion: pinball loss ")


def test_the_same_forecast_is_no_gain() -> None:
    found = judge({}, {})
    assert not found.wins
    assert "must be 5.0% less" in found.reasons[0]


def test_a_gain_below_the_margin_is_not_enough() -> None:
    assert not judge({"b": 1.196}, {"b": 1.2}).wins
    assert judge({"b": 1.1}, {"b": 1.2}).wins


def test_a_loss_in_a_big_segment_vetoes() -> None:
    config = Config(training=Training(margin=0.0, big_segment=0.05, tolerated_loss=0.1))
    challenger, champion = rows({"a": 1.4}), rows({"b": 1.4})
    found = compare(challenger, champion, config, {"a": "fresh", "b": "dry"})
    assert not found.wins
    assert any(reason.startswith("department fresh (9% of demand)") for reason in found.reasons)
    # The same loss where the department is too small to matter.
    assert compare(challenger, champion, CONFIG, {"a": "fresh", "b": "dry"}).wins


def test_worse_on_all_days_is_no_gain() -> None:
    """Item c sold 5 when its shelf ran empty: demand was 5 or more. The challenger forecasts less than that for sure."""
    found = judge({"c": 0.5}, {"a": 1.15, "b": 1.15})
    assert "log score on all days" in found.reasons[1]
    assert found.reasons[1].endswith(": worse")
    assert not found.wins


def test_other_rows_can_not_be_compared() -> None:
    with pytest.raises(ValueError, match="different rows"):
        compare(rows({}).slice(1), rows({}).slice(0, 5), CONFIG, {})
