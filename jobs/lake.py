"""The only place that touches storage: read, overwrite a night, append once, time travel.

Every table lies at ``LAKE/<layer>/<table>`` as Delta. Spark reads and writes what is big; what fits the
driver (status, exports, hashes) is read through delta-rs without starting Spark.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import TableNotFoundError
from pyarrow import fs

import schemas

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from pyspark.sql import DataFrame, SparkSession

    from schemas.table import Table

#: Small row groups: who wants some items of sorted rows reads few others beside them. Spark's are set in conf/spark-defaults.conf.
_WRITER = WriterProperties(max_row_group_size=131_072)
#: A file outside a dated folder is known from the first night on.
FIRST_DAY = date(1, 1, 1)


@dataclass(frozen=True)
class Lake:
    """A lake folder, as one run sees it.

    root      the lake's folder
    spark     session for what is big; None where only small reads are made
    run_id    run whose gold partitions are written
    pins      table path -> Delta version to read instead of the newest
    gold_root another folder for this run's gold tables, when a replay must not touch the lake's own
    model_id  model that a replay must use; None: the night chooses
    """

    root: str
    spark: SparkSession | None = None
    run_id: str = ""
    pins: Mapping[str, int] = field(default_factory=dict)
    gold_root: str | None = None
    model_id: str | None = None

    # ---- places -----------------------------------------------------------------------------------------------
    def location(self, table: str) -> str:
        """Folder of a table, given its path ``layer/name``."""
        root = self.gold_root if self.gold_root and table.startswith("gold/") else self.root
        return f"{root.rstrip('/')}/{table}"

    def for_run(self, run_id: str, pins: Mapping[str, int] | None = None) -> Lake:
        """The same lake for one run, reading pinned versions if given."""
        return replace(self, run_id=run_id, pins=dict(pins or {}))

    @property
    def session(self) -> SparkSession:
        """The Spark session; RuntimeError where the lake was opened without one."""
        if self.spark is None:
            raise RuntimeError("this lake was opened without Spark")
        return self.spark

    # ---- bootstrap --------------------------------------------------------------------------------------------
    def create_tables(self) -> None:
        """Create every table that does not exist yet, and add columns that the contract gained since.

        By delta-rs: sixty empty tables in a second instead of a minute; protocol reader 1, writer 2.
        """
        for table in schemas.TABLES.values():
            folder = self.location(table.path)
            if not DeltaTable.is_deltatable(folder):
                DeltaTable.create(
                    folder, table.schema, mode="ignore", partition_by=list(table.partition_by) or None, description=table.meaning
                )
                continue
            delta = DeltaTable(folder)
            present = {f.name for f in delta.schema().fields}
            missing = [f for f in table.schema if f.name not in present]
            if missing:
                from deltalake import Field as DeltaField
                from deltalake import Schema as DeltaSchema

                added = DeltaSchema.from_arrow(pa.schema(missing))
                delta.alter.add_columns([DeltaField(f.name, f.type, nullable=True) for f in added.fields])

    def exists(self, table: str) -> bool:
        """Whether the table has been created."""
        return DeltaTable.is_deltatable(self.location(table))

    def is_empty(self, table: str) -> bool:
        """Whether the table has no file at the version that is read (so that Spark need not be asked)."""
        return not DeltaTable(self.location(table), version=self.pins.get(table)).file_uris()

    # ---- reading ----------------------------------------------------------------------------------------------
    def read(self, table: str) -> DataFrame:
        """The whole table with the declared columns, at the pinned version if there is one."""
        reader = self.session.read.format("delta")
        if table in self.pins:
            reader = reader.option("versionAsOf", self.pins[table])
        return reader.load(self.location(table)).select(*schemas.TABLES[table].column_names)

    def as_of(self, table: str, business_date: date) -> DataFrame:
        """The rows of a silver table that the night of business_date sees."""
        day = f"DATE'{business_date.isoformat()}'"
        return self.read(table).where(f"known_from <= {day} AND (known_to IS NULL OR known_to > {day})")

    def run(self, table: str, business_date: date) -> DataFrame:
        """What this run has written to a gold table for business_date."""
        return self.read(table).where(f"business_date = DATE'{business_date.isoformat()}' AND run_id = '{self.run_id}'")

    def published(self, table: str, before: date | None = None) -> DataFrame:
        """Rows of the published nights (all, or of business dates before ``before``), from the lake's own folder."""
        nights = self.published_runs(before)
        runs = self.session.createDataFrame([(night, run) for night, run in nights.items()], "business_date date, run_id string")
        frame = replace(self, gold_root=None).read(table)
        if before is not None:
            frame = frame.where(f"business_date < DATE'{before.isoformat()}'")
        from pyspark.sql.functions import broadcast

        return frame.join(broadcast(runs), ["business_date", "run_id"])

    def published_runs(self, before: date | None = None) -> dict[date, str]:
        """business_date -> run_id of its highest published attempt."""
        rows = self.arrow("ops/nights", columns=["business_date", "attempt", "run_id", "status"]).to_pylist()
        best: dict[date, tuple[int, str]] = {}
        for row in rows:
            day = row["business_date"]
            if row["status"] != "published" or (before is not None and day >= before):
                continue
            best[day] = max(best.get(day, (0, "")), (row["attempt"], row["run_id"]))
        return {day: run for day, (_, run) in sorted(best.items())}

    def dataset(self, table: str, version: int | None = None) -> ds.Dataset:
        """The files of a table at a version (None: the pinned one, else the newest), as a lazy Arrow dataset.

        Raises TableNotFoundError.
        """
        location = self.location(table)
        delta = DeltaTable(location, version=self.pins.get(table) if version is None else version)
        # delta-rs's own file system is Python called from Arrow's threads: they need the interpreter's lock while DuckDB, which
        # may hold it, waits for them, and when the interpreter ends they abort the process.
        own = None if "://" in location else fs.SubTreeFileSystem(location, fs.LocalFileSystem())
        return delta.to_pyarrow_dataset(filesystem=own)

    def arrow(self, table: str, columns: Sequence[str] | None = None, where: list[tuple[str, str, object]] | None = None) -> pa.Table:
        """A small table, or a few partitions of one, on the driver and without Spark.

        ``where`` is a list of (column, op, value), all of which must hold.
        """
        declared = schemas.TABLES[table]
        try:
            rows = self.dataset(table)
        except TableNotFoundError:
            return declared.schema.empty_table().select(list(columns or declared.column_names))
        from pyarrow.parquet import filters_to_expression

        expression = filters_to_expression(where) if where else None
        return rows.to_table(columns=list(columns or declared.column_names), filter=expression)

    def arrow_as_of(self, table: str, business_date: date, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of a small silver table that the night of business_date sees, on the driver and without Spark."""
        wanted = list(columns or schemas.TABLES[table].column_names)
        rows = self.arrow(table, list(dict.fromkeys([*wanted, "known_to"])), [("known_from", "<=", business_date)])
        still = pc.or_kleene(pc.is_null(rows["known_to"]), pc.greater(rows["known_to"], pa.scalar(business_date)))
        return rows.filter(still).select(wanted)

    def batches(
        self, table: str, columns: Sequence[str], business_date: date | None = None, where: pc.Expression | None = None
    ) -> Iterator[pa.RecordBatch]:
        """A few columns of a table of any size, batch by batch, on the driver and without Spark (counts, sums).

        With ``business_date`` only the rows of a silver table that this night sees; with ``where`` only those for which it holds.
        """
        seen = seen_by(business_date) if business_date is not None else pc.scalar(value=True)
        return iter(self.dataset(table).to_batches(columns=list(columns), filter=seen if where is None else seen & where))

    def partitions(self, table: str) -> list[dict[str, str]]:
        """Values of the partition columns, as texts, of every partition that has files."""
        return [dict(found) for found in DeltaTable(self.location(table), version=self.pins.get(table)).partitions()]

    def version(self, table: str) -> int:
        """The newest version of a table."""
        return DeltaTable(self.location(table)).version()

    # ---- writing ----------------------------------------------------------------------------------------------
    def write_run(self, table: str, frame: DataFrame, business_date: date) -> None:
        """Replace this run's partition of a gold (or per-run ops) table; other runs stay as they are."""
        from pyspark.sql import functions as F

        declared = schemas.TABLES[table]
        rows = frame.withColumns({"business_date": F.lit(business_date), "run_id": F.lit(self.run_id)})
        where = f"business_date = DATE'{business_date.isoformat()}' AND run_id = '{self.run_id}'"
        self.replace(table, rows, where, declared)

    def replace(self, table: str, frame: DataFrame, where: str, declared: Table | None = None) -> None:
        """Replace the rows that match ``where`` by the frame's (all of which must match it), in one commit."""
        rows = _declared(frame, declared or schemas.TABLES[table])
        with commit_point(table):
            rows.write.format("delta").mode("overwrite").option("replaceWhere", where).option("mergeSchema", "true").save(
                self.location(table)
            )

    def append(self, table: str, frame: DataFrame) -> None:
        """Add the frame's rows, in one commit."""
        rows = _declared(frame, schemas.TABLES[table])
        with commit_point(table):
            rows.write.format("delta").mode("append").save(self.location(table))

    def write_arrow(self, table: str, rows: pa.Table, where: str | None) -> None:
        """Write a small table from the driver by delta-rs (20 ms instead of Spark's second), in one commit.

        Replaces the rows that match the SQL predicate ``where``; None appends.
        """
        declared = schemas.TABLES[table]
        data = rows.select(list(declared.column_names)).cast(declared.schema)
        with commit_point(table):
            if where is None:
                write_deltalake(self.location(table), data, mode="append", schema_mode="merge", writer_properties=_WRITER)
            else:
                write_deltalake(
                    self.location(table), data, mode="overwrite", predicate=where, schema_mode="merge", writer_properties=_WRITER
                )

    def write_batches(self, table: str, batches: pa.RecordBatchReader, where: str) -> None:
        """Replace the rows that match ``where`` by a stream of rows in the declared schema, in one commit of delta-rs.

        The driver holds only some batches at a time: 3.5 million rows take seconds and need no Spark.
        """
        with commit_point(table):
            write_deltalake(
                self.location(table), batches, mode="overwrite", predicate=where, schema_mode="merge", writer_properties=_WRITER
            )

    def merge(self, table: str, frame: DataFrame, on: str, clauses: Mapping[str, Any]) -> None:
        """MERGE the frame (alias ``s``) into the table (alias ``t``).

        clauses, each optional: ``update`` (condition, {column: expression}), ``delete`` (condition),
        ``insert`` (True: all declared columns).
        """
        from delta.tables import DeltaTable as SparkDeltaTable

        target = SparkDeltaTable.forPath(self.session, self.location(table))
        builder = target.alias("t").merge(frame.alias("s"), on)
        if "delete" in clauses:
            builder = builder.whenMatchedDelete(str(clauses["delete"]))
        if "update" in clauses:
            builder = builder.whenMatchedUpdate(*clauses["update"])
        if clauses.get("insert"):
            names = schemas.TABLES[table].column_names
            builder = builder.whenNotMatchedInsert(values={n: f"s.{n}" for n in names})
        with commit_point(table):
            builder.execute()

    def model_folder(self, model_id: str) -> Path:
        """Folder of a model's files (never overwritten)."""
        return Path(self.root) / "ops" / "model_files" / model_id

    def checkpoint_folder(self, key: str) -> Path:
        """Folder of the checkpoints of one fit; executors reach it as they reach the tables."""
        return Path(self.root) / "ops" / "training" / key

    def drop_checkpoints(self) -> None:
        """Remove the checkpoints of all fits: a model has come of them."""
        shutil.rmtree(Path(self.root) / "ops" / "training", ignore_errors=True)


def seen_by(business_date: date) -> pc.Expression:
    """Whether a night sees a row of silver."""
    known_to = pc.field("known_to")
    return (pc.field("known_from") <= business_date) & (known_to.is_null() | (known_to > business_date))


def put(path: Path, content: bytes) -> None:
    """Write a small file, and its folder if it is missing; it is there whole or not at all, by one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.write_bytes(content)
    draft.replace(path)


def _declared(frame: DataFrame, table: Table) -> DataFrame:
    """Exactly the declared columns, in order, cast to the declared types."""
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema

    types = from_arrow_schema(table.schema)
    return frame.select(*(F.col(f.name).cast(f.dataType).alias(f.name) for f in types.fields))


@contextmanager
def commit_point(name: str) -> Iterator[None]:
    """Mark a commit, so that the fault tests can kill a run just before or just after it.

    NIGHTFILL_PAUSE_AT=``<name>:before`` or ``<name>:after`` makes the process write NIGHTFILL_PAUSE_FILE and
    stand still there, for a second process to kill. In production both are unset and nothing happens.
    """
    pause(f"{name}:before")
    yield
    pause(f"{name}:after")


def pause(point: str) -> None:
    """Stand still at a named point when the environment asks for it (fault tests only)."""
    if os.environ.get("NIGHTFILL_PAUSE_AT") != point:
        return
    Path(os.environ["NIGHTFILL_PAUSE_FILE"]).write_text(f"{os.getpid()} {point}\n")
    while True:
        time.sleep(0.1)
