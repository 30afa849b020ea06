"""Score features with models inside Spark: the bytes travel by broadcast, the driver collects nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.forecast.model import SCHEMA, Model, Spread, forecast

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.features.block import Block
    from jobs.features.context import Context
    from jobs.features.job import Kernel

Batches = Iterable[pa.RecordBatch]


def score(
    spark: SparkSession,
    model: Model | None,
    features: DataFrame,
    spread: Spread = "calibrated",
    then: Callable[[pa.Table], pa.Table] | None = None,
) -> DataFrame:
    """Distributions of features, one thread a task; ``then``: what is made of them."""
    from pyspark.sql.pandas.types import from_arrow_schema

    sent = spark.sparkContext.broadcast((model, then))

    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        loaded, made = sent.value
        for batch in batches:
            found = forecast(loaded, batch, spread)
            yield from (made(found) if made else found).to_batches()

    return features.mapInArrow(run, from_arrow_schema(SCHEMA))


def scored(
    spark: SparkSession, models: Mapping[int, Model | None], made: tuple[pa.Schema, Kernel], keep: tuple[str, ...]
) -> tuple[pa.Schema, Kernel]:
    """A kernel of jobs.features.job.past that scores what another one makes, in the same task: each row by the model of its
    ``origin``; only the distributions and the columns ``keep`` leave the task.
    """
    schema, kernel = made
    sent = spark.sparkContext.broadcast(dict(models))

    def run(series: Block, context: Context, origins: tuple[int, ...]) -> Iterator[pa.Table]:
        for rows in kernel(series, context, origins):
            of = np.asarray(rows["origin"])
            for origin in np.unique(of):
                own = rows.filter(pa.array(of == origin))
                found = forecast(sent.value[int(origin)], own.combine_chunks())
                for name in keep:
                    found = found.append_column(name, own[name])
                yield found

    return pa.schema([*SCHEMA, *(schema.field(name) for name in keep)]), run
