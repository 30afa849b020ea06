"""Segments and the board of measures on forecasts whose law is known."""

import numpy as np
import pyarrow as pa
import pytest

from jobs.forecast.metrics import bias, pinball, wape
from jobs.forecast.model import numbers, quantiles_of
from jobs.forecast.plain import PLAIN
from jobs.forecast.printout import pick
from jobs.forecast.scoreboard import ALL_DAYS, IN_STOCK, MODEL, SUMS, scoreboard
from jobs.forecast.segments import KINDS, segmentations
from schemas import TABLES
from tests.jobs.forecast.judged import CLOCK, judged

ROWS = judged(4, 5, 4, origins=(19_872, 19_879), out=0.2)
DEPARTMENTS = {"i0": "fresh", "i1": "fresh", "i2": "dry"}
BOARD = scoreboard(ROWS, CLOCK, DEPARTMENTS, {origin: lambda rows: np.ones((rows.num_rows, 8)) for origin in (19_872, 19_879)})


def test_segments_of_literal_rows() -> None:
    cuts = segmentations(ROWS, CLOCK, DEPARTMENTS)
    labels = {kind: cut.labels for kind, cut in cuts.items()}
    assert labels == {
        "all": ("all",),
        "origin": ("2024-05-29", "2024-06-05"),
        "volume": ("1 to 2", "2 to 5"),
        "step": ("0", "1", "2", "3"),
        "promotion": ("no", "yes"),
        "department": ("dry", "fresh", "none"),
    }
    first = {kind: cut.labels[cut.code[0]] for kind, cut in cuts.items()}
    assert first == {"all": "all", "origin": "2024-05-29", "volume": "1 to 2", "step": "0", "promotion": "no", "department": "fresh"}


def test_in_stock_measures_are_those_of_the_rows_of_the_segment() -> None:
    mine = [row["in_stock"] and row["step"] == 2 for row in ROWS.to_pylist()]
    rows = ROWS.filter(pa.array(mine))
    (found,) = pick(BOARD, basis=IN_STOCK, kind="step", segment="2", method=MODEL)
    actual = numbers(rows, "units")
    assert found["rows"] == rows.num_rows
    assert found["wape_mean"] == pytest.approx(wape(actual, numbers(rows, "mean")))
    assert found["bias"] == pytest.approx(bias(actual, numbers(rows, "mean")))
    assert found["pinball"] == pytest.approx(pinball(actual, quantiles_of(rows)))
    (plain,) = pick(BOARD, basis=IN_STOCK, kind="step", segment="2", method=PLAIN[0])
    assert plain["wape_mean"] == pytest.approx(wape(actual, numbers(rows, PLAIN[0])))
    assert plain["value_added"] == pytest.approx(100 * (1 - found["wape_mean"] / plain["wape_mean"]))


def test_all_days_count_every_row_and_every_kind() -> None:
    (found,) = pick(BOARD, basis=ALL_DAYS, kind="all")
    assert found["rows"] == ROWS.num_rows
    assert found["demand"] == pytest.approx(numbers(ROWS, "units").sum())
    assert {row["kind"] for row in pick(BOARD, basis=ALL_DAYS)} == {row["kind"] for row in pick(BOARD, basis=IN_STOCK)} == set(KINDS)


def test_sums_of_both_origins_are_judged_together() -> None:
    sums = {row["segment"]: row for row in pick(BOARD, basis=SUMS)}
    assert set(sums) == {"3 periods", "in stock of 7", "stores of an item", "items of a store"}
    assert sums["stores of an item"]["rows"] <= 2 * 4 * 4


def test_a_segment_without_a_row_in_stock_has_no_row() -> None:
    rows = judged(1, 1, 2)
    out = rows.set_column(rows.schema.get_field_index("in_stock"), "in_stock", pa.array([True, False]))
    board = scoreboard(out, CLOCK, {}, {})
    assert [row["segment"] for row in pick(board, basis=IN_STOCK, kind="step", method=MODEL)] == ["0"]
    assert [row["segment"] for row in pick(board, basis=ALL_DAYS, kind="step")] == ["0", "1"]


def test_the_board_fits_its_table() -> None:
    assert set().union(*BOARD) <= set(TABLES["ops/backtests"].column_names)
    assert len({(row["method"], row["basis"], row["kind"], row["segment"]) for row in BOARD}) == len(BOARD)
