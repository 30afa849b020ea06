"""Feed ``availability``: how much of the selling hours an item was in stock."""

from schemas.landing.sales import SALES
from schemas.table import DATE, DOUBLE, STRING, Column, Feed

AVAILABILITY = Feed(
    name="availability",
    meaning="Share of the selling hours in which an item was in stock.",
    columns=(
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("date", DATE, "local business date"),
        Column("in_stock_fraction", DOUBLE, "share of the selling hours in stock", "fraction", minimum=0, maximum=1),
    ),
    key=("item_id", "location_id", "date"),
    rules=SALES.rules,
    absent="in_stock_fraction is 0 for a period that opened with no stock and nothing arriving, else 1",
    event_date="date",
    steady=True,
)
