"""Both gates on a real lake: nothing lost passes, one row lost from any of three tables stops the night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

import schemas
from jobs.config import Config
from jobs.errors import Blocked
from jobs.lake import Lake
from jobs.quality import landing_gate, publish_gate
from schemas.gold.forecasts import QUANTILES

NIGHT = date(2024, 5, 2)
DAY = date(2024, 5, 1)
SILVER: dict[str, Any] = {"drop_date": DAY, "known_from": DAY, "known_to": None, "deleted": False}


def rows(lake: Lake, table: str, *literal: dict[str, Any]) -> None:
    schema = schemas.TABLES[table].schema
    lake.write_arrow(table, pa.Table.from_pylist(list(literal), schema), None)


def sale(row: int, item: str = "i1", **more: Any) -> dict[str, Any]:
    sold = {"item_id": item, "location_id": "s1", "channel": "store", "sold_at": datetime(2024, 5, 1, 12, tzinfo=UTC), "units": Decimal(2)}
    return {**SILVER, "known_from": NIGHT, **sold, "date": DAY, "file": "sales/2024-05-01/a.csv", "row": row, **more}


def landed(feed: str, delivered: int, quarantined: int = 0, read_by: date = DAY) -> dict[str, Any]:
    name = f"{feed}/2024-05-01/a.csv"
    counts = {"delivered": delivered, "silver": delivered - quarantined, "quarantined": quarantined, "duplicate": 0}
    return {"file": name, "sha256": name, "feed": feed, "drop_date": DAY, "size": 1, **counts, "current": True, "read_by": read_by}


def order(**more: Any) -> dict[str, Any]:
    keys = {"business_date": NIGHT, "run_id": "r1", "order_id": "o1", "line": 1, "item_id": "i1", "source_id": "dc", "location_id": "s1"}
    amounts = dict.fromkeys(("units", "order_multiple", "expected_cost", "order_value", "scarcity_price"), Decimal(1))
    return {**keys, **amounts, "expected_on": NIGHT, "status": "proposed", "p_stockout": 0.1, **more}


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake as one night's ingest leaves it: two items, a store, four sales of which one is bad."""
    lake = Lake(str(tmp_path_factory.mktemp("gates") / "lake"), spark, "r1")
    lake.create_tables()
    rows(
        lake, "silver/items", *({**SILVER, "item_id": i, "file": "items/2024-05-01/a.csv", "row": n} for n, i in enumerate(("i1", "i2"), 1))
    )
    place = {"location_id": "s1", "kind": "store", "file": "locations/2024-05-01/a.csv", "row": 1}
    rows(lake, "silver/locations", {**SILVER, **place})
    # A withdrawal needs no more than its key, and no night sees it.
    withdrawn = {"units": None, "channel": None, "line_id": "l4", "deleted": True, "known_to": NIGHT}
    rows(lake, "silver/sales", sale(1), sale(2), sale(4, **withdrawn))
    bad = {"feed": "sales", "drop_date": DAY, "file": "sales/2024-05-01/a.csv", "row": 3, "rules": ["unknown_item"]}
    rows(lake, "ops/quarantine", {**bad, "values": [("item_id", "i9")]})
    rows(lake, "ops/files", landed("sales", 4, 1), landed("items", 2), landed("locations", 1))
    period = {"item_id": "i1", "location_id": "s1", "channel": "store", "period": DAY, "in_stock_fraction": 1.0, "month": DAY}
    known = {"units": Decimal(4), "demand": Decimal(4), "demand_std": Decimal(0), "demand_source": "observed"}
    rows(lake, "silver/demand", {**period, **known, "returns": Decimal(0), "sales_rows": 2, "known_from": NIGHT})
    quantiles = {name: float(n) for n, name in enumerate(QUANTILES)}
    keys = {"business_date": NIGHT, "run_id": "r1", "item_id": "i1", "location_id": "s1", "channel": "store", "target_date": NIGHT}
    rows(lake, "gold/forecasts", {**keys, **quantiles, "mean": 7.0, "p_zero": 0.1, "whole_units": True, "model_id": "m"})
    rows(lake, "gold/orders", order())
    return lake


@pytest.fixture
def restored(lake: Lake) -> Iterator[Lake]:
    """The same lake, put back as it was after the test."""
    before = {table: lake.version(table) for table in schemas.TABLES}
    yield lake
    for table, version in before.items():
        if lake.version(table) != version:
            DeltaTable(lake.location(table)).restore(version)


def results(lake: Lake) -> dict[tuple[str, str, str], bool]:
    found = lake.arrow("ops/quality_results").to_pylist()
    return {(r["gate"], r["table"], r["rule"]): r["passed"] for r in found}


#: One bad row of four is more than the usual fifth.
CONFIG = Config.model_validate({"landing": {"max_quarantined_share": 0.25}})


def test_a_sound_lake_passes_and_every_check_is_kept(spark: SparkSession, restored: Lake) -> None:
    landing_gate(spark, restored, CONFIG, NIGHT)
    landing_gate(spark, restored, CONFIG, NIGHT)

    found = results(restored)
    assert all(found.values())
    kept = restored.arrow("ops/quality_results").num_rows
    assert kept == len(found), "a gate that runs again replaces its results"
    assert ("reconcile", "demand", "not_reconciled") in found
    assert {("landing", "sales", c.name) for c in schemas.TABLES["silver/sales"].checks} <= set(found)


@pytest.mark.parametrize(
    ("table", "predicate", "feed"),
    [
        ("silver/sales", "row = 2", "sales"),
        ("ops/quarantine", "row = 3", "sales"),
        ("silver/demand", "sales_rows = 2", "demand"),
        ("silver/items", "item_id = 'i2'", "items"),
    ],
)
def test_one_lost_row_stops_the_night(spark: SparkSession, restored: Lake, table: str, predicate: str, feed: str) -> None:
    DeltaTable(restored.location(table)).delete(predicate)

    with pytest.raises(Blocked, match=rf"(?s){feed}: not_reconciled.*What to do") as stopped:
        landing_gate(spark, restored, CONFIG, NIGHT)

    assert stopped.value.exit_code == 3
    assert not results(restored)["reconcile", feed, "not_reconciled"]


def test_a_quarantined_share_stops_the_night_and_says_all(spark: SparkSession, restored: Lake) -> None:
    with pytest.raises(Blocked) as stopped:
        landing_gate(spark, restored, Config(), NIGHT)

    advice = (
        "correct the rows (ops/quarantine names each row and its rules) and deliver the file again under the same name; "
        "if they can be done without, run the night with a higher [landing] max_quarantined_share"
    )
    assert str(stopped.value).splitlines() == [
        "the night of 2024-05-02 is blocked by 1 check; nothing is published.",
        "- sales: quarantined_share_too_high: 1 of 4 rows. 1 of 4 new rows are in quarantine, more than 20%. Rules broken: unknown_item.",
        "    sales/2024-05-01/a.csv row 3: unknown_item",
        f"    What to do: {advice}",
        "What was read is kept, and earlier nights stay published. Every check of the night is in ops/quality_results.",
    ]


def test_a_bad_row_that_reached_silver_stops_the_night(spark: SparkSession, restored: Lake) -> None:
    DeltaTable(restored.location("silver/sales")).update({"units": "CAST(9999999 AS DECIMAL(18, 4))"}, predicate="row = 1")

    with pytest.raises(Blocked, match="sales: units_out_of_range: 1 of 3 rows"):
        landing_gate(spark, restored, CONFIG, NIGHT)


def test_what_is_published_must_hold(spark: SparkSession, restored: Lake) -> None:
    publish_gate(spark, restored, CONFIG, NIGHT)
    assert all(results(restored).values())

    other_run = replace(restored, run_id="r2")
    rows(restored, "gold/orders", order(run_id="r2", item_id="i9", units=Decimal(3), order_multiple=Decimal(2)))
    publish_gate(spark, restored, CONFIG, NIGHT)
    with pytest.raises(Blocked) as stopped:
        publish_gate(spark, other_run, CONFIG, NIGHT)

    assert "- orders: unknown_item: 1 of 1 rows" in str(stopped.value)
    assert "- orders: units_not_a_multiple: 1 of 1 rows" in str(stopped.value)
    assert '"order_id":"o1"' in str(stopped.value)


def test_no_file_in_the_lake_at_all(spark: SparkSession, tmp_path: Path) -> None:
    empty = Lake(str(tmp_path / "lake"), spark, "r1")
    empty.create_tables()

    with pytest.raises(Blocked, match=r"(?s)locations: feed_missing.*items: feed_missing.*sales: feed_missing"):
        landing_gate(spark, empty, CONFIG, NIGHT)
