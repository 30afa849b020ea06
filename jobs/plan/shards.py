"""Run the pure plan of a shard (shard.py) on Spark's executors; and, where something couples shards, of the night (together.py)."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from jobs.plan import coupling, cover, lanes, outputs, shard, together
from jobs.workers import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyspark.sql import DataFrame

    from jobs.plan.night import Night

    Task = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]

#: What comes out: a shard's tables, each as one Arrow IPC stream.
RESULT = "shard int, name string, payload binary"
#: Number of the shard that stands for the whole night.
_NIGHT = -1
#: What the night's problem is made of.
PROBLEM = ("problem", "pools", "due")
#: A shard's lines with their cost lists, pickled, between the two passes of a coupled night.
_COSTED = "costed"


@contextmanager
def planned(shards: DataFrame, night: Night, *, with_problem: bool = False) -> Iterator[tuple[DataFrame, Night]]:
    """Every line decided: rows (shard, name, payload), kept while the context lasts; and the night with its orders' covers.

    Of a shard: orders, reasons, fresh, exceptions, pools (and problem, due). Where something couples shards, of the whole night
    (shard -1): prices, certificate, exceptions.
    """
    held: list[DataFrame] = []

    def keep(rows: DataFrame) -> DataFrame:
        held.append(rows.persist())
        return rows

    try:
        if coupling.is_coupled(night):
            night = with_covers(keep(shards), night)
            yield keep(_together(keep(shards.mapInArrow(_coster(night), RESULT)), night, keep)), night
        else:
            yield keep(shards.mapInArrow(_planner(night, with_problem), RESULT)), night
    finally:
        for rows in held:
            rows.unpersist()


def with_covers(shards: DataFrame, night: Night) -> Night:
    """The night with how long orders with terms should last: summed over the shards, chosen on the driver (a row a lane and cover)."""
    terms = lanes.order_terms(night)
    # An order-up-to rule knows nothing of what an order costs over its cover.
    if terms.is_empty() or night.config.mode == "sequential":
        return night
    found = shards.mapInArrow(_coverer(night), RESULT).collect()
    sums = [pl.DataFrame(pl.from_arrow(decode(row["payload"]))) for row in found]
    return replace(night, covers=cover.choose(pl.concat([pl.DataFrame(schema=cover.SUMS), *sums]), terms))


def _together(costed: DataFrame, night: Night, keep: Callable[[DataFrame], DataFrame]) -> DataFrame:
    """The second pass: one task solves the night's problem, then each shard says what that makes of its lines."""
    from pyspark.sql import functions as F

    of = F.col("name")
    problem = costed.where(of.isin(*PROBLEM))
    solved = keep(problem.repartition(1).sortWithinPartitions("shard", "name").mapInArrow(_solver(night), RESULT))
    lines = costed.where(of == _COSTED).union(solved.where(of == "solution"))
    decided = lines.repartition(night.config.planning.shards, "shard").mapInArrow(_decider(night), RESULT)
    return decided.union(solved.where(of != "solution")).union(problem)


def _by_itself(work: Task) -> Task:
    """The task without threads of its own: there is one for each processor."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with alone():
            yield from work(batches)

    return run


def _planner(night: Night, with_problem: bool) -> Task:
    """A shard by itself."""

    @_by_itself
    def plan(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number, tables in _shards(batches):
            costed = shard.cost(tables, night)
            decision = shard.decide_alone(costed, night)
            more = {"problem": shard.problem_of(costed), "due": costed.due} if with_problem else {}
            yield _rows(number, tables_of(decision, night, number) | _arrow({"pools": decision.pools, **more}))

    return plan


def _coverer(night: Night) -> Task:
    """What comes before the first pass where orders have terms."""

    @_by_itself
    def sums(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number, tables in _shards(batches):
            yield _rows(number, _arrow({"covers": shard.covers(tables, night)}))

    return sums


def _coster(night: Night) -> Task:
    """The first pass of a coupled night."""

    @_by_itself
    def cost(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number, tables in _shards(batches):
            costed = shard.cost(tables, night)
            parts = {"problem": shard.problem_of(costed), "pools": costed.pooled, "due": costed.due}
            yield _rows(number, _arrow(parts), {_COSTED: pickle.dumps(costed)})

    return cost


def _solver(night: Night) -> Task:
    """The night's problem, in one task."""

    def solve(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        parts: dict[str, list[pl.DataFrame]] = {name: [] for name in PROBLEM}
        for number, name, payload in _payloads(batches):
            parts[name].append(pl.DataFrame(pl.from_arrow(decode(payload))).with_columns(shard=pl.lit(number, pl.Int32)))
        if not parts["problem"]:
            return
        lines, pools, due = (pl.concat(parts[name]) for name in PROBLEM)
        found = together.decide(coupling.tables(lines.drop("shard"), pools, due, night), night.config.planning.solve_seconds)
        yield _rows(_NIGHT, _arrow({"prices": found.prices, "certificate": found.certificate, "exceptions": found.exceptions}))
        placed = found.lines.join(lines.select(*shard.LINE, "shard"), on=shard.LINE, how="left", maintain_order="left")
        for key, rows in placed.group_by("shard", maintain_order=True):
            yield _rows(int(str(key[0])), _arrow({"solution": rows.drop("shard")}))

    return solve


def _decider(night: Night) -> Task:
    """The second pass of a coupled night: what was decided, shard by shard."""

    @_by_itself
    def decide(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        costed: dict[int, bytes] = {}
        solved: dict[int, bytes] = {}
        for number, name, payload in _payloads(batches):
            (costed if name == _COSTED else solved)[number] = payload
        for number in sorted(costed):
            found = pl.DataFrame(pl.from_arrow(decode(solved[number]))) if number in solved else together.nothing()
            decision = shard.decide_as(pickle.loads(costed[number]), found, night)  # noqa: S301 - written by the first pass
            yield _rows(number, tables_of(decision, night, number))

    return decide


def _shards(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, dict[str, pa.Table]]]:
    """The shard of a partition with its tables; none where it has no rows."""
    rows = [batch for batch in batches if batch.num_rows]
    if rows:
        whole = pa.Table.from_batches(rows)
        yield whole["shard"][0].as_py(), split(whole)


def _payloads(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, str, bytes]]:
    for batch in batches:
        for number, name, payload in zip(batch["shard"], batch["name"], batch["payload"], strict=True):
            yield number.as_py(), name.as_py(), payload.as_py()


def _rows(number: int, tables: Mapping[str, pa.Table], raw: Mapping[str, bytes] | None = None) -> pa.RecordBatch:
    """Tables, and bytes, of a shard as rows of RESULT."""
    payloads = {name: encode(table) for name, table in tables.items()} | dict(raw or {})
    shard_of = pa.array([number] * len(payloads), pa.int32())
    names, values = pa.array(list(payloads)), pa.array(list(payloads.values()), pa.binary())
    return pa.record_batch({"shard": shard_of, "name": names, "payload": values})


def _arrow(frames: Mapping[str, pl.DataFrame]) -> dict[str, pa.Table]:
    return {name: rows.to_arrow() for name, rows in frames.items()}


def split(whole: pa.Table) -> dict[str, pa.Table]:
    """The tables of a shard out of the frame that holds them all, a struct column a table."""
    tables = {}
    for name in whole.column_names:
        if name != "shard":
            column = whole[name].combine_chunks()
            rows = column.drop_null()
            tables[name] = pa.Table.from_arrays(rows.flatten(), names=[field.name for field in rows.type])
    return tables


def tables_of(decision: shard.Decision, night: Night, number: int) -> dict[str, pa.Table]:
    """A shard's lines, their cost on fresh paths and exceptions as Arrow tables."""
    return {
        "orders": outputs.orders(decision.lines, night.business_date, night.config),
        "reasons": outputs.reasons(decision.lines, night.business_date, number),
        "fresh": decision.fresh.to_arrow(),
        "exceptions": decision.exceptions.to_arrow(),
    }


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
