"""``gold/certificates``: how far the orders are from the best possible for their cost lists."""

from schemas.table import DOUBLE, INT, LONG, STRING, Column, gold

CERTIFICATES = gold(
    "certificates",
    "Cost, proven lower bound and gap of the plan, for each source and the whole night (source_id '*').",
    (
        Column("source_id", STRING, "source of the lines; * for the whole night"),
        Column("lines", LONG, "lines considered", minimum=0),
        Column("shards", INT, "item pools solved", minimum=0),
        Column("scarce", INT, "item pools in which dc_stock binds", minimum=0),
        Column("solver_calls", INT, "item pools for which OR-Tools was called", minimum=0),
        Column("cost", DOUBLE, "expected cost of the plan", "currency"),
        Column("lower_bound", DOUBLE, "no plan for these cost lists is cheaper", "currency"),
        Column("gap", DOUBLE, "(cost - lower_bound) / max(|cost|, 1e-9)", "fraction", minimum=0),
        Column("degraded", INT, "item pools not solved to the end", minimum=0),
    ),
    ("source_id",),
)
