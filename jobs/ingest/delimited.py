"""CSV files as columns of text: pyarrow where the file is clean, Python's csv where it is not."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from jobs.ingest.header import Header

#: Records a batch of the slow path.
_BATCH = 50_000
_BLOCK = 8 << 20

Batch = tuple[dict[str, pa.Array], pa.Array]


def read_csv(path: str, header: Header) -> Iterator[Batch]:
    """Columns of text and, for each record, what is wrong with it.

    pyarrow refuses what it can't split or decode; such a file, and one whose columns are repeated, goes
    through Python's csv, which numbers records the same way.
    """
    clean = header.defect is None and _is_clean(path)
    yield from read_fast(path, header) if clean else read_slow(path, header)


def read_fast(path: str, header: Header) -> Iterator[Batch]:
    """Read with pyarrow; ArrowInvalid at the first record that is short, long or not UTF-8."""
    with _open(path) as reader:
        for batch in reader:
            columns = dict(zip(header.columns, batch.columns, strict=True))
            yield columns, pa.nulls(batch.num_rows, pa.string())


def _is_clean(path: str) -> bool:
    """Whether pyarrow reads the file to its end (then it is read again: bad records must not end a stream half-way)."""
    try:
        with _open(path) as reader:
            for _ in reader:
                pass
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def _open(path: str) -> pacsv.CSVStreamingReader:
    with Path(path).open(encoding="utf-8-sig", errors="backslashreplace", newline="") as stream:
        names = next(record for record in csv.reader(stream) if record)
    return pacsv.open_csv(
        path,
        read_options=pacsv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def read_slow(path: str, header: Header) -> Iterator[Batch]:
    """Read with Python's csv: ``short_record``, ``long_record`` and ``not_utf8`` name the records that are wrong."""
    # An unclosed quote swallows the rest of the file into one field.
    csv.field_size_limit(sys.maxsize)
    with Path(path).open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        records = (record for record in csv.reader(stream) if record)
        next(records)
        chunk: list[list[str]] = []
        for record in records:
            chunk.append(record)
            if len(chunk) == _BATCH:
                yield _columns(chunk, header)
                chunk = []
        if chunk:
            yield _columns(chunk, header)


def _columns(chunk: list[list[str]], header: Header) -> Batch:
    """Records as columns; of a broken record only what can't hold foreign data is kept."""
    width = len(header.columns)
    defects = [_defect(record, width) for record in chunk]
    rows = [_kept(record, defect, header) for record, defect in zip(chunk, defects, strict=True)]
    columns = {name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(header.columns)}
    return columns, pa.array(defects, pa.string())


def _defect(record: list[str], width: int) -> str | None:
    if len(record) != width:
        return "short_record" if len(record) < width else "long_record"
    return None if all(_is_utf8(value) for value in record) else "not_utf8"


def _kept(record: list[str], defect: str | None, header: Header) -> list[str | None]:
    """The fields of a record. Where fields have shifted, an extra column's value may stand in a declared one."""
    width = len(header.columns)
    if defect in ("short_record", "long_record") and not header.only_declared:
        return [None] * width
    fields = [_readable(value) for value in record[:width]]
    if defect == "long_record":
        fields[-1] = ",".join(map(_readable, record[width - 1 :]))
    return [*fields, *[None] * (width - len(fields))]


def _is_utf8(value: str) -> bool:
    # surrogateescape turns a byte that is no UTF-8 into a lone surrogate.
    return value.isascii() or not any("\udc80" <= c <= "\udcff" for c in value)


def _readable(value: str) -> str:
    """The value, with bytes that are no UTF-8 written as backslash escapes."""
    if _is_utf8(value):
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
