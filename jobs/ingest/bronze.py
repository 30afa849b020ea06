"""Landing files -> bronze: the rows as delivered, each file's rows replaced as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.ingest import sql
from jobs.ingest.reader import Source, bronze_schema, read_records

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.lake import Lake


def read_small(feed: str, sources: Sequence[Source], drop_columns: Sequence[str]) -> pa.Table:
    """The files' rows, read on the driver."""
    return pa.Table.from_batches([b for s in sources for b in read_records(s, drop_columns)], bronze_schema(feed))


def write_small(lake: Lake, feed: str, files: Sequence[str], rows: pa.Table) -> None:
    """Replace the files' rows in bronze by delta-rs; a file that can't be read any more has none."""
    lake.write_arrow(f"bronze/{feed}", rows, sql.is_in("file", files))


def as_frame(session: SparkSession, rows: pa.Table) -> DataFrame:
    """Arrow rows as a frame (Spark can't take a table without a chunk)."""
    return session.createDataFrame(rows) if rows.num_rows else session.createDataFrame([], from_arrow_schema(rows.schema))


def write_streamed(lake: Lake, feed: str, files: Sequence[str], sources: Sequence[Source], drop_columns: Sequence[str]) -> DataFrame:
    """Read the files on the driver, batch by batch, replace their rows in bronze, and return them as they stand there."""
    batches = (b for s in sources for b in read_records(s, drop_columns))
    reader = pa.RecordBatchReader.from_batches(bronze_schema(feed), batches)
    lake.write_batches(f"bronze/{feed}", reader, sql.is_in("file", files))
    return _written(lake, feed, files, sources)


def write_spread(lake: Lake, feed: str, files: Sequence[str], sources: Sequence[Source], drop_columns: Sequence[str]) -> DataFrame:
    """Read the files in Spark, whole files a task, replace their rows in bronze, and return them as they stand there."""
    session = lake.session
    context = session.sparkContext
    # Small files share a task: starting one takes longer than reading a day.
    tasks = min(len(sources), 4 * context.defaultParallelism)
    paths = context.parallelize([(s.path, s.file, s.feed, s.drop_date) for s in sources], tasks)
    frame = session.createDataFrame(paths, "path string, file string, feed string, drop_date date")
    rows = frame.mapInArrow(_parse(tuple(drop_columns)), from_arrow_schema(bronze_schema(feed)))
    lake.replace(f"bronze/{feed}", rows, sql.is_in("file", files, for_spark=True))
    return _written(lake, feed, files, sources)


def _written(lake: Lake, feed: str, files: Sequence[str], sources: Sequence[Source]) -> DataFrame:
    days = sorted({s.drop_date for s in sources})
    return lake.read(f"bronze/{feed}").where(F.col("business_date").isin(days)).where(F.col("file").isin(list(files)))


def _parse(drop_columns: tuple[str, ...]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The partition function: names of files in, their records out."""

    def parse(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for name in batch.to_pylist():
                yield from read_records(Source(**name), drop_columns)

    return parse
