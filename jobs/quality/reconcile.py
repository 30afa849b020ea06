"""Every record delivered is in silver, in quarantine or a duplicate; every visible sale is in demand.

What was delivered is what the independent reader counted (ops/files); where it is now is counted anew every night from
the tables themselves, so that a row deleted later, by whatever, stops the next night.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

import schemas
from jobs.lake import FIRST_DAY
from jobs.quality.outcome import EXAMPLES, Outcome

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.config import Config
    from jobs.lake import Lake

RULE = "not_reconciled"


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows found in the tables.

    silver, quarantined   file -> rows
    newest                feed -> date of the newest event that the night sees
    """

    silver: Mapping[str, int]
    quarantined: Mapping[str, int]
    newest: Mapping[str, date]


def count_rows(lake: Lake, business_date: date) -> Counted:
    """Count the rows of all silver tables and of quarantine by file, in one query."""
    parts = [_silver_rows(lake, feed, business_date) for feed in schemas.FEEDS.values()]
    parts.append(lake.read("ops/quarantine").selectExpr("feed", "file", "true AS bad", "CAST(NULL AS date) AS event"))
    rows = reduce(lambda a, b: a.unionAll(b), parts)
    found = rows.groupBy("feed", "file", "bad").agg(F.count("*").alias("n"), F.max("event").alias("event")).collect()
    newest: dict[str, date] = {}
    for row in found:
        if row["event"] is not None:
            newest[row["feed"]] = max(row["event"], newest.get(row["feed"], FIRST_DAY))
    by_side = {bad: {row["file"]: row["n"] for row in found if row["bad"] == bad} for bad in (False, True)}
    return Counted(by_side[False], by_side[True], newest)


def reconcile_files(files: Sequence[Mapping[str, Any]], counted: Counted) -> list[Outcome]:
    """Compare, feed by feed, what the current files delivered with where it is now.

    ``files`` are all rows of ops/files, of any drop. Rows of a file that is not current are too many.
    """
    current = {file["file"]: file for file in files if file["current"]}
    feeds = {name: 0 for name in schemas.FEEDS if any(file["feed"] == name for file in current.values())}
    wrong: dict[str, list[str]] = {}
    off: dict[str, int] = {}
    for name in sorted({*current, *counted.silver, *counted.quarantined}):
        feed, delivered, duplicate = _delivered(name, current.get(name))
        silver, bad = counted.silver.get(name, 0), counted.quarantined.get(name, 0)
        feeds[feed] = feeds.get(feed, 0) + delivered
        if delivered != silver + bad + duplicate:
            off[feed] = off.get(feed, 0) + abs(delivered - silver - bad - duplicate)
            wrong.setdefault(feed, []).append(
                f"{name}: delivered {delivered}, found {silver} in silver, {bad} in quarantine, {duplicate} duplicates"
            )
    return [_outcome(feed, rows, wrong.get(feed, []), off.get(feed, 0)) for feed, rows in feeds.items()]


def reconcile_demand(lake: Lake, config: Config, business_date: date) -> Outcome:
    """Compare, period by period, the sales that the night sees with those added up in silver/demand."""
    period = "date" if config.grain == "day" else "CAST(date_trunc('week', date) AS date)"
    sold = lake.as_of("silver/sales", business_date).selectExpr("'sold' AS source", f"{period} AS period", "1L AS n", "date")
    added = lake.as_of("silver/demand", business_date).selectExpr("'added'", "period", "CAST(sales_rows AS bigint)", "period")
    both = sold.unionAll(added).groupBy("source", "period").agg(F.sum("n").alias("n"), F.min("date").alias("first")).collect()
    rows = {source: [row for row in both if row["source"] == source] for source in ("sold", "added")}
    # A week that began before the first sale is left out, and so is a period that is not over.
    start = min((row["first"] for row in rows["sold"]), default=FIRST_DAY)
    over = business_date - timedelta(days=config.period_days)
    periods = {source: {r["period"]: r["n"] for r in rows[source] if start <= r["period"] <= over and r["n"]} for source in rows}
    return compare_periods(periods["sold"], periods["added"])


def compare_periods(sold: Mapping[date, int], added: Mapping[date, int]) -> Outcome:
    """The outcome for sales rows by period, as sold and as added up."""
    wrong = {p: (sold.get(p, 0), added.get(p, 0)) for p in sorted({*sold, *added}) if sold.get(p, 0) != added.get(p, 0)}
    lines = [f"period {p}: {a} rows in silver/sales, {b} in silver/demand" for p, (a, b) in wrong.items()]
    return _outcome("demand", sum(sold.values()), lines, sum(abs(a - b) for a, b in wrong.values()))


def _silver_rows(lake: Lake, feed: schemas.Feed, business_date: date) -> DataFrame:
    # What a sale's night sees goes by its local date, not by the moment it was sold at.
    day = "date" if feed.name == "sales" else feed.event_date
    event = f"CASE WHEN known_from <= DATE'{business_date}' AND NOT deleted THEN `{day}` END" if day else "CAST(NULL AS date)"
    return lake.read(feed.silver().path).selectExpr(f"'{feed.name}' AS feed", "file", "false AS bad", f"{event} AS event")


def _delivered(name: str, file: Mapping[str, Any] | None) -> tuple[str, int, int]:
    """Feed, records and duplicates of a file; nothing was delivered by one that is not (or no longer) known."""
    if file is None:
        return name.split("/", 1)[0], 0, 0
    return file["feed"], file["delivered"], file["duplicate"]


def _outcome(table: str, rows: int, wrong: Sequence[str], off: int) -> Outcome:
    gate = next(g for g in schemas.FEEDS.get(table, schemas.FEEDS["sales"]).gates if g.kind == "reconciled")
    if not wrong:
        return Outcome("reconcile", table, RULE, gate.blocking, passed=True, rows=rows)
    message = f"{len(wrong)} {'periods' if table == 'demand' else 'files'} do not add up."
    return Outcome("reconcile", table, RULE, gate.blocking, False, rows, off, tuple(wrong[:EXAMPLES]), message, gate.advice)  # noqa: FBT003
