"""A run's nights: history ends with what the simulation sold; series that only history knows may be ordered."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from jobs.forecast import here
from jobs.simulate import market, memory, span
from jobs.simulate.policies import POLICIES
from jobs.simulate.replay import Given, Run
from tests.jobs.features.lakes import history
from tests.jobs.simulate.small import BEGIN, CONFIG, FIRST, HISTORY, LAST, NIGHTS, chain

DAY = timedelta(days=1)


def test_two_nights_with_an_item_that_stopped_selling_long_before(tmp_path: Path) -> None:
    sold = history(2, 2, BEGIN, HISTORY + NIGHTS)
    # The second item sold for its last time 30 days before the first night.
    rows = [row for row in sold if row["item_id"] == "i0" or row["period"] < FIRST - 30 * DAY]
    lake = chain(tmp_path, items=2, stores=2, demand=rows, stock=[])
    first_drop = span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, FIRST, first_drop))
    replayed = market.replayed(lake, FIRST, LAST, "floor", 1)
    assert set(replayed.series["item_id"]) == {"i0"}
    run = Run(Given(lake, base, replayed, span.of(lake, CONFIG, FIRST, LAST), CONFIG, None, here.train, 28), POLICIES["stochastic"])
    for _ in range(2):
        run.step()
    at = run.progress
    known = pl.DataFrame(pl.from_arrow(at.known)).filter(pl.col("period") >= FIRST)
    assert sorted(set(known["period"])) == [FIRST, FIRST + DAY]
    # Nothing was in stock on the first night: nothing sold, and the history says that it was an empty shelf.
    first = known.filter(pl.col("period") == FIRST)
    assert first["units"].sum() == 0
    assert set(first["in_stock_fraction"]) == {0.0}
    assert set(first["demand_source"]) == {"floor"}
    ordered = {item for item, units in zip(run.places.pairs["item_id"], at.books.units["ordered"].sum(axis=0), strict=True) if units}
    assert ordered == {"i0", "i1"}
    assert at.books.units["wanted"][1].sum() > 0
    assert at.books.units["received"][1].sum() > 0
