"""``silver/demand``: units sold per item, location, channel and period, zeros included."""

from schemas.table import DATE, DOUBLE, INT, KNOWN, STRING, Check, Column, Table, money, units

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
        units(
            "demand",
            "expected demand, had the item been in stock throughout, >= units; null: only the lower bound ``units`` is known",
            nullable=True,
        ),
        units("demand_std", "standard deviation of what demand may really have been; 0 where observed", nullable=True, minimum=0),
        Column(
            "demand_source",
            STRING,
            "observed: in stock throughout; profile: recovered from what sold in the hours in stock; floor: demand is at least units",
            values=("observed", "profile", "floor"),
        ),
    ),
    key=("item_id", "location_id", "channel", "period", "known_from"),
    partition_by=("month",),
    rules=(Check("demand_below_units", "rule", ("demand", "units"), blocking=True, sql="demand IS NULL OR demand >= units"),),
)
