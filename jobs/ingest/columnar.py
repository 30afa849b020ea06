"""Parquet files as columns of text, without losing a digit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.ingest.header import Header

_BATCH = 200_000
#: Whole numbers up to here are exact in a double.
_EXACT = float(2**53)

Batch = tuple[dict[str, pa.Array], pa.Array]


def read_parquet(path: str, header: Header) -> Iterator[Batch]:
    """Columns of text and, for each record, what is wrong with it (``not_utf8``)."""
    file = pq.ParquetFile(path)
    wanted = set(header.declared) | set(header.extra)
    names = [c if c in wanted else None for c in header.columns]
    for batch in file.iter_batches(_BATCH, use_threads=False):
        bad = np.zeros(batch.num_rows, dtype=bool)
        columns: dict[str, pa.Array] = {}
        for name, column in zip(names, batch.columns, strict=True):
            if name is not None:
                columns[name], faults = as_text(column)
                bad |= faults
        yield columns, pc.if_else(pa.array(bad), pa.scalar("not_utf8"), pa.scalar(None, pa.string()))


def as_text(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Values as text, and a mask of those whose bytes are not UTF-8.

    Dates are ISO, timestamps with a zone become UTC with a `Z`, whole numbers in doubles lose the point.
    """
    kind = column.type
    none = np.zeros(len(column), dtype=bool)
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type))
    if _is_bytes(kind):
        return _text(column)
    if pa.types.is_floating(kind):
        return _float_text(column), none
    if pa.types.is_timestamp(kind):
        return _timestamp_text(column), none
    try:
        return column.cast(pa.string()), none
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return _python_text(column), none


def _is_bytes(kind: pa.DataType) -> bool:
    tests: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )
    return any(test(kind) for test in tests)


def _text(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Strings, checked: Parquet readers take any bytes for UTF-8."""
    try:
        text = column.cast(pa.string())
        text.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _decoded(column)
    return text, np.zeros(len(column), dtype=bool)


def _decoded(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    values: list[bytes | None] = column.cast(pa.binary()).to_pylist()
    text = [None if v is None else v.decode("utf-8", "backslashreplace") for v in values]
    bad = [v is not None and t is not None and t.encode() != v for v, t in zip(values, text, strict=True)]
    return pa.array(text, pa.string()), np.array(bad, dtype=bool)


def _float_text(column: pa.Array) -> pa.Array:
    """Shortest text that reads back as the same number; ids in a double column keep all their digits."""
    whole = pc.fill_null(pc.and_(pc.less(pc.abs(column), _EXACT), pc.equal(pc.floor(column), column)), False)  # noqa: FBT003
    text = column.cast(pa.string())
    if not pc.any(whole).as_py():
        return text
    return pc.if_else(whole, pc.if_else(whole, column, None).cast(pa.int64()).cast(pa.string()), text)


def _timestamp_text(column: pa.Array) -> pa.Array:
    if column.type.tz is None:
        return column.cast(pa.string())
    utc = column.cast(pa.timestamp(column.type.unit, "UTC")).cast(pa.timestamp(column.type.unit))
    return pc.binary_join_element_wise(utc.cast(pa.string()), "Z", "")


def _python_text(column: pa.Array) -> pa.Array:
    """Lists, structs and other types without a text form in Arrow, as JSON."""
    return pa.array([None if v is None else json.dumps(v, default=_plain) for v in column.to_pylist()], pa.string())


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
