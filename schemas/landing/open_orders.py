"""Feed ``open_orders``: full snapshot of what is in transit."""

from schemas.landing.sales import SALES
from schemas.table import DATE, STRING, Check, Column, Feed, units

OPEN_ORDERS = Feed(
    name="open_orders",
    meaning="Full snapshot of what is in transit; several rows of a line with different dates are split deliveries.",
    columns=(
        Column("order_id", STRING, "order"),
        Column("item_id", STRING, "item"),
        Column("source_id", STRING, "location that ships it"),
        Column("location_id", STRING, "location that receives it"),
        units("units", "units still to come", minimum=0, maximum=1e8),
        Column("ordered_on", DATE, "business date of the order"),
        Column("expected_on", DATE, "date on which it is on the shelf before opening"),
    ),
    key=("order_id", "item_id", "source_id", "location_id", "expected_on"),
    rules=(
        *SALES.rules,
        Check("expected_before_ordered", "rule", ("ordered_on", "expected_on"), sql="expected_on >= ordered_on"),
    ),
    absent="all published orders not yet received are in transit",
    snapshot=True,
    silver_name="inbound",
)
