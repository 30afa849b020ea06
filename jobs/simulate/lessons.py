"""What a simulated way of deciding remembers of its decisions, so that their outcomes correct its next forecasts.

A night's tables in memory: gold/order_reasons of lines whose window goes on, gold/outcomes of the last night, gold/corrections.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from jobs.learn import night, outcomes
from jobs.learn.evidence import EVIDENCE
from jobs.learn.levels import correlation_of
from jobs.learn.segments import Shifts
from schemas import CORRECTIONS, OUTCOMES

if TYPE_CHECKING:
    from jobs.config import Config
    from jobs.forecast.ranks import Dependence
    from jobs.simulate.memory import Memory

#: Corrections of so many nights may have acted on what is still to be judged.
_REMEMBERED = timedelta(days=120)


def _rows_of(table: pa.Schema, names: tuple[str, ...] | None = None) -> pl.DataFrame:
    rows = pl.DataFrame(pl.from_arrow(table.empty_table()))
    return rows.select(names or [name for name in rows.columns if name != "run_id"])


@dataclass
class Lessons:
    """waiting: outcomes.BELIEFS;  judged: EVIDENCE of the last night;  corrections: rows of gold/corrections without run_id."""

    waiting: pl.DataFrame | None = None
    judged: pl.DataFrame = field(default_factory=lambda: _rows_of(OUTCOMES.schema, EVIDENCE))
    corrections: pl.DataFrame = field(default_factory=lambda: _rows_of(CORRECTIONS.schema))

    def correct(
        self, forecasts: pa.Table, features: pa.Table, lake: Memory, config: Config, business_date: date, dependence: Dependence
    ) -> pa.Table:
        """The night's forecasts as outcomes so far correct them, by corrections that are remembered."""
        parts = night.parts_of(lake, business_date, features)
        leaves = parts.leaves(pl.DataFrame(pl.from_arrow(features.select(["item_id", "location_id"]))))
        before = self.corrections
        rows = night.learned(before, self.judged, parts, correlation_of(dependence), leaves, config)
        dated = rows.select(pl.lit(business_date).alias("business_date"), pl.all())
        recent = before.filter(pl.col("business_date") > business_date - _REMEMBERED)
        self.corrections = pl.concat([recent, dated])
        return Shifts.of(parts, dict(rows.select("segment", "log_odds").iter_rows())).applied(forecasts)

    def judge(self, lake: Memory, config: Config, business_date: date) -> None:
        """Judge the lines whose window has ended, as the night's evaluation does."""
        self.judged = self.judged.clear()
        waiting = self.waiting
        if waiting is None or waiting.filter(pl.col("next_arrives_on") <= business_date).is_empty():
            return
        ended = waiting.filter(pl.col("next_arrives_on") <= business_date)
        self.waiting = waiting.filter(pl.col("next_arrives_on") > business_date)
        first = ended["arrives_on"].min()
        assert isinstance(first, date)
        demand, closed = night.demand_since(lake, first, business_date), night.closed_since(lake, first, business_date)
        found = outcomes.judge(ended.to_arrow(), demand, closed, config.period_days)
        self.judged = found.with_columns(business_date=pl.lit(business_date)).select(EVIDENCE)

    def remember(self, beliefs: pl.DataFrame, business_date: date) -> None:
        """What the night's lines believed (BELIEFS without business_date)."""
        believing = beliefs.filter(pl.col("window_quantiles").is_not_null())
        rows = believing.with_columns(business_date=pl.lit(business_date)).select(outcomes.BELIEFS)
        self.waiting = rows if self.waiting is None else pl.concat([self.waiting, rows])

    def tables(self) -> dict[str, pa.Table]:
        """All of it, to be kept."""
        named = {"waiting": self.waiting, "judged": self.judged, "corrections": self.corrections}
        return {name: rows.to_arrow() for name, rows in named.items() if rows is not None}

    @classmethod
    def of(cls, tables: dict[str, pa.Table]) -> Lessons:
        """Back from ``tables``."""
        return cls(**{name: pl.DataFrame(pl.from_arrow(rows)) for name, rows in tables.items()})
