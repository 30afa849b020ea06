"""Training examples: which past origins, which share of the series, which weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from jobs.features.clock import CLOCKS, Clock
from jobs.features.job import examined, past, periods
from jobs.forecast import memory, packing

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config
    from jobs.features.block import Block
    from jobs.features.context import Context
    from jobs.lake import Lake

#: Fewer rows than this are not worth a model: the baseline stands.
LEAST_ROWS = 500
#: Periods held out at the end for calibration and metrics; history that an origin needs.
HELD_OUT = {"day": 14, "week": 4}
LEAST_HISTORY = {"day": 14, "week": 8}
#: Periods from the night to the newest origins. They tell of the last days, though not of the whole horizon: measured on
#: FreshRetailNet (2024-05-08, 12,500 series): WAPE .308 and 66 rounds, against .323 and 27 with all origins a stride apart.
NEAR: dict[str, tuple[int, ...]] = {"day": (2, 4, 7, 11), "week": ()}
LABEL, WEIGHT = "label", "weight"


@dataclass(frozen=True, slots=True)
class Layout:
    """Origins (period numbers, newest first) of the training rows, the first held-out period, the share of the series; rows, about."""

    origins: tuple[int, ...]
    held_out_from: int
    share: float = 1.0
    rows: int = 0


def layout(clock: Clock, night: int, first_period: int, origins: int, steps: int, champion: int | None = None) -> Layout | None:
    """Origins before the night, the newest close together, the others a stride apart; None where there are none to learn from.

    The held-out periods are the last ones; where there is a champion, those since its training, so that neither it
    nor the challenger has seen them.
    """
    held_out = max(HELD_OUT[clock.grain], min(steps, 2 * HELD_OUT[clock.grain]))
    if champion is not None and night - champion >= clock.stride:
        held_out = min(held_out, night - champion)
    cut = night - held_out
    earliest = first_period + LEAST_HISTORY[clock.grain]
    near = NEAR[clock.grain]
    distances = [*near, *range((near[-1] if near else 0) + clock.stride, night - max(earliest, 0) + 1, clock.stride)]
    usable = [distance for distance in distances if distance <= night - max(earliest, 0)]
    chosen = tuple(night - distance for distance in usable[: origins + sum(distance <= held_out for distance in usable)])
    return Layout(chosen, cut) if any(origin < cut for origin in chosen) and any(origin >= cut for origin in chosen) else None


def budgeted(config: Config, night: int, first_period: int, usable: int, steps: int, champion: int | None = None) -> Layout | None:
    """The layout of a night, with the share of the series that [training] rows leaves; None as for ``layout``.

    usable  series-periods in stock throughout in the stride before the night
    """
    clock = CLOCKS[config.grain]
    # Rows at hand: in-stock series of an average period x steps x origins.
    of_origin = usable / clock.stride * steps
    origins = memory.origins(clock, night - first_period, config.training, of_origin)
    plan = layout(clock, night, first_period, origins, steps, champion)
    if plan is None:
        return None
    at_hand = of_origin * len(plan.origins)
    share = min(1.0, config.training.rows / at_hand) if at_hand else 1.0
    return replace(plan, share=share, rows=round(share * at_hand))


def planned(
    lake: Lake, config: Config, business_date: date, champion: date | None = None, seen_by: date | None = None
) -> tuple[Layout, int] | None:
    """The layout of a night and its first period, from what silver/demand knows before it; None where that is too little.

    ``seen_by`` names a later night whose rows are read.
    """
    clock, steps = CLOCKS[config.grain], periods(lake, config, business_date)
    night, seer = clock.index(business_date), seen_by or business_date
    begin = _first_period(lake, seer, business_date)
    if begin is None:
        return None
    usable = _in_stock(lake, seer, clock.first_day(night - clock.stride), business_date)
    plan = budgeted(config, night, clock.index(begin), usable, steps, clock.index(champion) if champion else None)
    return (plan, clock.index(begin)) if plan else None


def _first_period(lake: Lake, night: date, before: date) -> date | None:
    """First period before ``before`` that the night knows of, looked for month by month: mostly the first one tells."""
    for month in sorted({date.fromisoformat(part["month"]) for part in lake.partitions("silver/demand")}):
        within = (pc.field("month") == month) & (pc.field("period") < before)
        batches = lake.batches("silver/demand", ["period"], night, within)
        known: list[date] = [pc.min(batch.column("period")).as_py() for batch in batches if batch.num_rows]
        if known:
            return min(known)
    return None


def _in_stock(lake: Lake, night: date, begin: date, end: date) -> int:
    """Series-periods in stock throughout in [begin, end)."""
    within = (pc.field("month") >= begin.replace(day=1)) & (pc.field("period") >= begin) & (pc.field("period") < end)
    batches = lake.batches("silver/demand", ["period"], night, within & (pc.field("in_stock_fraction") >= 1))
    return sum(batch.num_rows for batch in batches)


def training_rows(
    spark: SparkSession, lake: Lake, config: Config, business_date: date, champion: date | None, seen_by: date | None = None
) -> tuple[Layout, DataFrame] | None:
    """The layout and its rows: packing.ROWS with label (units / expected), weight, target (period number).

    None where there is too little history. ``seen_by`` names a later night whose rows are read, for a backtest before the
    first drop: of them only what happened before business_date is used.
    """
    found = planned(lake, config, business_date, champion, seen_by)
    if found is None:
        return None
    (plan, begin), clock = found, CLOCKS[config.grain]
    night, steps = clock.index(business_date), periods(lake, config, business_date)
    kernel = partial(_packed, known=config.training.learn_from)
    rows = past(spark, lake, config, seen_by or business_date, plan.origins, steps, (packing.ROWS, kernel), plan.share)
    weight = F.pow(F.lit(0.5), (F.lit(night) - F.col("origin")) / F.lit(memory.half_life(clock, night - begin)))
    columns = {LABEL: F.col("units") / packing.of("expected"), WEIGHT: weight, "target": F.col("origin") + F.col("step")}
    return plan, rows.withColumns(columns).where(F.col("target") < F.lit(night))


def _packed(series: Block, context: Context, origins: tuple[int, ...], known: Literal["in_stock", "demand"]) -> Iterator[pa.Table]:
    """The kernel: what is learned from at each origin, with its features, packed."""
    for rows in examined(series, context, origins, known):
        yield packing.pack(rows)
