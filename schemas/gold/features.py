"""``gold/features``: what the model sees of a series and a period, known on the business date."""

from schemas.table import BOOL, DATE, FLOAT, INT, STRING, Column, gold

_SCALED = "share of level"


def _feature(name: str, meaning: str, unit: str = "") -> Column:
    """A number that is null (NaN) where nothing is known: the model takes it as missing."""
    return Column(name, FLOAT, meaning, unit, nullable=True)


#: What the model sees, in the order in which it sees it. "In stock" means in stock all period;
#: "demand" is what was sold in them, and what was recovered of others.
FEATURES: tuple[Column, ...] = (
    Column("step", INT, "periods ahead, 0 for the business date's own", "periods", minimum=0),
    Column("level", FLOAT, "scale of the series: recency-weighted mean demand, shrunk to its item's in-stock mean", "units", minimum=0),
    _feature("log_level", "logarithm of level"),
    *(_feature(f"mean_{i}", f"mean of the in-stock periods in the last {text}", _SCALED) for i, text in (
        (1, "3 days / 2 weeks"), (2, "7 days / 4 weeks"), (3, "14 days / 8 weeks"), (4, "28 days / 13 weeks"), (5, "56 days / 26 weeks"),
    )),
    _feature("deviation", "standard deviation of the in-stock periods in the last 28 days / 13 weeks", _SCALED),
    _feature("periods_in_stock", "in-stock periods in the last 28 days / 13 weeks", "periods"),
    _feature("share_of_zeros", "share of them without sale", "fraction"),
    _feature("stock_short", "mean in-stock fraction of the last 7 days / 4 weeks", "fraction"),
    _feature("stock_long", "mean in-stock fraction of the last 28 days / 13 weeks", "fraction"),
    _feature("sold", "mean sales of the last 28 days / 13 weeks, in stock or not: a floor of demand", _SCALED),
    _feature("sold_short", "mean sales of the last 7 days / 4 weeks, in stock or not", _SCALED),
    _feature("last", "last in-stock period", _SCALED),
    _feature("since_sale", "periods since the last sale", "periods"),
    _feature("age", "periods since the first row, at most 91 days / 39 weeks; 0: no history", "periods"),
    _feature("promotion_share", "share of recent periods under promotion", "fraction"),
    *(_feature(f"{name}_mean", f"mean of the {name}'s in-stock series-periods", _SCALED) for name in ("item", "location", "category")),
    *(_feature(f"{name}_trend", f"the {name}'s mean of 7 days / 4 weeks against 28 days / 13 weeks") for name in (
        "item", "location", "category")),
    *(_feature(f"{name}_profile", f"the {name}'s usual share on such a weekday or event") for name in ("item", "location", "category")),
    _feature("kernel", "mean of the own past demand by recency, same kind of day, similar price and promotion", _SCALED),
    _feature("kernel_flat", "the same over all days, their usual share taken out", _SCALED),
    _feature("kernel_weight", "periods that it rests on", "periods"),
    *(_feature(f"like_{i}", f"same weekday (grain week: period), {i} before", _SCALED) for i in (1, 2, 3)),
    _feature("year_ago", "mean of the in-stock periods around the same season last year", _SCALED),
    _feature("year_lift", "that against what came before the origin's season last year"),
    _feature("price_ratio", "logarithm of the price against its mean of 28 days / 13 weeks"),
    _feature("price_change", "logarithm of the price against the last one"),
    _feature("promotion", "1: promoted"),
    _feature("position", "weekday, 0 = Monday; grain week: ISO week"),
    _feature("event_kind", "1: there is an event"),
    _feature("event", "event days in the period", "days"),
    _feature("to_event", "periods to the next event, 7: none near", "periods"),
    _feature("since_event", "periods since the last event, 7: none near", "periods"),
    *(_feature(f"signal_{i}", f"signal number {i} by name, against its mean of 28 days / 13 weeks") for i in (1, 2, 3)),
    _feature("closed", "share of the period that is closed", "fraction"),
    _feature("rate_short", "sales of the last 7 days / 4 weeks for a period's worth of time in stock", _SCALED),
    _feature("rate", "the same of the last 14 days / 8 weeks", _SCALED),
    _feature("rate_last", "the same of the last period", _SCALED),
    _feature("stock_last", "in-stock fraction of the last period", "fraction"),
    *(_feature(f"kernel_{name}", f"mean of the own past demand over like days: {text}", _SCALED) for name, text in (
        ("short", "recent ones"), ("long", "long back, at a close price"), ("price", "whatever the kind of day, at the same price"))),
    _feature("kernel_price_weight", "periods that kernel_price rests on", "periods"),
    *(_feature(f"kernel_{name}_all", f"like kernel_{name}, of all periods, for a period's worth of time in stock", _SCALED) for name in (
        "short", "long")),
    _feature("price_high", "logarithm of the price against the highest of the recent periods"),
    _feature("price_step", "logarithm of the price against that of the period before"),
    *(_feature(f"{name}_season", f"the {name}'s lift of the season in up to three earlier years, shrunk to its parent's") for name in (
        "item", "location")),
    *(_feature(f"{name}_event", f"the {name}'s past lift of such an event, or of days next to it; 1: none or never seen") for name in (
        "item", "location")),
    _feature("season", "the yearly lifts of item and location together"),
    _feature("event_lift", "their lifts of the event together"),
    _feature("spell_lift", "their lifts of the long event (more than a week, as school holidays) that holds"),
    _feature("expected", "level x season x weekday x event_lift, or x event_share on an event's day: what the model corrects", "units"),
    _feature("promotion_lift", "the item's past lift of a promotion, shrunk to its category's, where promoted; else 1"),
    _feature("promoted_before", "share of the week before the period that is under promotion", "fraction"),
    _feature("spell", "days of the period within a long event", "days"),
    *(_feature(f"{group}_pulse_{i}", f"demand of the {text}'s series against their levels in the last {span}") for i, span in (
        (1, "period"), (2, "3 days / 2 weeks"), (3, "7 days / 4 weeks"), (4, "28 days / 13 weeks"),
        (5, "91 days / 39 weeks")) for group, text in (
        ("item", "item"), ("item_region", "item's in the region"), ("location", "location"), ("region", "region"),
        ("category", "category"), ("all", "retailer"))),
    _feature("log_price", "logarithm of the price"),
    *(_feature(f"{group}_price", f"logarithm of the price against the mean of the item's series{text} in the period") for group, text in (
        ("item", ""), ("item_region", " in the region"))),
    *(_feature(f"{group}_price_change", f"logarithm of the prices of the item's series{text} against their mean of 28 days / 13 weeks")
        for group, text in (("item", ""), ("item_region", " in the region"))),
    _feature("weekday", "the series' own share on such a weekday, events taken out; 1 before earlier years are known", _SCALED),
    _feature("event_share", "the past sales on such an event's day against all weekdays', item's and location's together", _SCALED),
)  # fmt: skip

FEATURES_TABLE = gold(
    "features",
    "What the model sees of a series and a period of the horizon, known on the business date.",
    (
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("channel", STRING, "channel"),
        Column("target_date", DATE, "first day of the period"),
        Column("whole_units", BOOL, "the item has only been sold in whole units"),
        *FEATURES,
    ),
    ("item_id", "location_id", "channel", "target_date"),
)
