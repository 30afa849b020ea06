"""A simulated night written as a landing folder: `nightfill nightly` on it publishes the orders that the simulation placed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jobs.forecast import here
from jobs.lake import Lake
from jobs.simulate import deciding, market, memory, span
from jobs.simulate.policies import POLICIES
from jobs.simulate.replay import Given, Run
from tests.builders import Landing
from tests.jobs.features.lakes import history
from tests.jobs.simulate.small import BEGIN, CONFIG, FIRST, HISTORY, LAST, NIGHTS, chain
from tests.simulated import nightly

pytestmark = pytest.mark.torture
PAIR = ["item_id", "location_id"]


@pytest.mark.parametrize(("coupled", "written"), [(False, (9,)), (True, (5,))])
def test_the_night_orders_what_the_simulation_ordered(
    spark, tmp_path: Path, coupled: bool, written: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nights of the simulation by their numbers; so small a chain is forecast by the baseline."""
    prices = [{"item_id": f"i{i}", "date": BEGIN, "unit_price": 2} for i in range(3)]
    lake = chain(tmp_path / "begin", prices=prices, demand=since_first_sales(), terms={"order_cost": 3} if coupled else None)
    first_drop = span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, FIRST, first_drop))
    sold = market.replayed(lake, FIRST, LAST, "recovered", 1)
    given = Given(lake, base, sold, span.of(lake, CONFIG, FIRST, LAST), CONFIG, None, here.train, 7)
    simulated, placed = Run(given, POLICIES["stochastic"]), []
    decide, compared = deciding.decide, 0
    monkeypatch.setattr(deciding, "decide", lambda *given: (placed.append(decide(*given)), placed[-1])[1])
    for number in range(max(written) + 1):
        before = simulated.seen(given.span.day(number))
        simulated.step()
        if number in written:
            folder = tmp_path / f"night{number}"
            day = given.span.day(number)
            landing = _landing(folder / "landing", before, day)
            orders = nightly(Lake(str(folder / "lake"), spark), CONFIG, landing.root, day, simulated)
            assert placed[-1].lines.select(orders.columns).equals(orders)
            compared += len(orders)
    assert compared >= 3 * len(written)


def since_first_sales() -> list[dict[str, Any]]:
    """History as ingest would leave it: nothing is known of a series before its first sale."""
    rows, begun = [], set()
    for row in sorted(history(3, 4, BEGIN, HISTORY + NIGHTS), key=lambda row: row["period"]):
        begun |= {(row["item_id"], row["location_id"])} if row["units"] else set()
        rows += [row] if (row["item_id"], row["location_id"]) in begun else []
    return rows


def _landing(root: Path, seen: memory.Memory, day: date) -> Landing:
    """All that the night sees, in one drop on its day."""

    def rows(table: str, *columns: str) -> pl.DataFrame:
        return pl.DataFrame(pl.from_arrow(seen.arrow_as_of(f"silver/{table}", day, columns)))

    demand = rows("demand", *PAIR, "channel", "period", "units", "price", "in_stock_fraction")
    feeds = {
        "items": rows("items", "item_id", "category", "department", "unit_cost", "unit_price", "shelf_life_days"),
        "locations": rows("locations", "location_id", "kind", "region"),
        "lanes": rows("lanes", "source_id", "location_id", "lead_time_days", "order_cost"),
        "prices": rows("prices", "item_id", "date", "unit_price"),
        "sales": demand.filter(pl.col("units") > 0).select(*PAIR, "channel", "units", sold_at="period", unit_price="price"),
        "availability": demand.select(*PAIR, "in_stock_fraction", date="period"),
        "inventory": rows("stock", *PAIR, "as_of", "on_hand", "expires_on"),
        "open_orders": rows("inbound", "order_id", *PAIR, "source_id", "units", "ordered_on", "expected_on"),
    }
    landing = Landing(root)
    return landing.drop(day.isoformat(), **{name: _text(table) for name, table in feeds.items()})


def _text(table: pl.DataFrame) -> list[dict[str, object]]:
    filled = [{name: "" if value is None else value for name, value in row.items()} for row in table.to_dicts()]
    return filled or []
