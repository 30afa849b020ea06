"""``gold/features``: what the model sees of a series and a period, known on the business date."""

from schemas.table import DATE, FLOAT, INT, STRING, Column, gold

#: What the model sees, in the order in which it sees it.
FEATURES: tuple[Column, ...] = (
    Column("step", INT, "periods ahead, 0 for the business date's own", "periods", minimum=0),
    Column("level", FLOAT, "scale of the series: shrunk mean of recent in-stock periods", "units", minimum=0),
)

FEATURES_TABLE = gold(
    "features",
    "What the model sees of a series and a period of the horizon, known on the business date.",
    (
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("channel", STRING, "channel"),
        Column("target_date", DATE, "first day of the period"),
        *FEATURES,
    ),
    ("item_id", "location_id", "channel", "target_date"),
)
