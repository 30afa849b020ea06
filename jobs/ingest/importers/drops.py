"""Landing drops: frames written as files below ``LANDING/<feed>/<drop date>/``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas import FEEDS

#: Larger files are Parquet, smaller ones CSV, which a person can read.
CSV_ROWS = 5_000


def write(landing: Path, feeds: Mapping[str, pl.DataFrame]) -> int:
    """Write every feed's frame, one file a drop; a frame's column ``drop`` (date) says which. Returns the records."""
    records = 0
    for feed, frame in feeds.items():
        for (drop,), rows in sorted(frame.partition_by("drop", include_key=False, as_dict=True, maintain_order=True).items()):
            assert isinstance(drop, date)
            _write_file(landing / feed / drop.isoformat(), feed, rows)
            records += rows.height
    return records


def _write_file(folder: Path, feed: str, rows: pl.DataFrame) -> None:
    """One file, renamed into place when complete, so that a reader never sees a part of it."""
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "csv" if rows.height <= CSV_ROWS else "parquet"
    unfinished = folder / f"{feed}.{suffix}.tmp"
    if suffix == "csv":
        rows.write_csv(unfinished, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    else:
        pq.write_table(_typed(feed, rows), unfinished, compression="zstd", row_group_size=1 << 20)
    unfinished.replace(folder / f"{feed}.{suffix}")


def _typed(feed: str, rows: pl.DataFrame) -> pa.Table:
    """The contract's types; a date of sale stays a date, which the contract reads as the local business date."""
    schema = FEEDS[feed].schema
    table = rows.to_arrow()
    types = [f.type if pa.types.is_date(f.type) else schema.field(f.name).type for f in table.schema]
    fields = [pa.field(name, type_) for name, type_ in zip(table.column_names, types, strict=True)]
    return table.cast(pa.schema(fields))
