"""Numpy columns as Arrow tables with a declared table's columns and types."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from schemas import FEEDS

if TYPE_CHECKING:
    from jobs.simulate.world.draws import Ints
    from jobs.simulate.world.network import Texts

#: Ordinal of 1970-01-01, from which Arrow counts days.
EPOCH = date(1970, 1, 1).toordinal()
_FOR_EVER = date.max.toordinal()


def table(feed: str, **columns: pa.Array | np.ndarray) -> pa.Table:
    """A landing feed's rows: the columns that are given, in the contract's order and types."""
    schema = FEEDS[feed].schema
    # A date of sale stays a date, which the contract reads as the local business date.
    types = {field.name: pa.date32() if field.name == "sold_at" else field.type for field in schema if field.name in columns}
    return typed(pa.schema(types.items()), columns)


def typed(schema: pa.Schema, columns: dict[str, pa.Array | np.ndarray]) -> pa.Table:
    """Columns as a table of a schema, which names them all."""
    return pa.Table.from_arrays([_cast(columns[field.name], field.type) for field in schema], schema=schema)


def _cast(values: pa.Array | np.ndarray, type_: pa.DataType) -> pa.Array:
    array = pa.array(values) if isinstance(values, np.ndarray) else values
    if pa.types.is_integer(array.type) and (pa.types.is_decimal(type_) or pa.types.is_date(type_)):
        array = array.cast(pa.int32())  # of 64 bits Arrow takes neither as a date nor as a decimal of 18 digits
    return array.cast(type_)


def ids(names: Texts, index: Ints) -> pa.Array:
    """Names by index as text."""
    return pa.array(names.tolist(), pa.string()).take(pa.array(index))


def region_name(region: int) -> str:
    """Name of a region by its index."""
    return f"region_{region + 1:02d}"


def category_name(category: int) -> str:
    """Name of a category by its index."""
    return f"category_{category + 1:02d}"


def days_of(day: int, rows: int) -> np.ndarray:
    """So many rows of one day (ordinal), as Arrow counts it."""
    return np.full(rows, day - EPOCH)


def dates(ordinals: Ints) -> pa.Array:
    """Ordinals as dates; null where they mean always or for ever."""
    return pa.array((ordinals - EPOCH).astype(np.int32), mask=(ordinals < 1) | (ordinals >= _FOR_EVER)).cast(pa.date32())
