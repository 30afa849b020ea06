"""Paths that somebody else drew take the place of those drawn from the forecasts, also beyond the horizon."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.forecast.ranks import USUAL, GivenPaths
from jobs.plan import demand
from tests.jobs.plan.small import forecast, night, table

#: [series, steps, paths], series in key order: the first channel of S1 is `online`.
UNITS = np.arange(3 * 8 * 2, dtype=np.int32).reshape(3, 8, 2)


def rows(steps: int = 8) -> list:
    """Out of key order, and with means that have nothing to do with the paths."""
    means = [5.0] * steps
    return [*forecast("A", "S2", means), *forecast("A", "S1", means), *forecast("A", "S1", means, channel="online")]


def test_units_are_the_paths_that_are_given() -> None:
    given = demand.read(table("gold/forecasts", rows()), night(ranks=GivenPaths(2, 1, USUAL, units=UNITS)))
    assert given.paths == 2
    assert given.pairs["location_id"].to_list() == ["S1", "S2"]
    first, series = (given.pairs[name].to_numpy() for name in ("first", "series"))
    assert given.of_pairs(first, series, 3).tolist() == [(UNITS[0, 3] + UNITS[1, 3]).tolist(), UNITS[2, 3].tolist()]
    # Beyond the horizon its last week repeats.
    assert given.of_pairs(first, series, 8).tolist() == given.of_pairs(first, series, 1).tolist()
    assert given.mean_of_pairs(first, series, range(2)).tolist() == [20.0, 10.0]


def test_paths_of_other_series_or_periods_are_refused() -> None:
    with pytest.raises(AssertionError, match="other series or periods"):
        demand.read(table("gold/forecasts", rows(7)), night(ranks=GivenPaths(2, 1, USUAL, units=UNITS)))
