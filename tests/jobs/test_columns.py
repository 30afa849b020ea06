"""Columns of Arrow tables."""

from decimal import Decimal

import pyarrow as pa
import pytest

from jobs.columns import with_columns

ROWS = pa.table(
    {"item_id": ["a", "b"], "units": pa.array([Decimal(1), Decimal(2)], pa.decimal128(18, 4)), "note": ["x", None]},
    # What stands in the schema beside names and types stays too.
    schema=pa.schema([pa.field("item_id", pa.string(), nullable=False), ("units", pa.decimal128(18, 4)), ("note", pa.string())]),
)


def test_columns_keep_place_and_type() -> None:
    found = with_columns(ROWS, {"note": pa.nulls(2), "units": pa.array([0.5, 3.0])})
    assert found.schema == ROWS.schema
    # Each value, and what is not named as it was.
    assert found.to_pydict() == {"item_id": ["a", "b"], "units": [Decimal("0.5"), Decimal(3)], "note": [None, None]}
    assert ROWS["note"].to_pylist() == ["x", None]


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match="price"):
        with_columns(ROWS, {"price": pa.nulls(2)})
