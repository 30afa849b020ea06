"""What a night reports of the landing folder."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from jobs.lake import FIRST_DAY, Lake
from jobs.publish.deliveries import find_odd_files, find_quarantined, find_unknown_feeds, of_night, quarantine_of
from schemas import FILES, QUARANTINE

D = date(2024, 6, 12)
BEFORE = D - timedelta(1)


def file(name: str, drop: date = D, read_by: date = D, **changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"file": f"sales/{name}", "sha256": name, "feed": "sales", "drop_date": drop, "current": True, "read_by": read_by}
    return row | {"delivered": 5, "quarantined": 0} | changed


def files(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), FILES.schema)


def quarantine(*rows: tuple[str, int, list[str]]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"feed": "sales", "file": f"sales/{f}", "row": r, "rules": rules} for f, r, rules in rows], QUARANTINE.schema
    )


def names(rows: tuple[Any, ...]) -> list[str]:
    return [row["file"].removeprefix("sales/") for row in rows]


ROWS = (
    file("old", BEFORE, BEFORE),  # reported by the night before
    file("today"),
    file("flat", FIRST_DAY),  # outside a dated folder, first read tonight
    file("late", D - timedelta(3)),
    file("edited", BEFORE, BEFORE, sha256="x", current=False),
    file("edited", BEFORE),
    file("tomorrow", D + timedelta(1), D + timedelta(1)),  # a later night ran first
)


def test_new_changed_and_late() -> None:
    delivered = of_night(files(*ROWS), D, BEFORE)
    assert names(delivered.new) == ["edited", "flat", "late", "today"]
    assert names(delivered.changed) == ["edited"]
    assert names(delivered.late) == ["late"]


def test_first_night_reports_all_and_nothing_is_late() -> None:
    delivered = of_night(files(*ROWS), D, None)
    assert names(delivered.new) == ["edited", "flat", "late", "old", "today"]
    assert not delivered.late


def test_an_older_night_run_after_a_newer_one_reports_its_own_drops() -> None:
    """The newer night read the files first; their drop date decides."""
    newer = D + timedelta(1)
    rows = [file("old", BEFORE, newer), file("today", D, newer), file("tomorrow", newer, newer)]
    assert names(of_night(files(*rows), D, BEFORE).new) == ["today"]


def test_quarantined_rows_by_rule() -> None:
    """Two rules, one row breaks both; a row of a file that is not reported; a file that is of no use at all."""
    delivered = of_night(files(*ROWS, file("broken", defect="truncated", delivered=0)), D, BEFORE)
    rows = quarantine(("today", 7, ["unknown_item"]), ("today", 2, ["unknown_item", "units_missing"]), ("old", 1, ["unknown_item"]))
    messages = find_quarantined(delivered, rows)["message"].to_pylist()
    assert messages[1].startswith("sales: 2 record(s) break rule unknown_item, for example sales/today record 2, sales/today record 7.")
    assert messages[0].startswith("sales: 1 record(s) break rule units_missing")
    assert "sales/broken can't be used as a whole (truncated)" in messages[2]
    assert len(messages) == 3


def test_odd_files() -> None:
    rows = (*ROWS, file("wide", extra_columns=["phone", "colour"]), file("wider", extra_columns=["colour"]))
    found = find_odd_files(of_night(files(*rows), D, BEFORE)).to_pylist()
    assert [row["kind"] for row in found] == ["changed_file", "late_drop", "extra_columns"]
    assert "drop 2024-06-09 came late (sales/late)" in found[1]["message"]
    assert "2 file(s) have columns outside the contract (colour, phone)" in found[2]["message"]


def test_unknown_feeds() -> None:
    delivered = of_night(files(*ROWS, file("x", feed="weather", defect="unknown_feed")), D, BEFORE)
    assert find_unknown_feeds(delivered)["message"].to_pylist() == [
        "Folder weather of the landing folder is no feed; nothing in it was read."
    ]
    assert find_quarantined(delivered, quarantine()).num_rows == 0


def test_only_reported_files_are_looked_up(tmp_path: Any) -> None:
    lake = Lake(str(tmp_path))
    lake.create_tables()
    lake.write_arrow("ops/quarantine", quarantine(("today", 1, ["a"]), ("old", 1, ["a"])), None)
    delivered = of_night(files(file("today", quarantined=1), file("old", BEFORE, BEFORE, quarantined=1)), D, BEFORE)
    assert quarantine_of(lake, delivered)["file"].to_pylist() == ["sales/today"]
    assert quarantine_of(lake, of_night(files(), D, None)).num_rows == 0
