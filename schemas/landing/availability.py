"""Feed ``availability``: how much of the selling hours an item was in stock."""

from schemas.landing.sales import SALES
from schemas.table import DATE, DOUBLE, STRING, Check, Column, Feed

_HOUR = "([0-9]|1[0-9]|2[0-3])"

AVAILABILITY = Feed(
    name="availability",
    meaning="Share of the selling hours in which an item was in stock.",
    columns=(
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("date", DATE, "local business date"),
        Column("in_stock_fraction", DOUBLE, "share of the selling hours in stock", "fraction", minimum=0, maximum=1),
        Column(
            "out_of_stock_hours",
            STRING,
            "local hours of the day out of stock, like 18,19,20,21 (18 = from 18:00 to 19:00); empty: not known which",
            optional=True,
            nullable=True,
        ),
    ),
    key=("item_id", "location_id", "date"),
    rules=(
        *SALES.rules,
        Check(
            "out_of_stock_hours_malformed",
            "rule",
            ("out_of_stock_hours",),
            sql=f"replace(out_of_stock_hours, ' ', '') RLIKE '^{_HOUR}(,{_HOUR})*$'",
        ),
    ),
    absent="in_stock_fraction is 0 for a period that opened with no stock and nothing arriving, else 1",
    event_date="date",
    steady=True,
)
