"""What a reader is told of a simulation: sentences of the verdict, columns, and plots of many policies."""

from __future__ import annotations

import re
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from jobs.config import Config
from jobs.simulate import page, printout
from jobs.simulate.span import Span

NAN = float("nan")


def row(policy: str, difference: float, low: float, high: float, verdict: str, seed: int = 1) -> dict[str, object]:
    facts = {"policy": policy, "demand": "latent", "seed": seed, "cut": "*", "total_cost": 1_000.0 + difference, "share_of_way": NAN}
    return facts | {"difference": difference, "difference_low": low, "difference_high": high, "verdict": verdict}


def said(*rows: dict[str, object]) -> list[str]:
    found = SimpleNamespace(rows=[row("stochastic", 0.0, NAN, NAN, "reference"), *rows], config=Config())
    return printout.verdicts(found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((50.0, 10.0, 90.0, "dearer"), "p costs 50 EUR (5.0%) more than stochastic: dearer."),
        ((-250.0, -400.0, -100.0, "cheaper"), "p costs 250 EUR (25.0%) less than stochastic: cheaper."),
        ((50.0, -10.0, 90.0, "undecided"), "p costs 50 EUR (5.0%) more than stochastic: undecided, the interval holds zero."),
        ((50.0, NAN, NAN, "undecided"), "p costs 50 EUR (5.0%) more than stochastic: undecided, too few items for an interval."),
        ((0.0, 0.0, 0.0, "undecided"), "p costs what stochastic costs."),
    ],
)
def test_one_case_is_said_in_money(given: tuple[float, float, float, str], sentence: str) -> None:
    assert said(row("p", *given)) == [sentence]


def test_of_several_cases_it_is_said_whether_all_say_the_same() -> None:
    (sentence,) = said(row("p", 5.0, 1.0, 9.0, "undecided"), row("p", 5.0, -1.0, 9.0, "undecided", seed=2))
    assert sentence.startswith("p and stochastic: undecided")
    (sentence,) = said(row("p", 5.0, 1.0, 9.0, "dearer"), row("p", 6.0, 2.0, 9.0, "dearer", seed=2))
    assert sentence.startswith("p is dearer than stochastic, whatever")


def test_costs_that_are_nothing_everywhere_have_no_column() -> None:
    nothing = dict.fromkeys(printout.COSTS, 0.0) | {"share_of_way": NAN}
    assert printout.costs_of([("a", nothing | {"total_cost": 1.0}), ("b", nothing | {"waste_cost": 2.0})]) == ("total_cost", "waste_cost")
    assert printout.costs_of([("a", {}), ("b", nothing | {"total_cost": 1.0, "share_of_way": 0.5})]) == ("total_cost", "share_of_way")


def test_more_policies_than_colours_are_told_apart() -> None:
    span = Span(date(2024, 1, 1), date(2024, 1, 1) + timedelta(days=4), 1)
    shown = [SimpleNamespace(policy=f"p{number}", span=span) for number in range(10)]
    drawn = page._nightly(shown, "t", "units", lambda _: np.ones(4))  # type: ignore[arg-type]
    assert len(set(re.findall(r'<polyline points="[^"]*" ([^/]*)/>', drawn))) == len(shown)
