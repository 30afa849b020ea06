"""When a replay refuses, and what it says; a whole replay is in tests/test_leaks.py."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from jobs.config import Config
from jobs.errors import CodeDiffers, NotSame, UsageError, VersionsGone
from jobs.lake import Lake
from jobs.publish.replay import check_code, check_versions, compare, read_record
from schemas import CALENDAR, NIGHTS

D = date(2024, 6, 12)
TABLE = "silver/calendar"


@pytest.fixture
def night(tmp_path: Path) -> Lake:
    """A lake whose night D read version 1 of a table: two published attempts, a running one."""
    lake = Lake(str(tmp_path / "lake"))
    lake.create_tables()
    common = {"business_date": D, "config": Config().to_json(), "code_hash": "c" * 64, "versions_read": [(TABLE, "1")], "model_id": None}
    rows = [
        {"attempt": attempt, "run_id": f"r{attempt}", "status": status, "hashes": [("gold/orders", f"o{attempt}"), ("gold/kpis", "k")]}
        | common
        for attempt, status in ((1, "published"), (2, "published"), (3, "running"))
    ]
    lake.write_arrow("ops/nights", pa.Table.from_pylist(rows, NIGHTS.schema), None)
    event = pa.Table.from_pylist([{"date": D, "event": "closed", "file": "calendar/a.csv", "row": 1}], CALENDAR.silver().schema)
    lake.write_arrow(TABLE, event, None)
    return lake


def test_the_record_is_that_of_the_published_run(night: Lake) -> None:
    record = read_record(night, D)
    assert (record.run_id, record.versions_read, record.hashes["gold/orders"]) == ("r2", {TABLE: 1}, "o2")
    with pytest.raises(UsageError, match="has not been published"):
        read_record(night, date(2024, 6, 13))


def test_other_code(night: Lake) -> None:
    record = read_record(night, D)
    assert check_code(record, "c" * 64, force=False) == ""
    with pytest.raises(CodeDiffers, match="--force"):
        check_code(record, "d" * 64, force=False)
    assert "compared nevertheless" in check_code(record, "d" * 64, force=True)


def test_versions_that_are_there(night: Lake) -> None:
    check_versions(night, read_record(night, D))


def test_a_version_whose_files_were_vacuumed(night: Lake) -> None:
    """The log still knows the version; its file is gone."""
    table = DeltaTable(night.location(TABLE))
    table.delete()
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(VersionsGone, match="silver/calendar version 1"):
        check_versions(night, read_record(night, D))


def test_a_version_whose_log_is_gone(night: Lake) -> None:
    for file in Path(night.location(TABLE), "_delta_log").iterdir():
        file.unlink()
    with pytest.raises(VersionsGone, match="silver/calendar version 1"):
        check_versions(night, read_record(night, D))


def test_a_model_that_is_gone(night: Lake) -> None:
    from dataclasses import replace

    record = replace(read_record(night, D), model_id="m1")
    with pytest.raises(VersionsGone, match="model m1"):
        check_versions(night, record)
    night.model_folder("m1").mkdir(parents=True)
    check_versions(night, record)


def test_what_differs_is_named_in_the_order_of_the_night(night: Lake) -> None:
    record = read_record(night, D)
    assert "same bytes: 2 tables" in compare(record, dict(record.hashes))
    with pytest.raises(NotSame, match="in 2 of 2 tables: gold/orders, gold/kpis"):
        compare(record, {"gold/orders": "x", "gold/kpis": "y"})
    with pytest.raises(NotSame, match="in 1 of 2 tables: gold/kpis"):
        compare(record, {"gold/orders": "o2"})
