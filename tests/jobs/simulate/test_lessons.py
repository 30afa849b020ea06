"""A simulated way of deciding that learns from its outcomes: what it remembers, and that a checkpoint has all of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from jobs.config import Config
from jobs.forecast import here
from jobs.lake import Lake
from jobs.learn import feedback
from jobs.simulate import checkpoint, market, memory, span
from jobs.simulate.policies import POLICIES
from jobs.simulate.replay import Given, Run
from tests.jobs.simulate.small import CONFIG, FIRST, LAST, chain

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve outcomes a night are enough."""
    monkeypatch.setattr(feedback, "MEMORY", 5)


#: Forecasts of a fifth of demand: nobody could miss it.
LOW = CONFIG.model_copy(update={"simulation": CONFIG.simulation.model_copy(update={"bias": 0.2})})


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return chain(tmp_path_factory.mktemp("lessons"))


def run_of(lake: Lake, config: Config = LOW, policy: str = "feedback") -> Run:
    first_drop = span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, FIRST, first_drop))
    sold = market.replayed(lake, FIRST, LAST, "recovered", 1)
    return Run(Given(lake, base, sold, span.of(lake, config, FIRST, LAST), config, None, here.train, 28), POLICIES[policy])


def after(run: Run, nights: int) -> Run:
    while run.progress.done < nights:
        run.step()
    return run


def test_outcomes_of_low_forecasts_raise_the_next_ones(lake: Lake) -> None:
    at = after(run_of(lake), 8).progress
    rows = at.lessons.corrections.filter(pl.col("segment") == "all").sort("business_date")
    assert rows["business_date"].to_list() == [FIRST + n * DAY for n in range(8)]
    # Ordered on day 0, sold on day 1, known on day 2, judged by that night, learned from by the next.
    assert rows["outcomes"].to_list()[:4] == [0, 0, 0, 12]
    assert rows["bias_seen"][3] > 0
    assert rows["shift"].to_list()[-1] > 0
    assert at.lessons.waiting is not None
    assert at.lessons.waiting["next_arrives_on"].min() > FIRST + 7 * DAY
    assert set(at.lessons.waiting["location_id"]) == {f"S{n}" for n in range(4)}, "nobody buys at the centre"


def test_it_orders_more_than_who_does_not_learn(lake: Lake) -> None:
    learning, not_learning = (
        after(run_of(lake, policy=policy), 8).progress.books.units["ordered"] for policy in ("feedback", "stochastic")
    )
    assert (learning[:3] == not_learning[:3]).all()
    assert learning[3:].sum() > not_learning[3:].sum()


def test_what_is_switched_off_decides_as_stochastic(lake: Lake) -> None:
    off = LOW.model_copy(update={"feedback": LOW.feedback.model_copy(update={"off": ("all",)})})
    learning, not_learning = after(run_of(lake, off), 6).progress, after(run_of(lake, LOW, "stochastic"), 6).progress
    assert (learning.books.units["ordered"] == not_learning.books.units["ordered"]).all()


def test_a_checkpoint_goes_on_as_if_nothing_had_happened(lake: Lake, tmp_path: Path) -> None:
    whole, begun = after(run_of(lake), 7), after(run_of(lake), 4)
    checkpoint.save(begun, tmp_path / "run.npz")
    resumed = run_of(lake)
    checkpoint.load(resumed, tmp_path / "run.npz")
    after(resumed, 7)
    for name, rows in whole.progress.lessons.tables().items():
        assert resumed.progress.lessons.tables()[name].equals(rows), name
    assert (resumed.progress.books.units["ordered"] == whole.progress.books.units["ordered"]).all()
