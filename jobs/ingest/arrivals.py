"""Which landed files must be read: new, changed in place, or a duplicate's new original. A file is its path."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import schemas
from jobs.ingest.landing import LandingFile

Record = Mapping[str, Any]
Status = Literal["new", "changed", "reread"]

#: Feeds that the others refer to.
MASTERS = ("locations", "items")


@dataclass(frozen=True)
class Arrival:
    """A file to read tonight.

    original  path of the file that brought the same content first; rows without identity count only there
    """

    landed: LandingFile
    sha256: str
    status: Status
    original: str | None = None


def sha256(path: str) -> str:
    """Hash of a file's content."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def find_arrivals(files: Sequence[LandingFile], records: Iterable[Record], business_date: date) -> tuple[Arrival, ...]:
    """Compare the landing folder with ``ops/files``.

    Drops after business_date wait. Size and modification time spare hashing what has not changed. The
    original of a content is its first file by drop and path, whatever the order in which they came; so a
    late original makes the former one be read again, as a duplicate. A late master (its drop not after theirs)
    makes files with quarantined rows be read again: what these refer to may be known now.
    """
    current = {r["file"]: r for r in records if r["current"]}
    arrived: Arrived = {}
    for found in files:
        known = current.get(found.file)
        if found.drop_date > business_date or (known and _untouched(found, known)):
            continue
        content = sha256(found.path)
        if known is None or known["sha256"] != content:
            arrived[found.file] = (found, content, "changed" if known else "new")
    here = {f.file: f for f in files}
    arrived |= _reconsidered(arrived, current, here)
    contents = _contents(current, arrived)
    originals: dict[str, str] = {}
    for (_, content), holders in contents.items():
        first = _original(holders, current, here)
        for file, _ in holders:
            known = current.get(file)
            if file not in arrived and known and file in here and (known["duplicate"] > 0) == (file == first):
                arrived[file] = (here[file], content, "reread")
            if file != first:
                originals[file] = first
    return tuple(Arrival(f, c, s, originals.get(f.file)) for f, c, s in sorted(arrived.values(), key=lambda a: a[0]))


Arrived = dict[str, tuple[LandingFile, str, Status]]


def _reconsidered(arrived: Arrived, current: Mapping[str, Record], here: Mapping[str, LandingFile]) -> Arrived:
    """Files of earlier nights whose rows a master that has come since may make good."""
    masters = [f.drop_date for f, _, _ in arrived.values() if f.feed in MASTERS]
    # By ops/files, not by the quarantine: a run that was killed may have emptied that already.
    doubtful = [f for f, r in current.items() if r["quarantined"] and f in here and f not in arrived] if masters else []
    return {f: (here[f], current[f]["sha256"], "reread") for f in doubtful if here[f].drop_date >= min(masters)}


def _untouched(found: LandingFile, known: Record) -> bool:
    return bool(found.size == known["size"] and found.modified == known["modified"])


Holders = list[tuple[str, date]]


def _contents(current: Mapping[str, Record], arrived: Arrived) -> dict[tuple[str, str], Holders]:
    """(feed, content) -> files that hold it, for the contents that tonight's arrivals bring or take away."""
    identified = {name for name, feed in schemas.FEEDS.items() if feed.row_identity}
    touched = {(f.feed, c) for f, c, _ in arrived.values()}
    touched |= {(current[f]["feed"], current[f]["sha256"]) for f in arrived if f in current}
    holders: dict[tuple[str, str], Holders] = defaultdict(list)
    for file, known in current.items():
        if file not in arrived:
            holders[known["feed"], known["sha256"]].append((file, known["drop_date"]))
    for found, content, _ in arrived.values():
        holders[found.feed, content].append((found.file, found.drop_date))
    return {key: sorted(group) for key, group in holders.items() if key in touched and key[0] in identified}


def _original(holders: Holders, current: Mapping[str, Record], here: Mapping[str, LandingFile]) -> str:
    """The first by drop and path; but an original that is no longer in the landing folder can't be read again."""
    gone = [(day, file) for file, day in holders if file not in here and current[file]["duplicate"] == 0]
    return min(gone or [(day, file) for file, day in holders])[1]
