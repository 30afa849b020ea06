"""As-of state: from which night to which night each row is true, in whatever order drops arrive.

Rows of one key are statements, ordered by drop, file and row. In one drop the last wins. A winner holds until
the next drop's winner may be seen; a withdrawal closes its key and is itself never seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from schemas.table import Feed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def is_lone(feed: Feed) -> str:
    """SQL: the row is no statement on a key (a bad row, or one that counts on its own)."""
    identity = f" OR `{feed.row_identity}` IS NULL" if feed.row_identity else ""
    return f"size(rules) > 0{identity}"


def resolve(rows: DataFrame, feed: Feed) -> DataFrame:
    """Set ``known_to`` of all statements on the keys that occur; other rows (see is_lone) stay open.

    Of a snapshot feed only the rows replaced within a drop are closed here: see :func:`close_snapshots`.
    """
    lone = F.expr(f"CASE WHEN {is_lone(feed)} THEN concat(row, ':', file) END")
    key = [F.col(f"`{c}`") for c in feed.key] + [F.col("drop_date")] * feed.snapshot
    by_key = Window.partitionBy(*key, lone).orderBy(F.desc("drop_date"), F.desc("file"), F.desc("row"))
    later = by_key.rowsBetween(Window.unboundedPreceding, -1)
    replaced = F.coalesce(F.lag("drop_date").over(by_key) == F.col("drop_date"), F.lit(False))  # noqa: FBT003
    marked = rows.withColumn("replaced", replaced)
    # Rows replaced within a later drop never speak: only winners close.
    next_seen = F.min(F.expr("CASE WHEN NOT replaced THEN known_from END")).over(later)
    known_to = F.when(F.expr("deleted OR replaced"), F.col("known_from")).otherwise(
        F.when(next_seen.isNotNull(), F.greatest("known_from", next_seen))
    )
    return marked.withColumn("known_to", known_to).drop("replaced")


def close_snapshots(rows: DataFrame, drops: Iterable[date]) -> DataFrame:
    """Close each drop's rows where the next drop of the feed (which may hold no row) takes its place."""
    ordered = sorted(drops)
    following = list(pairwise(ordered))
    frame = rows.sparkSession.createDataFrame(following, "drop_date date, next_drop date")
    return rows.join(F.broadcast(frame), "drop_date", "left").withColumn("known_to", F.coalesce("known_to", "next_drop")).drop("next_drop")


def affected(existing: DataFrame, keys: Sequence[DataFrame], feed: Feed) -> DataFrame:
    """The existing rows that speak of one of the keys; null is a key value like any other."""
    names = [f"`{c}`" for c in feed.key]
    wanted = keys[0].select(*names)
    for more in keys[1:]:
        wanted = wanted.unionByName(more.select(*names))
    on = " AND ".join(f"silver.{c} <=> wanted.{c}" for c in names)
    return existing.alias("silver").join(wanted.distinct().alias("wanted"), F.expr(on), "left_semi")
