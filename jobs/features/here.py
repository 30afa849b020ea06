"""Features in one process, without Spark: what jobs/features/job.py spreads over tasks, of all items at once, by threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.features import block, pulse, source
from jobs.features.clock import CLOCKS, Clock
from jobs.features.compute import SCHEMA
from jobs.features.context import build
from jobs.features.job import EXAMPLES, counted, examined, featured, run_block
from jobs.features.shares import Shares
from jobs.workers import both, mapped

if TYPE_CHECKING:
    from datetime import date

    from jobs.config import Config
    from jobs.features.context import Context
    from jobs.features.job import Kernel
    from jobs.lake import Lake

#: Rows of a block of one origin: several for the threads to share. How series are cut changes the order of rows only where there are
#: several origins.
_FEW = 50_000


@dataclass(frozen=True, slots=True)
class _Ask:
    """Of which origins and steps, as which night sees them, of which share of the series.

    rows  of the stream that a block has, about
    """

    clock: Clock
    night: date
    origins: tuple[int, ...]
    steps: int
    share: float = 1.0
    rows: int = block.ROWS


def at(lake: Lake, config: Config, business_date: date, steps: int) -> pa.Table:
    """Features of all active series at the origin business_date, in compute.SCHEMA."""
    clock = CLOCKS[config.grain]
    return _made(lake, _Ask(clock, business_date, (clock.index(business_date),), steps, rows=_FEW), SCHEMA, featured)


def examples(lake: Lake, config: Config, business_date: date, origins: tuple[int, ...], steps: int, share: float = 1.0) -> pa.Table:
    """Features at past origins with what was sold, in job.EXAMPLES: only periods that are learned from, before business_date."""
    return past(lake, config, business_date, origins, steps, (EXAMPLES, partial(examined, known=config.training.learn_from)), share)


def past(
    lake: Lake,
    config: Config,
    business_date: date,
    origins: tuple[int, ...],
    steps: int,
    made: tuple[pa.Schema, Kernel],
    share: float = 1.0,
) -> pa.Table:
    """What a kernel makes of past origins, as the night sees them; ``made`` is the schema of its rows, and the kernel."""
    return _made(lake, _Ask(CLOCKS[config.grain], business_date, origins, steps, share), *made)


def _made(lake: Lake, ask: _Ask, schema: pa.Schema, kernel: Kernel) -> pa.Table:
    """Two passes over the series, as in job.py: sums of all, then what the kernel makes of each."""
    span, items = block.Span.around(ask.clock, ask.origins, ask.steps), Shares(lake, ask.night, ())
    masters, rows = both(
        lambda: source.masters_here(items, ask.clock, span),
        lambda: list(items.rows(0, source.stream(ask.clock, span, ask.night))),
    )
    context = build(masters, ask.clock, ask.origins, ask.steps, ask.clock.index(ask.night))
    parts = list(block.whole_pairs(rows, ask.rows))
    blocks = mapped(lambda part: block.to_block(part, ask.clock, span, context.prices), parts)
    columns = pulse.schema(ask.clock, ask.steps)
    sums = _run(blocks, context, ask.origins, counted)
    context = replace(context, pulse=pulse.gather(pa.concat_tables([columns.empty_table(), *sums])))
    return pa.concat_tables([schema.empty_table(), *_run(blocks, context, ask.origins, kernel, ask.share)])


def _run(blocks: list[block.Block], context: Context, origins: tuple[int, ...], kernel: Kernel, share: float = 1.0) -> list[pa.Table]:
    """What a kernel makes of the series, block by block and of each by origin."""
    parts = [(series, origin) for series in blocks for origin in origins]
    made = mapped(lambda part: list(run_block(part[0], context, part[1], kernel, share)), parts)
    return [table for tables in made for table in tables]
