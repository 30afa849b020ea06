"""The gates of a feed, judged from what ops/files says of its files: pure functions, no Spark.

A file is under judgement until a night that could see it is published: a drop that blocked one night blocks the next
too, until it is delivered again or a night is run with settings that accept it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from jobs.config import Config
from jobs.lake import FIRST_DAY
from jobs.quality.outcome import EXAMPLES, Outcome
from schemas.check import Check
from schemas.table import Feed

File = Mapping[str, Any]
#: A drop is compared with earlier ones: those of its weekday in the last eight weeks, if there are so many, else the last 28.
_LEAST_DROPS = 3
_WEEKS = 8
_LATEST = 28


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a night knows of one feed.

    files   current files of drops up to the business date (rows of ops/files)
    since   business date of the last night published before; what later nights read first is under judgement
    newest  date of the newest event in silver that the night sees
    bad     rows of ops/quarantine of the files under judgement
    """

    feed: Feed
    files: Sequence[File]
    business_date: date
    since: date | None = None
    newest: date | None = None
    bad: Sequence[Mapping[str, Any]] = ()

    @property
    def new(self) -> list[File]:
        """Files under judgement."""
        return [file for file in self.files if self.since is None or file["read_by"] > self.since]


def judge_feed(delivered: Delivered, config: Config) -> list[Outcome]:
    """The outcomes of all gates of a feed but reconciliation; none for a feed that may be absent and is."""
    if not delivered.files and not delivered.feed.required:
        return []
    return [_RULES[gate.kind](delivered, gate, config) for gate in delivered.feed.gates if gate.kind in _RULES]


def usual_rows(drops: Mapping[date, int], drop: date) -> float | None:
    """Median rows of the earlier drops of a similar kind; None with fewer than three.

    The feed's first drop is left out: it may hold years of history.
    """
    earlier = sorted(day for day in drops if FIRST_DAY < day < drop)[1:]
    same = [day for day in earlier if day.weekday() == drop.weekday() and day >= drop - timedelta(weeks=_WEEKS)]
    similar = same if len(same) >= _LEAST_DROPS else earlier[-_LATEST:]
    return float(median(drops[day] for day in similar)) if len(similar) >= _LEAST_DROPS else None


def _outcome(delivered: Delivered, gate: Check, *, passed: bool, rows: int, failed: int = 0, **found: Any) -> Outcome:
    more = {} if passed else {**found, "advice": gate.advice}
    return Outcome("landing", delivered.feed.name, gate.name, gate.blocking, passed, rows, failed, **more)


def _present(delivered: Delivered, gate: Check, _: Config) -> Outcome:
    message = f"No file of the required feed has landed by {delivered.business_date}."
    return _outcome(delivered, gate, passed=bool(delivered.files), rows=0, message=message)


def _filled(delivered: Delivered, gate: Check, _: Config) -> Outcome:
    rows = sum(file["delivered"] for file in delivered.files)
    seen = any(file["silver"] for file in delivered.files) and (delivered.feed.event_date is None or delivered.newest is not None)
    names = tuple(file["file"] for file in delivered.files)[:EXAMPLES]
    message = f"Of the {rows} records in {len(delivered.files)} files the night of {delivered.business_date} sees none."
    return _outcome(delivered, gate, passed=seen or not delivered.files, rows=rows, failed=rows, message=message, examples=names)


def _readable(delivered: Delivered, gate: Check, _: Config) -> Outcome:
    broken = [file for file in delivered.new if file["defect"]]
    rows = sum(file["delivered"] for file in delivered.new)
    message = f"{len(broken)} of {len(delivered.new)} new files cannot be read; their rows are not in the lake."
    names = tuple(f"{file['file']}: {file['defect']}" for file in broken[:EXAMPLES])
    failed = sum(file["delivered"] for file in broken)
    return _outcome(delivered, gate, passed=not broken, rows=rows, failed=failed, message=message, examples=names)


def _share(delivered: Delivered, gate: Check, config: Config) -> Outcome:
    rows = sum(file["delivered"] for file in delivered.new)
    failed = sum(file["quarantined"] for file in delivered.new)
    most = config.landing.max_quarantined_share
    rules = sorted({rule for row in delivered.bad for rule in row["rules"]})
    examples = tuple(f"{r['file']} row {r['row']}: {', '.join(r['rules'])}" for r in delivered.bad[:EXAMPLES])
    message = f"{failed} of {rows} new rows are in quarantine, more than {most:.0%}. Rules broken: {', '.join(rules)}."
    return _outcome(delivered, gate, passed=failed <= most * rows, rows=rows, failed=failed, message=message, examples=examples)


def _volume(delivered: Delivered, gate: Check, config: Config) -> Outcome:
    drops: dict[date, int] = {}
    for file in delivered.files:
        drops[file["drop_date"]] = drops.get(file["drop_date"], 0) + file["delivered"]
    newest = max((day for day in drops if day > FIRST_DAY), default=FIRST_DAY)
    since = delivered.since or newest - timedelta(days=1) if newest > FIRST_DAY else FIRST_DAY
    judged = [day for day in sorted(drops) if day > since]
    usual = {day: usual_rows(drops, day) for day in judged}
    collapsed = [day for day in judged if drops[day] < config.landing.collapse_share * (usual[day] or 0)]
    rows = sum(drops[day] for day in judged)
    missing = round(sum((usual[day] or 0) - drops[day] for day in collapsed))
    examples = tuple(f"drop {day}: {drops[day]} rows; usual: {usual[day]:g}" for day in collapsed[:EXAMPLES])
    message = f"A drop has less than {config.landing.collapse_share:.0%} of the rows of the usual drop; about {missing} rows are missing."
    return _outcome(delivered, gate, passed=not collapsed, rows=rows, failed=missing, message=message, examples=examples)


def _fresh(delivered: Delivered, gate: Check, config: Config) -> Outcome:
    # A weekly night may be a week behind the day before it.
    oldest = delivered.business_date - timedelta(days=int(gate.maximum or 0) + config.period_days)
    passed = delivered.newest is not None and delivered.newest >= oldest
    message = f"The newest {gate.columns[0]} is {delivered.newest or 'none'}; expected {oldest} or later."
    return _outcome(delivered, gate, passed=passed, rows=0, message=message)


_RULES: dict[str, Callable[[Delivered, Check, Config], Outcome]] = {
    "present": _present,
    "filled": _filled,
    "readable": _readable,
    "share": _share,
    "volume": _volume,
    "fresh": _fresh,
}
