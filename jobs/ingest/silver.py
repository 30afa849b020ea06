"""One feed's new rows -> silver, with the nights that may see them; bad rows aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

import schemas
from jobs.ingest import sql
from jobs.ingest.judgement import Standards, judge_rows
from jobs.ingest.state import affected, close_snapshots, is_lone, resolve
from jobs.ingest.text import trimmed
from schemas.table import Feed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.lake import Lake

#: Rows that the driver may hold; more are written by Spark. 250,000 rows of text took 800 MB of Spark's JVM.
SMALL = 100_000
#: Runs of changed rows above which Spark merges instead of delta-rs rewriting by predicate.
_RUNS = 500


@dataclass(frozen=True)
class Batch:
    """What one feed brings tonight.

    rows        its files' rows as they stand in bronze
    files       paths of those files
    duplicates  those whose content came before: their rows without identity don't count
    others      whether silver holds rows of other files, which tonight's may close or reopen
    keyed       whether rows may be statements on keys (not where no file has the feed's optional identity)
    drops       drops of the feed, tonight's included, that hold a usable file (snapshot feeds only)
    stale       whether silver holds rows of tonight's files (changed in place, or left by a run that was killed)
    dates       column and first and last date of the keys that tonight's rows and the stale ones state, where known
    """

    feed: Feed
    rows: DataFrame
    files: frozenset[str]
    duplicates: frozenset[str]
    others: bool
    keyed: bool
    stale: bool
    large: bool
    tonight: frozenset[date] = frozenset()
    drops: frozenset[date] = frozenset()
    dates: tuple[str, date, date] | None = None


@dataclass(frozen=True)
class Outcome:
    """Records by file: in silver, quarantined, left out as duplicates; and the bad rows, unless Spark has written them."""

    silver: Mapping[str, int]
    quarantined: Mapping[str, int]
    bad: pa.Table | None = field(default=None, repr=False)
    duplicate: Mapping[str, int] = field(default_factory=dict)


def settle(lake: Lake, batch: Batch, standards: Standards) -> Outcome:
    """Judge the rows, write the good ones to silver with their nights, and hand back the bad ones.

    Rerun after a kill it ends in the same table: tonight's files' rows are replaced as a whole, and all other
    rows' nights follow from the statements on their keys.
    """
    repeated = F.lit(False)  # noqa: FBT003
    if batch.duplicates and batch.feed.row_identity:
        anonymous = F.expr(f"{trimmed(batch.feed.row_identity)} IS NULL")
        repeated = F.col("file").isin(sorted(batch.duplicates)) & anonymous
    state = _state(lake, batch, judge_rows(batch.rows.where(~repeated), batch.feed, standards))
    outcome = _settle_large(lake, batch, state) if batch.large else _settle_small(lake, batch, state.toArrow())
    if not batch.duplicates:
        return outcome
    counts = batch.rows.where(repeated).groupBy("file").count().collect()
    return replace(outcome, duplicate={r["file"]: r["count"] for r in counts})


def _state(lake: Lake, batch: Batch, judged: DataFrame) -> DataFrame:
    """Tonight's rows with known_to, and those of others whose known_to changes; ``fresh`` tells them apart."""
    fresh = judged.withColumns({"fresh": F.lit(True), "before": F.lit(None).cast("date")})  # noqa: FBT003
    if not batch.keyed:
        return fresh.withColumn("known_to", F.lit(None).cast("date"))
    rows = fresh
    if batch.others:
        keys = [judged.where(f"NOT ({is_lone(batch.feed)})")]
        if batch.stale:
            keys.append(_of_tonight(lake, batch))
        rows = fresh.unionByName(_others(lake, batch, keys))
    resolved = resolve(rows, batch.feed)
    if batch.feed.snapshot:
        resolved = close_snapshots(resolved, batch.drops)
    return resolved.where("fresh OR NOT (known_to <=> before)")


def _existing(lake: Lake, batch: Batch) -> DataFrame:
    return lake.read(batch.feed.silver().path)


def _of_tonight(lake: Lake, batch: Batch) -> DataFrame:
    """What tonight's files brought before."""
    return _existing(lake, batch).where(F.col("file").isin(sorted(batch.files)))


def _others(lake: Lake, batch: Batch, keys: Sequence[DataFrame]) -> DataFrame:
    """Rows of other files whose nights may change."""
    rows = _existing(lake, batch).where(~F.col("file").isin(sorted(batch.files)))
    if batch.feed.snapshot:
        rows = rows.where(F.col("drop_date").isin(_around(batch.drops, batch.tonight)))
    else:
        if batch.dates is not None:
            day, first, last = batch.dates
            rows = rows.where(F.col(day).between(first, last))
        rows = affected(rows, keys, batch.feed)
    nothing = {"rules": F.expr("cast(array() AS array<string>)"), "values": F.expr("cast(NULL AS map<string, string>)")}
    return rows.withColumns({**nothing, "fresh": F.lit(False), "before": F.col("known_to")}).drop("known_to")  # noqa: FBT003


def _around(drops: frozenset[date], tonight: frozenset[date]) -> list[date]:
    """Tonight's drops and the ones just before them: whose rows a snapshot may close or leave open."""
    return sorted(tonight | {max(d for d in drops if d < t) for t in tonight if any(d < t for d in drops)})


def _settle_small(lake: Lake, batch: Batch, state: pa.Table) -> Outcome:
    """Write from the driver, in one commit."""
    good = pc.equal(pc.list_value_length(state["rules"]), 0)
    rows, bad = state.filter(good), state.filter(pc.invert(good))
    closed = rows.filter(pc.invert(rows["fresh"])).select(["file", "row"])
    by_file: dict[str, list[int]] = {}
    for file, row in zip(closed["file"].to_pylist(), closed["row"].to_pylist(), strict=True):
        by_file.setdefault(file, []).append(row)
    table = batch.feed.silver().path
    if sum(len(sql.ranges(r)) for r in by_file.values()) > _RUNS:
        _merge(lake, batch, lake.session.createDataFrame(rows))
    else:
        where = sql.is_in("file", batch.files)
        lake.write_arrow(table, rows, f"{where} OR {sql.in_rows(by_file)}" if by_file else where)
    fresh = rows.filter(rows["fresh"])
    return Outcome(Counter(fresh["file"].to_pylist()), Counter(bad["file"].to_pylist()), quarantine_rows(bad, batch.feed))


def quarantine_rows(bad: pa.Table, feed: Feed) -> pa.Table:
    """Bad rows in the form of ``ops/quarantine``."""
    named = bad.append_column("feed", pa.repeat(pa.scalar(feed.name), bad.num_rows))
    return named.select(list(schemas.TABLES["ops/quarantine"].column_names))


def _settle_large(lake: Lake, batch: Batch, state: DataFrame) -> Outcome:
    """Write by Spark: silver first, then what is left over."""
    good = state.where("size(rules) = 0")
    if batch.others:
        _merge(lake, batch, good)
    else:
        lake.replace(batch.feed.silver().path, good, sql.is_in("file", batch.files, for_spark=True))
    bad = state.where("size(rules) > 0").withColumn("feed", F.lit(batch.feed.name))
    written = lake.arrow(batch.feed.silver().path, ["file"], [("file", "in", sorted(batch.files))])
    silver = {r["values"]: r["counts"] for r in written["file"].value_counts().to_pylist()}
    few = bad.select(*schemas.TABLES["ops/quarantine"].column_names).limit(SMALL + 1).toArrow()
    if few.num_rows <= SMALL:
        return Outcome(silver, Counter(few["file"].to_pylist()), few)
    where = f"feed = '{batch.feed.name}' AND {sql.is_in('file', batch.files, for_spark=True)}"
    lake.replace("ops/quarantine", bad, where)
    return Outcome(silver, {r["file"]: r["count"] for r in bad.groupBy("file").count().collect()})


def _merge(lake: Lake, batch: Batch, good: DataFrame) -> None:
    """Replace tonight's files' rows and update the others', in one MERGE."""
    names = schemas.TABLES[batch.feed.silver().path].column_names
    quoted = [f"`{n}`" for n in names]
    fresh = good.select(*quoted, F.lit(False).alias("gone"))  # noqa: FBT003
    before = _of_tonight(lake, batch)
    gone = before.join(good.select("file", "row"), ["file", "row"], "left_anti").select(*quoted, F.lit(True).alias("gone"))  # noqa: FBT003
    clauses = {
        "delete": "s.gone",
        "update": ("NOT s.gone", {f"`{n}`": F.expr(f"s.`{n}`") for n in names}),
        "insert": True,
    }
    lake.merge(batch.feed.silver().path, fresh.unionByName(gone), "t.file = s.file AND t.row = s.row", clauses)
