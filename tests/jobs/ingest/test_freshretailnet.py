"""FreshRetailNet as a landing folder: what each drop brings, what is made up, and that neither depends on the rest."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jobs.errors import UsageError
from jobs.ingest.importers import made_up
from jobs.ingest.importers.freshretailnet import import_freshretailnet

START = date(2024, 3, 28)
FIRST, LAST = date(2024, 4, 4), date(2024, 4, 6)
DAYS = 12


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four series in two cities: store 1 sells products 7 and 8, store 2 product 7; store 3 is in the other city."""
    rows = []
    for city, store, product in ((0, 1, 7), (0, 1, 8), (0, 2, 7), (5, 3, 7)):
        for day in range(DAYS):
            sold = 0.0 if (product, day) == (8, 3) else round(0.1 * (1 + (store * 5 + product + day) % 9), 1)
            out = day % 4 == 2
            # a third in the hour from 00:00, two thirds from 09:00
            hours = [sold / 3, *[0.0] * 8, sold - sold / 3, *[0.0] * 14]
            rows.append(
                {
                    "city_id": city, "store_id": store, "product_id": product, "management_group_id": 2, "first_category_id": 3,
                    "second_category_id": 4, "dt": START + timedelta(days=day), "sale_amount": sold, "hours_sale": hours,
                    "stock_hour6_22_cnt": 4 if out else 0,
                    "hours_stock_status": [0] * 21 + [int(out)] + [0, 0], "discount": [1.0, 0.8, 0.8, 0.0][day % 4],
                    "holiday_flag": int(day in (2, 10)), "activity_flag": int(day % 4 == 2), "precpt": 1.5 + store, "avg_temperature": 20.0,
                    "avg_humidity": 70.0, "avg_wind_level": 2.0,
                }
            )  # fmt: skip
    file = tmp_path_factory.mktemp("publisher") / "train.parquet"
    pl.DataFrame(rows).with_columns(pl.col("sale_amount").cast(pl.Float32)).write_parquet(file)
    return file


@pytest.fixture(scope="module")
def landing(publisher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landing")
    import_freshretailnet(publisher, folder, FIRST, LAST)
    return folder


def read(landing: Path, feed: str, drop: date) -> pl.DataFrame:
    rows = pl.read_csv(landing / feed / drop.isoformat() / f"{feed}.csv", try_parse_dates=True)
    return rows.with_columns(pl.col("^(unit_price|max_stock)$").cast(pl.Float64), pl.col("^(promotion|order_days)$").cast(pl.String))


def test_history_comes_in_the_first_drop_then_yesterday(landing: Path) -> None:
    history = read(landing, "sales", FIRST)
    assert (history["sold_at"].min(), history["sold_at"].max()) == (START, FIRST - timedelta(days=1))
    for drop in (FIRST + timedelta(days=1), LAST):
        for feed, column in (("sales", "sold_at"), ("availability", "date"), ("signals", "date"), ("inventory", "as_of")):
            assert read(landing, feed, drop)[column].unique().to_list() == [drop - timedelta(days=1)]
    assert sorted(folder.name for folder in (landing / "sales").iterdir()) == ["2024-04-04", "2024-04-05", "2024-04-06"]


def test_sales_are_the_publishers_without_rows_of_zero(landing: Path, publisher: Path) -> None:
    sold = pl.concat(read(landing, "sales", FIRST + timedelta(days=n)) for n in range(3))
    truth = pl.read_parquet(publisher).filter((pl.col("dt") < LAST) & (pl.col("sale_amount") > 0))
    assert sold.height == truth.height == 4 * 9 - 1
    assert sold["units"].sum() == pytest.approx(truth["sale_amount"].cast(pl.Float64).sum(), abs=1e-5)


def test_by_the_hour_sales_say_when_and_availability_which_hours(publisher: Path, tmp_path: Path) -> None:
    import_freshretailnet(publisher, tmp_path, FIRST, FIRST, hourly=True)
    sold = read(tmp_path, "sales", FIRST).with_columns(pl.col("sold_at").dt.convert_time_zone("Asia/Shanghai"))
    assert sold.height == 2 * (4 * 7 - 1)
    pair = sold.filter((pl.col("location_id") == "S001") & (pl.col("item_id") == "P007")).head(2)
    assert [moment.strftime("%Y-%m-%d %H:%M") for moment in pair["sold_at"]] == ["2024-03-28 00:30", "2024-03-28 09:30"]
    assert pair["units"].to_list() == [0.1333, 0.2667]
    short = read(tmp_path, "availability", FIRST)
    named = short.filter(pl.col("in_stock_fraction") < 1)
    assert sorted(named["date"].unique()) == [START + timedelta(days=2), START + timedelta(days=6)]
    assert set(named["out_of_stock_hours"]) == {21}
    assert short.filter(pl.col("in_stock_fraction") == 1)["out_of_stock_hours"].is_null().all()


def test_availability_is_the_share_of_sixteen_hours(landing: Path) -> None:
    shares = read(landing, "availability", FIRST)
    assert shares.filter(pl.col("date") == START + timedelta(days=2))["in_stock_fraction"].unique().to_list() == [0.75]
    assert shares.filter(pl.col("date") == START)["in_stock_fraction"].unique().to_list() == [1.0]


def test_a_price_row_says_a_change_or_an_activity_a_week_ahead(landing: Path) -> None:
    listed = float(made_up.list_price(20240328, np.array([7]))[0])
    rows = read(landing, "prices", FIRST)
    pair = rows.filter((pl.col("location_id") == "S001") & (pl.col("item_id") == "P007"))
    # day 0 list price, day 1 reduced, day 2 activity at the same price, day 3 unknown (no row), day 4 list price again
    assert pair.head(4).select("date", "unit_price", "promotion").rows() == [
        (START, listed, None),
        (START + timedelta(days=1), round(listed * 0.8, 2), None),
        (START + timedelta(days=2), round(listed * 0.8, 2), "activity"),
        (START + timedelta(days=4), listed, None),
    ]
    # the publisher's file ends on 04-08; 04-07 is an activity and within a week of the first drop
    assert rows["date"].max() == date(2024, 4, 7)


def test_lanes_lead_from_the_citys_dc_and_item_rows_only_change_the_pack(landing: Path) -> None:
    lanes = read(landing, "lanes", FIRST)
    assert set(lanes.filter(pl.col("item_id").is_null()).select("source_id", "location_id").rows()) == {
        ("DC00", "S001"), ("DC00", "S002"), ("DC05", "S003"), ("supplier", "DC00"), ("supplier", "DC05"),
    }  # fmt: skip
    packs = lanes.filter(pl.col("item_id").is_not_null())
    assert packs["lead_time_days"].null_count() == packs.height
    assert (packs["order_multiple"] != 1).all()


def test_made_up_places_say_so(landing: Path) -> None:
    names = read(landing, "locations", FIRST).filter(pl.col("kind") != "store")["name"]
    assert all(name.startswith("Made-up") for name in names)


def test_stock_agrees_with_sales_and_stock_out_flags(landing: Path) -> None:
    """Closing stock is 0 exactly where the flag says so, and stock plus whole packs less sales gives the next one."""
    drops = [read(landing, "inventory", FIRST + timedelta(days=d)) for d in range(3)]
    stores = [drop.filter(pl.col("location_id").str.starts_with("S")) for drop in drops]
    assert [sorted(set(s["on_hand"] > 0)) for s in stores] == [[False], [True], [True]]  # 04-03 is flagged, the next two are not
    packs = dict(zip(("P007", "P008"), made_up.order_multiple(20240328, np.array([7, 8])), strict=True))
    sold = read(landing, "sales", FIRST + timedelta(days=1))
    moved = stores[0].join(stores[1], on=["item_id", "location_id"], suffix="_next").join(sold, on=["item_id", "location_id"])
    for row in moved.iter_rows(named=True):
        arrived = (row["on_hand_next"] + row["units"] - row["on_hand"]) / packs[row["item_id"]]
        assert arrived == pytest.approx(round(arrived), abs=1e-6)
        assert arrived > -1e-6


def test_closing_stock_is_zero_where_the_flag_says_so() -> None:
    units = np.array([[1.0, 0.5, 3.0, 1.0]])
    out = np.array([[False, True, False, False]])
    stock = made_up.store_stock(units, out, np.full((1, 4), 1.0), np.array([2.0]), np.array([1.0]))
    # opens with 2; sells 1 -> 1. One pack, sells .5, flagged empty -> 0. Four packs for 3 sold -> 1. One pack, sells 1 -> 1.
    assert stock.tolist() == [[1.0, 0.0, 1.0, 1.0]]


def test_recent_mean_knows_only_the_days_before() -> None:
    rng = np.random.default_rng(7)
    units, in_stock = rng.random((3, 40)).round(1), rng.random((3, 40)) < 0.3
    fast = made_up.recent_mean(units, in_stock)
    for series in range(3):
        for day in range(1, 40):
            window = slice(max(0, day - 28), day)
            stocked = units[series, window][in_stock[series, window]]
            naive = stocked.mean() if len(stocked) else units[series, window].mean()
            assert fast[series, day] == pytest.approx(naive)


def test_one_city_alone_gets_the_same_values_as_the_whole(publisher: Path, landing: Path, tmp_path: Path) -> None:
    import_freshretailnet(publisher, tmp_path, FIRST, LAST, cities=[5])
    for feed in ("inventory", "lanes", "assortment", "prices", "sales"):
        own = read(tmp_path, feed, FIRST)
        here = pl.col("location_id").is_in(["S003", "DC05"])
        # As text: a column that is empty in one city has no type.
        assert own.write_csv() == read(landing, feed, FIRST).filter(here).write_csv()


def test_same_input_same_bytes_and_another_seed_other_stock(publisher: Path, landing: Path, tmp_path: Path) -> None:
    import_freshretailnet(publisher, tmp_path / "again", FIRST, LAST)
    import_freshretailnet(publisher, tmp_path / "other", FIRST, LAST, seed=1)
    assert digest(tmp_path / "again") == digest(landing)
    inventory = f"inventory/{FIRST}/inventory.csv"
    assert (tmp_path / "other" / inventory).read_bytes() != (landing / inventory).read_bytes()


def digest(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.parametrize(
    ("first", "last", "cities", "message"),
    [
        (START, LAST, None, "must be after 2024-03-28"),  # no history
        (LAST, FIRST, None, "not before --first"),
        (FIRST, date(2024, 4, 10), None, "at most 2024-04-09"),
        (FIRST, LAST, [99], "no rows of these cities"),
    ],
)
def test_dates_without_data_are_refused(
    publisher: Path, tmp_path: Path, first: date, last: date, cities: list[int] | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        import_freshretailnet(publisher, tmp_path, first, last, cities=cities)
    assert not list(tmp_path.iterdir())


def test_another_file_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"dt": [START]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(UsageError, match="not FreshRetailNet"):
        import_freshretailnet(tmp_path / "x.parquet", tmp_path / "l", FIRST, LAST)


def test_uniform_is_uniform_and_differs_by_seed_draw_and_id() -> None:
    ids = np.arange(100_000)
    u = made_up.uniform(1, "a", ids)
    counts, _ = np.histogram(u, 20, (0, 1))
    assert abs(counts - 5000).max() < 350  # five standard deviations
    assert abs(np.corrcoef(u, made_up.uniform(1, "b", ids))[0, 1]) < 0.02
    assert abs(np.corrcoef(u, made_up.uniform(2, "a", ids))[0, 1]) < 0.02
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 0.02
