"""What a booster is fitted with."""

from __future__ import annotations

import pytest

from jobs.config import Config, Training
from jobs.forecast.boosting import parameters


@pytest.mark.parametrize(("rows", "depth"), [(None, 7), (500, 5), (95_000, 5), (100_000, 6), (191_000, 6), (193_000, 7), (10**7, 7)])
def test_trees_are_as_deep_as_the_rows_allow(rows: int | None, depth: int) -> None:
    assert parameters(Config(), rows)["max_depth"] == depth


def test_trees_are_no_deeper_than_configured() -> None:
    assert parameters(Config(training=Training(max_depth=3)), 10**6)["max_depth"] == 3
