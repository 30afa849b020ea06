"""DuckDB over the published views: only published rows, and the tables open in other readers."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.publish import sql
from schemas import TABLES
from tests.published import FIRST, SECOND, fill


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return fill(tmp_path_factory.mktemp("published") / "lake")


def test_only_the_highest_published_attempt_shows(lake: Lake) -> None:
    connection = sql.connect(lake)
    nights = connection.execute("SELECT business_date, attempt, run_id FROM nights ORDER BY 1").fetchall()
    assert nights == [(FIRST, 2, "r2"), (SECOND, 1, "r4")]
    for view in ("orders", "order_reasons", "kpis", "exceptions", "accuracy"):
        assert {row[0] for row in connection.execute(f"SELECT DISTINCT run_id FROM {view}").fetchall()} <= {"r2", "r4"}
    assert connection.execute("SELECT sum(units) FROM orders").fetchone() == (Decimal(32),)
    assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (6,)


def test_masters_show_what_still_holds(lake: Lake) -> None:
    names = sql.connect(lake).execute("SELECT item_id, name FROM items ORDER BY item_id").fetchall()
    assert names == [("001", "Milk"), ("002", "Bread"), ("003", "Kaas, 'old' \"48+\"")]


def test_arrow_itself_reads_local_files_whatever_the_folder_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Python in Arrow's threads: there it can lock up DuckDB, and abort the process at its end."""
    lake = fill(tmp_path / "my lake é")
    monkeypatch.chdir(tmp_path)
    for found in (lake, Lake("my lake é")):
        assert found.dataset("gold/orders").filesystem.base_fs.type_name == "local"
        assert sql.connect(found).execute("SELECT sum(units) FROM orders").fetchone() == (Decimal(32),)
    assert lake.dataset("ops/nights", version=0).count_rows() == 0


def test_a_lake_without_published_nights_shows_no_rows(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create_tables()
    connection = sql.connect(lake)
    for view in ("nights", "orders", "items", "demand"):
        assert connection.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)


def test_csv_comes_out_as_csv(lake: Lake) -> None:
    stream = io.StringIO()
    sql.show(sql.connect(lake), "SELECT item_id, name, category FROM items ORDER BY 1 DESC", "csv", stream)
    assert list(csv.reader(io.StringIO(stream.getvalue()))) == [
        ["item_id", "name", "category"], ["003", "Kaas, 'old' \"48+\"", ""], ["002", "Bread", ""], ["001", "Milk", ""],
    ]  # fmt: skip


def test_a_query_prints_a_table(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql.run(lake, "SELECT item_id, units FROM orders ORDER BY units DESC LIMIT 1") == 0
    assert "12.0000" in capsys.readouterr().out


def test_a_wrong_query_says_which_views_there_are(lake: Lake) -> None:
    with pytest.raises(UsageError, match=r"order_reasons.*orders"):
        sql.run(lake, "SELECT * FROM no_such_view")


def test_the_prompt_goes_on_after_a_mistake(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed = iter(["SELECT nothing FROM orders;", "SELECT count(*) AS lines", "FROM orders;"])

    def answer(_prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    assert sql.run(lake, None, "csv") == 0
    out = capsys.readouterr().out
    assert "nothing" in out
    assert "lines\r\n5\r\n" in out


@pytest.mark.parametrize("path", ["gold/orders", "ops/nights", "silver/items"])
def test_tables_open_in_delta_rs_polars_and_duckdb(lake: Lake, path: str) -> None:
    folder = lake.location(path)
    delta = DeltaTable(folder)
    assert (delta.protocol().min_reader_version, delta.protocol().min_writer_version) == (1, 2)
    rows = delta.to_pyarrow_table().num_rows
    assert rows > 0
    polars = pl.read_delta(folder)
    assert polars.height == rows
    assert set(polars.columns) == set(TABLES[path].column_names)
    view = {"gold/orders": "orders", "ops/nights": "attempts", "silver/items": "items"}[path]
    assert sql.connect(lake).execute(f"SELECT count(*) FROM {view}").fetchone() is not None
