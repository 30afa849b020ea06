"""Demand by plain loops over rows, as slow and as obvious as possible: what the Spark job is compared with."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from jobs.config import Config
from jobs.ingest.demand.recovery import LEAST_DAYS, LEAST_HOUR, LEAST_JUMP, LEAST_SHARE, PRIOR_SALES, WINDOW

ONE_DAY = timedelta(days=1)
CENT = Decimal("0.0001")


def demand(silver, night: date, config: Config) -> dict:
    """(item, location, channel, period) -> (units, returns, in_stock, price, promotion, sales_rows, demand, std, source)."""
    return _Night(silver, night, config).rows()


class _Night:
    def __init__(self, silver, night, config):
        self.all, self.night, self.config = silver, night, config
        self.step = config.period_days
        self.sales = [r for r in self.seen("sales") if r["date"] < night]
        self.places = {r["location_id"]: r for r in self.seen("locations")}
        self.by_day = {}
        for r in self.sales:
            self.by_day.setdefault((r["item_id"], r["location_id"], r["channel"], r["date"]), []).append(r)
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
        return units, returns, share, price, promotion, len(sold), *self.demand(item, place, channel, period, units, share)

    def demand(self, item, place, channel, day, units, share):
        """demand, demand_std, demand_source of a row."""
        if share >= 1:
            return units, Decimal(0), "observed"
        found = recover(_Place(self, place, channel, day), item, float(units), share) if self.step == 1 and share > 0 else None
        return (None, None, "floor") if found is None else (*(Decimal(f"{v:.4f}") for v in found), "profile")

    def hours(self, item, place, channel, day):
        """Units by hour of the day, of sales with a time of day (the test's locations are on UTC)."""
        sold = self.by_day.get((item, place, channel, day), [])
        timed = [r for r in sold if r["units"] > 0 and r["sold_at"] and (r["sold_at"].hour or r["sold_at"].minute)]
        return [float(sum(r["units"] for r in timed if r["sold_at"].hour == h)) for h in range(24)]

    def untimed(self, item, place, channel, day):
        """Whether any unit sold without a time of day."""
        sold = self.by_day.get((item, place, channel, day), [])
        return sum(r["units"] for r in sold if r["units"] > 0) != sum(map(Decimal, self.hours(item, place, channel, day)))

    def stated(self, item, place, day):
        return [r for r in self.seen("availability") if (r["item_id"], r["location_id"], r["date"]) == (item, place, day)]

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


class _Place:
    """The four weeks of a location and channel before a day: hours of each item on the days that count."""

    def __init__(self, night, place, channel, day):
        self.today = {i: night.hours(i, place, channel, day) for i in "abc"}
        self.stated = {i: night.stated(i, place, day) for i in "abc"}
        back = [day - timedelta(days=lag) for lag in range(1, WINDOW + 1)]
        hours = {(i, d): night.hours(i, place, channel, d) for i in "abc" for d in back}
        untimed = {(i, d) for i in "abc" for d in [day, *back] if night.untimed(i, place, channel, d)}
        self.untimed = {i for i, _ in untimed}
        by_hour = {d for (i, d), sold in hours.items() if sum(sold) and (i, d) not in untimed}
        first = {i: min((r["date"] for r in night.of(i, place, channel)), default=day) for i in "abc"}
        self.lags = {
            i: {
                lag: hours[i, d]
                for lag, d in enumerate(back, 1)
                if d in by_hour
                and (i, d) not in untimed
                and d >= first[i]
                and not any(r["in_stock_fraction"] < 1 for r in night.stated(i, place, d))
            }
            for i in "abc"
        }


def jump_parts(days, profile):
    """Sum of squared deviations of the hours from their share of the day, and what one unit a jump would make of it."""
    up = sum((x - p * sum(day)) ** 2 for day in days for x, p in zip(day, profile, strict=True))
    return up, sum(sum(day) for day in days) * sum(p * (1 - p) for p in profile)


def recover(place, item, units, share):
    """Expected demand and its standard deviation by the formulas of recovery.py, term by term; None where it can't be."""
    days = [day for lags in place.lags.values() for day in lags.values()]
    total = sum(map(sum, days))
    own = place.lags[item]
    if not total or not own or item in place.untimed:
        return None
    profile = [sum(day[h] for day in days) / total for h in range(24)]
    up, down = jump_parts(days, profile)
    a_day = total / sum(1 for day in days if sum(day))
    usual = max(up / down, LEAST_JUMP * a_day) if down > 1e-9 * total else a_day
    excess = squares = 0.0
    for lags in place.lags.values():
        if len(lags) >= LEAST_DAYS:
            mean = sum(map(sum, lags.values())) / len(lags)
            excess += sum((sum(day) - mean) ** 2 for day in lags.values()) / (len(lags) - 1) - usual * mean
            squares += mean**2
    spread = max(excess / squares, 0.02) if squares else 1.0
    up, down = jump_parts(own.values(), profile)
    jump = (up + PRIOR_SALES * usual**2) / (down + PRIOR_SALES * usual)
    weight = PRIOR_SALES * jump
    shape = [(sum(day[h] for day in own.values()) + weight * profile[h]) / (sum(map(sum, own.values())) + weight) for h in range(24)]
    exposure = sum(s * w for s, w in zip(shape, in_stock(place, item, share, profile), strict=True))
    if exposure < LEAST_SHARE or (exposure > 1 - 1e-9 and not named_hours(place, item)):
        return None
    weights = {lag: 0.93 ** (lag - 1) * (1 if lag % 7 else 3) for lag in own}
    level = max(sum(w * sum(own[lag]) for lag, w in weights.items()) / sum(weights.values()) / jump, 0.01)
    count = sum(weights.values()) ** 2 / sum(w**2 for w in weights.values())
    a = 1 / (spread + (spread + 1 / level) / count)
    missed, b = 1 - min(exposure, 1), a / level + exposure
    rate = (a + units / jump) / b
    return units + jump * missed * rate, jump * (missed * rate + missed**2 * rate / b) ** 0.5


def in_stock(place, item, share, profile):
    """Share of each hour in stock."""
    named = named_hours(place, item)
    if named:
        return [str(h) not in named[0].split(",") for h in range(24)]
    selling = [h for h in range(24) if profile[h] >= LEAST_HOUR / 24]
    opening, closing = min(selling), max(selling) + 1
    length, today = share * (closing - opening), place.today[item]
    early = [min(max(opening + length - h, 0), 1) for h in range(24)]
    late = [min(max(h + 1 - (closing - length), 0), 1) for h in range(24)]
    kept = late if sum(x * w for x, w in zip(today, late, strict=True)) > sum(x * w for x, w in zip(today, early, strict=True)) else early
    return [1 if sold else w for sold, w in zip(today, kept, strict=True)]


def named_hours(place, item):
    """What the availability row names as hours out of stock, if it does."""
    return [r["out_of_stock_hours"] for r in place.stated[item] if r["out_of_stock_hours"]]
