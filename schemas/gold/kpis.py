"""``gold/kpis``: the night in a few numbers, by location and department."""

from schemas.table import DOUBLE, LONG, STRING, Column, gold, money, units

KPIS = gold(
    "kpis",
    "Order value, lines, expected service and cost, by location and department.",
    (
        Column("location_id", STRING, "location"),
        Column("department", STRING, "department; '' where items have none"),
        Column("lines_considered", LONG, "lines considered", minimum=0),
        Column("lines_ordered", LONG, "lines ordered", minimum=0),
        units("units", "units ordered", minimum=0),
        money("order_value", "value of the orders", minimum=0),
        Column("demand_in_window", DOUBLE, "expected demand between arrival and next arrival", "units", minimum=0),
        Column("served_in_window", DOUBLE, "of it, expected to be served from the shelf", "units", minimum=0),
        money("expected_cost", "expected cost of the lines"),
        money("cost_of_nothing", "expected cost without any order"),
    ),
    ("location_id", "department"),
)
