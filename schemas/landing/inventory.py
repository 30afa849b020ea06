"""Feed ``inventory``: stock on hand after closing."""

from schemas.landing.sales import SALES
from schemas.table import DATE, STRING, Column, Feed, units

INVENTORY = Feed(
    name="inventory",
    meaning="Stock on hand after closing on as_of.",
    columns=(
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("as_of", DATE, "the stock is that after closing on this date"),
        units("on_hand", "units on hand; negative counts as 0 and raises an exception", minimum=-1e6, maximum=1e8),
        units("reserved", "units promised to customers, part of on_hand", optional=True, default="0", minimum=0, maximum=1e8),
        Column("expires_on", DATE, "last date on which the batch may be sold", optional=True, nullable=True),
    ),
    key=("item_id", "location_id", "as_of", "expires_on"),
    rules=SALES.rules,
    absent="stock 0, an exception for each pair, and orders that need review",
    event_date="as_of",
    steady=True,
    fresh_days=3,
    silver_name="stock",
)
