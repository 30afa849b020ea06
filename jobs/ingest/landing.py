"""What lies in the landing folder: ``LANDING/<feed>/<YYYY-MM-DD>/*`` and files outside dated folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import schemas
from jobs.lake import FIRST_DAY

READY = "_ready"
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, order=True)
class LandingFile:
    """A file of a feed.

    file      path below the landing folder, with forward slashes: the file's identity
    path      where it can be opened
    modified  modification time, whole microseconds
    """

    drop_date: date
    file: str
    feed: str
    path: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Landed:
    """What the landing folder holds.

    missing_feeds   feeds of the contract without any file
    unknown_feeds   folders that are no feed of the contract
    waiting         drops (feed/date) without their ready marker
    odd_folders     folders named like a date that is none
    """

    files: tuple[LandingFile, ...] = ()
    missing_feeds: tuple[str, ...] = ()
    unknown_feeds: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    odd_folders: tuple[str, ...] = ()


def discover(landing: str | Path, *, ready_marker: bool = False) -> Landed:
    """List every readable file; a landing folder that is missing is one without feeds."""
    root = Path(landing)
    folders = sorted(p.name for p in root.iterdir() if p.is_dir() and not _hidden(p.name)) if root.is_dir() else []
    files: list[LandingFile] = []
    waiting: set[str] = set()
    odd: set[str] = set()
    for feed in (f for f in folders if f in schemas.FEEDS):
        for found in _feed_files(root, feed):
            drop = _drop_folder(Path(found.file).parts[1:-1])
            if drop is not None and found.drop_date == FIRST_DAY and drop != FIRST_DAY.isoformat():
                odd.add(f"{feed}/{drop}")
            elif ready_marker and not (root / feed / (drop or "") / READY).exists():
                waiting.add(f"{feed}/{drop}" if drop else feed)
            else:
                files.append(found)
    seen = {f.feed for f in files}
    return Landed(
        files=tuple(sorted(files)),
        missing_feeds=tuple(f for f in schemas.FEEDS if f not in seen),
        unknown_feeds=tuple(f for f in folders if f not in schemas.FEEDS),
        waiting=tuple(sorted(waiting)),
        odd_folders=tuple(sorted(odd)),
    )


def latest_drop(landed: Landed) -> date | None:
    """The newest drop's date; None where no dated folder holds a file."""
    dates = [f.drop_date for f in landed.files if f.drop_date > FIRST_DAY]
    return max(dates, default=None)


def _feed_files(root: Path, feed: str) -> Iterator[LandingFile]:
    for path in sorted((root / feed).rglob("*")):
        parts = path.relative_to(root).parts
        if any(_hidden(p) for p in parts[1:]) or not path.is_file():
            continue
        stat = path.stat()
        modified = datetime.fromtimestamp(stat.st_mtime_ns // 1000 / 1e6, UTC)
        drop = _as_date(_drop_folder(parts[1:-1]))
        yield LandingFile(drop, "/".join(parts), feed, str(path.absolute()), stat.st_size, modified)


def _hidden(name: str) -> bool:
    """Names that are no delivery: markers, hidden and unfinished files."""
    return name.startswith(("_", ".")) or name.endswith(".tmp")


def _drop_folder(folders: tuple[str, ...]) -> str | None:
    """The folder that is named like a date: the first below the feed."""
    return folders[0] if folders and _DATED.fullmatch(folders[0]) else None


def _as_date(name: str | None) -> date:
    try:
        return date.fromisoformat(name) if name else FIRST_DAY
    except ValueError:
        return FIRST_DAY
