"""Mode joint on Spark: the night's forecasts made and moved shard by shard, as the plan reads them; the driver collects nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.forecast.model import INPUTS, SCHEMA, forecast, to_matrix
from jobs.forecast.packing import PACKED, packed, unpack
from jobs.learn.joint_move import move
from jobs.plan import inputs
from jobs.plan.shards import split

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config
    from jobs.forecast.model import Model
    from jobs.forecast.ranks import PathRanks
    from jobs.lake import Lake

_WITH_INPUTS = pa.schema([*SCHEMA, (PACKED, pa.list_(pa.float32()))])
Batches = Iterable[pa.RecordBatch]


def moved(
    spark: SparkSession, lake: Lake, config: Config, business_date: date, made: tuple[Model | None, DataFrame, PathRanks]
) -> DataFrame:
    """Forecasts of features by a model, moved by its joint part; ``made``: the model, the features, the ranks of the paths."""
    from pyspark.sql.pandas.types import from_arrow_schema

    model, features, ranks = made
    sent, night = spark.sparkContext.broadcast(model), inputs.night_of(lake, config, business_date, ranks)

    def score(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from forecast(sent.value, batch).append_column(PACKED, packed(to_matrix(batch))).to_batches()

    def shift(batches: Batches) -> Iterator[pa.RecordBatch]:
        rows = [batch for batch in batches if batch.num_rows]
        tables = split(pa.Table.from_batches(rows)) if rows else {}
        if "forecasts" in tables:
            found = tables["forecasts"].select(_WITH_INPUTS.names).cast(_WITH_INPUTS)
            joint = sent.value.joint if sent.value else None
            yield from move(joint, found.select(SCHEMA.names), unpack(found).select(INPUTS), tables, night).to_batches()

    scored = features.mapInArrow(score, from_arrow_schema(_WITH_INPUTS))
    shards = inputs.by_shard({"forecasts": scored, **inputs.masters(lake, night)}, config.planning.shards)
    return shards.mapInArrow(shift, from_arrow_schema(SCHEMA))
