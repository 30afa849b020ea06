"""Real dirt: every one of the 245,903 records ends up in silver or in quarantine under a named rule.

What the data's oddities become: returns and cancelled invoices are rows with negative units; stock corrections
(1,478 records at price 0) are sales at price 0; repeated lines all count, as no line has an identity; codes that
are not items (POST, DOT, M, BANK CHARGES, vouchers, ...) are no rows of the items feed, so they are `unknown_item`.
"""

import csv
import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.config import Config
from jobs.config import Landing as LandingConfig
from jobs.ingest import job
from jobs.lake import Lake
from tests.builders import Landing, write_csv

RECORDS = 245_903
COLUMNS = {"StockCode": "item_id", "Country": "location_id", "InvoiceDate": "sold_at", "Quantity": "units", "UnitPrice": "unit_price"}
#: Kept beside the contract; CustomerID is not: it must not reach any table of ours.
EXTRA = ("InvoiceNo", "Description")
ITEM = re.compile(r"\d{5}[A-Za-z]*")


def trading_days(archive: Path) -> Iterator[tuple[date, list[dict[str, str]]]]:
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            stream = tar.extractfile(member) if member.isfile() else None
            if stream:
                text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
                yield date.fromisoformat(Path(member.name).stem), list(csv.DictReader(text))


def convert(archive: Path, landing: Landing) -> Counter[tuple[str, bool]]:
    """Write a drop on the morning after each trading day, and the masters in the first; count records by drop and kind of code."""
    items: set[str] = set()
    countries: set[str] = set()
    records: Counter[tuple[str, bool]] = Counter()
    for day, lines in trading_days(archive):
        drop = (day + timedelta(1)).isoformat()
        sales = [{new: line[old] for old, new in COLUMNS.items()} | {e: line[e] for e in EXTRA} for line in lines]
        write_csv(landing.folder("sales", drop) / "lines.csv", sales, [*COLUMNS.values(), *EXTRA])
        items |= {s["item_id"] for s in sales if ITEM.fullmatch(s["item_id"])}
        countries |= {s["location_id"] for s in sales}
        records.update((f"sales/{drop}/lines.csv", bool(ITEM.fullmatch(s["item_id"]))) for s in sales)
    landing.drop(
        "2010-12-02",
        items=[{"item_id": i} for i in sorted(items)],
        locations=[{"location_id": c, "kind": "online", "timezone": "Europe/London"} for c in sorted(countries)],
    )
    return records


@pytest.fixture
def archive(shared_data: Path) -> Path:
    path = shared_data / "online_retail" / "by_day.tar.xz"
    if not path.exists():
        pytest.skip("the Online Retail data is not on this machine")
    return path


@pytest.mark.torture
def test_every_record_is_in_silver_or_quarantined_by_a_named_rule(lake: Lake, tmp_path: Path, archive: Path) -> None:
    landing = Landing(tmp_path / "landing")
    records = convert(archive, landing)
    config = Config(timezone="Europe/London", landing=LandingConfig(naive_timestamps="local"))
    report = job.main(lake.session, lake, config, date(2011, 7, 1), str(landing.root))
    assert sum(records.values()) == RECORDS
    assert report.extra_columns == {"sales": ("Description", "InvoiceNo")}
    silver = lake.arrow("silver/sales", ["file", "units", "unit_price", "date", "drop_date", "channel"])
    quarantine = lake.arrow("ops/quarantine", ["file", "rules", "values"]).to_pylist()
    assert Counter(silver["file"].to_pylist()) == {file: n for (file, is_item), n in records.items() if is_item}
    assert Counter(r["file"] for r in quarantine) == {file: n for (file, is_item), n in records.items() if not is_item}
    assert {tuple(r["rules"]) for r in quarantine} == {("unknown_item",)}
    codes = {dict(r["values"])["item_id"] for r in quarantine}
    assert {"POST", "DOT", "M", "BANK CHARGES"} <= codes
    assert not any(ITEM.fullmatch(c) for c in codes)
    files = [r for r in lake.arrow("ops/files").to_pylist() if r["feed"] == "sales"]
    assert len(files) == 167
    assert all(r["delivered"] == r["silver"] + r["quarantined"] and r["duplicate"] == 0 for r in files)
    # Moments are local: no trade slips to another day.
    assert all(a + timedelta(1) == b for a, b in zip(silver["date"].to_pylist(), silver["drop_date"].to_pylist(), strict=True))
    assert set(silver["channel"].to_pylist()) == {"online"}
    assert sum(u < 0 for u in silver["units"].to_pylist()) > 4_000
