"""The orders as CSV: the published run's, in order, and never a part of a file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.publish import export
from tests.published import FIRST, SECOND, THIRD, attempt_row, fill, write


def test_exports_the_published_attempt_by_order_and_line(tmp_path: Path) -> None:
    lake = fill(tmp_path / "lake")
    out = tmp_path / "orders.csv"
    assert export.write(lake, FIRST, str(out)) == 3
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [(r["order_id"], r["line"], r["item_id"], r["units"], r["order_value"]) for r in rows] == [
        ("2024-05-01-DC-S1", "1", "001", "10.0000", "20.0000"),
        ("2024-05-01-DC-S1", "2", "002", "4.0000", "40.0000"),
        ("2024-05-01-DC-S2", "2", "002", "1.0000", "10.0000"),
    ]
    assert "run_id" not in rows[0]
    assert [f.name for f in tmp_path.iterdir() if f.is_file()] == ["orders.csv"]


def test_prints_without_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export.write(fill(tmp_path), SECOND)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_night_without_orders_gives_the_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = fill(tmp_path)
    write(lake, "ops/nights", [attempt_row(THIRD, 2, "r7", "published", "publish", None)])
    assert export.write(lake, THIRD) == 0
    assert capsys.readouterr().out == ",".join(export.COLUMNS) + "\n"


def test_an_unpublished_night_is_refused(tmp_path: Path) -> None:
    lake = fill(tmp_path / "lake")
    with pytest.raises(UsageError, match=r"no orders of 2024-05-03 are published; the newest published night is 2024-05-02"):
        export.write(lake, THIRD, str(tmp_path / "x.csv"))
    assert not (tmp_path / "x.csv").exists()
