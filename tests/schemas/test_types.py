"""Arrow, Spark and Delta agree on every column of every table."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

import schemas
from jobs.lake import Lake
from schemas.table import Column, Table

VALUES: dict[str, Any] = {
    "string": "Grüße, \"x\"\n'y'",
    "bool": True,
    "int32": -7,
    "int64": 2**40,
    "float": 0.5,
    "double": 0.1,
    "date32[day]": date(1, 1, 1),
    "timestamp[us, tz=UTC]": datetime(2024, 3, 31, 1, 2, 3, 456789, tzinfo=UTC),
    "decimal128(18, 4)": Decimal("-12345678901234.5678"),
    "map<string, string>": [("a", "1"), ("b", None)],
    "list<item: string>": ["x", None],
    "list<element: string>": ["x", None],
    "list<item: double>": [0.1, None],
    "list<item: date32[day]>": [date(2024, 2, 29), None],
}


def plain(kind: pa.DataType) -> pa.DataType:
    """The type without the names that formats give to the inner fields of lists and maps."""
    if pa.types.is_list(kind):
        return pa.list_(plain(kind.value_type))
    return pa.map_(plain(kind.key_type), plain(kind.item_type)) if pa.types.is_map(kind) else kind


@pytest.mark.parametrize("table", schemas.TABLES.values(), ids=lambda t: t.path)
def test_spark_types_round_trip(table: Table) -> None:
    back = to_arrow_schema(from_arrow_schema(table.schema), timezone="UTC")

    assert [plain(f.type) for f in back] == [plain(f.type) for f in table.schema]


def test_values_survive_delta_and_spark(spark: SparkSession, lake: Lake) -> None:
    """One table with a column of each type, written by delta-rs, read by Spark, and the other way round."""
    kinds = {str(f.type): f.type for t in schemas.TABLES.values() for f in t.schema}
    assert set(kinds) <= set(VALUES), "a new type needs a value here"
    schema = pa.schema([pa.field(f"c{n}", kind) for n, kind in enumerate(kinds.values())])
    rows = pa.Table.from_pylist([{f"c{n}": VALUES[name] for n, name in enumerate(kinds)}, {}], schema)
    from deltalake import write_deltalake

    folder = lake.location("ops/round_trip")
    write_deltalake(folder, rows)
    spark.read.format("delta").load(folder).coalesce(1).write.format("delta").save(f"{folder}_back")
    for path in (folder, f"{folder}_back"):
        assert DeltaTable(path).to_pyarrow_table().cast(schema).to_pylist() == rows.to_pylist()
        assert DeltaTable(path).protocol().min_reader_version == 1


def test_a_column_added_to_the_contract_reaches_a_lake_that_exists(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    table = schemas.TABLES["gold/path_ranks"]
    more = dataclasses.replace(table, columns=(*table.columns, Column("tomorrow", pa.int64(), "a column of tomorrow", nullable=True)))
    monkeypatch.setitem(schemas.TABLES, table.path, more)
    lake.create_tables()

    assert [f.name for f in DeltaTable(lake.location(table.path)).schema().fields] == list(more.column_names)
    assert lake.read(table.path).columns == list(more.column_names)


def test_create_tables_makes_every_table_and_no_other(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create_tables()
    found = {str(p.parent.relative_to(tmp_path)) for p in tmp_path.glob("*/*/_delta_log")}

    assert found == set(schemas.TABLES)
    for path, table in schemas.TABLES.items():
        delta = DeltaTable(lake.location(path))
        assert tuple(delta.metadata().partition_columns) == table.partition_by
        assert (delta.protocol().min_reader_version, delta.protocol().min_writer_version) == (1, 2)
