"""Feed ``assortment``: which item is sold where, from when to when, and its limits and costs there."""

from schemas.landing.sales import SALES
from schemas.table import DATE, STRING, Check, Column, Feed, money, units

ASSORTMENT = Feed(
    name="assortment",
    meaning="Which item is sold where, from when to when, with limits and costs per unit.",
    columns=(
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("active_from", DATE, "first date of sale, inclusive; empty: always was", optional=True, nullable=True),
        Column("active_to", DATE, "last date of sale, inclusive; empty: open", optional=True, nullable=True),
        units("presentation_min", "units that should lie on the shelf at close", optional=True, nullable=True, minimum=0, maximum=1e8),
        units("max_stock", "most units that stock and transit may reach", optional=True, nullable=True, minimum=0, maximum=1e8),
        money("holding_cost", "cost of a unit held for a period", optional=True, nullable=True, minimum=0, maximum=1e7),
        money("shortage_cost", "cost of a unit of lost sales", optional=True, nullable=True, minimum=0, maximum=1e7),
        money("waste_cost", "cost of a unit expired", optional=True, nullable=True, minimum=0, maximum=1e7),
    ),
    key=("item_id", "location_id", "active_from"),
    rules=(
        *SALES.rules,
        Check("active_to_before_from", "rule", ("active_from", "active_to"), sql="active_to >= active_from"),
    ),
    absent="a pair is active from its first sale until inactive_after periods without sale, receipt or stock",
)
