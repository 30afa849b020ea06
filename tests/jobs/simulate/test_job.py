"""A whole simulation of a small lake: tables, verdicts, the same bytes again and after a kill; what it refuses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.publish.hashes import rows_hash
from jobs.simulate import job
from jobs.simulate.ablations import KNOWN
from jobs.simulate.replay import Run
from schemas import SIMULATIONS
from tests.jobs.simulate.small import CONFIG, FIRST, LAST, chain
from tests.jobs.simulate.tiny import made

MODES = ("stochastic", "perfect", "sequential", "base_stock")


def digest(lake, policy: str) -> str:
    return rows_hash(SIMULATIONS, lake.arrow(SIMULATIONS.path, where=[("policy", "=", policy)]))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("simulated")
    lake = chain(root)
    said = job.main(lake, CONFIG, FIRST, LAST, MODES, str(root / "page.html"))
    return lake, said, (root / "page.html").read_text()


def test_every_policy_has_its_rows(done) -> None:
    lake, said, page = done
    rows = lake.arrow(SIMULATIONS.path).to_pylist()
    whole = [row for row in rows if row["segment"] == "*"]
    assert [row["policy"] for row in whole] == list(MODES)
    for row in rows:
        parts = [row[name] for name in row if name.endswith("_cost") and name != "total_cost"]
        assert sum(parts) == pytest.approx(row["total_cost"])
        assert row["difference_low"] is None, "three items say too little"
        assert row["fill_rate"] is None if row["segment"] == "dc" else 0 < row["fill_rate"] <= 1
        assert row["blocks"] == 0
        assert row["verdict"] == ("reference" if row["policy"] == "stochastic" else "undecided")
    for by, names in {"department": ["c0", "c1"], "volume": ["A", "B"], "kind": ["dc", "store"]}.items():
        parts = [row for row in rows if row["cut"] == by and row["policy"] == "sequential"]
        assert [row["segment"] for row in parts] == names
        for column in ("total_cost", "waste_cost", "wanted", "sold", "difference"):
            assert sum(row[column] for row in parts) == pytest.approx(whole[2][column])
    assert whole[1]["total_cost"] < whole[0]["total_cost"], "foresight is worth something"
    assert "noise from week to week is not covered" in said
    tuned = {(row["policy"], row["multiplier"], row["tuning_nights"]) for row in rows}
    assert tuned == {*((mode, None, None) for mode in MODES[:3]), ("base_stock", 1.0, 0)}
    assert "base_stock: multiplier 1, too few nights before the first to tune it" in said
    # So small a chain has no model, and so no record of its errors.
    assert "12 nights of sequential without a record of errors" in said
    assert "noise from week to week is not covered" in page
    assert page.count("<svg") > 5
    assert "http" not in page.replace("http://www.w3.org", "")


def test_all_are_the_modes_of_the_night_and_what_they_are_compared_with() -> None:
    assert job._every(None)[:2] == ("stochastic", "sequential")
    assert set(job._every(None)) <= set(KNOWN)
    assert job._every(None)[-1] == "base_stock"
    assert job._every(made())[-3:] == ("base_stock", "oracle", "perfect")


def test_again_and_after_a_kill_it_writes_the_same_bytes(done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = chain(tmp_path)
    step, nights = Run.step, []

    def killed(run: Run) -> None:
        if len(nights) == 12 + 8:
            raise KeyboardInterrupt
        nights.append(run.progress.done)
        step(run)

    monkeypatch.setattr(Run, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        job.main(lake, CONFIG, FIRST, LAST, MODES[:2])
    assert lake.arrow(SIMULATIONS.path).num_rows == 0
    before = len(nights)
    monkeypatch.setattr(Run, "step", lambda run: (nights.append(run.progress.done), step(run))[1])
    job.main(lake, CONFIG, FIRST, LAST, MODES[:2])
    # The first run was done; the second went on after its sixth night.
    assert len(nights) - before == 12 - 6
    for policy in MODES[:2]:
        assert digest(lake, policy) == digest(done[0], policy)


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
