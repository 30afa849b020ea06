"""Feed ``signals``: weather and other numbers; a forecast and the later observation are two drops."""

from schemas.landing.sales import SALES
from schemas.table import DATE, DOUBLE, STRING, Column, Feed

SIGNALS = Feed(
    name="signals",
    meaning="Weather and other numbers, known from their drop on.",
    columns=(
        Column("location_id", STRING, "location; empty: the region's", optional=True, nullable=True),
        Column("region", STRING, "region; empty: everywhere", optional=True, nullable=True),
        Column("date", DATE, "date the value is for"),
        Column("name", STRING, "name of the signal"),
        Column("value", DOUBLE, "its value"),
    ),
    key=("location_id", "region", "date", "name"),
    rules=(SALES.rules[1],),
    absent="no signals",
    warned=("quarantined_share_too_high",),
)
