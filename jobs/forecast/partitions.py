"""Rows dealt to the workers: always the same way, and never none to a worker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from pyspark.sql import functions as F

from jobs.errors import NightfillError
from jobs.features.names import KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

Ints = npt.NDArray[np.int64]

#: A row's whole name: no two rows have the same.
ROW = (*KEY, "origin", "step")
#: Rows are counted by the first bits of their names' hash.
_BITS = 12
_HASH, _WORKER = "_hash", "_worker"


@dataclass(frozen=True, slots=True)
class Dealt:
    """rows: a partition a worker, sorted; fingerprint: hash of their contents, whatever their order and layout."""

    rows: DataFrame
    fingerprint: str


def deal(rows: DataFrame, workers: int, held_out: str | None = None, names: Sequence[str] = ROW) -> Dealt:
    """Rows dealt to ``workers`` partitions by the hash of their names (columns), in the order of that hash.

    The hash is cut where it shares the rows evenly, so that no worker is left without: a worker without rows has broken
    training (dmlc/xgboost#8221). Held-out rows, those where the boolean column ``held_out`` is true, are shared likewise.

    Raises NightfillError where there are fewer rows than workers.
    """
    named = rows.withColumn(_HASH, F.xxhash64(*names))
    group = F.col(held_out) if held_out else F.lit(False)  # noqa: FBT003 - a literal column
    bucket = F.shiftrightunsigned(_HASH, 64 - _BITS)
    counted = (
        named.groupBy(group.alias("held_out"), bucket.alias("bucket"))
        .agg(F.count(F.lit(1)).alias("rows"), F.bit_xor(F.xxhash64(*sorted(rows.columns))).alias("content"))
        .toArrow()
        .sort_by([("held_out", "ascending"), ("bucket", "ascending")])
    )
    mine: Column = F.lit(0)
    for kind in (True, False):
        of_kind = counted.filter(pc.field("held_out") == kind)
        if of_kind.num_rows:
            first = cuts(of_kind["bucket"].to_numpy(), of_kind["rows"].to_numpy(), workers)
            mine = F.when(group == F.lit(kind), _worker(bucket, first)).otherwise(mine)
    spread = named.withColumn(_WORKER, mine).repartitionById(workers, F.col(_WORKER)).sortWithinPartitions(_HASH, *names)
    digest = hashlib.sha256(repr([counted[name].to_pylist() for name in counted.column_names]).encode())
    return Dealt(spread.drop(_HASH, _WORKER), digest.hexdigest())


def cuts(buckets: Ints, rows: Ints, workers: int) -> list[int]:
    """First bucket of each worker but the first; every worker gets a bucket with rows, and about equally many rows.

    buckets  numbers of the buckets that have rows, ascending [n]
    rows     their rows [n]

    Raises NightfillError where there are fewer buckets than workers.
    """
    if len(buckets) < workers:
        raise NightfillError(f"{rows.sum()} rows can't be shared by {workers} workers: set [training] workers lower")
    before = np.cumsum(rows) - rows
    starts: list[int] = []
    for worker in range(1, workers):
        even = int(np.searchsorted(before, rows.sum() * worker / workers))
        least = starts[-1] + 1 if starts else 1
        starts.append(min(max(even, least), len(buckets) - workers + worker))
    return [int(buckets[start]) for start in starts]


def _worker(bucket: Column, first: list[int]) -> Column:
    """Number of the worker whose buckets these are."""
    return reduce(add, ((bucket >= F.lit(start)).cast("int") for start in first), F.lit(0))
