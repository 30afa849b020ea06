"""Columns of Arrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_columns(rows: pa.Table, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    """The rows with other values in some of their columns, of the columns' own types.

    Raises KeyError where the rows have no such column.
    """
    for name, values in columns.items():
        column = rows.schema.field(name)
        rows = rows.set_column(rows.schema.get_field_index(name), column, values.cast(column.type))
    return rows
