from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

import schemas
from jobs.ingest.judgement import Standards, judge_rows
from jobs.ingest.masters import Masters
from jobs.session import light
from schemas.table import Feed

DROP = date(2024, 5, 2)
SPAN = "id string, known_from date, known_to date"
SALE = {"item_id": "001", "location_id": "S1", "sold_at": "2024-05-01", "units": "1"}


@pytest.fixture(scope="module")
def spark(spark: SparkSession) -> SparkSession:
    """The session in which a night judges small feeds."""
    return light(spark)


@pytest.fixture(scope="module")
def standards(spark: SparkSession) -> Standards:
    """Item 002 is known from May 2nd, 003 was withdrawn on it; S2 moved from Berlin to New York."""
    items = [("001", date(1, 1, 1), None), ("002", DROP, None), ("003", date(1, 1, 1), DROP)]
    places = [
        ("S1", date(1, 1, 1), None, "store", "Europe/Berlin"),
        ("S2", date(1, 1, 1), DROP, "store", "Europe/Berlin"),
        ("S2", DROP, None, "store", "America/New_York"),
        ("W1", date(1, 1, 1), None, "online", None),
    ]
    masters = Masters(
        {
            "items": spark.createDataFrame(items, SPAN),
            "locations": spark.createDataFrame([(p, date(1, 1, 1), None) for p in ("S1", "S2", "W1")], SPAN),
        },
        spark.createDataFrame(places, "id string, since date, until date, kind string, timezone string"),
    )
    return Standards(masters, "Asia/Tokyo", "utc", date(2024, 6, 1), frozenset({"Europe/Berlin", "UTC"}))


def judged(spark: SparkSession, feed: str, rows: Sequence[dict[str, Any]], standards: Standards) -> list[dict[str, Any]]:
    """Rows of text (``drop`` and ``defect`` aside) as ingest judges them, in the same order."""
    table = schemas.FEEDS[feed].bronze()
    records = []
    for number, row in enumerate(rows):
        text = {Feed.bronze_name(k): v for k, v in row.items() if k != "drop"}
        records.append(text | {"business_date": row.get("drop", DROP), "file": "f", "row": number})
    frame = spark.createDataFrame(pa.Table.from_pylist(records, table.schema))
    return sorted(judge_rows(frame, schemas.FEEDS[feed], standards).toArrow().to_pylist(), key=lambda r: r["row"])


RULES: list[tuple[str, dict[str, str | None], list[str]]] = [
    # a good row
    ("sales", {}, []),
    # text that is no number, not finite, or absurd
    ("sales", {"units": "x"}, ["units_wrong_type"]),
    ("sales", {"units": "1,5"}, ["units_wrong_type"]),
    ("sales", {"units": ""}, ["units_missing"]),
    ("sales", {"units": "nan"}, ["units_not_finite"]),
    ("sales", {"units": "-Inf"}, ["units_not_finite"]),
    ("sales", {"units": "1e30"}, ["units_out_of_range"]),
    ("sales", {"units": "1000001"}, ["units_out_of_range"]),
    ("sales", {"unit_price": "-1"}, ["unit_price_out_of_range"]),
    # dates that are none, before any history, and ahead of their drop
    ("sales", {"sold_at": "01.05.2024"}, ["sold_at_unparseable_date"]),
    ("sales", {"sold_at": "2024-02-30"}, ["sold_at_unparseable_date"]),
    ("sales", {"sold_at": "2024-05-01 25:00"}, ["sold_at_unparseable_date"]),
    ("sales", {"sold_at": "1899-12-31"}, ["date_out_of_range"]),
    ("sales", {"sold_at": "2024-05-04"}, ["future_date"]),
    ("sales", {"sold_at": "2024-05-03"}, []),
    # references as known on the first night that sees the row
    ("sales", {"item_id": "999"}, ["unknown_item"]),
    ("sales", {"item_id": "1"}, ["unknown_item"]),
    ("sales", {"item_id": "002"}, []),
    ("sales", {"item_id": "003"}, ["unknown_item"]),
    ("sales", {"location_id": "S9"}, ["unknown_location"]),
    # every rule is named
    ("sales", {"item_id": "9", "location_id": "9", "units": "x", "sold_at": "?"}, [
        "sold_at_unparseable_date", "units_wrong_type", "unknown_item", "unknown_location"]),
    # what the reader has found
    ("sales", {"units": None, "defect": "short_record"}, ["short_record"]),
    # a withdrawal needs its key alone
    ("sales", {"line_id": "7", "units": "", "sold_at": "", "item_id": "", "deleted": "true"}, []),
    ("sales", {"units": "", "deleted": "true"}, ["line_id_missing"]),
    ("sales", {"deleted": "perhaps"}, ["deleted_wrong_type"]),
    ("availability", {"date": "2024-05-01", "in_stock_fraction": "inf"}, ["in_stock_fraction_not_finite"]),
    ("availability", {"date": "2024-05-01", "in_stock_fraction": "1d"}, ["in_stock_fraction_wrong_type"]),
    ("availability", {"date": "2024-05-01", "in_stock_fraction": "1.01"}, ["in_stock_fraction_out_of_range"]),
    ("availability", {"date": "20240501", "in_stock_fraction": "1"}, ["date_unparseable_date"]),
    ("availability", {"date": "2024-05-01", "in_stock_fraction": "1", "out_of_stock_hours": "9, 10,23"}, []),
    ("availability", {"date": "2024-05-01", "in_stock_fraction": "1", "out_of_stock_hours": "18-21"}, ["out_of_stock_hours_malformed"]),
    ("availability", {"date": "2024-05-01", "in_stock_fraction": "1", "out_of_stock_hours": "24"}, ["out_of_stock_hours_malformed"]),
    ("availability", {"date": "2024-05-01T00:00:00+02:00", "in_stock_fraction": ".5"}, []),
    ("lanes", {"source_id": "S2", "lead_time_days": "400"}, ["lead_time_days_out_of_range"]),
    ("lanes", {"source_id": "S2", "lead_time_days": "1.5"}, ["lead_time_days_wrong_type"]),
    ("lanes", {"source_id": "S2", "lead_time_days": "2.0", "order_days": "mon,funday"}, ["order_days_malformed"]),
    ("lanes", {"source_id": "S1", "lead_time_days": "0"}, ["lane_to_itself"]),
    ("lanes", {"source_id": "nowhere", "lead_time_days": "99999999999999"}, ["lead_time_days_out_of_range", "unknown_source"]),
    ("locations", {"kind": "kiosk", "timezone": "Mars/Base"}, ["kind_not_allowed", "timezone_not_allowed"]),
    ("locations", {"kind": "store", "timezone": "Factory"}, ["timezone_not_allowed"]),
]  # fmt: skip


def test_every_rule_that_a_row_breaks_is_named(spark: SparkSession, standards: Standards) -> None:
    for feed in dict.fromkeys(f for f, _, _ in RULES):
        cases = [(SALE | change, rules) for f, change, rules in RULES if f == feed]
        rows = [{k: v for k, v in row.items() if k in {*schemas.FEEDS[feed].column_names, "deleted", "defect"}} for row, _ in cases]
        result = judged(spark, feed, rows, standards)
        assert [(row, sorted(r["rules"])) for row, r in zip(rows, result, strict=True)] == [
            (row, sorted(rules)) for row, (_, rules) in zip(rows, cases, strict=True)
        ]
        for row, r in zip(rows, result, strict=True):
            declared = {k: v for k, v in row.items() if k != "defect" and v is not None}
            assert dict(r["values"] or {}) == (declared if r["rules"] else {})


def moment(row: dict[str, Any]) -> tuple[datetime, date]:
    return row["sold_at"], row["date"]


def test_moments_of_sales(spark: SparkSession, standards: Standards) -> None:
    texts = ["2024-05-01T23:30:00Z", "2024-05-01 23:30", "2024-05-01T01:30:00.123456789+0900", "2024-05-01T23:30+02:00", "2024-05-01"]
    utc = [moment(r) for r in judged(spark, "sales", [SALE | {"sold_at": t} for t in texts], standards)]
    late = datetime(2024, 5, 1, 23, 30, tzinfo=UTC)
    assert utc == [
        (late, date(2024, 5, 2)),
        (late, date(2024, 5, 2)),
        (datetime(2024, 4, 30, 16, 30, 0, 123456, tzinfo=UTC), date(2024, 4, 30)),
        (datetime(2024, 5, 1, 21, 30, tzinfo=UTC), date(2024, 5, 1)),
        (datetime(2024, 4, 30, 22, tzinfo=UTC), date(2024, 5, 1)),
    ]
    local = Standards(standards.masters, "Asia/Tokyo", "local", standards.undated_until)
    assert moment(judged(spark, "sales", [SALE | {"sold_at": texts[1]}], local)[0]) == utc[3]


def test_zone_and_channel_follow_the_location_as_known(spark: SparkSession, standards: Standards) -> None:
    first = date(2024, 5, 1)
    rows = [
        SALE | {"location_id": "S2", "sold_at": "2024-04-30 23:00", "drop": first},  # Berlin then
        SALE | {"location_id": "S2", "sold_at": "2024-05-01 03:00"},  # New York now
        SALE | {"location_id": "W1", "sold_at": "2024-04-30 16:00"},  # no zone: config's
        SALE | {"location_id": "W1", "channel": "app"},
    ]
    result = judged(spark, "sales", rows, standards)
    assert [r["date"] for r in result] == [date(2024, 5, 1), date(2024, 4, 30), date(2024, 5, 1), date(2024, 5, 1)]
    assert [r["channel"] for r in result] == ["store", "store", "online", "app"]
    assert [r["known_from"] for r in result] == [DROP, DROP, DROP, DROP]


def test_values_take_the_contract_types(spark: SparkSession, standards: Standards) -> None:
    row = judged(spark, "sales", [SALE | {"item_id": " 001 ", "units": "-1.00005", "unit_price": "1e-2"}], standards)[0]
    assert (row["item_id"], row["units"], row["unit_price"]) == ("001", Decimal("-1.0001"), Decimal("0.0100"))
    stock = {"item_id": "001", "location_id": "S1", "as_of": "2024-05-01 00:00:00", "on_hand": "3.50"}
    row = judged(spark, "inventory", [stock], standards)[0]
    assert (row["as_of"], row["reserved"], row["expires_on"]) == (date(2024, 5, 1), Decimal("0.0000"), None)
    override = {"item_id": "001", "location_id": "S1", "business_date": "2024-05-03", "units": "3", "reason": "fair"}
    row = judged(spark, "overrides", [override], standards)[0]
    assert (row["business_date"], row["drop_date"], row["rules"]) == (date(2024, 5, 3), DROP, [])


def test_events_outside_dated_folders_are_judged_by_when_they_came(spark: SparkSession, standards: Standards) -> None:
    undated = date(1, 1, 1)
    rows = [SALE | {"sold_at": t, "drop": undated} for t in ("2024-05-01", "2024-06-02", "2024-06-03")]
    result = judged(spark, "sales", rows, standards)
    assert [(r["known_from"], r["rules"]) for r in result] == [
        (date(2024, 5, 2), []),
        (date(2024, 6, 3), []),
        (date(2024, 6, 4), ["future_date"]),
    ]
