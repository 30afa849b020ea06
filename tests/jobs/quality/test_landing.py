"""Gates of a feed: what ops/files says of its files, literal rows in, outcomes out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from jobs.config import Config, Landing
from jobs.lake import FIRST_DAY
from jobs.quality.landing import Delivered, judge_feed, usual_rows
from jobs.quality.outcome import Outcome
from schemas import FEEDS

NIGHT = date(2024, 5, 20)


def file(day: int, delivered: int = 100, read_by: int | None = None, **more: Any) -> dict[str, Any]:
    """A row of ops/files: a drop of May 2024 (0: outside a dated folder), by default read by its own night."""
    drop = date(2024, 5, day) if day else FIRST_DAY
    name = f"sales/{drop}/part-{delivered}.csv"
    row = {"file": name, "drop_date": drop, "delivered": delivered, "silver": delivered, "quarantined": 0, "defect": None}
    return {**row, "read_by": date(2024, 5, read_by or day or 1), **more}


def outcomes(files: list[dict[str, Any]], feed: str = "sales", config: Config | None = None, **more: Any) -> dict[str, Outcome]:
    delivered = Delivered(FEEDS[feed], files, NIGHT, **{"newest": NIGHT - timedelta(days=1), **more})
    return {o.rule: o for o in judge_feed(delivered, config or Config())}


def failed(found: dict[str, Outcome]) -> dict[str, bool]:
    """Rules that failed, and whether each stops the night."""
    return {rule: o.stops for rule, o in found.items() if not o.passed}


def test_a_good_feed_passes_every_gate() -> None:
    found = outcomes([file(day) for day in range(10, 21)])

    assert failed(found) == {}
    assert set(found) == {gate.name for gate in FEEDS["sales"].gates} - {"not_reconciled"}


def test_a_missing_feed_stops_the_night_only_where_it_is_required() -> None:
    assert failed(outcomes([], newest=None)) == {"feed_missing": True, "stale": False}
    assert outcomes([], "prices") == {}


@pytest.mark.parametrize(("feed", "stops"), [("sales", True), ("prices", False)])
def test_a_feed_without_any_record_is_empty(feed: str, stops: bool) -> None:
    assert failed(outcomes([file(20, delivered=0)], feed)) == {"feed_empty": stops}


def test_sales_of_which_the_night_sees_none_are_empty() -> None:
    # All in quarantine, or dated on or after the business date.
    assert failed(outcomes([file(20, silver=0)])) == {"feed_empty": True}
    assert failed(outcomes([file(20)], newest=None)) == {"feed_empty": True, "stale": False}


def test_an_unreadable_new_file_stops_the_night_until_it_is_delivered_again() -> None:
    files = [file(18), file(19, 40, defect="column_missing"), file(20)]

    found = outcomes(files, since=date(2024, 5, 18))
    assert failed(found) == {"file_unreadable": True}
    assert found["file_unreadable"].examples == ("sales/2024-05-19/part-40.csv: column_missing",)
    assert found["file_unreadable"].failed_rows == 40
    # The night of the 19th was published after all (with other settings): its file is no news to the 20th.
    assert failed(outcomes(files, since=date(2024, 5, 19))) == {}


@pytest.mark.parametrize(("quarantined", "stops"), [(20, False), (21, True)])
def test_too_many_quarantined_rows_stop_the_night(quarantined: int, stops: bool) -> None:
    bad = [{"file": "f", "row": 7, "rules": ["unknown_item"]}]
    found = outcomes([file(19, quarantined=100), file(20, quarantined=quarantined)], since=date(2024, 5, 19), bad=bad)

    assert failed(found) == ({"quarantined_share_too_high": True} if stops else {})
    if stops:
        assert "Rules broken: unknown_item." in found["quarantined_share_too_high"].message
        assert found["quarantined_share_too_high"].examples == ("f row 7: unknown_item",)


def test_quarantined_overrides_only_warn() -> None:
    assert failed(outcomes([file(20, 2, quarantined=2)], "overrides")) == {"quarantined_share_too_high": False}


def test_a_collapsed_drop_stops_the_night() -> None:
    # The first drop holds history; three usual ones follow.
    files = [file(15, 9000), file(16, 100), file(17, 90), file(18, 110)]

    found = outcomes([*files, file(20, 49)])
    assert failed(found) == {"rows_collapsed": True}
    assert found["rows_collapsed"].failed_rows == 51
    assert found["rows_collapsed"].examples == ("drop 2024-05-20: 49 rows; usual: 100",)
    assert failed(outcomes([*files, file(20, 50)])) == {}
    assert failed(outcomes([*files, file(20, 49)], config=Config(landing=Landing(collapse_share=0.4)))) == {}
    # Two drops say nothing about what is usual.
    assert failed(outcomes([*files[:3], file(20, 1)])) == {}


def test_a_collapsed_drop_stays_under_judgement_until_a_later_night_is_published() -> None:
    files = [file(15, 9000), file(16), file(17), file(18), file(19, 10), file(20)]

    assert failed(outcomes(files, since=date(2024, 5, 18))) == {"rows_collapsed": True}
    assert failed(outcomes(files, since=date(2024, 5, 19))) == {}


def test_the_usual_drop_is_that_of_the_weekday_once_there_are_three() -> None:
    start = date(2024, 4, 1)
    # Mondays deliver 10 rows, other days 100; the very first drop is history.
    drops = {start - timedelta(days=1): 99_999} | {start + timedelta(days=n): 10 if n % 7 == 0 else 100 for n in range(28)}

    assert usual_rows(drops, start + timedelta(days=28)) == 10
    assert usual_rows(drops, start + timedelta(days=14)) == 100
    assert usual_rows(drops, start + timedelta(days=1)) is None


@pytest.mark.parametrize(("newest", "fresh"), [(date(2024, 5, 16), True), (date(2024, 5, 15), False)])
def test_stale_sales_warn(newest: date, fresh: bool) -> None:
    assert failed(outcomes([file(20)], newest=newest)) == ({} if fresh else {"stale": False})
