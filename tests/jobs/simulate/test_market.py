"""A landing's sales as a market: what is counted as unlike a simulation's, what demand is taken for, who is served first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from jobs.simulate import market
from jobs.simulate.places import Places
from tests.jobs.features.lakes import sale
from tests.jobs.simulate.small import FIRST, LAST, NIGHTS, chain

UNIT = 10_000
DAY = timedelta(days=1)


def test_gaps_and_items_that_vanish_are_counted_and_want_nothing(tmp_path: Path) -> None:
    known = [FIRST - n * DAY for n in range(1, 20)] + [FIRST, FIRST + 2 * DAY, FIRST + 3 * DAY]
    lake = chain(tmp_path, demand=[sale("i0", "S0", day, 4, 0.5 if day == FIRST else 1.0) for day in known])
    found = market.replayed(lake, FIRST, LAST, "floor", 1)
    assert found.counts == {"short": 1, "short_without_donor": 0, "gaps": 1, "vanished": 1, "silent_nights": NIGHTS - 3}
    assert [int(found.wanted(night)[0]) for night in range(5)] == [4 * UNIT, 0, 4 * UNIT, 4 * UNIT, 0]
    assert [bool(found.shown(night).open[0]) for night in range(5)] == [True, False, True, True, False]


def test_a_floor_wants_no_more_than_what_is_redrawn(tmp_path: Path) -> None:
    lake = chain(tmp_path)
    wanted = {name: market.replayed(lake, FIRST, LAST, name, 1).demand for name in ("floor", "recovered", "more")}
    assert (wanted["floor"] <= wanted["recovered"]).all()
    assert (wanted["recovered"] <= wanted["more"]).all()
    assert wanted["floor"].sum() < wanted["recovered"].sum() < wanted["more"].sum()
    assert all((units % UNIT == 0).all() for units in wanted.values()), "sold whole, wanted whole"


def test_channels_of_a_pair_are_served_in_order() -> None:
    series = pl.DataFrame(
        {"item_id": ["a", "a", "a", "b"], "location_id": ["S", "S", "T", "S"], "channel": ["online", "store", "store", "store"]}
    )
    places = Places.of(series, pl.DataFrame({"item_id": ["a"], "location_id": ["DC"]}))
    assert len(places) == 4
    wanted = np.array([3, 4, 5, 6])
    assert places.sums(wanted).tolist() == [0, 7, 5, 6]
    assert places.split(wanted, np.array([0, 5, 5, 1])).tolist() == [3, 2, 5, 1]
