"""Score features with a model inside Spark: the bytes travel by broadcast, the driver collects nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.forecast.model import SCHEMA, Model, Spread, forecast

if TYPE_CHECKING:
    from pyspark.core.broadcast import Broadcast
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

Batches = Iterable[pa.RecordBatch]


def score(
    spark: SparkSession, model: Model | None, features: DataFrame, keep: tuple[str, ...] = (), spread: Spread = "calibrated"
) -> DataFrame:
    """Distributions of features, one thread a task; ``keep`` names columns of the features to go along."""
    return features.mapInArrow(_task(spark.sparkContext.broadcast(model), keep, spread), _types(features, keep))


def score_by_origin(spark: SparkSession, models: Mapping[int, Model | None], features: DataFrame, keep: tuple[str, ...]) -> DataFrame:
    """Distributions of features of several origins (column ``origin``, one of ``keep``), each by its own origin's model, in one pass."""
    return features.mapInArrow(_task_by_origin(spark.sparkContext.broadcast(dict(models)), keep), _types(features, keep))


def _types(features: DataFrame, keep: tuple[str, ...]) -> StructType:
    from pyspark.sql.pandas.types import from_arrow_schema

    types = from_arrow_schema(SCHEMA)
    for name in keep:
        types = types.add(features.schema[name])
    return types


def _task(model: Broadcast[Model | None], keep: tuple[str, ...], spread: Spread) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from _scored(model.value, batch, keep, spread)

    return run


def _task_by_origin(models: Broadcast[dict[int, Model | None]], keep: tuple[str, ...]) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            of = batch.column("origin").to_numpy(zero_copy_only=False)
            for origin in np.unique(of):
                yield from _scored(models.value[int(origin)], batch.filter(pa.array(of == origin)), keep)

    return run


def _scored(model: Model | None, batch: pa.RecordBatch, keep: tuple[str, ...], spread: Spread = "calibrated") -> list[pa.RecordBatch]:
    rows = forecast(model, batch, spread)
    for name in keep:
        rows = rows.append_column(name, batch.column(name))
    batches: list[pa.RecordBatch] = rows.to_batches()
    return batches
