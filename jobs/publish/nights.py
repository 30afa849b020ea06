"""Attempts at a night: start one, go on with one, publish one. Table ``ops/nights`` is the only judge.

Starting inserts attempt = max + 1 and publishing sets status = published where no higher attempt exists. Both are
MERGEs on the night's own partition, so of two at the same moment one conflicts (blind appends would both succeed).
Everything else about an attempt (stage, message) is a note that may be written at any time.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from deltalake import DeltaTable
from pyspark.errors import PySparkException

from jobs.errors import NightfillError, Superseded, UsageError
from jobs.lake import commit_point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.config import Config
    from jobs.lake import Lake

TABLE = "ops/nights"
#: What later stages read at the version that the gate has judged. Gold is not pinned: a published run never changes.
#: Models are not: the night's own training comes after the gate, and the model's id is recorded.
PINNED = ("silver/", "ops/nights", "ops/files", "ops/quarantine")
#: A conflict with a mere note of another attempt is tried again.
_PUBLISH_TRIES = 5


@dataclass(frozen=True)
class Night:
    """One attempt at one business date."""

    business_date: date
    attempt: int
    run_id: str
    status: str
    launched_by: str | None
    versions_read: Mapping[str, int]
    config: str

    @property
    def name(self) -> str:
        """For messages: ``night 2024-06-12, attempt 2``."""
        return f"night {self.business_date}, attempt {self.attempt}"


def attempts(lake: Lake, business_date: date) -> list[Night]:
    """All attempts at business_date, oldest first."""
    rows = lake.arrow(TABLE, where=[("business_date", "=", business_date)]).to_pylist()
    return sorted((_night(row) for row in rows), key=lambda night: night.attempt)


def date_of(lake: Lake, launched_by: str) -> date | None:
    """Business date of the night that this launcher started last; None if it started none.

    A later task asks this instead of `latest`: a drop that lands while the night runs must not change its date.
    """
    rows = lake.arrow(TABLE, ["business_date", "started"], [("launched_by", "=", launched_by)]).to_pylist()
    newest: date | None = max(rows, key=lambda row: row["started"])["business_date"] if rows else None
    return newest


def start(lake: Lake, config: Config, code_hash: str, business_date: date, launched_by: str | None) -> Night:
    """Start an attempt, or go on with the one that this launcher left unfinished (an Airflow retry).

    Raises Superseded when another attempt started at the same moment.
    """
    known = attempts(lake, business_date)
    if known and launched_by and known[-1].launched_by == launched_by and known[-1].status in ("running", "failed"):
        note(lake, known[-1], status="running", message=None)
        return known[-1]
    attempt = known[-1].attempt + 1 if known else 1
    run_id = f"{business_date:%Y%m%d}-{attempt}-{uuid.uuid4().hex[:8]}"
    row = {
        "business_date": business_date,
        "attempt": attempt,
        "run_id": run_id,
        "status": "running",
        "stage": "start",
        "launched_by": launched_by,
        "mode": config.mode,
        "config": config.to_json(),
        "config_hash": config.hash,
        "code_hash": code_hash,
        "stages_done": [],
        "started": datetime.now(UTC),
    }
    _insert(lake, row)
    mine = [night for night in attempts(lake, business_date) if night.run_id == run_id]
    if not mine:
        raise _started_at_once(business_date)
    return mine[0]


def current(lake: Lake, business_date: date, launched_by: str | None) -> Night:
    """The attempt that a later stage goes on with: the newest, and this launcher's if one is named.

    Raises UsageError when there is none, Superseded when a newer attempt has taken over.
    """
    known = attempts(lake, business_date)
    if launched_by:
        own = [night for night in known if night.launched_by == launched_by]
        if not own:
            raise UsageError(f"{launched_by} has not started a night of {business_date}: run its `prepare` task first")
        if own[-1].attempt != known[-1].attempt:
            raise _superseded(own[-1], known[-1])
        return own[-1]
    if not known:
        raise UsageError(f"no night of {business_date} has been started: run `nightfill prepare` first")
    return known[-1]


def check_open(night: Night) -> None:
    """UsageError unless the attempt can still be worked on."""
    if night.status in ("published", "blocked", "dry_run"):
        raise UsageError(
            f"{night.name} is {night.status}: its rows stay as they are; "
            "start a new attempt with `nightfill prepare` or `nightfill nightly`"
        )


def pin(lake: Lake, night: Night) -> dict[str, int]:
    """Record the versions that the gate has judged; later stages and a replay read exactly these."""
    from schemas import TABLES

    versions = {path: lake.version(path) for path in TABLES if path.startswith(PINNED)}
    note(lake, night, versions_read={path: str(version) for path, version in versions.items()})
    return versions


def publish(lake: Lake, night: Night, hashes: Mapping[str, str], versions_written: Mapping[str, int], model_id: str | None) -> None:
    """Make the night visible, in one commit. Raises Superseded when a higher attempt exists."""
    note(lake, night, hashes=dict(hashes), versions_written={k: str(v) for k, v in versions_written.items()}, model_id=model_id)
    for _ in range(_PUBLISH_TRIES):
        _set_published(lake, night)
        state = attempts(lake, night.business_date)
        if next(n for n in state if n.run_id == night.run_id).status == "published":
            return
        if state[-1].run_id != night.run_id:
            raise _superseded(night, state[-1])
    raise NightfillError(f"{night.name} was not published: other writers kept changing ops/nights; run `nightfill publish` again")


def _set_published(lake: Lake, night: Night) -> None:
    """One MERGE that publishes the attempt if it is still the newest; a conflict changes nothing."""
    from delta.tables import DeltaTable as SparkDeltaTable
    from pyspark.sql import functions as F

    day = f"business_date = DATE'{night.business_date.isoformat()}'"
    newest = lake.read(TABLE).where(day).agg(F.max("attempt").alias("newest"))
    merge = (
        SparkDeltaTable.forPath(lake.session, lake.location(TABLE))
        .alias("t")
        .merge(newest.alias("s"), f"t.{day} AND t.attempt = {night.attempt} AND s.newest = {night.attempt}")
        .whenMatchedUpdate(
            f"t.run_id = '{night.run_id}' AND t.status = 'running'",
            {
                "status": F.lit("published"),
                "stage": F.lit("publish"),
                "stages_done": F.expr("array_append(t.stages_done, 'publish')"),
                "published": F.current_timestamp(),
            },
        )
    )
    try:
        with commit_point(f"{TABLE}:publish"):
            merge.execute()
    except PySparkException as error:
        if not _is_conflict(error):
            raise


def note(lake: Lake, night: Night, **columns: Any) -> None:
    """Write columns of the attempt's row (status, stage, message, ...); quick, by delta-rs."""
    table = DeltaTable(lake.location(TABLE))
    predicate = f"business_date = '{night.business_date.isoformat()}' AND run_id = '{night.run_id}'"
    table.update(updates={name: _sql(value) for name, value in columns.items()}, predicate=predicate)


def _insert(lake: Lake, row: Mapping[str, Any]) -> None:
    from pyspark.sql.pandas.types import from_arrow_schema

    from schemas import NIGHTS

    schema = from_arrow_schema(NIGHTS.schema)
    frame = lake.session.createDataFrame([tuple(row.get(name) for name in NIGHTS.column_names)], schema)
    day = f"t.business_date = DATE'{row['business_date'].isoformat()}'"
    try:
        lake.merge(TABLE, frame, f"{day} AND t.attempt = s.attempt", {"insert": True})
    except PySparkException as error:
        if _is_conflict(error):
            raise _started_at_once(row["business_date"]) from None
        raise


def _is_conflict(error: PySparkException) -> bool:
    return any(word in str(error) for word in ("ConcurrentAppend", "ConcurrentModification", "ConcurrentDelete", "DELTA_CONCURRENT"))


def _sql(value: Any) -> str:
    """A value as a DataFusion literal."""
    if value is None:
        return "NULL"
    if isinstance(value, dict):
        keys = ", ".join(_sql(k) for k in value)
        return f"MAP([{keys}], [{', '.join(_sql(v) for v in value.values())}])"
    if isinstance(value, list):
        return f"[{', '.join(_sql(v) for v in value)}]"
    return "'" + str(value).replace("'", "''") + "'"


def _night(row: Mapping[str, Any]) -> Night:
    return Night(
        business_date=row["business_date"],
        attempt=row["attempt"],
        run_id=row["run_id"],
        status=row["status"],
        launched_by=row["launched_by"],
        versions_read={path: int(version) for path, version in dict(row["versions_read"] or {}).items()},
        config=row["config"],
    )


def _started_at_once(business_date: date) -> Superseded:
    return Superseded(
        f"another night of {business_date} started at the same moment and goes on; this one stopped before it read anything. "
        "Nothing is lost: look at `nightfill status`."
    )


def _superseded(night: Night, newer: Night) -> Superseded:
    return Superseded(
        f"{night.name} was not published: attempt {newer.attempt} is newer ({newer.status}). "
        "Its rows stay invisible; look at `nightfill status` for the attempt that counts."
    )
