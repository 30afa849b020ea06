"""Attempts at a night: numbering, retries, conflicts, publication."""

from __future__ import annotations

import threading
from datetime import date
from typing import TYPE_CHECKING

import pytest

from jobs.config import Config
from jobs.errors import Superseded, UsageError
from jobs.publish import nights

if TYPE_CHECKING:
    from jobs.lake import Lake

D = date(2024, 6, 5)


def test_attempts_count_up_and_the_highest_published_one_is_the_night(lake: Lake) -> None:
    first = nights.start(lake, Config(), "code", D, None)
    nights.publish(lake, first, {"gold/orders": "aa"}, {"gold/orders": 3}, "m1")
    second = nights.start(lake, Config(), "code", D, None)
    assert (first.attempt, second.attempt) == (1, 2)
    assert lake.published_runs() == {D: first.run_id}, "a running attempt hides nothing"
    nights.publish(lake, second, {}, {}, None)
    assert lake.published_runs() == {D: second.run_id}
    assert lake.published_runs(before=D) == {}


def test_a_stale_attempt_cannot_publish(lake: Lake) -> None:
    stale = nights.start(lake, Config(), "code", D, None)
    newer = nights.start(lake, Config(), "code", D, None)
    with pytest.raises(Superseded, match=f"attempt {newer.attempt} is newer"):
        nights.publish(lake, stale, {}, {}, None)
    assert lake.published_runs() == {}


def test_a_retry_of_the_same_launcher_goes_on_with_its_attempt(lake: Lake) -> None:
    first = nights.start(lake, Config(), "code", D, "airflow-1")
    nights.note(lake, first, status="failed", message="it's gone")
    again = nights.start(lake, Config(), "code", D, "airflow-1")
    assert again.run_id == first.run_id
    assert nights.current(lake, D, "airflow-1").status == "running"


def test_a_retry_after_a_newer_attempt_is_told_so(lake: Lake) -> None:
    nights.start(lake, Config(), "code", D, "airflow-1")
    nights.start(lake, Config(), "code", D, "by hand")
    with pytest.raises(Superseded):
        nights.current(lake, D, "airflow-1")


def test_a_published_attempt_is_never_worked_on_again(lake: Lake) -> None:
    night = nights.start(lake, Config(), "code", D, None)
    nights.publish(lake, night, {}, {}, None)
    with pytest.raises(UsageError, match="published"):
        nights.check_open(nights.current(lake, D, None))


def test_of_two_started_at_once_one_wins_and_the_other_says_so(lake: Lake) -> None:
    barrier, won, lost = threading.Barrier(2), [], []

    def begin() -> None:
        barrier.wait()
        try:
            won.append(nights.start(lake, Config(), "code", D, None).run_id)
        except Superseded as error:
            lost.append(str(error))

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Either they met (one is told) or they came one after the other (two attempts): never two with one number.
    numbers = [night.attempt for night in nights.attempts(lake, D)]
    assert len(numbers) == len(won)
    assert sorted(numbers) == list(range(1, len(won) + 1))
    assert len(won) + len(lost) == 2
    assert all("started at the same moment" in text for text in lost)


def test_versions_are_pinned_for_the_stages_after_the_gate(lake: Lake) -> None:
    night = nights.start(lake, Config(), "code", D, None)
    nights.pin(lake, night)
    pinned = nights.current(lake, D, None).versions_read
    assert pinned["silver/sales"] == 0
    assert not [path for path in pinned if path.startswith("gold/")]


def test_later_tasks_find_the_date_that_their_run_started(lake: Lake) -> None:
    assert nights.date_of(lake, "airflow-1") is None
    nights.start(lake, Config(), "code", D, "airflow-1")
    nights.start(lake, Config(), "code", date(2024, 6, 6), "airflow-2")
    assert nights.date_of(lake, "airflow-1") == D
