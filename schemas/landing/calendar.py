"""Feed ``calendar``: events by region, known ahead of time."""

from schemas.table import DATE, STRING, Column, Feed

CALENDAR = Feed(
    name="calendar",
    meaning="Events, known ahead; the event `closed` means no sales and no delivery.",
    columns=(
        Column("region", STRING, "region; empty: everywhere", optional=True, nullable=True),
        Column("date", DATE, "local business date"),
        Column("event", STRING, "name of the event; `closed` is reserved"),
    ),
    key=("region", "date", "event"),
    absent="no events",
    warned=("quarantined_share_too_high",),
)
