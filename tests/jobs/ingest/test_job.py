import gc
import json
import os
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from py4j.java_gateway import JavaObject

import schemas
from jobs.config import Config
from jobs.config import Landing as LandingConfig
from jobs.ingest import job
from jobs.ingest.counter import count_records
from jobs.ingest.feed import FeedJob
from jobs.ingest.report import Report
from jobs.lake import Lake
from tests.builders import Landing

D1, D2, D3 = date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)
FRACTION = {"item_id": "001", "location_id": "S1", "date": "2024-04-30"}
ORDER = {"item_id": "001", "source_id": "DC", "location_id": "S1", "units": 5, "ordered_on": "2024-04-30", "expected_on": "2024-05-09"}
SALE = {"item_id": "001", "location_id": "S1", "sold_at": "2024-04-30", "units": 1}
PRICE = {"item_id": "001", "date": "2024-05-01", "unit_price": 2}
SILVER = [feed.silver().path for feed in schemas.FEEDS.values()]


def ingest(lake: Lake, landing: Landing, day: date, config: Config | None = None) -> Report:
    return job.main(lake.session, lake, config or Config(), day, str(landing.root))


def seen(lake: Lake, table: str, night: date, *columns: str) -> list[tuple[Any, ...]]:
    """What a night sees of a silver table, in order."""
    rows = lake.arrow(f"silver/{table}").to_pylist()
    rows = [r for r in rows if r["known_from"] <= night and (r["known_to"] is None or r["known_to"] > night)]
    return sorted(tuple(str(r[c]) for c in columns) for r in rows)


def state(lake: Lake, tables: Iterable[str] = (*SILVER, "ops/quarantine")) -> dict[str, list[str]]:
    """All rows, whatever their order."""
    return {t: sorted(json.dumps(r, default=str) for r in lake.arrow(t).to_pylist()) for t in tables}


def assert_reconciled(lake: Lake, landing: Landing) -> None:
    """Every record delivered is in silver, in quarantine, or left out as a duplicate; and ops/files says so."""
    silver = Counter(f for t in SILVER for f in lake.arrow(t, ["file"])["file"].to_pylist())
    bad = Counter(lake.arrow("ops/quarantine", ["file"])["file"].to_pylist())
    for r in lake.arrow("ops/files").to_pylist():
        if r["current"]:
            file = r["file"]
            assert (r["silver"], r["quarantined"]) == (silver[file], bad[file]), file
            assert r["delivered"] == r["silver"] + r["quarantined"] + r["duplicate"], file
            if not r["defect"]:
                assert r["delivered"] == count_records(str(landing.root / file))


def first_drop(root: Path) -> Landing:
    landing = Landing(root).masters("2024-05-01")
    landing.drop("2024-05-01", availability=[FRACTION | {"in_stock_fraction": 0.5}], open_orders=[ORDER | {"order_id": "o1"}])
    return landing.drop("2024-05-01", sales=[SALE | {"line_id": "1"}, SALE], prices=[PRICE])


def second_drop(landing: Landing) -> Landing:
    """Corrections, a withdrawal, a snapshot without rows, a row replaced within its drop, a duplicate."""
    landing.drop("2024-05-02", kind="parquet", availability=[FRACTION | {"in_stock_fraction": 0.7}, FRACTION | {"in_stock_fraction": 0.8}])
    landing.drop("2024-05-02", open_orders=[], prices=[PRICE | {"unit_price": "", "deleted": "true"}])
    landing.drop("2024-05-02", sales=[SALE | {"line_id": "1", "units": 7}, SALE])
    return landing.drop("2024-05-02", name="again", sales=[SALE | {"line_id": "1"}, SALE])


def third_drop(landing: Landing) -> Landing:
    landing.drop("2024-05-03", availability=[FRACTION | {"in_stock_fraction": 0.9}], open_orders=[ORDER | {"order_id": "o3"}])
    return landing.drop("2024-05-03", sales=[SALE | {"line_id": "1", "item_id": "", "sold_at": "", "units": "", "deleted": 1}])


def test_each_night_sees_what_was_known_whatever_the_order_of_drops(lake: Lake, tmp_path: Path) -> None:
    landing = third_drop(second_drop(first_drop(tmp_path / "landing")))
    for day in (D1, D2, D3):
        ingest(lake, landing, day)
    nights = [[fraction for (fraction,) in seen(lake, "availability", d, "in_stock_fraction")] for d in (D1, D2, D3)]
    assert nights == [["0.5"], ["0.8"], ["0.9"]]
    assert [seen(lake, "inbound", d, "order_id") for d in (D1, D2, D3)] == [[("o1",)], [], [("o3",)]]
    assert [len(seen(lake, "prices", d, "unit_price")) for d in (D1, D2, D3)] == [1, 0, 0]
    # Line 1 is corrected, then withdrawn; each row without a line counts, but not that of the repeated file.
    assert [seen(lake, "sales", d, "units") for d in (D1, D2, D3)] == [
        [("1.0000",), ("1.0000",)],
        [("1.0000",), ("1.0000",), ("7.0000",)],
        [("1.0000",), ("1.0000",)],
    ]
    assert_reconciled(lake, landing)
    assert sum(lake.arrow("ops/files", ["duplicate"])["duplicate"].to_pylist()) == 1
    # The same drops, arriving the other way round.
    other = Lake(str(tmp_path / "other"), lake.session, "r1")
    other.create_tables()
    later = Landing(tmp_path / "landing2").masters("2024-05-01")
    for fill in (third_drop, second_drop, lambda _: first_drop(later.root)):
        fill(later)
        report = ingest(other, later, D3)
    assert "sales/2024-05-01/part-0.csv" in report.late
    assert state(other) == state(lake)


def test_nothing_is_read_twice_and_a_changed_file_replaces_its_rows(lake: Lake, tmp_path: Path) -> None:
    landing = second_drop(first_drop(tmp_path / "landing"))
    assert len(ingest(lake, landing, D2).new) == 11
    before = {t: lake.version(t) for t in schemas.TABLES}
    assert ingest(lake, landing, D2).new == ()
    assert {t: lake.version(t) for t in schemas.TABLES} == before
    # The correction of May 2nd becomes one of another day, and one row of the sales goes bad.
    changed = [FRACTION | {"date": "2024-05-01", "in_stock_fraction": 0.1}]
    landing.drop("2024-05-02", kind="parquet", availability=changed).drop("2024-05-02", sales=[SALE | {"units": "many"}])
    landing.file("open_orders/2024-05-02/part-0.csv", "")
    report = ingest(lake, landing, D2)
    assert report.changed == (
        "availability/2024-05-02/part-0.parquet",
        "open_orders/2024-05-02/part-0.csv",
        "sales/2024-05-02/part-0.csv",
    )
    assert report.defective == {"open_orders/2024-05-02/part-0.csv": "empty_file"}
    assert seen(lake, "availability", D2, "date", "in_stock_fraction") == [("2024-04-30", "0.5"), ("2024-05-01", "0.1")]
    assert seen(lake, "inbound", D2, "order_id") == [("o1",)]
    assert seen(lake, "sales", D2, "line_id", "units") == [("1", "1.0000"), ("None", "1.0000")]
    assert [r["rules"] for r in lake.arrow("ops/quarantine").to_pylist()] == [["units_wrong_type"]]
    assert {r["current"] for r in lake.arrow("ops/files").to_pylist() if r["file"] == report.changed[0]} == {True, False}
    bronze = lake.arrow("bronze/sales", ["file", "units"]).to_pylist()
    assert [r["units"] for r in bronze if r["file"] == report.changed[2]] == ["many"]
    assert_reconciled(lake, landing)
    fresh = Lake(str(tmp_path / "fresh"), lake.session, "r1")
    fresh.create_tables()
    ingest(fresh, landing, D2)
    assert state(fresh) == state(lake)


@pytest.mark.parametrize("small", [True, False], ids=["driver", "spark"])
def test_a_run_that_dies_half_way_is_made_good(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bool) -> None:
    if not small:
        monkeypatch.setattr(FeedJob, "large", property(lambda feed_job: feed_job.feed.name in ("availability", "sales")))
        monkeypatch.setattr(FeedJob, "spread", property(lambda feed_job: feed_job.feed.name == "sales"))
    landing = first_drop(tmp_path / "landing")
    ingest(lake, landing, D1)
    second_drop(landing)
    with monkeypatch.context() as broken:
        broken.setattr("jobs.ingest.job.write_records", _die)
        with pytest.raises(KeyboardInterrupt):
            ingest(lake, landing, D2)
    # Between the two runs a file came in anew with another content.
    landing.drop("2024-05-02", kind="parquet", availability=[FRACTION | {"date": "2024-05-01", "in_stock_fraction": 0.2}])
    ingest(lake, landing, D2)
    assert_reconciled(lake, landing)
    monkeypatch.undo()
    whole = Lake(str(tmp_path / "whole"), lake.session, "r1")
    whole.create_tables()
    ingest(whole, landing, D2)
    assert state(whole) == state(lake)


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_is_odd_in_the_landing_folder_is_reported(lake: Lake, tmp_path: Path) -> None:
    landing = Landing(tmp_path / "landing").masters(None)
    landing.drop("2024-05-01", sales=[SALE | {"email": "x@y", "units": "?"}, SALE | {"email": "z@y"}], name="it's 50%")
    landing.file("weather/a.csv", "x").file("prices/2024-05-01/a.parquet", "PAR1")
    landing.file("calendar/2024-05-01/a.csv", "date;event\n2024-05-01;x\n")
    report = ingest(lake, landing, D1)
    assert report.unknown_feeds == ("weather",)
    assert report.extra_columns == {"calendar": ("date;event",), "sales": ("email",)}
    assert report.defective == {"calendar/2024-05-01/a.csv": "missing_column", "prices/2024-05-01/a.parquet": "unreadable"}
    assert "open_orders" in report.missing_feeds
    assert_reconciled(lake, landing)
    # Customer data stays in bronze, and not even there where config drops it.
    everything = "".join(json.dumps(state(lake, [t for t in schemas.TABLES if not t.startswith("bronze/")])))
    assert "x@y" not in everything
    assert lake.arrow("bronze/sales", ["extra"])["extra"].to_pylist() == [[("email", "x@y")], [("email", "z@y")]]
    os.utime(landing.root / "sales/2024-05-01/it's 50%.csv")
    landing.drop("2024-05-02", sales=[SALE | {"email": "x@y"}])
    report = ingest(lake, landing, D2, Config(landing=LandingConfig(drop_columns=("EMAIL",))))
    assert report.new == ("sales/2024-05-02/part-0.csv",)
    assert report.extra_columns == {}
    assert [r["extra"] for r in lake.arrow("bronze/sales").to_pylist() if r["file"] == report.new[0]] == [None]


def test_no_rows_stay_in_sparks_memory(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.ingest.feed._FEW", 0)
    gc.collect()
    before = held()
    gc.disable()
    try:
        ingest(lake, first_drop(tmp_path), D1)
        assert held() < before + 100, "956 more without collecting"
    finally:
        gc.enable()


def held() -> int:
    """Objects of Spark's Java that Python still refers to, in cycles too."""
    return sum(isinstance(known, JavaObject) for known in gc.get_objects())
