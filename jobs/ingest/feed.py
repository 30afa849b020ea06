"""One feed's files of tonight, through bronze to silver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

import schemas
from jobs.config import Config
from jobs.ingest.bronze import as_frame, read_small, write_small, write_spread, write_streamed
from jobs.ingest.judgement import Standards
from jobs.ingest.reader import Source
from jobs.ingest.records import Delivery
from jobs.ingest.silver import SMALL, Batch, Outcome, settle
from schemas.table import Feed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.lake import Lake

#: Bytes of landing files whose rows the driver holds.
_SMALL_BYTES = 32 << 20
#: Bytes of landing files above which Spark's tasks read them, not the driver in one stream.
_SPREAD_BYTES = 1 << 30
#: Records for which Spark need not compile code.
_FEW = 20_000


@dataclass(frozen=True)
class FeedJob:
    """A feed and its files of tonight.

    others        whether silver holds rows of its other files
    drops         drops of the feed that hold a usable file, tonight's included
    drop_columns  columns that bronze leaves out
    """

    feed: Feed
    deliveries: tuple[Delivery, ...]
    others: bool
    drops: frozenset[date]
    drop_columns: tuple[str, ...]

    @property
    def sources(self) -> list[Source]:
        """The files that can be read."""
        landed = [d.arrival.landed for d in self.deliveries if d.header.readable]
        return [Source(f.path, f.file, f.feed, f.drop_date) for f in landed]

    @property
    def large(self) -> bool:
        """Whether Spark writes the rows to silver, not the driver."""
        return self._size > _SMALL_BYTES or self._records > SMALL

    @property
    def spread(self) -> bool:
        """Whether Spark reads the files, too."""
        return self.large and self._size > _SPREAD_BYTES

    @property
    def few(self) -> bool:
        """Whether the rows are so few that compiling code for them costs more than it saves."""
        return not self.large and self._records <= _FEW

    @property
    def _size(self) -> int:
        return sum(d.arrival.landed.size for d in self.deliveries)

    @property
    def _records(self) -> int:
        return sum(d.delivered for d in self.deliveries)


def feed_jobs(config: Config, known: Sequence[Mapping[str, Any]], deliveries: Sequence[Delivery]) -> list[FeedJob]:
    """Tonight's work, feed by feed; feeds with nothing new have none."""
    tonight = {d.file for d in deliveries}
    earlier = [r for r in known if r["current"] and r["file"] not in tonight]
    jobs = []
    for name, feed in schemas.FEEDS.items():
        mine = tuple(d for d in deliveries if d.arrival.landed.feed == name)
        before = [r for r in earlier if r["feed"] == name]
        drops = {r["drop_date"] for r in before if not r["defect"]}
        drops |= {d.arrival.landed.drop_date for d in mine if not d.header.defect}
        if mine:
            others = any(r["silver"] for r in before)
            jobs.append(FeedJob(feed, mine, others, frozenset(drops), config.landing.drop_columns))
    return jobs


def run_feed(lake: Lake, job: FeedJob, standards: Standards) -> Outcome:
    """Read the feed's files into bronze, judge and settle their rows."""
    name, files = job.feed.name, [d.file for d in job.deliveries]
    stale = lake.arrow(job.feed.silver().path, ["file"], [("file", "in", files)]).num_rows > 0
    if job.large and job.sources:
        write = write_spread if job.spread else write_streamed
        rows = write(lake, name, files, job.sources, job.drop_columns)
        return settle(lake, _batch(job, rows, stale=stale, dates=None), standards)
    held = read_small(name, job.sources, job.drop_columns)
    write_small(lake, name, files, held)
    if not held.num_rows and not stale and not job.feed.snapshot:
        return Outcome({}, {}, schemas.TABLES["ops/quarantine"].schema.empty_table())
    dates = None if stale else _key_dates(held, job.feed)
    return settle(lake, _batch(job, as_frame(lake.session, held), stale=stale, dates=dates), standards)


def _batch(job: FeedJob, rows: DataFrame, *, stale: bool, dates: tuple[str, date, date] | None) -> Batch:
    landed = [d.arrival.landed for d in job.deliveries]
    return Batch(
        feed=job.feed,
        rows=rows,
        files=frozenset(f.file for f in landed),
        duplicates=frozenset(d.file for d in job.deliveries if d.arrival.original),
        others=job.others,
        keyed=stale or job.feed.row_identity is None or any(job.feed.row_identity in d.header.declared for d in job.deliveries),
        stale=stale,
        large=job.large and bool(job.sources),
        tonight=frozenset(f.drop_date for f in landed),
        drops=job.drops,
        dates=dates,
    )


def _key_dates(rows: pa.Table, feed: Feed) -> tuple[str, date, date] | None:
    """The date column of the feed's key, with the first and last date in it: other rows' keys are not tonight's."""
    column = next((c for c in feed.columns if c.name in feed.key and pa.types.is_date(c.type) and not c.optional), None)
    if column is None or feed.snapshot:
        return None
    text = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(rows[Feed.bronze_name(column.name)]), 0, 10)
    dated = text.filter(pc.fill_null(pc.match_substring_regex(text, r"^\d{4}-\d{2}-\d{2}$"), False))  # noqa: FBT003
    ends = pc.min_max(dated).as_py()
    try:
        return (column.name, date.fromisoformat(ends["min"]), date.fromisoformat(ends["max"])) if ends["min"] else None
    except ValueError:
        return None
