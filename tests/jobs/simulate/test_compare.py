"""Differences of policies: sure where every item says the same, not where one does; weeks drawn too where there are enough."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from jobs.simulate import compare, measures
from jobs.simulate.ledger import Ledger
from jobs.simulate.measures import Outcome
from jobs.simulate.span import Span

FIRST, FIXED = date(2024, 1, 1), 3


def outcome(cost: np.ndarray, items: list[int], left: float = 0.0) -> Outcome:
    """A policy whose holding cost a night is given; the nights before those that count cost a fortune."""
    nights = len(cost) + FIXED
    books = Ledger(nights, cost.shape[1])
    books.money["holding"][:FIXED], books.money["holding"][FIXED:] = 1e6, cost
    pairs = cost.shape[1]
    span = Span(FIRST, FIRST + timedelta(days=nights - 1), FIXED)
    return Outcome("p", "recovered", 1, span, books, np.full(pairs, left), np.array(items), {}, {})


def gap(cost: np.ndarray, items: list[int], left: float = 0.0) -> compare.Difference:
    chosen = np.ones(cost.shape[1], bool)
    return compare.difference(outcome(cost, items, left), outcome(np.zeros_like(cost), items), chosen, 1)


def test_what_all_items_say_is_sure_and_the_end_counts() -> None:
    found = gap(np.full((28, 24), 1.0), [n // 2 for n in range(24)], left=2.0)
    assert found.money == pytest.approx(28 * 24 + 24 * 2)
    assert (found.low, found.high) == (pytest.approx(found.money), pytest.approx(found.money))
    assert (found.items, found.blocks, found.verdict) == (12, 0, "dearer")


def test_what_one_item_says_is_not_sure() -> None:
    cost = np.zeros((28, 20))
    cost[:, 3] = -5.0
    found = gap(cost, list(range(20)))
    assert (found.money, found.high, found.verdict) == (-140.0, 0.0, "undecided")


def test_what_one_week_says_is_not_sure_where_there_are_weeks_enough() -> None:
    cost = np.zeros((9 * 7, 20))
    cost[7:14] = 1.0
    found = gap(cost, list(range(20)))
    assert (found.blocks, found.low, found.verdict) == (9, 0.0, "undecided")
    few = gap(cost[: 5 * 7], list(range(20)))
    assert (few.blocks, few.verdict) == (0, "dearer")


def test_few_items_have_no_interval() -> None:
    found = gap(np.full((28, 9), 1.0), list(range(9)))
    assert np.isnan(found.low)
    assert found.verdict == "undecided"


def test_the_standard_error_is_that_of_sums_of_items() -> None:
    rng = np.random.default_rng(1)
    cost = rng.normal(1.0, 1.0, (1, 400)).repeat(28, axis=0) / 28
    found = gap(cost, list(range(400)))
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(cost.sum(axis=0).std() * 20, rel=0.08)


def test_a_ranking_that_flips_is_undecided() -> None:
    assert compare.settled(["dearer", "dearer"]) == "dearer"
    assert compare.settled(["dearer", "cheaper"]) == "undecided"
    assert compare.settled(["dearer", "undecided"]) == "undecided"


def test_measures_by_hand() -> None:
    """Two nights of one place: orders 4 and 2, wanted 3 and 5, sold 3 and 3, one wasted."""
    found = outcome(np.array([[1.0], [2.0]]), [0])
    unit = 10_000
    for name, values in {"ordered": (4, 2), "wanted": (3, 5), "sold": (3, 3), "wasted": (0, 1), "closing": (2, 0)}.items():
        found.books.units[name][FIXED:, 0] = np.array(values) * unit
    found.books.money["value"][FIXED:, 0] = (6.0, 0.0)
    found.books.open[FIXED:] = True
    row = measures.of(found, np.array([True]))
    assert (row["total_cost"], row["fill_rate"], row["availability"], row["lost"]) == (3.0, 0.75, 0.5, 2.0)
    assert row["waste_share"] == pytest.approx(1 / 7)
    assert row["order_variability"] == pytest.approx(1.0)
    assert row["nervousness"] == pytest.approx(2 / 2)
    # Six sold at 3 in two nights, a mean stock worth 3.
    assert row["turns"] == pytest.approx(18 / 2 * 365 / 3)
