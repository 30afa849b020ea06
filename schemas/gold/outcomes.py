"""``gold/outcomes``: what earlier decisions believed of demand, and what then happened."""

from schemas.table import DATE, DOUBLE, STRING, Column, gold, money, units

#: What is known of a window's demand.
OBSERVED, SHORT, UNKNOWN = "observed", "short", "unknown"

OUTCOMES = gold(
    "outcomes",
    "Lines of earlier published nights whose window, from their arrival to the next one, has ended since the last night: what was believed "
    "of its demand and what then happened. Each line is judged once; only lines where customers buy, each item-location on one lane.",
    (
        Column("decided_on", DATE, "business date of the decision"),
        Column("item_id", STRING, "item"),
        Column("source_id", STRING, "location that ships"),
        Column("location_id", STRING, "location that receives"),
        Column("arrives_on", DATE, "first day of the window: arrival of the line's order"),
        Column("next_arrives_on", DATE, "first day after the window: arrival of the next order day's order"),
        units("units", "units ordered, 0 if none", minimum=0),
        money("expected_cost", "expected cost at the units ordered"),
        Column("demand_in_window", DOUBLE, "demand of the window that was expected", "units", minimum=0),
        units("sold", "units sold in the window", minimum=0),
        units("wanted", "units wanted: sold, and what silver recovered of times without stock", minimum=0),
        Column(
            "status",
            STRING,
            "observed: in stock throughout; short: not, so demand is above what was sold; unknown: demand of a period is missing",
            values=(OBSERVED, SHORT, UNKNOWN),
        ),
        Column(
            "level_low",
            DOUBLE,
            "lowest level of what happened within the believed distribution of the window's demand (window_quantiles of order_reasons)",
            "probability",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column(
            "level_high",
            DOUBLE,
            "highest level of it: above the lowest where units are whole; 1 where the window was short of stock",
            "probability",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column(
            "level",
            DOUBLE,
            "middle of both; over many lines its mean is 0.5 where beliefs are right, above it where demand was believed too low",
            "probability",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        units("lost", "units wanted and not sold", minimum=0),
        money("lost_cost", "what these cost at the line's shortage cost", minimum=0),
    ),
    ("decided_on", "item_id", "source_id", "location_id"),
)
