"""Feed ``capacities``: what is scarce."""

from schemas.table import DATE, DOUBLE, STRING, Check, Column, Feed

CAPACITIES = Feed(
    name="capacities",
    meaning="Limits on stock, outbound and inbound work, and money.",
    columns=(
        Column("resource", STRING, "what is limited", values=("dc_stock", "dc_outbound", "receiving", "budget")),
        Column("location_id", STRING, "location; empty: all together", optional=True, nullable=True),
        Column("item_id", STRING, "item; empty: all together", optional=True, nullable=True),
        Column("date", DATE, "date of the limit; empty: each date", optional=True, nullable=True),
        Column("limit", DOUBLE, "most that may be used", "as unit", minimum=0, maximum=1e15),
        Column("unit", STRING, "what the limit counts", values=("units", "volume", "value")),
    ),
    key=("resource", "location_id", "item_id", "date", "unit"),
    rules=(
        Check("unknown_location", "reference", ("location_id",), table="locations", table_columns=("location_id",)),
        Check("unknown_item", "reference", ("item_id",), table="items", table_columns=("item_id",)),
        Check("budget_not_in_value", "rule", ("resource", "unit"), sql="resource <> 'budget' OR unit = 'value'"),
    ),
    absent="only the stock of the distribution centres limits",
)
