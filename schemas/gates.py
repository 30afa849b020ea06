"""The gates of a landing feed: checks of the feed as a whole, made before a night computes anything from it."""

from __future__ import annotations

from schemas.check import Check

_CORRECT = (
    "correct the rows (ops/quarantine names each row and its rules) and deliver the file again under the same name; "
    "if they can be done without, run the night with a higher [landing] max_quarantined_share"
)
_SHORT = "deliver the rest of the drop; if the drop is right as it is, run the night with a lower [landing] collapse_share"
_UNREADABLE = "deliver the file again under the same name, whole and with the feed's columns"
_LOST = "rows were lost or doubled inside the lake: restore the tables to the version before, or load a new lake from the landing folder"
_STALE = "find out why newer drops have not come; until they do, the night goes on with what it has"


def feed_gates(name: str, required: bool, steady: bool, event_date: str | None, fresh_days: int | None) -> tuple[Check, ...]:
    """The gates of a feed; a feed that is not required may be missing, and may be empty with a warning."""
    deliver = f"deliver the feed below LANDING/{name}/ and run the night again"
    gates = [
        Check("feed_empty", "filled", blocking=required, advice=deliver),
        Check("file_unreadable", "readable", blocking=True, advice=_UNREADABLE),
        Check("quarantined_share_too_high", "share", blocking=True, advice=_CORRECT),
        Check("not_reconciled", "reconciled", blocking=True, advice=_LOST),
    ]
    if required:
        gates.insert(0, Check("feed_missing", "present", blocking=True, advice=deliver))
    if steady:
        gates.append(Check("rows_collapsed", "volume", blocking=True, advice=_SHORT))
    if event_date and fresh_days is not None:
        gates.append(Check("stale", "fresh", (event_date,), maximum=fresh_days, advice=_STALE))
    return tuple(gates)
