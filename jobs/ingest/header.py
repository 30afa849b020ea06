"""A file's columns against the contract: which are declared, which are extra, and what makes the file unusable."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import schemas
from schemas.table import DELETED

#: What makes a whole file unusable; its records, if any can be told apart, go to quarantine under this rule.
FILE_DEFECTS = ("empty_file", "missing_column", "duplicate_column", "unreadable", "unknown_format")


@dataclass(frozen=True)
class Header:
    """Columns of a file, in order, as named in it (blanks trimmed, the unnamed numbered).

    declared  of the contract, and kept
    extra     outside the contract, and kept
    dropped   left out by config
    defect    why the file as a whole cannot be used (one of FILE_DEFECTS)
    """

    columns: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    defect: str | None = None

    @property
    def readable(self) -> bool:
        """Whether the file's records can be told apart."""
        return self.defect not in ("empty_file", "unreadable", "unknown_format")

    @property
    def only_declared(self) -> bool:
        """Whether no column lies outside the contract: then even a broken record's text holds nothing foreign."""
        return not self.extra and not self.dropped


def read_header(path: str, feed: str, drop_columns: Collection[str] = ()) -> Header:
    """Read and judge the columns of a CSV or Parquet file."""
    if Path(path).stat().st_size == 0:
        return Header(defect="empty_file")
    try:
        names = _names(path)
    except (pa.ArrowInvalid, OSError, csv.Error):
        return Header(defect="unreadable")
    if names is None:
        return Header(defect="unknown_format")
    return judge_columns(names, feed, drop_columns)


def judge_columns(names: list[str], feed: str, drop_columns: Collection[str] = ()) -> Header:
    """Sort column names into declared, extra and dropped ones."""
    columns = tuple(n.strip() or f"column_{i}" for i, n in enumerate(names, 1))
    unwanted = {n.strip().casefold() for n in drop_columns}
    contract = {c.name for c in schemas.FEEDS[feed].columns} | {DELETED.name}
    kept = [c for c in columns if c.casefold() not in unwanted]
    required = {c.name for c in schemas.FEEDS[feed].columns if not c.optional}
    defect = None
    if not names:
        defect = "empty_file"
    elif not required <= set(kept):
        defect = "missing_column"
    elif max(Counter(columns).values()) > 1:
        defect = "duplicate_column"
    return Header(
        columns=columns,
        declared=tuple(dict.fromkeys(c for c in kept if c in contract)),
        extra=tuple(dict.fromkeys(c for c in kept if c not in contract)),
        dropped=tuple(c for c in columns if c.casefold() in unwanted),
        defect=defect,
    )


def _names(path: str) -> list[str] | None:
    """Column names of the file; empty for a file without a header, None for a format that is no landing format."""
    if path.endswith(".parquet"):
        return list(pq.read_schema(path).names)
    if not path.endswith(".csv"):
        return None
    with Path(path).open(encoding="utf-8-sig", errors="backslashreplace", newline="") as stream:
        return next((record for record in csv.reader(stream) if record), [])
