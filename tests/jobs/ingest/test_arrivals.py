import os
from datetime import date
from pathlib import Path
from typing import Any

from jobs.ingest.arrivals import Arrival, find_arrivals
from jobs.ingest.landing import discover
from tests.builders import Landing

D3 = date(2024, 5, 3)


def find(landing: Landing, records: list[dict[str, Any]], day: date = D3) -> dict[str, tuple[str, str | None]]:
    return {a.landed.file: (a.status, a.original) for a in find_arrivals(discover(landing.root).files, records, day)}


def record(arrival: Arrival, **more: object) -> dict[str, Any]:
    """The row of ops/files that ingest would write."""
    f = arrival.landed
    row = {"file": f.file, "sha256": arrival.sha256, "feed": f.feed, "drop_date": f.drop_date, "size": f.size}
    return row | {"quarantined": 0} | {"modified": f.modified, "duplicate": 1 if arrival.original else 0, "current": True} | more


def ingested(landing: Landing, day: date = D3) -> list[dict[str, Any]]:
    return [record(a) for a in find_arrivals(discover(landing.root).files, [], day)]


def test_new_same_and_later_drops(tmp_path: Path) -> None:
    landing = Landing(tmp_path).file("sales/2024-05-01/a.csv", "1").file("sales/2024-05-04/b.csv", "2")
    assert find(landing, []) == {"sales/2024-05-01/a.csv": ("new", None)}
    assert find(landing, ingested(landing)) == {}
    assert find(landing, ingested(landing), date(2024, 5, 4)) == {"sales/2024-05-04/b.csv": ("new", None)}


def test_touched_is_the_same_and_rewritten_is_changed(tmp_path: Path) -> None:
    landing = Landing(tmp_path).file("items/2024-05-01/a.csv", "1")
    records = ingested(landing)
    os.utime(tmp_path / "items/2024-05-01/a.csv", (1e9, 1e9))
    assert find(landing, records) == {}
    landing.file("items/2024-05-01/a.csv", "2")
    assert find(landing, records) == {"items/2024-05-01/a.csv": ("changed", None)}
    # Its old content's record is not what the path holds.
    assert find(landing, [r | {"current": False} for r in records]) == {"items/2024-05-01/a.csv": ("new", None)}


def test_same_content_is_a_duplicate_only_where_rows_have_no_key(tmp_path: Path) -> None:
    landing = Landing(tmp_path).file("sales/2024-05-01/a.csv", "1").file("sales/2024-05-02/b.csv", "1")
    landing.file("prices/2024-05-01/a.csv", "1").file("prices/2024-05-02/b.csv", "1")
    assert find(landing, []) == {
        "prices/2024-05-01/a.csv": ("new", None),
        "prices/2024-05-02/b.csv": ("new", None),
        "sales/2024-05-01/a.csv": ("new", None),
        "sales/2024-05-02/b.csv": ("new", "sales/2024-05-01/a.csv"),
    }


def test_a_late_original_makes_the_former_one_a_duplicate(tmp_path: Path) -> None:
    landing = Landing(tmp_path).file("sales/2024-05-02/b.csv", "1")
    records = ingested(landing)
    landing.file("sales/2024-05-01/a.csv", "1")
    assert find(landing, records) == {
        "sales/2024-05-01/a.csv": ("new", None),
        "sales/2024-05-02/b.csv": ("reread", "sales/2024-05-01/a.csv"),
    }
    # What has left the landing folder can't be read again: it stays the original.
    (tmp_path / "sales/2024-05-02/b.csv").unlink()
    assert find(landing, records) == {"sales/2024-05-01/a.csv": ("new", "sales/2024-05-02/b.csv")}


def test_a_late_master_makes_quarantined_rows_be_judged_again(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for name in ("sales/2024-05-01/a.csv", "sales/2024-05-02/b.csv", "sales/2024-05-02/good.csv"):
        landing.file(name, name)
    records = [r | {"quarantined": int("good" not in r["file"])} for r in ingested(landing)]
    landing.file("items/2024-05-03/a.csv", "1")
    assert find(landing, records) == {"items/2024-05-03/a.csv": ("new", None)}
    landing.file("items/2024-05-02/b.csv", "1")
    assert find(landing, records) == {
        "items/2024-05-02/b.csv": ("new", None),
        "items/2024-05-03/a.csv": ("new", None),
        "sales/2024-05-02/b.csv": ("reread", None),
    }


def test_a_duplicate_counts_once_its_original_has_other_content(tmp_path: Path) -> None:
    landing = Landing(tmp_path).file("sales/2024-05-01/a.csv", "1").file("sales/2024-05-02/b.csv", "1")
    records = ingested(landing)
    landing.file("sales/2024-05-01/a.csv", "2")
    assert find(landing, records) == {
        "sales/2024-05-01/a.csv": ("changed", None),
        "sales/2024-05-02/b.csv": ("reread", None),
    }
