"""Feed ``receipts``: what arrived."""

from schemas.landing.sales import SALES
from schemas.table import DATE, STRING, Column, Feed, units

RECEIPTS = Feed(
    name="receipts",
    meaning="What arrived; corrections are negative rows.",
    columns=(
        Column("order_id", STRING, "order it belongs to", optional=True, nullable=True),
        Column("line_id", STRING, "identity of the line at its location", optional=True, nullable=True),
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location that received it"),
        Column("source_id", STRING, "location that shipped it", optional=True, nullable=True),
        units("units", "units received", minimum=-1e8, maximum=1e8),
        Column("received_on", DATE, "local date of arrival"),
    ),
    key=("location_id", "line_id"),
    rules=SALES.rules,
    absent="stock is what inventory says; published orders leave transit on their expected date",
    event_date="received_on",
    row_identity="line_id",
)
