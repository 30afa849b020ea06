"""``gold/order_reasons``: why each considered line was ordered, or not, in a planner's numbers."""

from schemas.table import DATE, DATES, DOUBLE, DOUBLES, INT, STRING, Column, gold, money, units

ORDER_REASONS = gold(
    "order_reasons",
    "One row a considered line, ordered or not: the numbers that led to its units.",
    (
        Column("item_id", STRING, "item"),
        Column("source_id", STRING, "location that ships"),
        Column("location_id", STRING, "location that receives"),
        Column("order_id", STRING, "the order, if ordered", nullable=True),
        units("units", "units ordered, 0 if none", minimum=0),
        Column("arrives_on", DATE, "date on which an order of tonight is on the shelf"),
        Column("next_arrives_on", DATE, "date on which the next order day's order is on the shelf"),
        units("on_hand", "stock at opening of the business date, net of reserved", minimum=0),
        units("in_transit", "units under way that arrive before next_arrives_on", minimum=0),
        Column("demand_until_arrival", DOUBLE, "expected demand before arrival", "units", minimum=0),
        Column("demand_in_window", DOUBLE, "expected demand from arrival to the next arrival", "units", minimum=0),
        Column("stock_at_arrival", DOUBLE, "expected stock when the order arrives, without it", "units", minimum=0),
        Column("safety", DOUBLE, "part of the wanted stock above expected demand in the window", "units"),
        Column("wanted", DOUBLE, "units that minimise expected cost before rounding and limits", "units", minimum=0),
        Column("rounding", DOUBLE, "units added or left out by order_multiple and min_order_units", "units"),
        Column("topped_up", DOUBLE, "units added so that the order reaches its minimum or fills its truck", "units", minimum=0),
        Column("limited", DOUBLE, "units left out because something is scarce or full", "units", minimum=0),
        units("order_multiple", "orders are multiples of this", minimum=0.0001),
        units("min_order_units", "least units of a line", minimum=0),
        units("max_stock", "most units that stock and transit may reach", nullable=True, minimum=0),
        money("holding_cost", "per unit and period", minimum=0),
        money("shortage_cost", "per unit of lost sales", minimum=0),
        Column(
            "critical_ratio", DOUBLE, "shortage_cost / (shortage_cost + holding_cost over the window)", "fraction", minimum=0, maximum=1
        ),
        money("expected_cost", "expected cost at the units ordered"),
        money("cost_of_nothing", "expected cost without an order"),
        Column("p_stockout", DOUBLE, "probability of running out before the next arrival", "probability", minimum=0, maximum=1),
        Column("fill_rate", DOUBLE, "expected share of the window's demand served from the shelf", "fraction", minimum=0, maximum=1),
        money("scarcity_price", "price paid per unit for scarce things", minimum=0),
        Column(
            "binding",
            STRING,
            "what made the units other than the line alone would have, comma separated: dc_stock, dc_outbound, receiving, budget, "
            "min_order_value, trucks, order_cost, max_stock, min_order_units, override, another_lane (on "
            "which the cost of the item-location counts); empty: nothing",
        ),
        Column("shard", INT, "shard in which it was decided", minimum=0),
        Column("reason", STRING, "the same as a sentence"),
        Column("opens_on", DATE, "first day that is costed: before arrives_on where another lane could bring it earlier"),
        Column("usual_on", DATE, "arrival on the lane usually taken, with which others are compared; else arrives_on"),
        Column("premium", DOUBLE, "what a unit costs to buy beyond the cheapest lane; part of expected_cost", "currency", minimum=0),
        Column("unit_cost", DOUBLE, "what a unit costs to buy on this lane", "currency", minimum=0),
        Column(
            "uncertainty",
            DOUBLE,
            "part of wanted that is due to uncertainty: what expected demand alone would ask for is the rest (may be negative)",
            "units",
        ),
        Column("rounding_cost", DOUBLE, "what rounding costs the line: expected cost after it less that of wanted", "currency"),
        Column(
            "binding_units",
            DOUBLES,
            "what each of binding, in its order, added to the units or took from them; shared limits and terms of the order together",
            "units",
            nullable=True,
        ),
        Column("binding_cost", DOUBLES, "what that costs the line, each in the same order", "currency", nullable=True),
        Column(
            "runner_up_units",
            DOUBLE,
            "the next best quantity, what is scarce being paid for; null: none is allowed",
            "units",
            nullable=True,
        ),
        Column("runner_up_cost", DOUBLE, "expected cost at that quantity", "currency", nullable=True),
        Column(
            "costs",
            DOUBLES,
            "the list that was decided on: expected cost of 0, 1, 2, ... order multiples; null and what lies beyond its end: not allowed; "
            "no list where another lane was taken before",
            "currency",
            nullable=True,
        ),
        Column(
            "batch_expires_on",
            DATES,
            "of goods that spoil, the last days on which units on hand may be sold, ascending; null: they keep, or none is there",
            nullable=True,
        ),
        Column("batch_units", DOUBLES, "units on hand for each of these days", "units", nullable=True),
        Column(
            "window_quantiles",
            DOUBLES,
            "demand from arrives_on to next_arrives_on as this night believed it, feedback's correction included: quantiles over its "
            "demand paths at the fifteen levels of forecasts; null where nobody buys",
            "units",
            nullable=True,
        ),
    ),
    ("item_id", "source_id", "location_id"),
)
