"""`nightfill world`: files in the contract's form, drop by drop; the truth beside them; the same bytes again."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from jobs.errors import UsageError
from jobs.ingest.reader import Source, read_records
from jobs.plan.schedule import lead_times
from jobs.run import main
from jobs.simulate.world import load, truth
from schemas import FEEDS

LAST = date(2023, 1, 30)
FIRST_DROP = LAST - timedelta(days=2)
TOML = """
preset = "hard"
seed = 3
span = { first = 2022-12-20, last = 2023-01-30, nights = 3 }
size = { lines = 50, items = 16, stores = 3, online = 1, dcs = 2, suppliers = 3, regions = 2, categories = 4 }
"""


def made(folder: Path, text: str = TOML) -> Path:
    folder.mkdir()
    (folder / "world.toml").write_text(text)
    paths = {name: str(folder / name) for name in ("landing", "truth")}
    assert main(["world", "--config", str(folder / "world.toml"), "--landing", paths["landing"], "--truth", paths["truth"]]) == 0
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("world") / "one")


def read(folder: Path, name: str, drop: date | None = None) -> pl.DataFrame:
    return pl.read_parquet(str(folder / "landing" / name / (drop.isoformat() if drop else "*") / "*.parquet"))


def hidden(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(str(folder / "truth" / name / "*.parquet"))


def test_every_feed_that_a_world_has_lands(folder: Path) -> None:
    assert {path.name for path in (folder / "landing").iterdir()} == set(FEEDS) - {"overrides"}
    drops = {path.name for path in (folder / "landing" / "sales").iterdir()}
    assert drops == {(FIRST_DROP + timedelta(days=n)).isoformat() for n in range(3)}


def test_the_reader_finds_no_defect_and_no_column_outside_the_contract(folder: Path) -> None:
    for file in sorted((folder / "landing").glob("*/*/*")):
        feed, drop = file.parts[-3], date.fromisoformat(file.parts[-2])
        batches = list(read_records(Source(str(file), "/".join(file.parts[-3:]), feed, drop)))
        assert batches
        for batch in batches:
            assert batch.column("defect").null_count == batch.column("extra").null_count == batch.num_rows


@pytest.mark.parametrize("feed", [feed for feed in FEEDS if feed != "overrides"])
def test_rows_keep_every_rule_of_the_contract(folder: Path, feed: str) -> None:
    rows, contract = read(folder, feed), FEEDS[feed]
    names = {"items": set(read(folder, "items")["item_id"]), "locations": set(read(folder, "locations")["location_id"])}
    for check in (check for check in contract.checks if set(check.columns) <= set(rows.columns)):
        values = rows[check.columns[0]]
        if check.kind == "not_null":
            # A lane's item row may leave its lead time to the lane's row; a contract says so by nullable.
            assert values.null_count() == 0, check.name
        elif check.kind == "range":
            known = values.drop_nulls().cast(pl.Float64)
            assert check.minimum is None or (known >= check.minimum).all(), check.name
            assert check.maximum is None or (known <= check.maximum).all(), check.name
        elif check.kind == "values":
            assert set(values.drop_nulls()) <= set(check.values or ()), check.name
        elif check.kind == "reference":
            assert set(values.drop_nulls()) <= names[str(check.table)], check.name
        elif check.kind == "finite":
            assert values.drop_nulls().is_finite().all(), check.name
        elif check.name == "order_days_malformed":
            assert all(any(day is not None for day in lead_times(text, 1, 1)) for text in values.drop_nulls())
        else:
            assert check.kind == "rule"
            assert duckdb.sql(f"SELECT 1 FROM rows WHERE NOT ({check.sql})").fetchall() == [], check.name


def test_drops_repeat_no_key_and_tell_of_nothing_that_has_not_happened(folder: Path) -> None:
    for file in sorted((folder / "landing").glob("*/*/*")):
        contract, rows = FEEDS[file.parts[-3]], pl.read_parquet(file)
        key = [name for name in contract.key if name in rows.columns]
        if contract.row_identity is None:
            assert rows.select(key).is_unique().all(), file
        if contract.event_date:
            assert rows[contract.event_date].max() < date.fromisoformat(file.parts[-2])


def test_sales_and_the_truth_add_up(folder: Path) -> None:
    sold = read(folder, "sales").group_by("item_id", "location_id", "channel", date="sold_at").agg(pl.col("units").sum().cast(pl.Int64))
    series = ["date", "item_id", "location_id", "channel"]
    latent = hidden(folder, "demand")
    both = latent.join(sold, on=series, how="left").with_columns(pl.col("units").fill_null(0))
    assert both.height == latent.height
    assert (both["demand"] - both["lost"] == both["units"]).all()
    assert both["units"].sum() == sold["units"].sum() > 0
    assert both["lost"].sum() > 0
    in_stock = read(folder, "availability").rename({"in_stock_fraction": "share"})
    lost = both.group_by("date", "item_id", "location_id").agg(pl.col("lost").sum())
    compared = in_stock.join(lost, on=["date", "item_id", "location_id"])
    assert ((compared["share"] < 1) | (compared["lost"] == 0)).all()


def test_stock_rolls_from_count_to_count(folder: Path) -> None:
    """Closing = the day before + received - sold - shipped - thrown away, from the files alone."""
    pair = ["item_id", "location_id"]
    count = read(folder, "inventory").group_by(*pair, date="as_of").agg(pl.col("on_hand").sum().cast(pl.Int64))
    moves = [
        read(folder, "receipts").select(*pair, date="received_on", units=pl.col("units").cast(pl.Int64)),
        read(folder, "sales").select(*pair, date="sold_at", units=-pl.col("units").cast(pl.Int64)),
        hidden(folder, "orders").select("item_id", location_id="source_id", date="ordered_on", units=-pl.col("accepted").cast(pl.Int64)),
        hidden(folder, "waste").select(*pair, "date", units=-pl.col("units").cast(pl.Int64)),
    ]
    change = pl.concat(moves).group_by(*pair, "date").agg(pl.col("units").sum())
    before = count.with_columns(date=pl.col("date") + timedelta(days=1), before=pl.col("on_hand")).drop("on_hand")
    rolled = count.join(before, on=[*pair, "date"]).join(change, on=[*pair, "date"], how="left").with_columns(pl.col("units").fill_null(0))
    assert (rolled["before"] + rolled["units"] == rolled["on_hand"]).all()
    assert rolled.height == (LAST - date(2022, 12, 20)).days * count.select(pair).n_unique() - count.select(pair).n_unique()


def test_sales_are_at_the_price_that_the_prices_feed_says(folder: Path) -> None:
    begins = read(folder, "prices").sort("date").select("item_id", "date", price=pl.col("unit_price"))
    sales = read(folder, "sales").sort("sold_at")
    both = sales.join_asof(begins, left_on="sold_at", right_on="date", by="item_id", check_sortedness=False)
    assert (both["price"] == both["unit_price"]).all()
    assert both.height == sales.height > 0
    promoted = read(folder, "prices").filter(pl.col("promotion").is_not_null())
    assert promoted["date"].max() > LAST, "known ahead"


def test_signals_are_observed_for_the_day_before_and_forecast_for_a_week(folder: Path) -> None:
    days = read(folder, "signals", LAST)["date"].unique().sort().to_list()
    assert days == [LAST + timedelta(days=n) for n in range(-1, 7)]
    key = ["region", "date", "name"]
    forecast = read(folder, "signals", LAST - timedelta(days=1)).filter(pl.col("date") == LAST - timedelta(days=1))
    observed = read(folder, "signals", LAST).filter(pl.col("date") == LAST - timedelta(days=1))
    both = forecast.join(observed, on=key).filter(pl.col("name") == "temperature")
    assert both.height == 2
    assert 0 < (both["value"] - both["value_right"]).abs().max() < 5


def test_open_orders_are_what_was_accepted_and_has_not_come(folder: Path) -> None:
    for drop in (FIRST_DROP, LAST):
        due = hidden(folder, "orders").filter((pl.col("ordered_on") < drop) & (pl.col("arrives_on") >= drop) & (pl.col("accepted") > 0))
        found = read(folder, "open_orders", drop)
        line = ["item_id", "location_id", "ordered_on"]
        both = found.join(due, on=line)
        assert both.height == found.height == due.height > 0
        assert (both["units"].cast(pl.Int64) == both["accepted"]).all()
        assert (both["expected_on"] == both["expected_on_right"]).all()
    late = hidden(folder, "orders").filter(pl.col("arrives_on") != pl.col("expected_on"))
    assert late.height > 0


def test_the_truth_has_its_declared_columns_and_one_row_a_key(folder: Path) -> None:
    for table in truth.TABLES:
        rows = hidden(folder, table.name)
        assert tuple(rows.columns) == table.column_names
        assert rows.select(table.key).is_unique().all()
        assert rows.height > 0
    days = (LAST - date(2022, 12, 20)).days
    assert hidden(folder, "demand").height == days * _series(folder)
    assert load(folder / "world.toml").model_dump_json(indent=2) + "\n" == (folder / "truth" / "world.json").read_text()


def _series(folder: Path) -> int:
    lines = hidden(folder, "lines")
    return lines.height + lines.filter(pl.col("share") > 0).height


def test_docs_describe_every_column_of_the_truth() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs" / "world.md").read_text()
    for table in truth.TABLES:
        assert all(f"`{name}`" in text for name in table.column_names), table.name


def digests(folder: Path) -> dict[str, str]:
    files = [file for part in ("landing", "truth") for file in (folder / part).rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(folder: Path, tmp_path: Path) -> None:
    again, other = made(tmp_path / "again"), made(tmp_path / "other", TOML.replace("seed = 3", "seed = 4"))
    assert digests(again) == digests(folder)
    assert digests(other)["landing/sales/2023-01-30/sales_0001.parquet"] not in digests(folder).values()


def test_the_demand_of_a_span_is_the_beginning_of_that_of_a_longer_one(folder: Path, tmp_path: Path) -> None:
    longer = made(tmp_path / "longer", TOML.replace("last = 2023-01-30", "last = 2023-02-02").replace('"hard"', '"hard"\noff = ["life"]'))
    shorter = made(tmp_path / "shorter", TOML.replace('"hard"', '"hard"\noff = ["life"]'))
    one, other = hidden(longer, "demand"), hidden(shorter, "demand")
    assert one.filter(pl.col("date") < LAST).equals(other)


def test_csv_says_the_same_as_parquet(folder: Path, tmp_path: Path) -> None:
    text = made(tmp_path / "csv", TOML + 'files = { format = "csv" }\n')
    file = text / "landing" / "sales" / LAST.isoformat() / "sales_0001.csv"
    rows = pl.read_csv(file, try_parse_dates=True)
    expected = read(folder, "sales", LAST)
    assert rows["units"].cast(pl.Float64).to_list() == expected["units"].cast(pl.Float64).to_list()
    assert rows["sold_at"].to_list() == expected["sold_at"].to_list()
    source = Source(str(file), f"sales/{LAST}/sales_0001.csv", "sales", LAST)
    assert sum(batch.num_rows for batch in read_records(source)) == rows.height


def test_a_folder_that_is_not_empty_or_holds_the_other_is_refused(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from jobs.simulate.world import job

    config = load(folder / "world.toml")
    with pytest.raises(UsageError, match="not empty"):
        job.main(config, folder / "landing", tmp_path / "truth")
    with pytest.raises(UsageError, match="outside the landing folder"):
        job.main(config, tmp_path / "landing", tmp_path / "landing" / "truth")
    assert main(["world", "--config", str(tmp_path / "no.toml"), "--landing", "a", "--truth", "b"]) == 2
    assert "no configuration file" in capsys.readouterr().err
