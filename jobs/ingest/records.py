"""``ops/files``: what became of each file's records; written last, so that its row says that the file is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

import schemas
from jobs.ingest import sql
from jobs.ingest.arrivals import Arrival
from jobs.ingest.counter import count_records
from jobs.ingest.header import Header, read_header
from jobs.ingest.silver import Outcome
from jobs.lake import FIRST_DAY, Lake

FILES = "ops/files"


@dataclass(frozen=True)
class Delivery:
    """A file to read tonight, with its header and its records as counted independently of the reader."""

    arrival: Arrival
    header: Header
    delivered: int

    @property
    def file(self) -> str:
        """Path below the landing folder."""
        return self.arrival.landed.file


def inspect(arrivals: Iterable[Arrival], drop_columns: Collection[str]) -> list[Delivery]:
    """Read each file's header and count its records."""
    deliveries = []
    for arrival in arrivals:
        header = read_header(arrival.landed.path, arrival.landed.feed, drop_columns)
        deliveries.append(Delivery(arrival, header, count_records(arrival.landed.path) if header.readable else 0))
    return deliveries


def read_files(lake: Lake) -> list[dict[str, Any]]:
    """All records of files, the replaced ones among them."""
    return list(lake.arrow(FILES).to_pylist())


def write_records(
    lake: Lake, known: Sequence[Mapping[str, Any]], deliveries: Sequence[Delivery], outcomes: Mapping[str, Outcome], business_date: date
) -> None:
    """Record tonight's files, in one commit; the record of a content that was replaced stays, no longer current."""
    tonight = {d.file: d for d in deliveries}
    if not tonight:
        return
    former = {(r["file"], r["sha256"]): r for r in known if r["file"] in tonight}
    rows: dict[tuple[str, str], dict[str, Any]] = {key: {**r, "current": False} for key, r in former.items()}
    for delivery in deliveries:
        row = _record(delivery, outcomes.get(delivery.arrival.landed.feed), business_date)
        key = (row["file"], row["sha256"])
        if key in former:
            row["read_by"] = former[key]["read_by"]
        rows[key] = row
    table = pa.Table.from_pylist([rows[k] for k in sorted(rows)], schemas.TABLES[FILES].schema)
    lake.write_arrow(FILES, table, sql.is_in("file", tonight))


def write_unknown_feeds(lake: Lake, known: Sequence[Mapping[str, Any]], names: Collection[str], business_date: date) -> None:
    """Record each folder that is no feed once, as a file of no use, so that the night's exceptions name it."""
    new = sorted(set(names) - {r["file"] for r in known})
    if not new:
        return
    nothing = dict.fromkeys(("size", "delivered", "silver", "quarantined", "duplicate"), 0)
    row = {"sha256": "", "drop_date": FIRST_DAY, "modified": datetime.fromtimestamp(0, UTC), "current": True, "read_by": business_date}
    rows = [{**row, **nothing, "file": name, "feed": name, "defect": "unknown_feed"} for name in new]
    lake.write_arrow(FILES, pa.Table.from_pylist(rows, schemas.TABLES[FILES].schema), sql.is_in("file", new))


def _record(delivery: Delivery, outcome: Outcome | None, business_date: date) -> dict[str, Any]:
    landed = delivery.arrival.landed
    return {
        "file": landed.file,
        "sha256": delivery.arrival.sha256,
        "feed": landed.feed,
        "drop_date": landed.drop_date,
        "size": landed.size,
        "modified": landed.modified,
        "delivered": delivery.delivered,
        "silver": outcome.silver.get(landed.file, 0) if outcome else 0,
        "quarantined": outcome.quarantined.get(landed.file, 0) if outcome else 0,
        "duplicate": outcome.duplicate.get(landed.file, 0) if outcome else 0,
        "defect": delivery.header.defect,
        "extra_columns": list(delivery.header.extra),
        "current": True,
        "read_by": business_date,
    }
