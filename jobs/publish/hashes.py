"""Same bytes: the hash of what a run wrote to a table, and the hash of the code that wrote it.

A table's hash is the SHA-256 of an Arrow IPC stream: the declared columns without ``Table.unhashed``, rows in key
order, batches of 65,536 rows. It does not depend on files, row groups, dictionaries, chunks or on what lies in memory
under a null. DuckDB sorts, spilling to disk when it must, so millions of rows need little memory.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from io import RawIOBase
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from importlib.resources.abc import Traversable

    from jobs.lake import Lake
    from schemas.table import Table

BATCH_ROWS = 65_536
_MEMORY = "1GB"


class _Digest(RawIOBase):
    """A file that keeps only the SHA-256 of what is written to it."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return len(data)


def table_hash(lake: Lake, table: str, business_date: date, run_id: str) -> str:
    """SHA-256 (hex) of the rows that a run wrote to a gold table for business_date."""
    mine = (pc.field("business_date") == business_date) & (pc.field("run_id") == run_id)
    return rows_hash(schemas.TABLES[table], lake.dataset(table), mine)


def rows_hash(table: Table, rows: Any, where: pc.Expression | None = None) -> str:
    """SHA-256 (hex) of rows (an Arrow table or dataset) of ``table``; columns it lacks count as null."""
    names = [name for name in table.column_names if name not in table.unhashed]
    schema = pa.schema([table.schema.field(name) for name in names])
    present = [name for name in names if name in rows.schema.names]
    key = [name for name in table.key if name in present]
    digest = _Digest()
    with pa.ipc.new_stream(pa.PythonFile(digest, "w"), schema) as stream:
        for batch in _regular(_sorted(rows.scanner(present, filter=where) if where is not None else rows, present, key), schema):
            stream.write_batch(batch)
    return digest.sha256.hexdigest()


def _sorted(rows: Any, names: list[str], key: list[str]) -> pa.RecordBatchReader:
    """The rows in key order; text by its bytes, nulls first."""
    connection = duckdb.connect(config={"memory_limit": _MEMORY})
    connection.register("scanned", rows)
    columns = ", ".join(f'"{name}"' for name in names)
    order = ", ".join(f'"{name}" ASC NULLS FIRST' for name in key)
    query = f"SELECT {columns} FROM scanned ORDER BY {order}"  # noqa: S608 - names of the contract
    return connection.sql(query).to_arrow_reader(BATCH_ROWS)


def _regular(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of exactly BATCH_ROWS, columns as declared, nulls over zeros."""
    kept = reader.schema.empty_table()
    for batch in reader:
        kept = pa.concat_tables([kept, pa.table(batch)])
        while kept.num_rows >= BATCH_ROWS:
            yield _canonical(kept.slice(0, BATCH_ROWS), schema)
            kept = kept.slice(BATCH_ROWS)
    if kept.num_rows:
        yield _canonical(kept, schema)


def _canonical(rows: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in schema:
        if field.name in rows.column_names:
            columns.append(_over_zeros(rows[field.name].cast(field.type).combine_chunks()))
        else:
            columns.append(_over_zeros(pa.nulls(rows.num_rows, field.type)))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _over_zeros(values: pa.Array) -> pa.Array:
    """The same values in fresh buffers, with zeros where they are null."""
    if pa.types.is_list(values.type):
        return _lists(values)
    filled = pc.fill_null(values, _zero(values.type)) if values.null_count else values
    data = [_bits(filled)] if pa.types.is_boolean(values.type) else filled.take(pa.array(np.arange(len(values)))).buffers()[1:]
    valid = _bits(pc.is_valid(values)) if values.null_count else None
    return pa.Array.from_buffers(values.type, len(values), [valid, *data])


def _lists(values: pa.ListArray) -> pa.Array:
    """Lists with their entries in fresh buffers; nothing lies under a null."""
    length = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int32)
    valid = _bits(pc.is_valid(values)) if values.null_count else None
    entries = _over_zeros(values.flatten())
    return pa.Array.from_buffers(values.type, len(values), [valid, pa.py_buffer(offsets.tobytes())], children=[entries])


def _bits(flags: pa.Array) -> pa.Buffer:
    """Booleans without nulls as a bitmap whose last bits are zero."""
    return pa.py_buffer(np.packbits(flags.to_numpy(zero_copy_only=False), bitorder="little").tobytes())


def _zero(kind: pa.DataType) -> pa.Scalar:
    """The value whose bytes are all zero: 0, '', false, 1970-01-01."""
    zeros = pa.py_buffer(bytes(16))
    return pa.Array.from_buffers(kind, 1, [None, *[zeros] * (kind.num_buffers - 1)])[0]


@lru_cache(maxsize=1)
def code_hash() -> str:
    """SHA-256 (hex) over the Python sources of jobs/ and schemas/, by name and content.

    The same from a checkout, an installed wheel and a zip: paths above the packages and times don't count.
    """
    digest = hashlib.sha256()
    for package in ("jobs", "schemas"):
        for name, source in sorted(_sources(files(package), package)):
            digest.update(f"{name} {len(source)}\n".encode())
            digest.update(source)
    return digest.hexdigest()


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            yield from _sources(entry, path)
        elif entry.name.endswith(".py"):
            yield path, entry.read_bytes()
