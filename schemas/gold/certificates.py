"""``gold/certificates``: how far the orders are from the best possible for their cost lists."""

from schemas.table import DOUBLE, INT, LONG, STRING, Column, gold

CERTIFICATES = gold(
    "certificates",
    "Cost, proven lower bound and gap of the plan, for each source and the whole night (source_id '*').",
    (
        Column("source_id", STRING, "source of the lines; * for the whole night"),
        Column("lines", LONG, "lines considered", minimum=0),
        Column("shards", INT, "item pools solved; orders placed, where the night was decided as a whole", minimum=0),
        Column("scarce", INT, "limits that bind", minimum=0),
        Column("solver_calls", INT, "item pools for which OR-Tools was called; 1 where the night was decided as a whole", minimum=0),
        Column("cost", DOUBLE, "expected cost of the plan", "currency"),
        Column("lower_bound", DOUBLE, "no plan for these cost lists is cheaper", "currency"),
        Column("gap", DOUBLE, "(cost - lower_bound) / max(|cost|, 1e-9)", "fraction", minimum=0),
        Column(
            "gap_saving",
            DOUBLE,
            "(cost - lower_bound) / what the orders save against ordering nothing",
            "fraction",
            nullable=True,
            minimum=0,
        ),
        Column("degraded", INT, "problems not solved to the end", minimum=0),
        Column("rung", STRING, "how far the plan came", values=("proven", "best found", "marginal value", "nothing")),
        Column("rounds", INT, "rounds in which prices were updated", minimum=0),
        Column(
            "kept_cost",
            DOUBLE,
            "part of cost: what later draws on distribution centres that their stock can't meet cost until its next arrival",
            "currency",
            nullable=True,
            minimum=0,
        ),
    ),
    ("source_id",),
)
