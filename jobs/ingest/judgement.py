"""Bronze rows -> typed rows, each with every rule that it breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.ingest.masters import Masters
from jobs.ingest.moment import parse_moments
from jobs.ingest.text import parse, trimmed
from jobs.lake import FIRST_DAY
from jobs.quality import judge
from schemas.table import DELETED, TIMESTAMP, Check, Feed

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_NO_RULE = "cast(array() AS array<string>)"


@dataclass(frozen=True)
class Standards:
    """What rows are judged by, beside the contract.

    masters           items and locations; None for the masters themselves
    timezone          zone of locations that name none
    naive_timestamps  utc or local: what a sold_at without offset is
    undated_until     newest date of events in files outside dated folders
    zones             time zones that Spark can compute with
    """

    masters: Masters | None
    timezone: str
    naive_timestamps: str
    undated_until: date
    zones: frozenset[str] = frozenset()

    def with_masters(self, masters: Masters) -> Standards:
        """The same, for feeds that refer to masters."""
        return replace(self, masters=masters)


def judge_rows(bronze: DataFrame, feed: Feed, standards: Standards) -> DataFrame:
    """Silver's columns (but known_to) from bronze rows, with ``rules`` (all those broken; empty: a good row) and ``values``.

    ``values`` holds the declared columns as delivered, of bad rows only. A withdrawal needs no more than its key.
    """
    typed = _dated(_typed(bronze, feed, standards), feed, standards)
    referred = _referred(typed, feed, standards.masters)
    judged = judge(referred, [c for c in feed.checks if c.kind != "reference"], {})
    named = judged.withColumn("rules", F.expr(_rules(feed)))
    local = ["date"] if feed.name == "sales" else []
    return named.select(
        *(F.col(f"`{c.name}`") for c in feed.columns), *local, "drop_date", "file", "row", "known_from", "deleted", "rules", _values(feed)
    )


def _typed(bronze: DataFrame, feed: Feed, standards: Standards) -> DataFrame:
    """Typed columns, ``fault_<column>`` beside each, and the text as delivered as ``as_<column>``."""
    frame = _with_text(bronze, feed)
    selected = ["drop_date", "file", "row", "defect", *(f"as_{c.name}" for c in (*feed.columns, DELETED))]
    if feed.name == "sales":
        if standards.masters is None:
            raise ValueError("sales need their locations' zones")
        frame = parse_moments(_placed(frame, standards.masters, standards.timezone), standards.naive_timestamps)
        selected.append("date")
    raw = []
    for column in (*feed.columns, DELETED):
        parsed = parse(column)
        if column.type == TIMESTAMP:
            selected += ["sold_at", "fault_sold_at"]
            continue
        value, fault = parsed.value, parsed.fault
        if column.name == "channel" and feed.name == "sales":
            value = "coalesce(text_channel, CASE WHEN kind = 'online' THEN 'online' ELSE 'store' END)"
        if column.name == "timezone" and standards.zones:
            known = ", ".join(f"'{z}'" for z in sorted(standards.zones))
            fault = f"CASE WHEN text_timezone NOT IN ({known}) THEN 'timezone_not_allowed' END"
        raw.append(f"{parsed.raw} AS raw_{column.name}")
        selected += [f"{value} AS `{column.name}`", f"{fault} AS fault_{column.name}"]
    return frame.selectExpr("*", *raw).selectExpr(*selected)


def _with_text(bronze: DataFrame, feed: Feed) -> DataFrame:
    """Trimmed text of each declared column, defaults filled in."""
    columns = ["business_date AS drop_date", "file", "row", "defect"]
    for column in (*feed.columns, DELETED):
        name = Feed.bronze_name(column.name)
        text = trimmed(name) if column.default is None else f"coalesce({trimmed(name)}, '{column.default}')"
        columns += [f"`{name}` AS as_{column.name}", f"{text} AS text_{column.name}"]
    return bronze.selectExpr(*columns)


def _placed(frame: DataFrame, masters: Masters, timezone: str) -> DataFrame:
    """Kind and zone of the location as known at the row's drop."""
    on = "text_location_id = place.id AND drop_date >= place.since AND (place.until IS NULL OR drop_date < place.until)"
    joined = frame.alias("bronze").join(F.broadcast(masters.places.alias("place")), F.expr(on), "left")
    return joined.selectExpr("bronze.*", "place.kind AS kind", f"coalesce(place.timezone, '{timezone}') AS zone")


def _dated(typed: DataFrame, feed: Feed, standards: Standards) -> DataFrame:
    """From which night on the row may be seen; events more than a day ahead of their drop break ``future_date``."""
    event = "date" if feed.name == "sales" else feed.event_date
    if event is None:
        return typed.withColumns({"known_from": F.col("drop_date"), "fault_future": F.lit(None).cast("string")})
    drop = f"CASE WHEN drop_date = DATE'{FIRST_DAY.isoformat()}' THEN DATE'{standards.undated_until.isoformat()}' ELSE drop_date END"
    future = f"CASE WHEN {event} > date_add({drop}, 1) THEN 'future_date' END"
    return typed.withColumns({"known_from": F.expr(f"greatest(drop_date, date_add({event}, 1))"), "fault_future": F.expr(future)})


def _references(feed: Feed) -> list[Check]:
    return [c for c in feed.rules if c.kind == "reference"]


def _referred(frame: DataFrame, feed: Feed, masters: Masters | None) -> DataFrame:
    """``fault_<check>`` of each reference: the id is known, and not withdrawn, on the first night that sees the row."""
    for check in _references(feed):
        if masters is None:
            raise ValueError(f"feed {feed.name} refers to masters")
        span, column = f"span_{check.name}", f"judged.`{check.columns[0]}`"
        known = f"judged.known_from >= {span}.known_from AND ({span}.known_to IS NULL OR judged.known_from < {span}.known_to)"
        on = f"{column} = {span}.id AND {known}"
        fault = f"CASE WHEN {column} IS NOT NULL AND {span}.id IS NULL THEN '{check.name}' END AS fault_{check.name}"
        spans = F.broadcast(masters.spans[str(check.table)].alias(span))
        frame = frame.alias("judged").join(spans, F.expr(on), "left").selectExpr("judged.*", fault)
    return frame


def _rules(feed: Feed) -> str:
    """SQL of the array of all rules that the row breaks."""
    columns = (*feed.columns, DELETED)
    faults = [f"fault_{c.name}" for c in columns] + ["fault_future"] + [f"fault_{c.name}" for c in _references(feed)]
    # A text that can't be read leaves no value: that it is missing is not a second mistake.
    unread = ", ".join(f"CASE WHEN fault_{c.name} IS NOT NULL THEN '{c.name}_missing' END" for c in feed.columns)
    broken = f"array_except(broken, array({unread}))"
    every = f"array_distinct(filter(concat(array({', '.join(faults)}), {broken}), r -> r IS NOT NULL))"
    good = f"size(broken) = 0 AND coalesce({', '.join(faults)}) IS NULL"
    return (
        f"CASE WHEN defect IS NOT NULL THEN array(defect) WHEN deleted THEN {_withdrawal_rules(feed)} "
        f"WHEN {good} THEN {_NO_RULE} ELSE {every} END"
    )


def _withdrawal_rules(feed: Feed) -> str:
    """A withdrawal is judged by its key alone."""
    key = [c for c in feed.columns if c.name in feed.key]
    required = [c.name for c in key if not c.optional or c.name == feed.row_identity]
    missing = [f"CASE WHEN `{c}` IS NULL AND fault_{c} IS NULL THEN '{c}_missing' END" for c in required]
    return f"filter(array({', '.join([*(f'fault_{c.name}' for c in key), *missing])}), r -> r IS NOT NULL)"


def _values(feed: Feed) -> Column:
    pairs = ", ".join(f"'{c.name}', as_{c.name}" for c in (*feed.columns, DELETED))
    return F.expr(f"CASE WHEN size(rules) > 0 THEN map_filter(map({pairs}), (k, v) -> v IS NOT NULL) END AS values")
