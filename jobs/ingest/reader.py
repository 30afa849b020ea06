"""One landing file -> Arrow rows of bronze: every value as text, every record numbered, none lost."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

import schemas
from jobs.ingest.columnar import read_parquet
from jobs.ingest.delimited import read_csv
from jobs.ingest.header import Header, read_header
from schemas.table import STRING_MAP, Feed

__all__ = ["Source", "bronze_schema", "read_records"]


@dataclass(frozen=True)
class Source:
    """A file to read: where it can be opened, its path below the landing folder, its feed and drop."""

    path: str
    file: str
    feed: str
    drop_date: date


@dataclass(frozen=True)
class Records:
    """Some consecutive records of a file: columns of text by the file's own names, and what is wrong with each."""

    columns: dict[str, pa.Array]
    defects: pa.Array


def bronze_schema(feed: str) -> pa.Schema:
    """Arrow schema of a feed's bronze rows."""
    return schemas.FEEDS[feed].bronze().schema


def read_records(source: Source, drop_columns: Collection[str] = ()) -> Iterator[pa.RecordBatch]:
    """Read a file into bronze rows, batch by batch.

    A file that is unusable as a whole still yields its records, each with the file's defect, if they can be
    told apart; nothing is yielded for an empty or unreadable one.
    """
    header = read_header(source.path, source.feed, drop_columns)
    if not header.readable:
        return
    read = read_parquet if source.path.endswith(".parquet") else read_csv
    row = 1
    for columns, defects in read(source.path, header):
        yield _bronze_rows(source, header, Records(columns, defects), row)
        row += len(defects)


def _bronze_rows(source: Source, header: Header, records: Records, first_row: int) -> pa.RecordBatch:
    """Consecutive records as bronze rows."""
    schema, rows = bronze_schema(source.feed), len(records.defects)
    names = {Feed.bronze_name(c): c for c in header.declared}
    arrays: list[pa.Array] = []
    for field in schema:
        if field.name in names:
            arrays.append(records.columns[names[field.name]])
        elif field.name == "business_date":
            arrays.append(pa.repeat(pa.scalar(source.drop_date, pa.date32()), rows))
        elif field.name == "file":
            arrays.append(pa.repeat(pa.scalar(source.file), rows))
        elif field.name == "row":
            arrays.append(pa.array(np.arange(first_row, first_row + rows, dtype=np.int64)))
        elif field.name == "extra":
            arrays.append(_extra(header.extra, records))
        elif field.name == "defect":
            arrays.append(pa.repeat(pa.scalar(header.defect), rows) if header.defect else records.defects)
        else:
            arrays.append(pa.nulls(rows, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _extra(names: tuple[str, ...], records: Records) -> pa.Array:
    """The columns outside the contract as one map a row."""
    rows = len(records.defects)
    if not names:
        return pa.nulls(rows, STRING_MAP)
    values = pa.concat_arrays([records.columns[n] for n in names])
    # Column-wise to row-wise: row 0 of every column, then row 1 of every column, ...
    interleaved = values.take(pa.array(np.arange(rows * len(names)).reshape(len(names), rows).T.ravel()))
    keys = pa.array(np.tile(np.array(names, dtype=object), rows), pa.string())
    offsets = pa.array(np.arange(0, rows * len(names) + 1, len(names), dtype=np.int32))
    return pa.MapArray.from_arrays(offsets, keys, interleaved)
