"""``silver/demand``: units sold per item, location, channel and period, zeros included."""

from schemas.table import DATE, DOUBLE, INT, KNOWN, STRING, Column, Table, money, units

DEMAND = Table(
    name="demand",
    layer="silver",
    meaning="Units sold per item, location, channel and period. A period without a row is missing, not zero.",
    columns=(
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("channel", STRING, "channel"),
        Column("period", DATE, "first day of the period"),
        units("units", "units sold (positive sales rows)", minimum=0),
        units("returns", "units returned", minimum=0),
        Column("in_stock_fraction", DOUBLE, "share of the selling hours (week: days) in stock", "fraction", minimum=0, maximum=1),
        money("price", "price per unit that held", nullable=True, minimum=0),
        Column("promotion", STRING, "type of promotion, if any", nullable=True),
        Column("sales_rows", INT, "sales rows added up in this row; 0 for a period without sale", minimum=0),
        Column("month", DATE, "first day of the period's month (partition)"),
        *KNOWN[:2],
    ),
    key=("item_id", "location_id", "channel", "period", "known_from"),
    partition_by=("month",),
)
