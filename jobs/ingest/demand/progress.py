"""How far demand has been brought: the input versions it was computed from, kept in its own commits.

The note lies in the same Delta commit as the rows, so a run killed half-way leaves neither or both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import schemas
from jobs.ingest.demand.changes import INPUTS
from jobs.lake import Lake

NOTE = "spark.databricks.delta.commitInfo.userMetadata"
DEMAND = "silver/demand"


@dataclass(frozen=True)
class Note:
    """Input table -> Delta version, and the settings that demand depends on."""

    inputs: dict[str, int]
    settings: str

    def to_json(self) -> str:
        """The note as it stands in the commit."""
        return json.dumps({"inputs": self.inputs, "settings": self.settings}, sort_keys=True)


def input_versions(lake: Lake) -> dict[str, int]:
    """The newest version of every input."""
    return {table: lake.version(table) for table in INPUTS}


def last_note(lake: Lake) -> Note | None:
    """The note of the newest commit that has one; None when demand must be computed from nothing."""
    for commit in DeltaTable(lake.location(DEMAND)).history():
        try:
            note = json.loads(commit.get("userMetadata") or "")
            return Note(note["inputs"], note["settings"])
        except (ValueError, KeyError, TypeError):
            continue
    return None


@contextmanager
def noting(lake: Lake, note: Note) -> Iterator[None]:
    """Commits of this session made inside carry the note."""
    lake.session.conf.set(NOTE, note.to_json())
    try:
        yield
    finally:
        lake.session.conf.unset(NOTE)


def is_empty(lake: Lake, table: str) -> bool:
    """Whether the table, at its pinned version, has no file."""
    return not _files(lake, table, lake.pins.get(table))


def last_period(lake: Lake) -> date | None:
    """The last period that demand holds, from its files' statistics; None when it is empty or they don't say."""
    actions = pa.table(DeltaTable(lake.location(DEMAND)).get_add_actions(flatten=True))
    if "max.period" not in actions.column_names or actions["max.period"].null_count:
        return None
    last: date | None = pc.max(actions["max.period"]).as_py()
    return last


def row_count(lake: Lake, table: str) -> int:
    """Rows of a table, from its log."""
    return int(DeltaTable(lake.location(table), version=lake.pins.get(table)).count())


def last_night(lake: Lake, table: str) -> date | None:
    """Last date on which a row of the table appears or vanishes, from its files' statistics; None when they don't say."""
    actions = pa.table(DeltaTable(lake.location(table), version=lake.pins.get(table)).get_add_actions(flatten=True))
    if not {"max.known_from", "max.known_to"} <= set(actions.column_names) or actions["max.known_from"].null_count:
        return None
    dates = [pc.max(actions[name]).as_py() for name in ("max.known_from", "max.known_to")]
    # A file whose known_to is all null has no largest one.
    unsaid = pc.and_(pc.is_null(actions["max.known_to"]), pc.not_equal(actions["null_count.known_to"], actions["num_records"]))
    return None if pc.any(unsaid).as_py() else max(day for day in dates if day is not None)


def all_rows(lake: Lake, table: str) -> DataFrame:
    """All rows as added (column ``sign`` = 1)."""
    return lake.read(table).withColumn("sign", F.lit(1))


def changed_rows(lake: Lake, table: str, since: int) -> DataFrame | None:
    """Rows of files added (sign 1) and removed (sign -1) since a version; None when there are none.

    Raises FileNotFoundError when the old version can no longer be read.
    """
    now = _files(lake, table, lake.pins[table])
    old = _files(lake, table, since)
    parts = [(sorted(now - old), 1), (sorted(old - now), -1)]
    frames = [_rows(lake, table, files).withColumn("sign", F.lit(sign)) for files, sign in parts if files]
    if not frames:
        return None
    return frames[0] if len(frames) == 1 else frames[0].unionAll(frames[1])


def _files(lake: Lake, table: str, version: int | None) -> set[str]:
    try:
        return set(DeltaTable(lake.location(table), version=version).file_uris())
    except Exception as error:  # delta-rs has no narrower class for a version whose log was cleaned up
        raise FileNotFoundError(f"{table} version {version}") from error


def _rows(lake: Lake, table: str, files: list[str]) -> DataFrame:
    from pyspark.sql.pandas.types import from_arrow_schema

    columns = schemas.TABLES[table].schema
    reader = lake.session.read.option("basePath", lake.location(table)).schema(from_arrow_schema(columns))
    return reader.parquet(*files).select(*columns.names)
