"""A run's nights: history ends with what the simulation sold; series that only history knows may be ordered."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from jobs.forecast import here
from jobs.simulate import market, memory, span
from jobs.simulate.ablations import KNOWN
from jobs.simulate.policies import POLICIES
from jobs.simulate.replay import Given, Run
from tests.jobs.features.lakes import history, sale
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


def test_fenced_channels_keep_what_is_theirs(tmp_path: Path) -> None:
    """Three units of whole goods on hand, online sells a third: one is its own, though the store's customers want five."""
    nights = [BEGIN + n * DAY for n in range(HISTORY + NIGHTS)]
    rows = [sale("i0", "S0", day, units) | {"channel": name} for day in nights for name, units in (("online", 2), ("store", 4))]
    eve = FIRST - DAY
    lake = chain(tmp_path, items=1, stores=1, demand=rows, stock=[{"item_id": "i0", "location_id": "S0", "as_of": eve, "on_hand": 3}])
    base = memory.masters_of(lake, span.first_drop(lake)).having(demand=memory.history(lake, FIRST, FIRST))
    replayed = market.replayed(lake, FIRST, LAST, "floor", 1)
    given = Given(lake, base, replayed, span.of(lake, CONFIG, FIRST, LAST), CONFIG, None, here.train, 28)
    sold = {}
    for policy in ("stochastic", "fenced"):
        run = Run(given, KNOWN[policy])
        run.step()
        known = pl.DataFrame(pl.from_arrow(run.progress.known)).filter(pl.col("period") == FIRST).sort("channel")
        sold[policy] = known["units"].cast(float).to_list()
        assert run.progress.books.imbalance(run.progress.begun, run.progress.state) == 0
    assert sold == {"stochastic": [2.0, 1.0], "fenced": [1.0, 2.0]}
