"""Silver -> features: the night's origin with `main`, past origins with labels for training and backtests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features import block, pulse, source
from jobs.features.clock import CLOCKS, Clock
from jobs.features.compute import SCHEMA, compute, counts
from jobs.features.context import Context, build
from jobs.features.horizon import horizon
from jobs.features.names import KEY, SEPARATOR, Names, hashes, joined
from jobs.features.shares import Shares

if TYPE_CHECKING:
    from datetime import date

    from pyspark.core.broadcast import Broadcast
    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config
    from jobs.lake import Lake

#: Columns that past origins have besides the features: what was sold then, where it was in stock throughout.
EXAMPLES = pa.schema([*SCHEMA, pa.field("origin", pa.int64()), pa.field("units", pa.float64())])

Batches = Iterable[pa.RecordBatch]


def main(spark: SparkSession, lake: Lake, config: Config, business_date: date) -> None:
    """Write gold/features of the night."""
    lake.write_run("gold/features", at(spark, lake, config, business_date), business_date)


def periods(lake: Lake, config: Config, business_date: date) -> int:
    """The night's horizon."""
    return horizon(lake.arrow_as_of("silver/lanes", business_date, ("lead_time_days", "order_days")).to_pylist(), config)


def at(spark: SparkSession, lake: Lake, config: Config, business_date: date, steps: int | None = None) -> DataFrame:
    """Features of all active series at the origin business_date, in compute.SCHEMA."""
    clock = CLOCKS[config.grain]
    ask = _Ask(clock, (clock.index(business_date),), steps or periods(lake, config, business_date), business_date)
    return _mapped(spark, lake, ask, SCHEMA, featured)


def past(
    spark: SparkSession,
    lake: Lake,
    config: Config,
    night: date,
    origins: tuple[int, ...],
    steps: int,
    made: tuple[pa.Schema, Kernel],
    share: float = 1.0,
) -> DataFrame:
    """What a kernel makes of past origins, as the night sees them; ``made`` is the schema of its rows, and the kernel."""
    return _mapped(spark, lake, _Ask(CLOCKS[config.grain], origins, steps, night, share), *made)


Kernel = Callable[[block.Block, Context, tuple[int, ...]], Iterator[pa.Table]]


@dataclass(frozen=True, slots=True)
class _Ask:
    """Which features: of which origins and steps, as which night sees them, of which share of the series."""

    clock: Clock
    origins: tuple[int, ...]
    steps: int
    night: date
    share: float = 1.0


def _mapped(spark: SparkSession, lake: Lake, ask: _Ask, schema: pa.Schema, kernel: Kernel) -> DataFrame:
    """Two passes over the items' shares: sums of all series, then what the kernel makes of each."""
    span = block.Span.around(ask.clock, ask.origins, ask.steps)
    items = source.shares(lake, ask.clock, span, ask.night, spark.sparkContext.defaultParallelism)
    query = source.stream(ask.clock, span, ask.night)
    context = build(source.masters(spark, items, ask.clock, span), ask.clock, ask.origins, ask.steps, ask.clock.index(ask.night))
    columns = pulse.schema(ask.clock, ask.steps)
    first = _task(spark.sparkContext.broadcast(context), items, query, ask.origins, counted)
    context = replace(context, pulse=_pulse(items.mapped(spark, first, columns), columns))
    return items.mapped(spark, _task(spark.sparkContext.broadcast(context), items, query, ask.origins, kernel, ask.share), schema)


def _pulse(parts: DataFrame, columns: pa.Schema) -> dict[int, pulse.Pulse]:
    """The first pass: sums of all series, added up by Spark."""
    from pyspark.sql import functions as F

    sums = parts.groupBy(*pulse.KEY).agg(*(F.sum(name).alias(name) for name in columns.names[len(pulse.KEY) :]))
    return pulse.gather(sums.toArrow().cast(columns))


def _task(
    context: Broadcast[Context], items: Shares, query: str, origins: tuple[int, ...], kernel: Kernel, share: float = 1.0
) -> Callable[[int], Iterator[pa.RecordBatch]]:
    def run(number: int) -> Iterator[pa.RecordBatch]:
        for table in run_blocks(items.rows(number, query), context.value, origins, kernel, share):
            yield from table.to_batches()

    return run


def run_blocks(batches: Batches, context: Context, origins: tuple[int, ...], kernel: Kernel, share: float = 1.0) -> Iterator[pa.Table]:
    """Apply a kernel block by block to a stream of rows sorted by item and location, however it is cut into batches."""
    for rows in block.whole_pairs(batches):
        series = block.to_block(rows, context.clock, context.span, context.prices)
        for origin in origins:
            yield from run_block(series, context, origin, kernel, share)


def run_block(series: block.Block, context: Context, origin: int, kernel: Kernel, share: float = 1.0) -> Iterator[pa.Table]:
    """Apply a kernel to a block's series at an origin, or to a share of its item-locations.

    Each origin has a share of its own, so that with many origins most item-locations are seen at some.
    """
    if share >= 1:
        yield from kernel(series, context, (origin,))
    elif (chosen := sampled(series.keys, origin, share)).any():
        yield from kernel(series.take(chosen), context, (origin,))


def sampled(keys: Mapping[str, Names], origin: int, share: float) -> npt.NDArray[np.bool_]:
    """Whether each series [n] is in an origin's share, by a hash of its item's and location's names and the origin."""
    chosen: npt.NDArray[np.bool_] = hashes(f"{pair}{SEPARATOR}{origin}" for pair in joined(keys, KEY[:2])) < share * 2.0**64
    return chosen


def counted(series: block.Block, context: Context, origins: tuple[int, ...]) -> Iterator[pa.Table]:
    """What each origin's series add to the sums of all."""
    for origin in origins:
        yield counts(series, context, origin)


def featured(series: block.Block, context: Context, origins: tuple[int, ...]) -> Iterator[pa.Table]:
    """Features of the series active at each origin."""
    for origin in origins:
        active = series.active(origin, context.clock)
        if active.any():
            yield compute(series.take(active), context, origin)


def examined(
    series: block.Block, context: Context, origins: tuple[int, ...], known: Literal["in_stock", "demand"] = "in_stock"
) -> Iterator[pa.Table]:
    """Features at each origin with what was sold, of periods in stock throughout; or with demand, where that is known or expected."""
    for origin in origins:
        rows = compute(series, context, origin)
        column = origin - series.span.first
        units = getattr(series, known)[:, column : column + context.horizon].reshape(-1)
        rows = rows.append_column("origin", pa.array(np.full(len(units), origin))).append_column("units", pa.array(units))
        yield rows.filter(pa.array(~np.isnan(units)))
