"""What a night's ingest found, for gates, exceptions and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.ingest.landing import Landed
from jobs.ingest.records import Delivery


@dataclass(frozen=True)
class Report:
    """Files by what happened to them, and what is odd in the landing folder.

    new, changed   files read tonight for the first time, and with another content than before
    reread         files read again: one with the same content came first, or a master came late
    duplicate      file -> the file that brought the same content first
    late           files of drops that an earlier night has already passed
    defective      file -> why the whole file cannot be used
    extra_columns  feed -> columns outside the contract, each reported once
    """

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reread: tuple[str, ...] = ()
    duplicate: Mapping[str, str] = field(default_factory=dict)
    late: tuple[str, ...] = ()
    defective: Mapping[str, str] = field(default_factory=dict)
    extra_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing_feeds: tuple[str, ...] = ()
    unknown_feeds: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    odd_folders: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The report in words; empty where nothing is worth a word."""
        notes = {
            "read again, changed in place": self.changed,
            "late": self.late,
            "same content as before": [f"{a} = {b}" for a, b in self.duplicate.items()],
            "unusable": [f"{a}: {b}" for a, b in self.defective.items()],
            "columns outside the contract": [f"{feed}: {', '.join(names)}" for feed, names in self.extra_columns.items()],
            "folders that are no feed": self.unknown_feeds,
            "folders that are no date": self.odd_folders,
            "drops without _ready": self.waiting,
        }
        return [f"{what}: {', '.join(sorted(which))}" for what, which in notes.items() if which]


def report_of(landed: Landed, known: Sequence[Mapping[str, Any]], deliveries: Sequence[Delivery]) -> Report:
    """Compare tonight's files with those of earlier nights."""
    passed = max((r["read_by"] for r in known), default=None)
    by_status = {s: tuple(d.file for d in deliveries if d.arrival.status == s) for s in ("new", "changed", "reread")}
    return Report(
        **by_status,
        duplicate={d.file: d.arrival.original for d in deliveries if d.arrival.original},
        late=tuple(d.file for d in deliveries if d.arrival.status == "new" and passed and d.arrival.landed.drop_date <= passed),
        defective={d.file: d.header.defect for d in deliveries if d.header.defect},
        extra_columns=_new_columns(known, deliveries),
        missing_feeds=landed.missing_feeds,
        unknown_feeds=landed.unknown_feeds,
        waiting=landed.waiting,
        odd_folders=landed.odd_folders,
    )


def _new_columns(known: Sequence[Mapping[str, Any]], deliveries: Sequence[Delivery]) -> dict[str, tuple[str, ...]]:
    """Feed -> extra columns that no earlier file of it had."""
    before = {(r["feed"], c) for r in known for c in r["extra_columns"] or ()}
    tonight = {(d.arrival.landed.feed, c) for d in deliveries for c in d.header.extra} - before
    return {feed: tuple(sorted(c for f, c in tonight if f == feed)) for feed in sorted({f for f, _ in tonight})}
