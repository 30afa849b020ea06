"""Feed ``overrides``: orders that a planner has locked."""

from schemas.table import DATE, STRING, Check, Column, Feed, units

OVERRIDES = Feed(
    name="overrides",
    meaning="Orders that a planner has locked.",
    columns=(
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location that receives"),
        Column("source_id", STRING, "location that ships; empty: the only lane", optional=True, nullable=True),
        Column("business_date", DATE, "night for which the quantity is locked"),
        units("units", "units to order", minimum=0, maximum=1e8),
        Column("reason", STRING, "why"),
        Column("user", STRING, "who", optional=True, nullable=True),
    ),
    key=("item_id", "location_id", "source_id", "business_date"),
    rules=(
        Check("unknown_item", "reference", ("item_id",), table="items", table_columns=("item_id",)),
        Check("unknown_location", "reference", ("location_id",), table="locations", table_columns=("location_id",)),
    ),
    absent="no locked orders",
    warned=("quarantined_share_too_high",),
)
