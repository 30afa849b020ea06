"""Feed ``lanes``: who supplies whom, how fast, when, and on which terms."""

from schemas.table import DOUBLE, INT, STRING, Check, Column, Feed, money, units

_DAYS = "(mon|tue|wed|thu|fri|sat|sun)(:[0-9]{1,3})?"

LANES = Feed(
    name="lanes",
    meaning="Who supplies whom, how fast, on which days and terms; a row with an item wins column by column.",
    columns=(
        Column("source_id", STRING, "location that ships"),
        Column("location_id", STRING, "location that receives"),
        Column("item_id", STRING, "item; empty: all items of the lane", optional=True, nullable=True),
        Column("lead_time_days", INT, "days from order to shelf, 0..365", "days", nullable=True, minimum=0, maximum=365),
        Column(
            "lead_time_std", DOUBLE, "standard deviation of the lead time", "days", optional=True, nullable=True, minimum=0, maximum=365
        ),
        Column(
            "order_days",
            STRING,
            "weekdays on which orders are placed, each with its own lead time if given; empty: every period",
            optional=True,
            nullable=True,
        ),
        money(
            "unit_cost", "purchase cost per unit on this lane; default: the item's", optional=True, nullable=True, minimum=0, maximum=1e7
        ),
        units("order_multiple", "orders are multiples of this; default 1", optional=True, nullable=True, minimum=0.0001, maximum=1e6),
        units("min_order_units", "least units of a line, if any", optional=True, nullable=True, minimum=0, maximum=1e8),
        money("min_order_value", "least value of an order, if any", optional=True, nullable=True, minimum=0, maximum=1e9),
        money("order_cost", "fixed cost of an order", optional=True, nullable=True, minimum=0, maximum=1e9),
        Column("truck_volume", DOUBLE, "volume of a truck", "volume", optional=True, nullable=True, minimum=0, maximum=1e9),
        money("truck_cost", "cost of a truck", optional=True, nullable=True, minimum=0, maximum=1e9),
    ),
    key=("source_id", "location_id", "item_id"),
    rules=(
        Check("unknown_source", "reference", ("source_id",), table="locations", table_columns=("location_id",)),
        Check("unknown_location", "reference", ("location_id",), table="locations", table_columns=("location_id",)),
        Check("unknown_item", "reference", ("item_id",), table="items", table_columns=("item_id",)),
        Check("lane_to_itself", "rule", ("source_id", "location_id"), sql="source_id <> location_id"),
        Check(
            "order_days_malformed",
            "rule",
            ("order_days",),
            sql=f"trim(order_days) = '' OR lower(replace(order_days, ' ', '')) RLIKE '^{_DAYS}(,{_DAYS})*$'",
        ),
    ),
    absent="every location orders each period from source `supplier` with [lanes] default_lead_time_days",
)
