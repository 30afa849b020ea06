"""Feed ``prices``: prices and promotions, known ahead of time."""

from schemas.landing.sales import SALES
from schemas.table import DATE, STRING, Column, Feed, money

PRICES = Feed(
    name="prices",
    meaning="Prices and promotions, known ahead; a price holds to the next row of its key, a promotion on its date only.",
    columns=(
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location; empty: all", optional=True, nullable=True),
        Column("channel", STRING, "channel; empty: all", optional=True, nullable=True),
        Column("date", DATE, "first date of the price"),
        money("unit_price", "price per unit", minimum=0, maximum=1e7),
        Column("promotion", STRING, "type of promotion on this date", optional=True, nullable=True),
    ),
    key=("item_id", "location_id", "channel", "date"),
    rules=SALES.rules,
    absent="the price paid in sales, then the item's list price",
    warned=("quarantined_share_too_high",),
)
