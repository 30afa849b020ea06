"""Past origins as they were, with what then happened: features, sales, stock-outs, and plain forecasts beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.features.block import Block
from jobs.features.compute import SCHEMA, compute
from jobs.features.context import Context
from jobs.features.job import past
from jobs.forecast.plain import PLAIN, plain_forecasts

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config
    from jobs.lake import Lake

#: What happened: units sold, whether in stock throughout (if not, they are a floor of demand); then the plain forecasts, in units.
HAPPENED = ("units", "in_stock", *PLAIN)
OUTCOMES = pa.schema(
    [*SCHEMA, ("origin", pa.int64()), ("units", pa.float64()), ("in_stock", pa.bool_()), *((name, pa.float64()) for name in PLAIN)]
)


def outcomes(
    spark: SparkSession, lake: Lake, config: Config, night: date, origins: tuple[int, ...], steps: int, share: float = 1.0
) -> DataFrame:
    """Rows of OUTCOMES: periods that the night knows the sales of, of series that had a row before the origin.

    Of each origin only what lies before it is used, by the rows' own dates; the night decides which rows there are.
    """
    return past(spark, lake, config, night, origins, steps, (OUTCOMES, happened), share)


def happened(series: Block, context: Context, origins: tuple[int, ...]) -> Iterator[pa.Table]:
    """The kernel: rows of OUTCOMES."""
    for origin in origins:
        yield of_origin(series, context, origin)


def of_origin(series: Block, context: Context, origin: int) -> pa.Table:
    """Rows of OUTCOMES of one origin."""
    steps, end = context.horizon, origin - series.span.first
    rows = compute(series, context, origin)
    ahead = slice(end, end + steps)
    units, stock = series.units[:, ahead], series.stock[:, ahead]
    level = np.asarray(rows["level"].cast(pa.float64()), float).reshape(-1, steps)[:, 0]
    plain = plain_forecasts(series.units[:, :end], series.stock[:, :end], level, steps, context.clock.grain)
    columns = {"origin": np.full(units.size, origin), "units": units.reshape(-1), "in_stock": (stock >= 1).reshape(-1)}
    columns |= {name: values.reshape(-1) for name, values in plain.items()}
    for name, values in columns.items():
        rows = rows.append_column(name, pa.array(values))
    met = (~np.isnan(series.units[:, :end])).any(axis=1)
    return rows.cast(OUTCOMES).filter(pa.array((~np.isnan(units)).reshape(-1) & np.repeat(met, steps)))
