"""``gold/shadow_prices``: what one more unit of a scarce thing would be worth."""

from schemas.table import DATE, DOUBLE, DOUBLES, STRING, Column, gold, money

SHADOW_PRICES = gold(
    "shadow_prices",
    "Price of each limited resource in money per unit; 0 where it does not bind.",
    (
        Column("resource", STRING, "what is limited", values=("dc_stock", "dc_outbound", "receiving", "budget")),
        Column("location_id", STRING, "location of the resource", nullable=True),
        Column("item_id", STRING, "item, for dc_stock", nullable=True),
        Column("date", DATE, "date of the limit", nullable=True),
        Column("unit", STRING, "what the limit counts", values=("units", "volume", "value")),
        Column("limit", DOUBLE, "most that may be used", "as unit", minimum=0),
        Column("wanted", DOUBLE, "what would be used if nothing limited", "as unit", minimum=0),
        Column("used", DOUBLE, "what the orders use", "as unit", minimum=0),
        money("price", "worth of one more unit", minimum=0),
        Column("cost", DOUBLE, "of the lines that share it, where they were solved by themselves (else null)", "currency", nullable=True),
        Column("lower_bound", DOUBLE, "no plan of these lines is cheaper, where they were solved by themselves", "currency", nullable=True),
        Column("kept", DOUBLE, "what a distribution centre keeps of it for later nights, of dc_stock", "as unit", nullable=True, minimum=0),
        Column("kept_cost", DOUBLE, "part of cost: what is kept, or lacks, for later nights", "currency", nullable=True, minimum=0),
        Column(
            "bound_price",
            DOUBLE,
            "price at which the night's lower bound was computed, where it was decided as a whole (price is rounded, and counts what an "
            "order pays for a limit of its own)",
            "currency per unit",
            nullable=True,
            minimum=0,
        ),
        Column("kept_multiple", DOUBLE, "what is kept is a multiple of this; null: nothing needs to be", "units", nullable=True, minimum=0),
        Column(
            "kept_costs",
            DOUBLES,
            "expected cost, until the centre's next arrival, of keeping 0, 1, 2, ... kept_multiples: the list decided on",
            "currency",
            nullable=True,
        ),
    ),
    ("resource", "location_id", "item_id", "date", "unit"),
)
