"""Score features with a model inside Spark: the bytes travel by broadcast, the driver collects nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.forecast.model import SCHEMA, Model, forecast

if TYPE_CHECKING:
    from pyspark.core.broadcast import Broadcast
    from pyspark.sql import DataFrame, SparkSession

Batches = Iterable[pa.RecordBatch]


def score(spark: SparkSession, model: Model | None, features: DataFrame, keep: tuple[str, ...] = ()) -> DataFrame:
    """Distributions of features, one thread a task; ``keep`` names columns of the features to go along."""
    from pyspark.sql.pandas.types import from_arrow_schema

    types = from_arrow_schema(SCHEMA)
    for name in keep:
        types = types.add(features.schema[name])
    return features.mapInArrow(_task(spark.sparkContext.broadcast(model), keep), types)


def _task(model: Broadcast[Model | None], keep: tuple[str, ...]) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = forecast(model.value, batch)
            for name in keep:
                rows = rows.append_column(name, batch.column(name))
            yield from rows.to_batches()

    return run
