"""``gold/orders``: what to order, with what the decision believed."""

from schemas.table import DATE, DOUBLE, INT, STRING, Check, Column, gold, money, units

ORDERS = gold(
    "orders",
    "Orders of the night. Only lines with units > 0.",
    (
        Column("order_id", STRING, "order, made from business_date, source and location"),
        Column("line", INT, "line of the order, from 1, by item", minimum=1),
        Column("item_id", STRING, "item"),
        Column("source_id", STRING, "location that ships"),
        Column("location_id", STRING, "location that receives"),
        units("units", "units ordered", minimum=0.0001),
        units("order_multiple", "the units are a multiple of this", minimum=0.0001),
        Column("expected_on", DATE, "date on which it is on the shelf before opening"),
        money("expected_cost", "expected cost of the line at these units"),
        Column("status", STRING, "how it goes on", values=("proposed", "auto_approved", "needs_review")),
        money("order_value", "units times purchase cost", minimum=0),
        money("cost_one_less", "expected cost at one multiple less", nullable=True),
        money("cost_one_more", "expected cost at one multiple more (null: not allowed)", nullable=True),
        Column("p_stockout", DOUBLE, "probability of running out before the next arrival", "probability", minimum=0, maximum=1),
        money("scarcity_price", "price paid per unit for scarce things", minimum=0),
    ),
    ("order_id", "line"),
    rules=(
        Check(
            "units_not_a_multiple",
            "rule",
            ("units", "order_multiple"),
            blocking=True,
            sql="units % order_multiple = 0",
        ),
        Check("expected_before_business_date", "rule", ("expected_on",), blocking=True, sql="expected_on >= business_date"),
        Check("unknown_item", "reference", ("item_id",), blocking=True, table="items", table_columns=("item_id",)),
        Check("unknown_location", "reference", ("location_id",), blocking=True, table="locations", table_columns=("location_id",)),
        Check("line_ordered_twice", "unique", ("business_date", "run_id", "item_id", "source_id", "location_id"), blocking=True),
    ),
)
