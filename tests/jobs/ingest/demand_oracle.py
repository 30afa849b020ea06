"""Demand by plain loops over rows, as slow and as obvious as possible: what the Spark job is compared with."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from jobs.config import Config

ONE_DAY = timedelta(days=1)
CENT = Decimal("0.0001")


def demand(silver, night: date, config: Config) -> dict:
    """(item, location, channel, period) -> (units, returns, in_stock, price, promotion, sales_rows), as the night sees it."""
    return _Night(silver, night, config).rows()


class _Night:
    def __init__(self, silver, night, config):
        self.all, self.night, self.config = silver, night, config
        self.step = config.period_days
        self.sales = [r for r in self.seen("sales") if r["date"] < night]
        self.places = {r["location_id"]: r for r in self.seen("locations")}
        days = {r["date"] for r in self.sales}
        self.first = min(days) if days else None
        if self.first and self.step == 7:
            self.first += timedelta(days=-self.first.weekday() % 7)
            self.sales_that_count = [r for r in self.sales if self.first <= r["date"] < night - timedelta(days=night.weekday())]
        else:
            self.sales_that_count = self.sales

    def seen(self, table):
        rows = self.all.get(table, [])
        return [
            r for r in rows if not r["deleted"] and r["known_from"] <= self.night and (r["known_to"] is None or r["known_to"] > self.night)
        ]

    def period(self, day):
        return day if self.step == 1 else day - timedelta(days=day.weekday())

    def days(self, period):
        return [period + timedelta(days=i) for i in range(self.step)]

    def periods(self):
        days = [r["date"] for r in self.sales] + [r["date"] for r in self.seen("availability") if r["date"] < self.night]
        found, p = [], self.period(min(days)) if days else None
        while p is not None and p + timedelta(days=self.step) <= self.night:
            if self.first is None or self.step == 1 or p >= self.first:
                found.append(p)
            p += timedelta(days=self.step)
        return found

    def rows(self):
        result = {}
        for period in self.periods():
            for item, place, channel in self.candidates(period):
                row = self.row(item, place, channel, period)
                if row is not None:
                    result[item, place, channel, period] = row
        return result

    def of(self, item=None, place=None, channel=None, upto=None):
        return [
            r
            for r in self.sales_that_count
            if (item is None or r["item_id"] == item)
            and (place is None or r["location_id"] == place)
            and (channel is None or r["channel"] == channel)
            and (upto is None or self.period(r["date"]) <= upto)
        ]

    def candidates(self, period):
        pairs = {(r["item_id"], r["location_id"]) for r in self.sales_that_count + self.seen("assortment")}
        for item, place in sorted(pairs):
            sold = {r["channel"] for r in self.of(item, place, upto=period)}
            kind = self.places.get(place, {}).get("kind")
            for channel in sorted(sold or {"online" if kind == "online" else "store"}):
                yield item, place, channel

    def row(self, item, place, channel, period):
        sold = [r for r in self.of(item, place, channel, period) if self.period(r["date"]) == period]
        stated = sorted(
            (r["date"], r["in_stock_fraction"])
            for r in self.seen("availability")
            if (r["item_id"], r["location_id"]) == (item, place) and self.period(r["date"]) == period and r["date"] < self.night
        )
        if not sold and not self.is_zero(item, place, period, bool(stated)):
            return None
        units = sum((r["units"] for r in sold if r["units"] > 0), Decimal(0))
        returns = sum((-r["units"] for r in sold if r["units"] < 0), Decimal(0))
        share = sum(f for _, f in stated) / len(stated) if stated else self.shelf(item, place, period)
        price, promotion = self.price(item, place, channel, period)
        return units, returns, share, price, promotion, len(sold)

    def is_zero(self, item, place, period, stated):
        if self.is_closed(place, period) or not self.is_active(item, place, period):
            return False
        own_sales = bool(self.of(place=place, upto=period))
        if self.places.get(place, {}).get("kind") in ("dc", "supplier") and not own_sales:
            return False
        return stated or (own_sales and not self.is_missing(place, period))

    def is_closed(self, place, period):
        region = self.places.get(place, {}).get("region")
        closed = {r["date"] for r in self.seen("calendar") if r["event"] == "closed" and r["region"] in (None, region)}
        return all(day in closed for day in self.days(period))

    def is_active(self, item, place, period):
        ranged = [r for r in self.seen("assortment") if (r["item_id"], r["location_id"]) == (item, place)]
        if ranged:
            return any(
                self.period(r["active_from"] or date(1, 1, 1)) <= period <= self.period(r["active_to"] or date(9999, 1, 1)) for r in ranged
            )
        sales = [self.period(r["date"]) for r in self.of(item, place, upto=period)]
        if not sales:
            return False
        mine = [r for t in ("receipts", "stock") for r in self.seen(t) if (r["item_id"], r["location_id"]) == (item, place)]
        alive = [self.period(r["received_on"]) for r in mine if "received_on" in r and r["units"] > 0]
        alive += [self.period(r["as_of"]) for r in mine if "as_of" in r and r["on_hand"] > 0]
        last = max(day for day in sales + alive if day <= period)
        return (period - last).days // self.step <= self.config.landing.inactive_after // self.step

    def is_missing(self, place, period):
        landed = {self.period(r["date"]) for r in self.sales_that_count}
        mine = {self.period(r["date"]) for r in self.of(place=place)}
        if period not in landed:
            return True
        if period in mine or not mine:
            return False
        last = [period - timedelta(days=self.step * k) for k in range(1, self.config.landing.missing_periods + 1)]
        last = [p for p in last if p >= min(mine)]
        return bool(last) and sum(p in mine for p in last) >= self.config.landing.missing_share * len(last) - 1e-9

    def shelf(self, item, place, period):
        return sum(self.opened_with_stock(item, place, day) for day in self.days(period)) / self.step

    def opened_with_stock(self, item, place, day):
        def mine(table):
            return [r for r in self.seen(table) if (r["item_id"], r["location_id"]) == (item, place)]

        records = [r for r in mine("stock") if r["as_of"] < day]
        if not records:
            return 1
        last = max(r["as_of"] for r in records)
        level = sum(max(r["on_hand"], Decimal(0)) for r in records if r["as_of"] == last)
        level -= sum(r["units"] for r in self.sales if (r["item_id"], r["location_id"]) == (item, place) and last < r["date"] < day)
        level += sum(r["units"] for r in mine("receipts") if last < r["received_on"] < day)
        arriving = any(r["received_on"] == day and r["units"] > 0 for r in mine("receipts"))
        for r in self.all.get("inbound", []):
            due = (r["item_id"], r["location_id"], r["expected_on"]) == (item, place, day) and r["units"] > 0 and not r["deleted"]
            arriving |= due and r["known_from"] <= day and (r["known_to"] is None or r["known_to"] > day)
        return int(level > 0 or arriving)

    def price(self, item, place, channel, period):
        listed = [self.listed(item, place, channel, day) for day in self.days(period)]
        prices = [row["unit_price"] for _, row in listed if row]
        promotions = sorted(row["promotion"] for day, row in listed if row and row["date"] == day and row["promotion"])
        promotion = promotions[0] if promotions else None
        if prices:
            return (sum(prices) / len(prices)).quantize(CENT, ROUND_HALF_UP), promotion
        sold = [r for r in self.of(item, place, channel, period) if r["units"] > 0 and r["unit_price"] is not None]
        if sold:
            last = max(self.period(r["date"]) for r in sold)
            sold = [r for r in sold if self.period(r["date"]) == last]
            mean = sum(r["units"] * r["unit_price"] for r in sold) / sum(r["units"] for r in sold)
            return mean.quantize(CENT, ROUND_HALF_UP), promotion
        items = [r["unit_price"] for r in self.seen("items") if r["item_id"] == item]
        return (items[0] if items else None), promotion

    def listed(self, item, place, channel, day):
        rows = [r for r in self.seen("prices") if r["item_id"] == item and r["date"] <= day]
        for key in ((place, channel), (place, None), (None, channel), (None, None)):
            same = [r for r in rows if (r["location_id"], r["channel"]) == key]
            if same:
                return day, max(same, key=lambda r: r["date"])
        return day, None
