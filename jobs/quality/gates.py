"""The two gates of a night: after landing, before anything is computed; and before publishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import schemas
from jobs.quality.expectations import Verdict, validate
from jobs.quality.landing import Delivered, judge_feed
from jobs.quality.outcome import Outcome, record, stop_if_blocked
from jobs.quality.reconcile import Counted, count_rows, reconcile_demand, reconcile_files
from jobs.session import light
from schemas.table import Feed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.config import Config
    from jobs.lake import Lake

#: What other systems read, and what therefore must hold.
PUBLISHED = ("gold/forecasts", "gold/orders")
#: Up to so many rows, compiling the checks takes longer than interpreting them.
_FEW = 100_000
_ROW_ADVICE = "a row that breaks a rule reached silver: this is a fault of the program; keep the lake and report it"
_GOLD_ADVICE = "the night computed rows that break the contract: keep the lake and report it; the last published night still stands"


def judge_landing(lake: Lake, config: Config, business_date: date) -> None:
    """Judge what has landed and whether all of it is accounted for; raises Blocked."""
    files = lake.arrow("ops/files").to_pylist()
    counted = count_rows(lake, business_date)
    outcomes = [*reconcile_files(files, counted), reconcile_demand(lake, config, business_date)]
    few = replace(lake, spark=light(lake.session))
    for delivered in _delivered(lake, files, counted, business_date):
        outcomes += judge_feed(delivered, config)
        rows = sum(file["silver"] for file in delivered.new)
        outcomes += _judge_silver(few if rows <= _FEW else lake, delivered, rows)
    record(lake, business_date, outcomes, ("landing", "reconcile"))
    stop_if_blocked(business_date, outcomes)


def judge_gold(lake: Lake, business_date: date) -> None:
    """Judge what this run is about to publish; raises Blocked."""
    few = replace(lake, spark=light(lake.session))
    outcomes: list[Outcome] = []
    for path in PUBLISHED:
        table = schemas.TABLES[path]
        rows = lake.run(path, business_date).count()
        seen = few if rows <= _FEW else lake
        references = {name: seen.as_of(f"silver/{name}", business_date) for name in ("items", "locations")}
        shown = [c for c in table.key if c != "run_id"]
        verdicts = validate(seen.run(path, business_date), table.checks, references, show=shown)
        outcomes += _outcomes("publish", table.name, verdicts, rows, _GOLD_ADVICE)
    record(lake, business_date, outcomes, ("publish",))
    stop_if_blocked(business_date, outcomes)


def _delivered(lake: Lake, files: Sequence[Mapping[str, Any]], counted: Counted, business_date: date) -> list[Delivered]:
    since = max(lake.published_runs(before=business_date), default=None)
    current = [file for file in files if file["current"] and file["drop_date"] <= business_date]
    feeds = [
        Delivered(feed, [f for f in current if f["feed"] == feed.name], business_date, since, counted.newest.get(feed.name))
        for feed in schemas.FEEDS.values()
    ]
    return [_with_bad_rows(lake, delivered) for delivered in feeds]


def _with_bad_rows(lake: Lake, delivered: Delivered) -> Delivered:
    """The same with its rows in quarantine, which are read only where there are any."""
    names = [file["file"] for file in delivered.new if file["quarantined"]]
    if not names:
        return delivered
    where: list[tuple[str, str, object]] = [("feed", "=", delivered.feed.name), ("file", "in", names)]
    bad = lake.arrow("ops/quarantine", ["file", "row", "rules"], where).sort_by([("file", "ascending"), ("row", "ascending")])
    return replace(delivered, bad=bad.to_pylist())


def _judge_silver(lake: Lake, delivered: Delivered, rows: int) -> list[Outcome]:
    """All row checks over the silver rows that the files under judgement brought."""
    if not rows:
        return []
    table = delivered.feed.silver()
    verdicts = validate(_new_rows(lake, delivered.feed, delivered.new), table.checks, _references(lake), show=("file", "row", *table.key))
    return _outcomes("landing", delivered.feed.name, verdicts, rows, _ROW_ADVICE)


def _new_rows(lake: Lake, feed: Feed, files: Sequence[Mapping[str, Any]]) -> DataFrame:
    rows = lake.read(feed.silver().path)
    # Files are skipped by their drop; the names then decide. A withdrawal needs no more than its key.
    drops, names = sorted({f["drop_date"] for f in files}), [f["file"] for f in files]
    return rows.where("NOT deleted").where(rows["drop_date"].isin(drops)).where(rows["file"].isin(names))


def _references(lake: Lake) -> dict[str, DataFrame]:
    """Everything that was ever an item or a location: what a row may refer to was decided when it was read."""
    return {name: lake.read(f"silver/{name}") for name in ("items", "locations")}


def _outcomes(gate: Any, table: str, verdicts: Sequence[Verdict], rows: int, advice: str) -> list[Outcome]:
    outcomes = []
    for v in verdicts:
        message = "" if v.passed else f"Rule broken: {v.check.sql or ', '.join(v.check.columns)}."
        hint = "" if v.passed else v.check.advice or advice
        outcomes.append(Outcome(gate, table, v.check.name, v.check.blocking, v.passed, rows, v.failed_rows, v.examples, message, hint))
    return outcomes
