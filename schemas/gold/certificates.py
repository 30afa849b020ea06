"""``gold/certificates``: how far the orders are from the best possible for their cost lists."""

from schemas.table import DOUBLE, INT, LONG, STRING, Column, gold

CERTIFICATES = gold(
    "certificates",
    "Cost, proven lower bound and gap of the plan, for the whole night (source_id '*'), each source (location_id '*') and, where the "
    "night was decided as a whole, each order. The bound of a source or an order is that within its share of every limit, by use.",
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
            "cost_fresh",
            DOUBLE,
            "expected cost of the same orders on demand paths that had no part in choosing them (same law, another seed)",
            "currency",
            nullable=True,
        ),
        Column(
            "cost_fresh_se",
            DOUBLE,
            "standard error of cost_fresh over paths, as if they were independent (they are stratified: too high); what all paths share, "
            "the base stocks estimated from them, is not in it",
            "currency",
            nullable=True,
            minimum=0,
        ),
        Column(
            "sampling_bias",
            DOUBLE,
            "cost_fresh - cost: what choosing by sampled paths hides; mode sequential: null, its cost is the rule's own account",
            "currency",
            nullable=True,
        ),
        Column(
            "cost_fresh_nothing",
            DOUBLE,
            "ordering nothing on the fresh paths, all stock of centres kept; null: not allowed",
            "currency",
            nullable=True,
        ),
        Column(
            "nothing_se", DOUBLE, "standard error of cost_fresh_nothing - cost_fresh (the same paths)", "currency", nullable=True, minimum=0
        ),
        Column(
            "cost_fresh_base_stock",
            DOUBLE,
            "the orders of a base stock on the fresh paths: the critical-ratio quantile of demand until the next arrival less what is "
            "there and under way, in multiples, cut in equal shares to what limits allow; null: no such plan is allowed",
            "currency",
            nullable=True,
        ),
        Column(
            "base_stock_se",
            DOUBLE,
            "standard error of cost_fresh_base_stock - cost_fresh (the same paths)",
            "currency",
            nullable=True,
            minimum=0,
        ),
        Column("location_id", STRING, "where the lines go; * for all; as source_id: what a distribution centre keeps of its stock"),
        Column(
            "order_cost",
            DOUBLE,
            "what placing the order costs beside its lines and trucks, net of what waiting would cost; null: no terms, or several orders",
            "currency",
            nullable=True,
        ),
        Column(
            "kept_cost",
            DOUBLE,
            "part of cost: what later draws on distribution centres that their stock can't meet cost until its next arrival",
            "currency",
            nullable=True,
            minimum=0,
        ),
    ),
    ("source_id", "location_id"),
)
