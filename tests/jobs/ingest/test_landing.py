from datetime import date
from pathlib import Path

from jobs.ingest.landing import discover, latest_drop
from jobs.lake import FIRST_DAY
from tests.builders import Landing

SALE = {"item_id": "001", "location_id": "S1", "sold_at": "2024-04-30", "units": "1"}


def test_missing_landing_folder_is_one_without_feeds(tmp_path: Path) -> None:
    landed = discover(tmp_path / "nowhere")
    assert landed.files == ()
    assert "sales" in landed.missing_feeds
    assert latest_drop(landed) is None


def test_dated_and_undated_files(tmp_path: Path) -> None:
    landing = Landing(tmp_path).drop("2024-05-01", sales=[SALE]).drop(None, prices=[]).file("sales/2024-05-02/more/a.csv", "x")
    landing.file("items/history/2023/a.csv", "x")
    landed = discover(landing.root)
    assert [(f.feed, f.drop_date, f.file) for f in landed.files] == [
        ("items", FIRST_DAY, "items/history/2023/a.csv"),
        ("prices", FIRST_DAY, "prices/part-0.csv"),
        ("sales", date(2024, 5, 1), "sales/2024-05-01/part-0.csv"),
        ("sales", date(2024, 5, 2), "sales/2024-05-02/more/a.csv"),
    ]
    assert latest_drop(landed) == date(2024, 5, 2)
    assert "locations" in landed.missing_feeds
    assert "items" not in landed.missing_feeds


def test_unfinished_hidden_and_foreign_names(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for name in ("_SUCCESS", ".a.csv", "b.csv.tmp", "_temporary/c.csv"):
        landing.file(f"sales/2024-05-01/{name}", "x")
    landing.file("weather/2024-05-01/a.csv", "x").file("_staging/a.csv", "x").file("sales/2024-13-45/a.csv", "x")
    landed = discover(landing.root)
    assert landed.files == ()
    assert landed.unknown_feeds == ("weather",)
    assert landed.odd_folders == ("sales/2024-13-45",)


def test_a_drop_without_its_marker_waits(tmp_path: Path) -> None:
    landing = Landing(tmp_path).drop("2024-05-01", ready=True, sales=[SALE]).drop("2024-05-02", sales=[SALE]).drop(None, items=[])
    landed = discover(landing.root, ready_marker=True)
    assert [f.file for f in landed.files] == ["sales/2024-05-01/part-0.csv"]
    assert landed.waiting == ("items", "sales/2024-05-02")
    assert len(discover(landing.root).files) == 3
