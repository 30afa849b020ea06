"""A whole simulation of a small lake: tables, verdicts, the same bytes again and after a kill; what it refuses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.publish.hashes import rows_hash
from jobs.simulate import job
from jobs.simulate.replay import Run
from schemas import SIMULATIONS
from tests.jobs.simulate.small import CONFIG, FIRST, LAST, chain

MODES = ("stochastic", "base_stock", "sequential", "perfect")


def digest(lake) -> str:
    return rows_hash(SIMULATIONS, lake.arrow(SIMULATIONS.path))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("simulated")
    lake = chain(root)
    said = job.main(lake, CONFIG, FIRST, LAST, MODES, str(root / "page.html"))
    return lake, said, (root / "page.html").read_text()


def test_every_policy_has_its_row_for_every_demand(done) -> None:
    lake, said, page = done
    rows = lake.arrow(SIMULATIONS.path).to_pylist()
    whole = [row for row in rows if row["segment"] == "*"]
    assert {(row["policy"], row["demand"]) for row in whole} == {(mode, demand) for mode in MODES for demand in ("recovered", "floor")}
    for row in rows:
        parts = [row[name] for name in row if name.endswith("_cost") and name != "total_cost"]
        assert sum(parts) == pytest.approx(row["total_cost"])
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
        assert 0 < row["fill_rate"] <= 1
        assert row["blocks"] == 0  # two weeks: items only, and the text says so
    by_part = [row for row in rows if row["segment"] != "*" and (row["policy"], row["demand"]) == ("stochastic", "floor")]
    (all_,) = [row for row in whole if (row["policy"], row["demand"]) == ("stochastic", "floor")]
    assert sum(row["total_cost"] for row in by_part) == pytest.approx(all_["total_cost"])
    assert "noise from week to week is not covered" in said
    assert "noise from week to week is not covered" in page
    assert page.count("<svg") > 5
    assert "http" not in page.replace("http://www.w3.org", "")


def test_foresight_is_worth_something_and_a_floor_asks_for_less(done) -> None:
    rows = {(r["policy"], r["demand"]): r for r in done[0].arrow(SIMULATIONS.path).to_pylist() if r["segment"] == "*"}
    for demand in ("recovered", "floor"):
        assert rows["perfect", demand]["total_cost"] < rows["stochastic", demand]["total_cost"]
    assert rows["stochastic", "floor"]["wanted"] < rows["stochastic", "recovered"]["wanted"]


def test_again_and_after_a_kill_it_writes_the_same_bytes(done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = digest(done[0])
    lake = chain(tmp_path)
    step, nights = Run.step, []

    def killed(run: Run) -> None:
        if len(nights) == 40:
            raise KeyboardInterrupt
        nights.append(run.progress.done)
        step(run)

    monkeypatch.setattr(Run, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        job.main(lake, CONFIG, FIRST, LAST, MODES)
    assert lake.arrow(SIMULATIONS.path).num_rows == 0
    before = len(nights)
    monkeypatch.setattr(Run, "step", lambda run: (nights.append(run.progress.done), step(run))[1])
    job.main(lake, CONFIG, FIRST, LAST, MODES)
    # 8 runs of 16 nights: two were done, the third began again after its 6th night.
    assert len(nights) - before == 8 * 16 - 2 * 16 - 6
    assert digest(lake) == first


@pytest.mark.parametrize(
    ("first", "last", "modes", "message"),
    [
        (FIRST, FIRST + timedelta(days=10), ("stochastic",), "lead time [+] review is 3, and with fewer than 4 times"),
        (FIRST - timedelta(days=35), LAST, ("stochastic",), "too little history: sales begin on 2024-05-01, so 2024-05-15"),
        (FIRST, LAST + timedelta(days=1), ("stochastic",), "after the last day with sales"),
        (LAST, FIRST, ("stochastic",), "is before"),
        (FIRST, LAST, ("wisdom",), "there is only stochastic"),
    ],
)
def test_a_span_that_says_nothing_is_refused(done, first, last, modes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        job.main(done[0], CONFIG, first, last, modes)
