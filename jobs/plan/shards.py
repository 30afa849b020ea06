"""Run the pure plan of a shard (shard.py) on Spark's executors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from jobs.plan import outputs, shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame

    from jobs.plan.night import Night

#: What comes out: a shard's tables, each as one Arrow IPC stream.
RESULT = "shard int, name string, payload binary"
_PROBLEM = (
    "item_id", "source_id", "location_id", "arrives_on", "order_multiple", "min_order_units",
    "unit_volume", "unit_weight", "buying_cost", "cost", "chosen",
)  # fmt: skip


def planned(shards: DataFrame, night: Night, *, with_problem: bool = False) -> DataFrame:
    """Decide every shard; rows (shard, name, payload) with names orders, reasons, pools, exceptions (and problem)."""
    return shards.mapInArrow(_planner(night, with_problem), RESULT)


def _planner(night: Night, with_problem: bool) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def plan(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = [batch for batch in batches if batch.num_rows]
        if rows:
            whole = pa.Table.from_batches(rows)
            number = whole["shard"][0].as_py()
            results = tables_of(shard.decide(split(whole), night), night, number, with_problem)
            names = list(results)
            payloads = [encode(results[name]) for name in names]
            shard_of = pa.array([number] * len(names), pa.int32())
            yield pa.record_batch({"shard": shard_of, "name": pa.array(names), "payload": pa.array(payloads, pa.binary())})

    return plan


def split(whole: pa.Table) -> dict[str, pa.Table]:
    """The tables of a shard out of the frame that holds them all, a struct column a table."""
    tables = {}
    for name in whole.column_names:
        if name != "shard":
            column = whole[name].combine_chunks()
            rows = column.drop_null()
            tables[name] = pa.Table.from_arrays(rows.flatten(), names=[field.name for field in rows.type])
    return tables


def tables_of(decision: shard.Decision, night: Night, number: int, with_problem: bool) -> dict[str, pa.Table]:
    """A shard's decision as Arrow tables."""
    tables = {
        "orders": outputs.orders(decision.lines, night.business_date, night.config),
        "reasons": outputs.reasons(decision.lines, night.business_date, number),
        "pools": decision.pools.to_arrow(),
        "exceptions": decision.exceptions.to_arrow(),
    }
    if with_problem:
        tables["problem"] = decision.lines.filter(pl.col("chosen")).select(_PROBLEM).to_arrow()
    return tables


def encode(table: pa.Table) -> bytes:
    """An Arrow table as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def decode(payload: bytes) -> pa.Table:
    """The Arrow table of an IPC stream."""
    return pa.ipc.open_stream(payload).read_all()


def unpack(result: DataFrame, name: str, schema: pa.Schema) -> DataFrame:
    """The rows of all shards' tables of a name, as a frame."""
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema

    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for payload in batch["payload"]:
                yield from decode(payload.as_buffer()).to_batches()

    return result.where(F.col("name") == name).select("payload").mapInArrow(rows, from_arrow_schema(schema))
