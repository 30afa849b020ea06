"""The rules of demand on literal facts, without Spark."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from jobs.ingest.demand.core import compute
from jobs.ingest.demand.facts import FACTS, SCALE
from jobs.ingest.demand.view import Rules, View

#: A Monday.
START = date(2024, 1, 1)
EPOCH = date(1970, 1, 1)


def day(n):
    return START + timedelta(days=n)


def fact(kind, n=None, item="a", place="s", **more):
    amounts = {name: int(Decimal(str(more.pop(name))) * SCALE) for name in ("units", "returns", "price") if name in more}
    until = more.pop("until", None)
    if "hours" in more:
        more["hours"] = [int(more["hours"].get(h, 0) * SCALE) for h in range(24)]
    row = {"kind": kind, "batch": 0, "location_id": place, "item_id": item, **more, **amounts}
    return row | {"day": None if n is None else day(n), "until": None if until is None else day(until)}


def sold(n, units=1, returns=0, item="a", place="s", channel="store", **more):
    return fact("sale", n, item, place, channel=channel, units=units, returns=returns, sales_rows=1, **more)


def wide_price(n, price, promotion=None, channel=None):
    return {"item_id": "a", "channel": channel, "day": day(n), "price": int(price * SCALE), "promotion": promotion}


def compute_rows(facts, night, landed=None, first=0, kinds=None, closed=(), wide=(), listed=None, step=1, **rules):
    """Rows as the night of day ``night`` sees them, by (item, location, channel, day)."""
    places = [(p, day(first), (kinds or {}).get(p, "store"), "north") for p in sorted({f["location_id"] for f in facts})]
    table = {"region": [r for r, _ in closed], "date": [day(n) for _, n in closed]}
    known = [("item_id", pa.string()), ("channel", pa.string()), ("day", pa.date32()), ("price", pa.int64()), ("promotion", pa.string())]
    view = View(
        nights=((day(night) - EPOCH).days,),
        landed=tuple((day(n) - EPOCH).days for n in (range(0, night, step) if landed is None else landed)),
        first=0,
        places=pa.table(list(zip(*places, strict=True)), ["location_id", "first", "kind", "region"]),
        closed=pa.table(table, pa.schema([("region", pa.string()), ("date", pa.date32())])),
        everywhere=pa.Table.from_pylist(list(wide), pa.schema(known)),
        list_prices=pa.table({"item_id": ["a"], "price": pa.array([listed and listed * SCALE], pa.int64())}),
    )
    settings = Rules(step, *(rules.get(name, default) for name, default in (("share", 0.9), ("periods", 60), ("inactive_after", 182))))
    rows = compute(pa.Table.from_pylist(facts, FACTS), view, settings).to_pylist()
    return {(r["item_id"], r["location_id"], r["channel"], (r["period"] - START).days): r for r in rows}


def days_of(rows, item="a", place="s", channel="store"):
    return {n: rows[key]["units"] for key in rows if key[:3] == (item, place, channel) for n in key[3:]}


def test_returns_count_apart_as_a_positive_number():
    row = compute_rows([sold(0, units=3, returns=2)], 1)["a", "s", "store", 0]
    assert (row["units"], row["returns"], row["sales_rows"], row["known_from"], row["known_to"]) == (3, 2, 1, day(1), None)


def test_a_location_that_always_sells_is_missing_when_silent():
    # s sold on every one of its days but day 3: missing. It is what its records lack, not its customers.
    assert days_of(compute_rows([sold(0), sold(1), sold(2), sold(4)], 5)) == {0: 1, 1: 1, 2: 1, 4: 1}


def test_a_location_that_often_sells_nothing_has_zeros():
    # Day 1: sold on all of its one day, missing. Day 2: on half of two, still missing. From day 3 on on fewer: zeros.
    rows = compute_rows([sold(0), sold(5)], 6, share=0.5)
    assert days_of(rows) == {0: 1, 3: 0, 4: 0, 5: 1}


def test_the_share_counts_only_the_last_periods():
    # Of the last two days before day 4 both sold: missing; of all four only two did.
    facts = [sold(0, item="b"), sold(2), sold(3), sold(5)]
    assert 4 not in days_of(compute_rows(facts, 6, periods=2))
    assert days_of(compute_rows(facts, 6, periods=60))[4] == 0


def test_an_item_without_sale_where_others_sell_is_zero():
    rows = compute_rows([sold(0), sold(0, item="b"), sold(1, item="b")], 2)
    assert days_of(rows) == {0: 1, 1: 0}


def test_nothing_landed_for_any_location_is_missing():
    assert 2 not in days_of(compute_rows([sold(0), sold(4)], 5, landed=[0, 1, 3, 4], share=1.0, periods=1))
    assert 3 in days_of(compute_rows([sold(0), sold(4)], 5, landed=[0, 1, 3, 4], share=1.0, periods=1))


def test_an_availability_row_decides():
    # Silent on day 1 although it always sells, and nothing landed: yet someone looked at the shelf.
    rows = compute_rows([sold(0), fact("available", 1, fraction=0.25)], 2, landed=[0])
    assert rows["a", "s", "store", 1]["in_stock_fraction"] == 0.25
    assert days_of(rows) == {0: 1, 1: 0}


@pytest.mark.parametrize(("region", "shut"), [("north", True), (None, True), ("south", False)])
def test_closed_is_missing_unless_something_was_sold(region, shut):
    # a sells on the closed day 1, b does not: the sale makes its row, nothing else does.
    facts = [sold(0), sold(0, item="b"), sold(1), fact("available", 1, item="b", fraction=1.0)]
    rows = compute_rows(facts, 2, closed=[(region, 1)])
    assert days_of(rows) == {0: 1, 1: 1}
    assert (1 in days_of(rows, "b")) is not shut


@pytest.mark.parametrize("kind", ["dc", "supplier"])
def test_kinds_without_own_sales_have_no_rows(kind):
    facts = [sold(0), sold(1), fact("assortment", place="d"), fact("available", 0, place="d", fraction=1.0)]
    assert compute_rows(facts, 2, kinds={"d": kind}).keys() == {("a", "s", "store", 0), ("a", "s", "store", 1)}
    # A store with the same facts has one: the row says that the item was on the shelf.
    assert days_of(compute_rows(facts, 2), place="d") == {0: 0}


def test_a_pair_is_active_within_its_assortment_dates():
    # b keeps the location alive. a is in the assortment on days 1 to 2 (inclusive); its sale on day 4 counts all the same.
    facts = [*(sold(n, item="b") for n in range(5)), sold(4), fact("assortment", 1, until=2)]
    assert days_of(compute_rows(facts, 5)) == {1: 0, 2: 0, 4: 1}


@pytest.mark.parametrize(
    ("sign", "last"),
    [(None, 2), (fact("stock", 1, units=5), 3), (fact("received", 2, units=1), 4), (fact("stock", 1, units=0), 2)],
)
def test_without_assortment_a_pair_ends_after_silence(sign, last):
    # Sold on day 0; active two periods beyond the last sale, receipt or stock.
    facts = [*(sold(n, item="b") for n in range(8)), sold(0)] + ([sign] if sign else [])
    assert max(days_of(compute_rows(facts, 8, inactive_after=2))) == last


def test_a_channel_counts_from_its_first_sale_and_before_any_the_default_one():
    facts = [*(sold(n, item="b") for n in range(4)), fact("assortment"), sold(1, channel="online"), sold(2)]
    rows = compute_rows(facts, 4)
    assert days_of(rows) == {0: 0, 2: 1, 3: 0}
    assert days_of(rows, channel="online") == {1: 1, 2: 0, 3: 0}


def test_facts_before_the_first_period_to_compute_still_count():
    # First sold on day 0 at 4.00, silent since: computed from day 2 on, active, priced, and its location always sells.
    before = fact("before", 0, until=0, price=4, channel="store")
    facts = [
        before,
        fact("before", 0, item="b", until=1, channel="store"),
        fact("sold", 0, item=None),
        fact("sold", 1, item=None),
        sold(2, item="b"),
    ]
    rows = compute_rows(facts, 4, first=2)
    assert days_of(rows) == {2: 0}
    assert rows["a", "s", "store", 2]["price"] == 4


def test_price_most_specific_row_holds_to_the_next_of_its_key():
    facts = [
        *(sold(n, price=9) for n in range(5)),
        fact("price", 1, price=3),  # location: holds from day 1 on
        fact("price", 3, price=2, channel="store", promotion="deal"),  # location and channel: wins from day 3 on
        fact("price", 4, price=1),  # a newer row of a less specific key does not
    ]
    rows = compute_rows(facts, 5, wide=[wide_price(0, 6, "fair"), wide_price(0, 5, channel="store")])
    cells = [(rows["a", "s", "store", n]["price"], rows["a", "s", "store", n]["promotion"]) for n in range(5)]
    assert cells == [(5, None), (3, None), (3, None), (2, "deal"), (2, None)]


def test_price_falls_back_to_paid_then_last_paid_then_list():
    facts = [*(sold(n, item="b") for n in range(4)), fact("assortment"), sold(1, price=4), sold(2)]
    rows = compute_rows(facts, 4, listed=7)
    assert [rows["a", "s", "store", n]["price"] for n in range(4)] == [7, 4, 4, 4]
    assert rows["b", "s", "store", 0]["price"] is None


def test_in_stock_from_stock_rolled_forward():
    facts = [
        *(sold(n, item="b") for n in range(6)),
        *(sold(n) for n in (0, 1)),
        fact("stock", 0, units=1),  # after closing on day 0: day 1 opens with 1
        fact("moved", 1, units=-1),  # sold out on day 1: day 2 opens empty
        fact("received", 3, units=1),  # day 3 opens empty but something comes
        fact("moved", 3, units=2),  # day 4 opens with 2
        fact("stock", 4, units=0),  # counted: none left; day 5 opens empty
    ]
    rows = compute_rows(facts, 6)
    assert [rows["a", "s", "store", n]["in_stock_fraction"] for n in range(6)] == [1, 1, 0, 1, 1, 0]


def test_an_order_expected_on_the_day_counts_as_arriving():
    facts = [sold(0), sold(1), sold(2), fact("stock", 0, units=0), fact("expected", 1)]
    rows = compute_rows(facts, 3)
    assert [rows["a", "s", "store", n]["in_stock_fraction"] for n in range(3)] == [1, 1, 0]


def test_week_means_over_days_and_first_promotion():
    # Stock ran out before the last two days; from Friday on a price of 1 with two promotions in the week.
    facts = [
        sold(0, units=5),
        fact("stock", 4, units=0),
        fact("price", 0, price=8, promotion="fair"),
        fact("price", 4, price=1, promotion="deal"),
    ]
    row = compute_rows(facts, 7, step=7)["a", "s", "store", 0]
    assert row["in_stock_fraction"] == pytest.approx(5 / 7)
    assert (row["price"], row["promotion"]) == (Decimal("5.0000"), "deal")
    # A week is closed when all its days are.
    assert days_of(compute_rows([*facts, sold(7), sold(14, item="b")], 21, step=7, closed=[(None, n) for n in range(14, 21)])).keys() == {
        0,
        7,
    }
    assert days_of(compute_rows([*facts, sold(7), sold(14, item="b")], 21, step=7, closed=[(None, 14)])).keys() == {0, 7, 14}


def hourly(n, item="a", channel="store", **hours):
    """Units by hour of a day: h9=2 is two units from 9:00 on. With them the day's sale."""
    by_hour = {int(name[1:]): units for name, units in hours.items()}
    sale = sold(n, units=sum(by_hour.values()), item=item, channel=channel)
    return [sale, fact("hourly", n, item, channel=channel, units=sum(by_hour.values()), hours=by_hour)]


def test_a_series_that_also_sells_without_a_time_of_day_is_not_recovered():
    usual = [fact_ for n in range(10) for item in "ab" for fact_ in hourly(n, item, h8=1, h15=1)]
    stated = fact("available", 9, item="b", fraction=0.5, hours={14: 1 / SCALE})
    assert compute_rows([*usual, stated], 10)["b", "s", "store", 9]["demand_source"] == "profile"
    # On day 4 two of b's four units have no hour.
    untimed = [{**f, "units": 4 * SCALE} if (f["item_id"], f["day"]) == ("b", day(4)) else f for f in usual]
    assert compute_rows([*untimed, stated], 10)["b", "s", "store", 9]["demand_source"] == "floor"


def test_sales_of_a_day_in_stock_are_its_demand():
    row = compute_rows(hourly(0, h9=2), 1)["a", "s", "store", 0]
    assert (row["demand"], row["demand_std"], row["demand_source"]) == (2, 0, "observed")


def test_without_hours_sales_of_a_day_short_of_stock_are_a_floor():
    facts = [*(sold(n, units=2) for n in range(10)), fact("available", 9, fraction=0.5)]
    row = compute_rows(facts, 10)["a", "s", "store", 9]
    assert (row["units"], row["demand"], row["demand_std"], row["demand_source"]) == (2, None, None, "floor")


def test_hours_in_stock_say_what_the_others_would_have_sold():
    # Three of four units sell before noon. On day 9 b is in stock until noon only, and all of that day sold.
    usual = [fact_ for n in range(10) for item in "ab" if (item, n) != ("b", 9) for fact_ in hourly(n, item, h8=1, h9=1, h11=1, h15=1)]
    short = [*hourly(9, "b", h8=1, h9=1, h11=1), fact("available", 9, item="b", fraction=0.5)]
    rows = compute_rows([*usual, *short], 10)
    row = rows["b", "s", "store", 9]
    assert row["demand_source"] == "profile"
    assert float(row["demand"]) == pytest.approx(4, abs=0.1)
    assert row["demand_std"] > 0
    # Told that it was out in the morning and not in the afternoon, the same sale is more than a quarter of the day.
    short[-1] = fact("available", 9, item="b", fraction=0.5, hours=dict.fromkeys((8, 9, 10, 11), 1 / SCALE))
    assert compute_rows([*usual, *short], 10)["b", "s", "store", 9]["demand"] > 4.5
    # Out of stock all day: nothing but that demand is at least zero.
    short[-1] = fact("available", 9, item="b", fraction=0.0)
    assert compute_rows([*usual, *short], 10)["b", "s", "store", 9]["demand_source"] == "floor"


def test_days_short_of_stock_are_no_example_whichever_facts_say_so():
    # b sold little on days 5 to 8, when it was short of stock: as rows of those days, or as facts before the first period.
    usual = [fact_ for n in range(10) for fact_ in hourly(n, "a", h8=2, h15=2)]
    own = [fact_ for n in range(5) for fact_ in hourly(n, "b", h8=2, h15=2)] + [f for n in range(5, 10) for f in hourly(n, "b", h8=1)]
    stated = [fact("available", n, item="b", fraction=0.5) for n in range(5, 10)]
    whole = compute_rows([*usual, *own, *stated], 10)["b", "s", "store", 9]
    before = [fact("before", 0, item, until=8, channel="store") for item in "ab"]
    kept = [f for f in [*usual, *own] if f["kind"] == "hourly" or f["day"] == day(9)]
    short = [fact("short", n, item="b") for n in range(5, 9)]
    assert compute_rows([*before, *kept, *short, stated[-1]], 10, first=9)["b", "s", "store", 9] == whole
    assert float(whole["demand"]) > 2


@pytest.mark.parametrize("first", [31, 40, 55])
def test_computed_from_a_later_period_on_rows_are_the_same_to_the_bit(first):
    # What an update sees: sales by hour and days short of stock from 28 days before its first period on.
    rng = np.random.default_rng(1)
    facts, days = [], 60
    for n in range(days):
        for item in "abcd":
            by_hour = {f"h{h}": int(u) / 4 for h, u in enumerate(rng.poisson(0.4, 24)) if u}
            if by_hour and rng.random() < 0.9:
                facts += hourly(n, item, rng.choice(["store", "online"]), **by_hour)
            if rng.random() < 0.3:
                facts.append(fact("available", n, item=item, fraction=float(rng.choice([0.25, 0.5, 1.0]))))
    whole = compute_rows(facts, days)
    later = [f for f in facts if f["day"] >= day(first) or (f["kind"] == "hourly" and f["day"] >= day(first - 28))]
    later += [
        {**f, "kind": "short"} for f in facts if f["kind"] == "available" and day(first - 28) <= f["day"] < day(first) and f["fraction"] < 1
    ]
    series = {(f["item_id"], f["channel"]): f["day"] for f in reversed(facts) if f["kind"] == "sale" and f["day"] < day(first)}
    later += [fact("before", (start - START).days, item, until=first - 1, channel=channel) for (item, channel), start in series.items()]
    later += [fact("sold", n, item=None) for n in range(first)]
    rng.shuffle(later)
    partial = compute_rows(later, days, first=first)
    assert partial == {key: row for key, row in whole.items() if key[3] >= first}
    assert sum(row["demand_source"] == "profile" for row in partial.values()) > 5
