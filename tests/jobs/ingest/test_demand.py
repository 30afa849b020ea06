import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pytest

import schemas
from jobs.config import Config
from jobs.ingest.demand import aggregated_sales, main
from jobs.lake import FIRST_DAY
from tests.jobs.ingest.demand_oracle import demand

#: A Monday; day(n) is n days later.
START = date(2024, 1, 1)
EVENT_DATES = {"sales": "date", "availability": "date", "stock": "as_of", "receipts": "received_on"}
FEED_OF = {(feed.silver_name or feed.name): feed for feed in schemas.FEEDS.values()}


def day(n):
    return START + timedelta(days=n)


class Silver:
    """Silver as ingest would leave it: rows by drop, with the nights that see them; drops may come in any order."""

    def __init__(self):
        self.delivered = []

    def drop(self, on, table, *rows):
        self.delivered += [(on, table, len(self.delivered) + i, row) for i, row in enumerate(rows)]
        return self

    def table(self, name):
        feed = FEED_OF[name]
        rows = []
        for on, table, number, given in self.delivered:
            if table == name:
                row = dict.fromkeys(feed.silver().column_names)
                row |= {"deleted": False, "drop_date": on, "file": f"{name}/{on}", "row": number, **given}
                event = EVENT_DATES.get(name)
                row["known_from"] = max(on, row[event] + timedelta(days=1)) if event else on
                rows.append(row)
        rows.sort(key=lambda r: (r["drop_date"], r["row"]))
        if feed.snapshot:
            self._replace_snapshots(rows)
        elif feed.row_identity:
            self._replace_keys([r for r in rows if r[feed.row_identity] is not None], feed.key)
        else:
            self._replace_keys(rows, feed.key)
        for row in rows:
            if row["deleted"]:
                row["known_to"] = row["known_from"]
        return rows

    @staticmethod
    def _replace_keys(rows, key):
        last = {}
        for row in rows:
            before = last.get(tuple(row[k] for k in key))
            if before:
                before["known_to"] = row["known_from"]
            last[tuple(row[k] for k in key)] = row

    @staticmethod
    def _replace_snapshots(rows):
        drops = sorted({r["drop_date"] for r in rows})
        following = dict(pairwise(drops))
        for row in rows:
            row["known_to"] = following.get(row["drop_date"])

    def tables(self):
        return {name: self.table(name) for name in FEED_OF}

    def write(self, lake):
        """Replace the lake's silver tables, those that differ."""
        for name, rows in self.tables().items():
            path = f"silver/{name}"
            table = pa.Table.from_pylist(rows, schema=schemas.TABLES[path].schema)
            if lake.arrow(path) != table:
                lake.write_arrow(path, table, "true")


def update(lake, silver, night, config=None):
    silver.write(lake)
    main(lake.spark, lake, config or Config(), night)


def visible(lake, night, rows=None):
    """What a night sees; ``rows`` of silver/demand, where they are at hand."""
    rows = lake.arrow("silver/demand").to_pylist() if rows is None else rows
    keyed = {}
    for r in (r for r in rows if r["known_from"] <= night and (r["known_to"] is None or r["known_to"] > night)):
        key = (r["item_id"], r["location_id"], r["channel"], r["period"])
        assert key not in keyed, f"two versions of {key} visible on {night}"
        assert r["month"] == r["period"].replace(day=1)
        values = ("units", "returns", "in_stock_fraction", "price", "promotion", "sales_rows", "demand", "demand_std", "demand_source")
        keyed[key] = tuple(r[name] for name in values)
    return keyed


def rounded(rows):
    return {key: (*v[:2], round(v[2], 9), *v[3:]) for key, v in rows.items()}


def sale(item, place, n, units, price=None, channel="store", line=None, hour=None):
    moment = datetime(START.year, START.month, START.day, hour or 0, tzinfo=UTC) + timedelta(days=n)
    return {
        "item_id": item, "location_id": place, "channel": channel, "sold_at": moment, "date": day(n),
        "units": Decimal(str(units)), "unit_price": None if price is None else Decimal(str(price)), "line_id": line,
    }  # fmt: skip


def place(name, kind="store", region=None):
    return {"location_id": name, "kind": kind, "region": region}


class World:
    """Drops of one day each, most rows in time, some late, some corrected, some withdrawn; every feed there or not."""

    def __init__(self, seed, days, hourly):
        self.rng, self.days, self.silver, self.hourly = random.Random(seed), days, Silver(), hourly
        self.drops = [FIRST_DAY, *(day(n) for n in range(days // 3, days + 1))]
        silver, drops = self.silver, self.drops
        kinds = (place("s1", "store", "n"), place("s2", "store", "s"), place("w", "online", "n"), place("dc", "dc", "n"))
        silver.drop(FIRST_DAY, "locations", *kinds)
        silver.drop(FIRST_DAY, "items", {"item_id": "a", "unit_price": Decimal("9.5")}, {"item_id": "b"}, {"item_id": "c"})
        cheaper = ({"item_id": "a", "unit_price": Decimal(8)}, {"item_id": "c", "unit_price": Decimal(3)})
        silver.drop(self.rng.choice(drops), "items", *cheaper)
        silver.drop(self.rng.choice(drops), "locations", place("s2", "store", "n"))
        feeds = (self.availability, self.stock, self.receipts, self.inbound, self.prices, self.assortment)
        self.feeds = [self.sales, *(feed for feed in feeds if self.rng.random() < 0.7 or (hourly and feed == self.availability))]
        for n in range(days):
            if self.rng.random() > 0.1:
                self.one_day(n)
            if self.rng.random() < 0.1:
                row = {"region": self.rng.choice([None, "n", "s"]), "date": day(n), "event": self.rng.choice(["closed", "closed", "fair"])}
                silver.drop(self.rng.choice(drops), "calendar", row)
        self.keep_keys_unique()

    def one_day(self, n):
        for p in ("s1", "s2", "w", "dc"):
            if self.rng.random() < (0.05 if p == "dc" else 0.85):
                for i in "abc":
                    for feed in self.feeds:
                        feed(i, p, n)

    def on(self, n):
        """The drop that brings what happened on day n: mostly the first that can."""
        landing = [d for d in self.drops if d >= day(n + 1)] or [self.drops[-1]]
        return self.rng.choice(landing) if self.rng.random() < 0.15 else min(landing)

    def sales(self, i, p, n):
        rng = self.rng
        if rng.random() < 0.5:
            price = rng.choice([None, "2.5", "3.3333", "4"])
            hour = rng.choice([9, 10, 12, 17, 18]) if self.hourly and rng.random() < 0.98 else None
            line = f"{p}{i}{n}" if rng.random() < 0.3 else None
            channel = rng.choice(["store", "online"]) if p == "s1" else "online" if p == "w" else "store"
            self.silver.drop(self.on(n), "sales", sale(i, p, n, rng.choice([-1, 1, "0.5", 2, 3]), price, channel, line, hour))
            if line and rng.random() < 0.3:
                again = sale(i, p, n, 7, price, channel, line, rng.choice([hour, hour, 12, None]))
                self.silver.drop(self.on(n), "sales", {**again, "deleted": rng.random() < 0.5})

    def availability(self, i, p, n):
        if self.rng.random() < 0.2:
            row = {"item_id": i, "location_id": p, "date": day(n), "in_stock_fraction": self.rng.choice([0.0, 0.25, 0.6, 1.0])}
            row["out_of_stock_hours"] = self.rng.choice([None, None, "17,18", "9,10,11,12"])
            self.silver.drop(self.on(n), "availability", row)

    def stock(self, i, p, n):
        if self.rng.random() < 0.1:
            row = {"item_id": i, "location_id": p, "as_of": day(n), "reserved": Decimal(0)}
            self.silver.drop(self.on(n), "stock", {**row, "on_hand": Decimal(self.rng.choice([-1, 0, 2, 5]))})

    def receipts(self, i, p, n):
        if self.rng.random() < 0.1:
            row = {"item_id": i, "location_id": p, "received_on": day(n), "units": Decimal(self.rng.choice([1, 3, -1]))}
            self.silver.drop(self.on(n), "receipts", row)

    def inbound(self, i, p, n):
        if self.rng.random() < 0.05:
            dates = {"ordered_on": day(n), "expected_on": day(n + self.rng.randint(0, 3))}
            row = {"item_id": i, "location_id": p, "order_id": f"{p}{i}{n}", "source_id": "dc", **dates, "units": Decimal(4)}
            self.silver.drop(self.rng.choice(self.drops[1:]), "inbound", row)

    def prices(self, i, p, n):
        rng = self.rng
        if rng.random() < 0.1:
            key = {"item_id": i, "location_id": rng.choice([p, None]), "channel": rng.choice([None, None, "online"])}
            value = {"unit_price": Decimal(rng.randint(1, 6)), "promotion": rng.choice([None, "deal", "coupon"])}
            self.silver.drop(rng.choice(self.drops), "prices", {**key, "date": day(n + rng.randint(-3, 3)), **value})

    def assortment(self, i, p, n):
        rng = self.rng
        if rng.random() < 0.02:
            first = rng.choice([None, day(rng.randint(0, self.days))])
            last = rng.choice([None, (first or day(0)) + timedelta(days=rng.randint(0, 9))])
            row = {"item_id": i, "location_id": p, "active_from": first, "active_to": last}
            self.silver.drop(rng.choice(self.drops), "assortment", {**row, "deleted": rng.random() < 0.1})

    def keep_keys_unique(self):
        """One row of a key in one drop, as after ingest's own replacing."""
        kept = {}
        for on, table, number, row in self.silver.delivered:
            feed = FEED_OF[table]
            keyed = not feed.row_identity or row.get(feed.row_identity) is not None
            kept[on, table, *((row.get(k) for k in feed.key) if keyed else (number,))] = (on, table, number, row)
        self.silver.delivered = list(kept.values())


#: Short memory, so that every rule is met within a few periods.
SHORT = {"missing_periods": 5, "missing_share": 0.6}


#: Worlds of a minute each; what they hold the tests below ask for one by one.
@pytest.mark.torture
@pytest.mark.parametrize(("seed", "grain", "hourly"), [(1, "day", False), (3, "week", True), (4, "day", True)])
def test_every_night_agrees_with_plain_loops_whatever_order_drops_arrive(lake, seed, grain, hourly):
    days, memory = (16, 4) if grain == "day" else (40, 14)
    world = World(seed, days, hourly)
    config = Config.model_validate({"grain": grain, "landing": {**SHORT, "inactive_after": memory}})
    nights = [day(n) for n in range(0, days + 4, config.period_days)]
    waiting = world.drops[1:]
    world.rng.shuffle(waiting)
    landed = Silver()
    for stage in ([FIRST_DAY, *waiting[:2]], waiting[2:3], waiting[3:]):
        landed.delivered += [row for row in world.silver.delivered if row[0] in stage]
        update(lake, landed, world.rng.choice(nights), config)
        silver, rows = landed.tables(), lake.arrow("silver/demand").to_pylist()
        for night in nights:
            expected = demand(silver, night, config)
            assert rounded(visible(lake, night, rows)) == rounded(expected), f"night {night}"
    assert len(expected) > 50
    sources = {row[-1] for row in expected.values()}
    assert ("profile" in sources) == (hourly and grain == "day")
    # Reconciliation: every sale that counts is in exactly one row.
    assert aggregated_sales(lake.read("silver/sales"), nights[-1], config).count() == sum(row[5] for row in expected.values())


def test_late_drops_reruns_and_older_nights(lake):
    history = Silver().drop(day(3), "locations", place("s")).drop(day(3), "items", {"item_id": "a"})
    history.drop(day(3), "sales", sale("a", "s", 0, 2), sale("a", "s", 1, 3), sale("a", "s", 2, 4))
    # The drop of day 5 lands before the one of day 4.
    history.drop(day(5), "sales", sale("a", "s", 4, 6))
    update(lake, history, day(5))
    first = visible(lake, day(3))
    assert [v[0] for v in first.values()] == [2, 3, 4]
    # Nothing landed of day 3 for any location: missing, not zero.
    assert [k[3] for k in visible(lake, day(5))] == [day(0), day(1), day(2), day(4)]

    # A rerun, and a night with nothing new, leave the table as it is.
    version = lake.version("silver/demand")
    update(lake, history, day(5))
    main(lake.spark, lake, Config(), day(3))
    assert lake.version("silver/demand") == version

    # A master delivered again unchanged says nothing new.
    history.drop(day(6), "items", {"item_id": "a"}).drop(day(6), "locations", place("s"))
    update(lake, history, day(6))
    assert lake.version("silver/demand") == version

    # The drop of day 4 comes at last, with a late sale of day 1; the night of day 4 is run after that of day 6.
    history.drop(day(4), "sales", sale("a", "s", 3, 5), sale("a", "s", 1, 7))
    update(lake, history, day(4))
    assert visible(lake, day(3)) == first
    assert [v[0] for v in visible(lake, day(4)).values()] == [2, 10, 4, 5]
    assert [v[0] for v in visible(lake, day(5)).values()] == [2, 10, 4, 5, 6]
    versions = sorted(
        (r["known_from"], r["known_to"], r["units"]) for r in lake.arrow("silver/demand").to_pylist() if r["period"] == day(1)
    )
    assert versions == [(day(3), day(4), 3), (day(4), None, 10)]


def test_hours_are_those_of_the_locations_clock(lake):
    # Shanghai is eight hours ahead of UTC: a quarter of the day sells at 9:00, the rest at 17:00. On day 9 the fraction of
    # the selling hours (9:00 to 18:00) says that b was in stock until 12:00; c sells by date, that is at its midnight.
    zone = {**place("s"), "timezone": "Asia/Shanghai"}
    silver = Silver().drop(day(10), "locations", zone).drop(day(10), "items", *({"item_id": i} for i in "abc"))
    for n in range(10):
        for i in "ab":
            silver.drop(day(10), "sales", sale(i, "s", n, 2, hour=1))
            if (i, n) != ("b", 9):
                silver.drop(day(10), "sales", sale(i, "s", n, 6, hour=9))
        silver.drop(day(10), "sales", {**sale("c", "s", n, 5, hour=16), "sold_at": sale("c", "s", n - 1, 5, hour=16)["sold_at"]})
    short = {"location_id": "s", "date": day(9), "in_stock_fraction": 1 / 3}
    silver.drop(day(10), "availability", {**short, "item_id": "b"}, {**short, "item_id": "c"})
    update(lake, silver, day(10))
    last = {key[0]: row for key, row in visible(lake, day(10)).items() if key[3] == day(9)}
    assert [last[i][-1] for i in "abc"] == ["observed", "profile", "floor"]
    assert [last[i][0] for i in "abc"] == [8, 2, 5]
    assert float(last["b"][6]) == pytest.approx(8, rel=0.03)
    assert last["c"][6] is None
