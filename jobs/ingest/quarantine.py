"""``ops/quarantine``: tonight's bad rows take the place of what the same files had there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

import schemas
from jobs.ingest import sql

if TYPE_CHECKING:
    from jobs.ingest.feed import FeedJob
    from jobs.ingest.silver import Outcome
    from jobs.lake import Lake

QUARANTINE = "ops/quarantine"


def write_quarantine(lake: Lake, jobs: Iterable[FeedJob], outcomes: Mapping[str, Outcome]) -> None:
    """Write the bad rows of all feeds that the driver holds, in one commit; none where nothing changes."""
    held = {j.feed.name: j for j in jobs if outcomes[j.feed.name].bad is not None}
    files = sorted(d.file for j in held.values() for d in j.deliveries)
    if not files:
        return
    schema = schemas.TABLES[QUARANTINE].schema
    bad = pa.concat_tables([schema.empty_table(), *(_of(outcomes[name]).cast(schema) for name in held)])
    if bad.num_rows or lake.arrow(QUARANTINE, ["file"], [("file", "in", files)]).num_rows:
        lake.write_arrow(QUARANTINE, bad, sql.is_in("file", files))


def _of(outcome: Outcome) -> pa.Table:
    if outcome.bad is None:
        raise ValueError("Spark has written these bad rows")
    return outcome.bad
