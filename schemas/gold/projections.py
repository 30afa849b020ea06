"""``gold/projections``: stock and arrivals, day by day, with the new orders."""

from schemas.table import DATE, DOUBLE, STRING, Column, gold

PROJECTIONS = gold(
    "projections",
    "Expected stock and arrivals per item, location and period over the horizon, with the night's orders.",
    (
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("date", DATE, "first day of the period"),
        Column("opening", DOUBLE, "expected stock at opening, before arrivals", "units", minimum=0),
        Column("arrivals", DOUBLE, "units under way that arrive before opening", "units", minimum=0),
        Column("ordered", DOUBLE, "units of the night's orders that arrive before opening", "units", minimum=0),
        Column("demand", DOUBLE, "expected demand, all channels", "units", minimum=0),
        Column("lost", DOUBLE, "expected demand not served, at expected demand", "units", minimum=0),
        Column("closing", DOUBLE, "expected stock after closing", "units", minimum=0),
    ),
    ("item_id", "location_id", "date"),
)
