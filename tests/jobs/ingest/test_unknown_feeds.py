"""A folder that is no feed is recorded once, so that the night's exceptions can name it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from jobs.ingest.records import read_files, write_unknown_feeds
from jobs.lake import Lake
from jobs.publish.deliveries import find_unknown_feeds, of_night

D = date(2024, 6, 12)


def test_recorded_and_reported_once(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create_tables()
    for day in (11, 12):
        write_unknown_feeds(lake, read_files(lake), ("weather",), D.replace(day=day))
    assert [(r["file"], r["delivered"], r["read_by"].day) for r in read_files(lake)] == [("weather", 0, 11)]
    files = lake.arrow("ops/files")
    assert find_unknown_feeds(of_night(files, D.replace(day=11), None)).num_rows == 1
    assert find_unknown_feeds(of_night(files, D, D.replace(day=11))).num_rows == 0
