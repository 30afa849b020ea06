import random
from datetime import date, timedelta
from decimal import Decimal

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
        following = dict(zip(drops, drops[1:], strict=False))
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


def visible(lake, night):
    rows = [r for r in lake.arrow("silver/demand").to_pylist() if r["known_from"] <= night and (r["known_to"] is None or r["known_to"] > night)]
    keyed = {}
    for r in rows:
        key = (r["item_id"], r["location_id"], r["channel"], r["period"])
        assert key not in keyed, f"two versions of {key} visible on {night}"
        assert r["month"] == r["period"].replace(day=1)
        keyed[key] = (r["units"], r["returns"], r["in_stock_fraction"], r["price"], r["promotion"], r["sales_rows"])
    return keyed


def rounded(rows):
    return {key: (*v[:2], round(v[2], 9), *v[3:]) for key, v in rows.items()}


def sale(item, place, n, units, price=None, channel="store", line=None):
    return {
        "item_id": item, "location_id": place, "channel": channel, "sold_at": None, "date": day(n),
        "units": Decimal(str(units)), "unit_price": None if price is None else Decimal(str(price)), "line_id": line,
    }  # fmt: skip


def place(name, kind="store", region=None):
    return {"location_id": name, "kind": kind, "region": region}


def random_world(seed, days):
    """Drops of one day each, most rows in time, some late, some corrected, some withdrawn; every feed there or not."""
    rng = random.Random(seed)
    items, places = ["a", "b", "c"], ["s1", "s2", "w", "dc"]
    silver = Silver()
    drops = [day(0)] + [day(n) for n in range(days // 3, days + 1)] + [FIRST_DAY] * (seed % 2)
    silver.drop(drops[0], "locations", place("s1", "store", "n"), place("s2", "store", "s"), place("w", "online", "n"), place("dc", "dc", "n"))
    silver.drop(drops[0], "items", {"item_id": "a", "unit_price": Decimal("9.5")}, {"item_id": "b"}, {"item_id": "c"})
    silver.drop(rng.choice(drops), "items", {"item_id": "a", "unit_price": Decimal(8)}, {"item_id": "c", "unit_price": Decimal(3)})
    silver.drop(rng.choice(drops), "locations", place("s2", "store", "n"))
    optional = {name for name in ("availability", "stock", "receipts", "inbound", "prices", "assortment", "calendar") if rng.random() < 0.7}

    def on(n):
        landing = [d for d in drops if d >= day(n + 1)] or [drops[-1]]
        late = rng.random() < 0.15
        return rng.choice(landing) if late else min(landing)

    for n in range(days):
        if rng.random() < 0.1:
            continue
        for p in places:
            if rng.random() < (0.95 if p == "dc" else 0.15):
                continue
            for i in items:
                if rng.random() < 0.5:
                    price = rng.choice([None, "2.5", "3.3333", "4"])
                    line = f"{p}{i}{n}" if rng.random() < 0.3 else None
                    channel = rng.choice(["store", "online"]) if p == "s1" else "online" if p == "w" else "store"
                    silver.drop(on(n), "sales", sale(i, p, n, rng.choice([-1, 1, "0.5", 2, 3]), price, channel, line))
                    if line and rng.random() < 0.3:
                        silver.drop(on(n), "sales", {**sale(i, p, n, 7, price, channel, line), "deleted": rng.random() < 0.5})
                pair = {"item_id": i, "location_id": p}
                if "availability" in optional and rng.random() < 0.2:
                    silver.drop(on(n), "availability", {**pair, "date": day(n), "in_stock_fraction": rng.choice([0.0, 0.25, 1.0])})
                if "stock" in optional and rng.random() < 0.1:
                    silver.drop(on(n), "stock", {**pair, "as_of": day(n), "on_hand": Decimal(rng.choice([-1, 0, 2, 5])), "reserved": Decimal(0)})
                if "receipts" in optional and rng.random() < 0.1:
                    silver.drop(on(n), "receipts", {**pair, "received_on": day(n), "units": Decimal(rng.choice([1, 3, -1]))})
                if "inbound" in optional and rng.random() < 0.05:
                    order = {"order_id": f"{p}{i}{n}", "source_id": "dc", "ordered_on": day(n), "expected_on": day(n + rng.randint(0, 3))}
                    silver.drop(rng.choice(drops[1:]), "inbound", {**pair, **order, "units": Decimal(4)})
                if "prices" in optional and rng.random() < 0.1:
                    key = {"item_id": i, "location_id": rng.choice([p, None]), "channel": rng.choice([None, None, "online"])}
                    promotion = rng.choice([None, "deal", "coupon"])
                    row = {**key, "date": day(n + rng.randint(-3, 3)), "unit_price": Decimal(rng.randint(1, 6)), "promotion": promotion}
                    silver.drop(rng.choice(drops), "prices", row)
                if "assortment" in optional and rng.random() < 0.02:
                    first = rng.choice([None, day(rng.randint(0, days))])
                    last = rng.choice([None, (first or day(0)) + timedelta(days=rng.randint(0, 9))])
                    silver.drop(rng.choice(drops), "assortment", {**pair, "active_from": first, "active_to": last, "deleted": rng.random() < 0.1})
        if "calendar" in optional and rng.random() < 0.1:
            row = {"region": rng.choice([None, "n", "s"]), "date": day(n), "event": rng.choice(["closed", "closed", "fair"])}
            silver.drop(rng.choice(drops), "calendar", row)
    return silver, sorted(set(drops)), rng


def keep_keys_unique(silver):
    """One row of a key in one drop, as after ingest's own replacing."""
    kept = {}
    for on, table, number, row in silver.delivered:
        feed = FEED_OF[table]
        keyed = not feed.row_identity or row.get(feed.row_identity) is not None
        key = (on, table, *((row.get(k) for k in feed.key) if keyed else (number,)))
        kept[key] = (on, table, number, row)
    silver.delivered = list(kept.values())


@pytest.mark.parametrize(("seed", "grain"), [(1, "day"), (2, "day"), (3, "week"), (4, "day"), (5, "week")])
def test_every_night_agrees_with_plain_loops_whatever_order_drops_arrive(lake, seed, grain):
    days = 16 if grain == "day" else 40
    world, drops, rng = random_world(seed, days)
    keep_keys_unique(world)
    config = Config.model_validate({"grain": grain, "landing": {"missing_periods": 5, "missing_share": 0.6, "inactive_after": 4 if grain == "day" else 14}})
    nights = [day(n) for n in range(0, days + 4, config.period_days)]
    landed = Silver()
    waiting = drops[1:]
    rng.shuffle(waiting)
    stages = [[drops[0], *waiting[:2]], waiting[2:3], waiting[3:]]
    for stage in stages:
        landed.delivered += [row for row in world.delivered if row[0] in stage]
        update(lake, landed, rng.choice(nights), config)
        silver = landed.tables()
        for night in nights:
            expected = demand(silver, night, config)
            assert rounded(visible(lake, night)) == rounded(expected), f"night {night}"
            counted = aggregated_sales(lake.read("silver/sales"), night, config).count() if night == nights[-1] else None
            assert counted in (None, sum(v[-1] for v in expected.values()))
    assert len(expected) > 50
