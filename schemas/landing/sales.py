"""Feed ``sales``: what was sold, line by line or day by day."""

from schemas.table import STRING, TIMESTAMP, Check, Column, Feed, money, units

SALES = Feed(
    name="sales",
    meaning="What was sold and returned.",
    columns=(
        Column("item_id", STRING, "item sold"),
        Column("location_id", STRING, "location that sold it"),
        Column("channel", STRING, "channel of the sale; default online at kind online, else store", optional=True, nullable=True),
        Column("sold_at", TIMESTAMP, "moment of the sale; a date alone is the local business date"),
        units("units", "units sold; negative = returned", minimum=-1e6, maximum=1e6),
        money("unit_price", "price paid per unit", optional=True, nullable=True, minimum=0, maximum=1e7),
        Column(
            "line_id",
            STRING,
            "identity of the line at its location; a later row with it replaces the earlier",
            optional=True,
            nullable=True,
        ),
    ),
    key=("location_id", "line_id"),
    rules=(
        Check("unknown_item", "reference", ("item_id",), table="items", table_columns=("item_id",)),
        Check("unknown_location", "reference", ("location_id",), table="locations", table_columns=("location_id",)),
    ),
    required=True,
    absent="the night blocks: without sales there is no demand",
    event_date="sold_at",
    row_identity="line_id",
    steady=True,
    fresh_days=3,
)
