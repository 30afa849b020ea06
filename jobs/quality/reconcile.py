"""Every record delivered is in silver, in quarantine or a duplicate; every visible sale is in demand.

What was delivered is what the independent reader counted (ops/files); where it is now is counted anew every night from
the tables themselves, so that a row deleted later, by whatever, stops the next night.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

import schemas
from jobs.lake import FIRST_DAY
from jobs.quality.outcome import EXAMPLES, Outcome
from schemas.table import Feed

if TYPE_CHECKING:
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
    """Count the rows of all silver tables and of quarantine by file.

    Reads three or four columns batch by batch on the driver: a Spark query over fifteen tables takes longer to plan.
    """
    silver: Counter[str] = Counter()
    newest: dict[str, date] = {}
    for feed in schemas.FEEDS.values():
        for batch in lake.batches(feed.silver().path, _columns(feed)):
            silver.update(_by_file(batch))
            seen = _newest(batch, feed, business_date)
            if seen is not None:
                newest[feed.name] = max(seen, newest.get(feed.name, FIRST_DAY))
    quarantined: Counter[str] = Counter()
    for batch in lake.batches("ops/quarantine", ["file"]):
        quarantined.update(_by_file(batch))
    return Counted(silver, quarantined, newest)


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
    days: Counter[date] = Counter()
    for batch in lake.batches("silver/sales", ["date"], business_date):
        days.update(_sums(batch["date"]))
    added: Counter[date] = Counter()
    for batch in lake.batches("silver/demand", ["period", "sales_rows"], business_date):
        added.update(_sums(batch["period"], batch["sales_rows"]))
    return compare_periods(sold_by_period(days, config.period_days, business_date), +added)


def sold_by_period(days: Mapping[date, int], period_days: int, business_date: date) -> dict[date, int]:
    """Rows by period from rows by day; a week that began before the first sale is left out, and one that is not over."""
    sold: Counter[date] = Counter()
    for day, rows in days.items():
        sold[day - timedelta(days=day.weekday() if period_days > 1 else 0)] += rows
    over = business_date - timedelta(days=period_days)
    return {period: rows for period, rows in sold.items() if min(days) <= period <= over}


def compare_periods(sold: Mapping[date, int], added: Mapping[date, int]) -> Outcome:
    """The outcome for sales rows by period, as sold and as added up."""
    wrong = {p: (sold.get(p, 0), added.get(p, 0)) for p in sorted({*sold, *added}) if sold.get(p, 0) != added.get(p, 0)}
    lines = [f"period {p}: {a} rows in silver/sales, {b} in silver/demand" for p, (a, b) in wrong.items()]
    return _outcome("demand", sum(sold.values()), lines, sum(abs(a - b) for a, b in wrong.values()))


def _event(feed: Feed) -> str | None:
    # What a sale's night sees goes by its local date, not by the moment it was sold at.
    return "date" if feed.name == "sales" else feed.event_date


def _columns(feed: Feed) -> list[str]:
    event = _event(feed)
    return ["file"] if event is None else ["file", event, "known_from", "deleted"]


def _newest(batch: pa.RecordBatch, feed: Feed, business_date: date) -> date | None:
    """Date of the newest event of the batch that the night sees."""
    event = _event(feed)
    if event is None:
        return None
    seen = pc.and_(pc.less_equal(batch["known_from"], pa.scalar(business_date)), pc.invert(batch["deleted"]))
    newest: date | None = pc.max(batch[event].filter(seen)).as_py()
    return newest


def _by_file(batch: pa.RecordBatch) -> dict[str, int]:
    return {pair["values"]: pair["counts"] for pair in batch["file"].value_counts().to_pylist()}


def _sums(keys: pa.Array, amounts: pa.Array | None = None) -> dict[date, int]:
    """Sum of the amounts (without any: of ones) by key."""
    amounts = pa.repeat(pa.scalar(1, pa.int64()), len(keys)) if amounts is None else amounts.cast(pa.int64())
    summed = pa.table({"key": keys, "n": amounts}).group_by("key").aggregate([("n", "sum")])
    return dict(zip(summed["key"].to_pylist(), summed["n_sum"].to_pylist(), strict=True))


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
