"""The status page: which attempt is the night, where the others stopped, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.lake import Lake
from jobs.publish import status
from tests.published import ATTEMPTS, FIRST, attempt_row, fill, write


def test_every_attempt_newest_first_with_its_place_in_the_story(tmp_path: Path) -> None:
    lines = status.text(fill(tmp_path)).splitlines()
    cells = [line.split() for line in lines[1:7]]
    assert [(c[0], c[1], c[2], c[3]) for c in cells] == [
        ("2024-05-03", "1", "blocked", "quality"),
        ("2024-05-02", "2", "running", "forecast"),
        ("2024-05-02", "1", "published", "publish"),
        ("2024-05-01", "3", "failed", "plan"),
        ("2024-05-01", "2", "published", "publish"),
        ("2024-05-01", "1", "published", "publish"),
    ]
    assert [line.split("  ")[-1].strip() for line in (lines[3], lines[5], lines[6])] == ["the night", "the night", "superseded"]
    assert "95 s" in lines[3]
    text = "\n".join(lines)
    assert "feed sales, rule volume: 3 rows" in text
    assert "No orders of 2024-05-03 are published" in text
    assert f"nightfill nightly --landing DIR --lake {tmp_path} --business-date 2024-05-03" in text


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("published", "nightfill export"),
        ("failed", "safe"),
        ("running", "process died at stage plan"),
        ("dry_run", "dry run"),
        ("blocked", "Mend the feed"),
    ],
)
def test_advice_follows_the_newest_attempt(tmp_path: Path, state: str, advice: str) -> None:
    lake = Lake(str(tmp_path))
    lake.create_tables()
    write(lake, "ops/nights", [attempt_row(*ATTEMPTS[1]), attempt_row(FIRST, 3, "r9", state, "plan", None)])
    text = status.text(lake)
    assert advice in text
    assert ("still stand" in text) == (state != "published")


def test_an_empty_lake_says_how_to_start(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create_tables()
    assert "No night has been started" in status.text(lake)


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    assert status.table([("name", "units"), ("a", "1,000.0"), ("long", "-2")]) == ["name    units", "a     1,000.0", "long       -2"]
