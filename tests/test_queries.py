"""docs/queries and the views: the same answers in DuckDB and in Spark, from published rows only."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.lake import Lake
from jobs.publish import sql, views
from tests.published import fill

QUERIES = sorted((Path(__file__).resolve().parents[1] / "docs" / "queries").glob("*.sql"))


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake, with the statements that `nightfill views` prints run in Spark."""
    lake = fill(tmp_path_factory.mktemp("queries") / "lake")
    for statement in views.statements(lake, "spark").split(";"):
        if statement.strip():
            spark.sql(statement)
    spark.sql(f"USE {views.SCHEMA}")
    yield lake
    spark.sql("USE default")
    spark.sql(f"DROP SCHEMA {views.SCHEMA} CASCADE")


def plain(value: Any) -> Any:
    """Engines differ in the scale of decimals and in int or float; values do not."""
    return round(float(value), 6) if isinstance(value, (Decimal, float, int)) else value


def duckdb_rows(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    return [tuple(map(plain, row)) for row in sql.connect(lake).execute(query).fetchall()]


def spark_rows(spark: SparkSession, query: str) -> list[tuple[Any, ...]]:
    return [tuple(map(plain, row)) for row in spark.sql(query).collect()]


@pytest.mark.parametrize("file", QUERIES, ids=lambda f: f.stem)
def test_a_query_gives_the_same_rows_in_both_engines(spark: SparkSession, lake: Lake, file: Path) -> None:
    query = file.read_text(encoding="utf-8")
    assert re.match(r"-- [A-Z][^\n]+\?", query), "starts with the question that it answers"
    rows = duckdb_rows(lake, query)
    assert rows
    assert spark_rows(spark, query) == rows
    unpublished = {111.0, 333.0, 555.0, 666.0}
    assert not unpublished & {value for row in rows for value in row if isinstance(value, float)}


def test_the_five_answers(lake: Lake) -> None:
    answers = [duckdb_rows(lake, file.read_text(encoding="utf-8")) for file in QUERIES]
    assert len(answers) == 5
    open_orders, risk, accuracy, changed, why = answers
    # both nights' orders are due on or after the newest night: location, name, orders, lines, units, value, next, review
    assert open_orders == [
        ("S1", "Harbour", 2.0, 3.0, 26.0, 84.0, date(2024, 5, 2), 0.0),
        ("S2", None, 2.0, 2.0, 6.0, 60.5, date(2024, 5, 2), 1.0),
    ]
    # only 001 at S1 is below 98%: loses a quarter of 8 units at 1.5
    assert [(row[0], row[1], row[10]) for row in risk] == [("S1", "001", 3.0)]
    assert accuracy == [("dairy", 0.0, 4.0, 20.0, 0.25, 0.1, 0.75), ("dairy", 1.0, 4.0, 20.0, 0.25, 0.1, 0.75)]
    assert changed == [
        ("S2", "003", "DC", 0.0, 5.0, 50.5),
        ("S1", "002", "DC", 4.0, 0.0, -40.0),
        ("S2", "002", "DC", 1.0, 0.0, -10.0),
        ("S1", "001", "DC", 10.0, 12.0, 4.0),
    ]
    assert [row[-1] for row in why] == ["5 units of 003", "12 units of 001"]


@pytest.mark.parametrize("view", ["nights", "attempts", "orders", "kpis", "accuracy", "items", "locations", "demand", "quarantine"])
def test_a_view_shows_the_same_rows_in_both_engines(spark: SparkSession, lake: Lake, view: str) -> None:
    ours = sql.connect(lake).execute(f"SELECT count(*) FROM {view}").fetchone()
    assert ours is not None
    assert spark.table(view).count() == ours[0]


def test_trino_registers_every_table_that_a_view_reads() -> None:
    text = views.statements(Lake("/data/lake"), "trino")
    read = set(re.findall(r"(?:FROM|JOIN) delta\.(gold|silver|ops)\.(\w+)", text))
    registered = set(re.findall(r"schema_name => '(\w+)', table_name => '(\w+)'", text))
    assert read == registered
    assert "file:///data/lake/gold/orders" in text
    assert "CREATE OR REPLACE VIEW delta.nightfill.orders AS" in text
