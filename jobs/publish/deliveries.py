"""Exceptions about what was delivered: rows in quarantine, files changed in place, late drops, columns nobody knows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.lake import FIRST_DAY
from jobs.publish.exceptions import FOUND
from schemas import FEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from jobs.lake import Lake

_NAMED = 3


@dataclass(frozen=True)
class Delivered:
    """What a night newly reports of the landing folder.

    new      current files of drops dated after the last published night, and those that this night read first
    changed  files among them whose path had brought another content before
    late     files among them of drops that an earlier published night should have seen
    """

    new: tuple[Mapping[str, Any], ...]
    changed: tuple[Mapping[str, Any], ...]
    late: tuple[Mapping[str, Any], ...]


def of_night(files: pa.Table, business_date: date, last_published: date | None) -> Delivered:
    """Pick the rows of ops/files that night business_date reports, in order of path; later drops don't count."""
    rows = sorted((row for row in files.to_pylist() if row["drop_date"] <= business_date), key=lambda row: row["file"])
    replaced = {row["file"] for row in rows if not row["current"]}
    since = last_published or FIRST_DAY
    first_read = {row["file"] for row in rows if row["read_by"] == business_date}
    new = tuple(r for r in rows if r["current"] and (last_published is None or r["drop_date"] > since or r["file"] in first_read))
    changed = tuple(r for r in new if r["file"] in replaced and r["file"] in first_read)
    late = tuple(r for r in new if last_published and r not in changed and FIRST_DAY < r["drop_date"] <= since)
    return Delivered(new, changed, late)


def find_quarantined(delivered: Delivered, quarantine: pa.Table) -> pa.Table:
    """One exception for each feed and rule with rows in quarantine, and for each rule that a whole file breaks."""
    new = {row["file"] for row in delivered.new}
    groups: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for row in quarantine.to_pylist():
        for rule in row["rules"] if row["file"] in new else ():
            groups[row["feed"], rule].append((row["file"], row["row"]))
    found = []
    for (feed, rule), rows in sorted(groups.items()):
        where = _named(f"{file} record {number}" for file, number in sorted(rows))
        message = (
            f"{feed}: {len(rows)} record(s) break rule {rule}, for example {where}. They are in ops/quarantine and count nowhere else."
        )
        found.append(_exception("quarantined_rows", message, "Correct the file in place or send the records in a later drop."))
    for row in delivered.new:
        if row["defect"] and row["feed"] in FEEDS:
            message = f"{row['feed']}: {row['file']} can't be used as a whole ({row['defect']}); {row['delivered']} record(s) are missing."
            found.append(_exception("quarantined_rows", message, "Deliver the file again under the same path."))
    return pa.Table.from_pylist(found, FOUND)


def find_odd_files(delivered: Delivered) -> pa.Table:
    """Files changed in place, late drops, and columns outside the contract; one exception a feed (and drop)."""
    found = []
    for (feed,), rows in _groups(delivered.changed, "feed"):
        message = f"{feed}: {len(rows)} file(s) changed in place ({_named(r['file'] for r in rows)}); their rows replace those read before."
        found.append(_exception("changed_file", message, "If nobody meant to change them, restore the former content."))
    for (feed, drop), rows in _groups(delivered.late, "feed", "drop_date"):
        message = f"{feed}: drop {drop} came late ({_named(r['file'] for r in rows)}); nights published meanwhile have not seen it."
        found.append(
            _exception("late_drop", message, "This night sees it. Run earlier nights again only if their orders can still be changed.")
        )
    for (feed,), rows in _groups([r for r in delivered.new if r["extra_columns"]], "feed"):
        names = sorted({name for r in rows for name in r["extra_columns"]})
        message = (
            f"{feed}: {len(rows)} file(s) have columns outside the contract ({', '.join(names)}). They stay in bronze and are used nowhere."
        )
        found.append(
            _exception("extra_columns", message, "Check for misspelt names; list what must not be kept in [landing] drop_columns.")
        )
    return pa.Table.from_pylist(found, FOUND)


def find_unknown_feeds(delivered: Delivered) -> pa.Table:
    """Landing folders that are no feed of the contract."""
    names = sorted({row["feed"] for row in delivered.new} - set(FEEDS))
    message = "Folder {} of the landing folder is no feed; nothing in it was read."
    return pa.Table.from_pylist([_exception("unknown_feed", message.format(n), f"Feeds are {', '.join(FEEDS)}.") for n in names], FOUND)


def quarantine_of(lake: Lake, delivered: Delivered) -> pa.Table:
    """Rows in quarantine of the files that the night reports."""
    columns = ["feed", "file", "row", "rules"]
    bad = sorted(row["file"] for row in delivered.new if row["quarantined"])
    if not bad:
        return pa.schema(
            [("feed", pa.string()), ("file", pa.string()), ("row", pa.int64()), ("rules", pa.list_(pa.string()))]
        ).empty_table()
    return lake.arrow("ops/quarantine", columns, [("file", "in", bad)])


def _groups(rows: Sequence[Mapping[str, Any]], *keys: str) -> list[tuple[tuple[Any, ...], list[Mapping[str, Any]]]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return sorted(groups.items())


def _named(names: Iterable[str]) -> str:
    """The first three, and how many more."""
    known = list(names)
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + more


def _exception(kind: str, message: str, action: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "item_id": None,
        "location_id": None,
        "source_id": None,
        "money": Decimal(0),
        "message": message,
        "action": action,
    }
