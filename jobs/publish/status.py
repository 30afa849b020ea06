"""The last nights in a table: attempts, where each stopped, why, and the next command."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from jobs.lake import Lake

#: Attempts listed.
LISTED = 20
_COLUMNS = ("business_date", "attempt", "status", "stage", "message", "started", "published", "run_id")
_HEAD = ("night", "attempt", "status", "stage", "started (UTC)", "took", "")


def text(lake: Lake) -> str:
    """The newest attempts, newest first, the reason of the newest that stopped, and what to do next."""
    attempts = lake.arrow("ops/nights", list(_COLUMNS)).sort_by([("business_date", "descending"), ("attempt", "descending")])
    rows = attempts.to_pylist()
    if not rows:
        return f"No night has been started in {lake.root}.\nNext: nightfill nightly --landing DIR --lake {lake.root} --business-date latest"
    published = lake.published_runs()
    lines = table([_HEAD, *(_line(row, published) for row in rows[:LISTED])])
    if len(rows) > LISTED:
        lines.append(f"... and {len(rows) - LISTED} earlier attempts: view `attempts` of `nightfill sql`")
    if rows[0]["message"]:
        lines += ["", f"Why attempt {rows[0]['attempt']} of {rows[0]['business_date']} stopped:"]
        lines += textwrap.wrap(rows[0]["message"], 118, initial_indent="  ", subsequent_indent="  ", replace_whitespace=False)
    return "\n".join([*lines, "", *_advice(rows[0], lake, published)])


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text as aligned lines; columns that look like numbers to the right."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    right = [all(_is_number(row[c]) for row in rows[1:]) for c in range(len(rows[0]))]
    shape = list(zip(widths, right, strict=True))
    return ["  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, (w, r) in zip(row, shape, strict=True)).rstrip() for row in rows]


def _is_number(cell: str) -> bool:
    return not cell or cell.replace(",", "").replace(".", "").replace("-", "").replace("%", "").strip().isdigit()


def _line(row: Mapping[str, Any], published: Mapping[date, str]) -> tuple[str, ...]:
    took = f"{(row['published'] - row['started']).total_seconds():.0f} s" if row["published"] else ""
    note = "the night" if published.get(row["business_date"]) == row["run_id"] else "superseded" if row["status"] == "published" else ""
    started = f"{row['started']:%Y-%m-%d %H:%M:%S}"
    return (str(row["business_date"]), str(row["attempt"]), row["status"], row["stage"], started, took, note)


def _advice(newest: Mapping[str, Any], lake: Lake, published: Mapping[date, str]) -> list[str]:
    """What the newest attempt's state asks for, and the command."""
    day = newest["business_date"]
    again = f"  nightfill nightly --landing DIR --lake {lake.root} --business-date {day}"
    standing = f"The published orders of {day} still stand." if day in published else f"No orders of {day} are published."
    match newest["status"]:
        case "published":
            night = f"--lake {lake.root} --business-date {day}"
            return ["Next:", f"  nightfill summary {night}", f"  nightfill export {night} --out orders.csv"]
        case "blocked":
            return [f"{standing} Mend the feed as the message says (a file changed in place is read again), then:", again]
        case "dry_run":
            return [f"It was a dry run: nothing is visible. {standing} To publish:", again]
        case "running":
            return [f"It is still running, or its process died at stage {newest['stage']}. {standing} If it died:", again]
        case _:
            return [f"{standing} What was read stays read; running the night again is safe:", again]
