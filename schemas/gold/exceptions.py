"""``gold/exceptions``: what a person should look at, dearest first."""

from schemas.table import INT, STRING, Column, gold, money

EXCEPTIONS = gold(
    "exceptions",
    "What a person should look at, ranked by money.",
    (
        Column("rank", INT, "1 = dearest", minimum=1),
        Column(
            "kind",
            STRING,
            "what is wrong",
            values=(
                "lost_sales",
                "overstock",
                "no_stock_record",
                "negative_stock",
                "overdue_order",
                "quarantined_rows",
                "no_unit_cost",
                "no_lane",
                "no_order_day",
                "conflicting_limits",
                "limit_not_applied",
                "lane_cycle",
                "order_below_minimum",
                "plan_cut_short",
                "late_drop",
                "changed_file",
                "extra_columns",
                "unknown_feed",
                "model_not_trained",
                "training_gave_up",
                "nothing_learned",
            ),
        ),
        Column("item_id", STRING, "item, if one", nullable=True),
        Column("location_id", STRING, "location, if one", nullable=True),
        Column("source_id", STRING, "source, if one", nullable=True),
        money("money", "what it may cost; 0 if not known"),
        Column("message", STRING, "what is wrong, with its numbers"),
        Column("action", STRING, "what to do"),
    ),
    ("rank",),
)
