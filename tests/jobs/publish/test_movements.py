"""Stock, transit, orders and demand of a shard as movements."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

import schemas
from jobs.config import Config
from jobs.plan.night import Night
from jobs.publish.movements import move, split
from jobs.publish.projections import project

D = date(2024, 6, 12)
DAY = timedelta(1)
KEY = {"item_id": "1", "location_id": "S"}
#: Type of each column as the tables bring it.
TYPES = {"target_date": pa.date32(), "mean": pa.float64(), "table": pa.string(), "business_date": pa.date32()}


def rows(*given: dict[str, Any]) -> pa.Table:
    """The union of the tables' rows, as Spark gives it to a shard: all columns, null where a table has none."""
    fields = {f.name: f.type for name in ("stock", "sales", "receipts", "inbound") for f in schemas.TABLES[f"silver/{name}"].schema}
    wanted = ["table", "item_id", "location_id", "target_date", "mean", "expected_on", "units", "as_of", "on_hand", "reserved"]
    wanted += ["expires_on", "date", "source_id", "order_id", "received_on", "ordered_on", "business_date"]
    return pa.Table.from_pylist([KEY | row for row in given], pa.schema([(n, (fields | TYPES)[n]) for n in wanted]))


NIGHT = Night(D, Config(), np.zeros((1, 1)), schemas.TABLES["silver/locations"].schema.empty_table())


def test_a_shelf_on_its_way() -> None:
    """5 counted two days ago, 2 sold since; 6 under way, due yesterday; 4 ordered tonight; two channels."""
    given = rows(
        {"table": "forecasts", "target_date": D, "mean": 1.5},
        {"table": "forecasts", "target_date": D, "mean": 0.5},
        {"table": "stock", "as_of": D - 2 * DAY, "on_hand": Decimal(5), "reserved": Decimal(0)},
        {"table": "sales", "date": D - DAY, "units": Decimal(2)},
        {
            "table": "inbound",
            "order_id": "o",
            "source_id": "DC",
            "ordered_on": D - 3 * DAY,
            "expected_on": D + DAY,
            "units": Decimal(6),
        },
        {"table": "orders", "expected_on": D + DAY, "units": Decimal(4)},
        {"table": "stock", "location_id": "T", "as_of": D - DAY, "on_hand": Decimal(9), "reserved": Decimal(0)},  # no forecast
    )
    found = sorted((r["location_id"], r["kind"], r["date"], r["units"]) for r in move(split(given), NIGHT).to_pylist())
    assert found == [
        ("S", "arrival", D + DAY, 6.0),
        ("S", "demand", D, 0.5),
        ("S", "demand", D, 1.5),
        ("S", "order", D + DAY, 4.0),
        ("S", "stock", D, 3.0),
    ]


def test_a_published_order_is_under_way() -> None:
    """Without open orders, what an earlier night ordered is in transit until it is due."""
    given = rows(
        {"table": "forecasts", "target_date": D, "mean": 1.0},
        {"table": "published", "business_date": D - DAY, "order_id": "o", "source_id": "DC", "expected_on": D, "units": Decimal(3)},
    )
    assert [r["units"] for r in move(split(given), NIGHT).to_pylist() if r["kind"] == "arrival"] == [3.0]


def test_an_empty_shard() -> None:
    assert move(split(rows()), NIGHT).num_rows == 0


def test_an_order_to_a_centre_moves_no_shelf() -> None:
    """A DC without customers of its own has no forecast, so no projection; one with them gets its order."""
    to_centre = {"table": "orders", "location_id": "DC", "expected_on": D + DAY, "units": Decimal(40)}
    selling = {"table": "forecasts", "location_id": "DC", "target_date": D, "mean": 2.0}
    alone = project(move(split(rows({"table": "forecasts", "target_date": D, "mean": 1.0}, to_centre)), NIGHT), [D, D + DAY])
    assert set(alone["location_id"].to_pylist()) == {"S"}
    both = project(move(split(rows(selling, to_centre)), NIGHT), [D, D + DAY])
    assert both["ordered"].to_pylist() == [0, 40]
