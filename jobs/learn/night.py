"""What the night reads and writes to learn from its decisions; how it learns is elsewhere in this package."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

import schemas
from jobs.lake import seen_by
from jobs.learn import feedback, outcomes
from jobs.learn.evidence import EVIDENCE, judged_by
from jobs.learn.levels import correlation_of
from jobs.learn.segments import Parts, Shifts

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.config import Config
    from jobs.forecast.ranks import Dependence
    from jobs.lake import Lake

#: Decisions longer ago are not judged any more: the longest lead time and review that make sense, in periods.
_LONGEST = 120
#: Without a night of feedback before, outcomes of so many periods are learned from.
_BEGIN_WITH = 56


def judged(lake: Lake, config: Config, business_date: date) -> pa.Table | None:
    """Rows of gold/outcomes of a night without business_date and run_id; None on the first night, which has nothing to look back at.

    Lines whose window ended since the last published night before it: so each line is judged once, and again by a rerun of the night.
    """
    runs = lake.published_runs(business_date)
    if not runs:
        return None
    since = (pc.field("next_arrives_on") > max(runs)) & (pc.field("next_arrives_on") <= business_date)
    lines = _published(lake, "gold/order_reasons", outcomes.BELIEFS, business_date - _LONGEST * timedelta(config.period_days), runs, since)
    first = pc.min(lines["arrives_on"]).as_py() or business_date
    found = outcomes.judge(lines, demand_since(lake, first, business_date), closed_since(lake, first, business_date), config.period_days)
    return found.to_arrow().cast(pa.schema([f for f in schemas.OUTCOMES.schema if f.name not in ("business_date", "run_id")]))


def corrected(lake: Lake, config: Config, business_date: date, dependence: Dependence) -> Callable[[pa.Table], pa.Table]:
    """Write the night's gold/corrections; returns what makes corrected forecasts of the model's."""
    mine: list[tuple[str, str, Any]] = [("business_date", "=", business_date), ("run_id", "=", lake.run_id)]
    features = lake.arrow("gold/features", ("item_id", "location_id", "step", "level"), [*mine, ("step", "=", 0)])
    parts = parts_of(lake, business_date, features)
    rows = _corrections(lake, config, business_date, parts, correlation_of(dependence), parts.leaves(pl.DataFrame(pl.from_arrow(features))))
    run = rows.select(pl.lit(business_date).alias("business_date"), pl.lit(lake.run_id).alias("run_id"), pl.all())
    lake.write_arrow("gold/corrections", run.to_arrow(), f"business_date = '{business_date}' AND run_id = '{lake.run_id}'")
    return Shifts.of(parts, dict(rows.select("segment", "log_odds").iter_rows())).applied


def parts_of(lake: Lake, business_date: date, features: pa.Table) -> Parts:
    """The segments that items and locations are in on a night."""
    items = lake.arrow_as_of("silver/items", business_date, ("item_id", "department", "category"))
    return Parts.of(items, lake.arrow_as_of("silver/locations", business_date, ("location_id", "kind")), features)


def _corrections(lake: Lake, config: Config, business_date: date, parts: Parts, correlation: float, leaves: pl.DataFrame) -> pl.DataFrame:
    """Rows of gold/corrections: those of the last night of feedback, and what has been judged since."""
    runs, days = lake.published_runs(business_date), timedelta(config.period_days)
    before = pl.DataFrame(pl.from_arrow(_published(lake, "gold/corrections", None, business_date - 2 * _LONGEST * days, runs)))
    last = before["business_date"].max()
    since = last if isinstance(last, date) else business_date - _BEGIN_WITH * days
    seen = pl.DataFrame(pl.from_arrow(_published(lake, "gold/outcomes", EVIDENCE, since, runs))).sort("business_date", *EVIDENCE[1:5])
    return learned(before, seen, parts, correlation, leaves, config)


def learned(
    before: pl.DataFrame, seen: pl.DataFrame, parts: Parts, correlation: float, leaves: pl.DataFrame, config: Config
) -> pl.DataFrame:
    """Rows of gold/corrections of a night, without business_date and run_id.

    before  those of earlier nights;  seen  outcomes (EVIDENCE) judged since the last of them
    leaves  segments that the night forecasts for;  correlation  of two periods of a series on the demand paths
    """
    state = before.filter(pl.col("business_date") == pl.col("business_date").max())
    acted = before.select("segment", "log_odds", decided_on="business_date")
    found = (
        judged_by(night, seen.filter(pl.col("business_date") == night), parts, acted, correlation, config.period_days)
        for night in seen["business_date"].unique().sort()
    )
    return feedback.corrections(state.select(list(feedback.STATE)), found, leaves, config.feedback, config.period_days)


def _published(
    lake: Lake,
    table: str,
    columns: tuple[str, ...] | None,
    first: date,
    runs: dict[date, str],
    where: list[tuple[str, str, Any]] | None = None,
) -> pa.Table:
    """Rows of published nights from ``first`` on, from the lake's own folder: a replay writes elsewhere."""
    some = pa.array([run for night, run in runs.items() if night >= first], pa.string())
    rows = replace(lake, gold_root=None).dataset(table)
    inside = (pc.field("business_date") >= first) & pc.is_in(pc.field("run_id"), some)
    return rows.to_table(columns=list(columns or schemas.TABLES[table].column_names), filter=inside if where is None else inside & where)


def demand_since(lake: Lake, first: date, business_date: date) -> pa.Table:
    """Demand of the periods from ``first`` on that the night knows."""
    inside = (pc.field("month") >= first.replace(day=1)) & (pc.field("period") >= first) & (pc.field("period") < business_date)
    return lake.dataset("silver/demand").to_table(columns=list(outcomes.DEMAND), filter=seen_by(business_date) & inside)


def closed_since(lake: Lake, first: date, business_date: date) -> frozenset[tuple[str, date]]:
    """Location and date of closed days; a calendar row without region is every location's."""
    events = lake.arrow_as_of("silver/calendar", business_date, ("region", "date", "event")).to_pylist()
    days = [(row["region"], row["date"]) for row in events if row["event"] == "closed" and first <= row["date"] < business_date]
    places = lake.arrow_as_of("silver/locations", business_date, ("location_id", "region")).to_pylist()
    return frozenset((place["location_id"], day) for place in places for region, day in days if region in (None, place["region"]))
