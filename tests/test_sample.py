"""The bundled sample: complete, small, in the contract's form, and rebuilt from the publisher's file byte by byte."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.errors import UsageError
from jobs.ingest.importers.freshretailnet import import_freshretailnet
from jobs.ingest.importers.sample import BUNDLED, load_sample
from schemas import FEEDS

NIGHTS = [date(2024, 5, 29), *(date(2024, 5, d) for d in (30, 31)), *(date(2024, 6, d) for d in (1, 2, 3, 4))]


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_seven_nights_each_adds_one_drop(tmp_path: Path) -> None:
    seen: dict[str, bytes] = {}
    for number, night in enumerate(NIGHTS, 1):
        assert load_sample(tmp_path, number) == night
        now = files(tmp_path)
        added = {name.split("/")[1] for name in now.keys() - seen.keys()}
        assert added == ({"2024-05-28", "2024-05-29"} if number == 1 else {night.isoformat()})
        seen = now
    assert seen == files(BUNDLED)


def test_loading_again_changes_nothing(tmp_path: Path) -> None:
    load_sample(tmp_path, 2)
    before = {f: f.stat().st_mtime_ns for f in tmp_path.rglob("*") if f.is_file()}
    load_sample(tmp_path, 2)
    assert {f: f.stat().st_mtime_ns for f in tmp_path.rglob("*") if f.is_file()} == before


@pytest.mark.parametrize("night", [0, 8])
def test_other_nights_do_not_exist(tmp_path: Path, night: int) -> None:
    with pytest.raises(UsageError, match="the nights 1 to 7"):
        load_sample(tmp_path, night)


def test_at_most_three_megabytes() -> None:
    assert sum(len(content) for content in files(BUNDLED).values()) < 3_000_000


def test_only_columns_of_the_contract() -> None:
    for name in files(BUNDLED):
        file = BUNDLED / name
        columns = next(csv.reader(file.open(encoding="utf-8"))) if file.suffix == ".csv" else pq.read_schema(file).names
        assert set(columns) <= set(FEEDS[name.split("/")[0]].column_names), name


def test_rebuilt_from_the_publishers_file(shared_data: Path, tmp_path: Path) -> None:
    import_freshretailnet(shared_data / "freshretailnet" / "train.parquet", tmp_path, date(2024, 5, 28), date(2024, 6, 4), cities=[10])
    assert files(tmp_path) == files(BUNDLED)
