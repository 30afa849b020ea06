"""The evaluation of a night that was put into the lake by hand: one item, one store, three days."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import schemas
from jobs.config import Config
from jobs.forecast.ranks import USUAL, PathRanks, to_table
from jobs.lake import FIRST_DAY, Lake
from jobs.publish.evaluate import main
from jobs.publish.hashes import table_hash
from schemas.gold.forecasts import QUANTILES

D = date(2024, 6, 12)
DAY = timedelta(1)
PAIR = {"item_id": "1", "location_id": "S"}
RUN = {"business_date": D, "run_id": "r1"}
SEEN = {"known_from": D, "deleted": False, "drop_date": D, "file": "f", "row": 1}
LINE = PAIR | RUN | {"source_id": "DC", "order_id": "o1", "order_multiple": Decimal(2), "expected_cost": Decimal(3)}


def fill(lake: Lake) -> None:
    """1 on hand, 4 a day, 6 ordered that arrive tomorrow; one row in quarantine."""
    line = {"arrives_on": D + DAY, "next_arrives_on": D + 2 * DAY, "on_hand": Decimal(1), "in_transit": Decimal(0)}
    costs = {"holding_cost": Decimal("0.01"), "shortage_cost": Decimal(2), "cost_of_nothing": Decimal(20)}
    beliefs = {"demand_until_arrival": 4.0, "demand_in_window": 4.0, "stock_at_arrival": 0.0, "fill_rate": 0.9, "binding": ""}
    tables: dict[str, list[dict[str, Any]]] = {
        "silver/items": [{"item_id": "1", "department": "dairy"} | SEEN],
        "silver/stock": [PAIR | SEEN | {"as_of": D - DAY, "on_hand": Decimal(1), "reserved": Decimal(0)}],
        "gold/forecasts": [
            PAIR | RUN | {"channel": "store", "target_date": D + n * DAY, "mean": 4.0} | dict.fromkeys(QUANTILES, 4.0) for n in range(3)
        ],
        "gold/orders": [LINE | {"line": 1, "units": Decimal(6), "expected_on": D + DAY, "order_value": Decimal(12), "status": "proposed"}],
        "gold/order_reasons": [LINE | line | costs | beliefs | {"units": Decimal(6)}],
        "ops/files": [{"file": "sales/a", "feed": "sales", "drop_date": FIRST_DAY, "current": True, "read_by": D, "quarantined": 1}],
        "ops/quarantine": [{"feed": "sales", "file": "sales/a", "row": 7, "rules": ["unknown_item"]}],
    }
    for table, rows in tables.items():
        lake.write_arrow(table, pa.Table.from_pylist(rows, schemas.TABLES[table].schema), None)


@pytest.fixture(autouse=True)
def paths(lake: Lake) -> None:
    """The forecast stage of every night says how its paths are drawn."""
    lake.write_arrow("gold/path_ranks", to_table(PathRanks(8, 1, USUAL), D, "r1"), None)


def test_a_night_is_evaluated_and_again(lake: Lake) -> None:
    fill(lake)
    main(lake.session, lake, Config(), D)
    projected = sorted(lake.arrow("gold/projections").to_pylist(), key=lambda r: r["date"])
    assert [(r["opening"], r["ordered"], r["lost"], r["closing"]) for r in projected] == [(1, 0, 3, 0), (0, 6, 0, 2), (2, 0, 2, 0)]
    kpi = lake.arrow("gold/kpis").to_pylist()[0]
    assert (kpi["department"], kpi["lines_ordered"], kpi["order_value"], kpi["served_in_window"]) == ("dairy", 1, Decimal(12), 3.6)
    found = lake.arrow("gold/exceptions").sort_by("rank").to_pylist()
    assert [(r["rank"], r["kind"], r["money"]) for r in found] == [(1, "lost_sales", Decimal("6.8")), (2, "quarantined_rows", 0)]
    assert lake.arrow("gold/accuracy").num_rows == 0

    tables = ("gold/projections", "gold/kpis", "gold/exceptions")
    before = [table_hash(lake, table, D, "r1") for table in tables]
    main(lake.session, lake, Config(), D)
    assert [table_hash(lake, table, D, "r1") for table in tables] == before


def test_a_night_with_nothing_to_plan(lake: Lake) -> None:
    main(lake.session, lake, Config(), D)
    for table in ("projections", "kpis", "exceptions", "accuracy"):
        assert lake.arrow(f"gold/{table}").num_rows == 0
