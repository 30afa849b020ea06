"""What whole periods have in common: taken out of what a booster learns, put back by kind of day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from jobs.features.clock import CLOCKS
from jobs.forecast.calibration import Calibration, Traits
from jobs.forecast.days import FACTOR, Cells, kind_of, with_factor, with_factor_here
from jobs.forecast.model import numbers

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAY, WEEK = CLOCKS["day"], CLOCKS["week"]
MONDAY = DAY.index(date(2024, 4, 1))


def _rows(series: int, days: int = 28, seed: int = 0, closed: int | None = None) -> pa.Table:
    """One origin's rows: day k after a Monday sells ``_factor(k)`` of what is expected; on the seventh day there is an event."""
    rng = np.random.default_rng(seed)
    step = np.repeat(np.arange(days), series)
    expected = rng.uniform(0.5, 20, len(step))
    units = rng.poisson(expected * _factor(step)) * (step != closed)
    return pa.table(
        {
            "origin": np.full(len(step), MONDAY),
            "step": step,
            "event": np.where(step == 7, 1.0, 0.0),
            "share_of_zeros": np.where(rng.random(len(step)) < 0.25, 0.5, 0.1),
            "weight": np.ones(len(step)),
            "units": units.astype(float),
            "expected": expected,
            "label": units / expected,
        }
    )


def _factor(day: np.ndarray) -> np.ndarray:
    """Saturdays sell half more; every day has a swing of its own."""
    return np.where(day % 7 == 5, 1.5, 1.0) * np.exp(0.1 * np.sin(2.1 * day))


def test_of_many_series_a_factor_is_what_the_day_sold() -> None:
    cells = Cells.of_table(_rows(500))
    assert cells.rows.tolist() == [500] * 28
    assert cells.factors() == pytest.approx(cells.units / cells.expected, rel=0.01)
    assert cells.factors() == pytest.approx(_factor(cells.step), rel=0.05)


def test_of_one_series_a_day_says_nothing() -> None:
    """Its noise would be taken for the day's: every cell has what all have."""
    cells = Cells.of_table(_rows(1))
    assert np.ptp(cells.factors()) == 0
    assert 0.5 < cells.factors()[0] < 2


def test_of_a_few_series_it_is_believed_in_part() -> None:
    cells = Cells.of_table(_rows(8))
    raw = np.log(cells.units / cells.expected)
    shrunk = np.log(cells.factors())
    assert 0.05 < shrunk.std() / raw.std() < 0.95
    assert np.corrcoef(raw, shrunk)[0, 1] > 0.9


def test_a_day_without_a_sale_has_what_all_have() -> None:
    cells = Cells.of_table(_rows(300, closed=3))
    factors = cells.factors()
    assert np.isfinite(factors).all()
    assert 0.9 < factors[3] < 1.2
    assert np.isfinite(cells.kinds(DAY)).all()


def test_the_order_of_rows_changes_nothing_to_the_bit() -> None:
    rows = _rows(300)
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    assert Cells.of_table(rows).factors().tobytes() == Cells.of_table(shuffled).factors().tobytes()


def test_spark_and_one_process_agree(spark: SparkSession) -> None:
    rows = _rows(40)
    frame = spark.createDataFrame(rows.to_pandas())
    cells = Cells.of_spark(frame)
    assert cells.slow.tolist() == Cells.of_table(rows).slow.tolist()
    assert cells.factors() == pytest.approx(Cells.of_table(rows).factors(), rel=1e-9)
    made = with_factor(frame, cells, F.col("event") > 0).toArrow().sort_by([("step", "ascending"), ("expected", "ascending")])
    here = with_factor_here(rows, cells).sort_by([("step", "ascending"), ("expected", "ascending")])
    assert made[FACTOR].to_pylist() == here[FACTOR].to_pylist()
    assert numbers(made, "label") == pytest.approx(numbers(here, "label") / numbers(here, FACTOR))


def test_kinds_are_effects_of_the_weekday_and_of_an_event() -> None:
    """Two Mondays with an event sell half: so would, shrunk, any day with one; events say nothing of days without."""
    rows = _rows(500, days=56)
    eventful = np.isin(numbers(rows, "step"), (7, 35))
    rows = rows.set_column(2, "event", pa.array(eventful.astype(float)))
    rows = rows.set_column(5, "units", pa.array(np.where(eventful, 0.5, 1.0) * numbers(rows, "units")))
    kinds = np.array(Cells.of_table(rows).kinds(DAY)).reshape(7, 2)
    assert kinds[5, 0] / kinds[[1, 2, 3, 4, 6], 0].mean() == pytest.approx(1.5, rel=0.1)
    assert np.ptp(kinds[:, 1] / kinds[:, 0]) == pytest.approx(0, abs=1e-9)
    assert 0.5 < kinds[0, 1] / kinds[0, 0] < 0.7
    assert kinds[0, 0] == pytest.approx(kinds[[1, 2, 3, 4, 6], 0].mean(), rel=0.1)


def test_recent_days_count_more_and_each_day_once() -> None:
    """Two origins forecast the same week; an old one, of hardly any weight, sold twice as much."""
    new, old = _rows(400, days=7), _rows(400, days=7, seed=1)
    old = old.set_column(0, "origin", pa.array(np.full(old.num_rows, MONDAY - 70)))
    old = old.set_column(5, "units", pa.array(numbers(old, "units") * 2)).set_column(4, "weight", pa.array(np.full(old.num_rows, 0.01)))
    both = Cells.of_table(pa.concat_tables([new, old]))
    assert both.kinds(DAY) == pytest.approx(Cells.of_table(new).kinds(DAY), rel=0.05)
    twice = Cells.of_table(pa.concat_tables([new, new.set_column(0, "origin", pa.array(np.full(new.num_rows, MONDAY - 1)))]))
    assert len(twice.rows) == 14


def test_weeks_are_of_two_kinds() -> None:
    assert len(Cells.of_table(_rows(50)).kinds(WEEK)) == 2
    assert kind_of(np.array([18.0, 52.0]), np.array([False, True]), 2).tolist() == [0, 1]
    assert kind_of(np.array([0.0, 6.0]), np.array([False, True]), 14).tolist() == [0, 13]


def test_rows_of_no_cell_are_an_error() -> None:
    cells = Cells.of_table(_rows(5, days=3))
    with pytest.raises(KeyError, match="no cell"):
        cells.rows_of(np.array([MONDAY]), np.array([9]), np.array([False]))


def test_the_calibration_puts_a_kinds_factor_on_mean_and_quantiles() -> None:
    plain = Calibration([], [], 3, [1.0] * 2, [0.0] * 2, [[float(i) for i in range(1, 16)]] * 2)
    kinds = [1.0] * 14
    kinds[2 * 5 + 1] = 3.0
    traits = Traits(np.zeros(2), np.zeros(2, int), np.zeros(2, bool), np.array([True, True]), np.array([5.0, 4.0]))
    days = Calibration(**{**plain.to_dict(), "days": kinds})  # type: ignore[arg-type]
    mean, _, quantiles = days.apply(np.array([2.0, 2.0]), traits)
    assert mean.tolist() == [6.0, 2.0]
    assert (quantiles[0] == 3 * quantiles[1]).all()
    assert plain.apply(np.array([2.0, 2.0]), traits)[0].tolist() == [2.0, 2.0]
