"""``gold/shadow_prices``: what one more unit of a scarce thing would be worth."""

from schemas.table import DATE, DOUBLE, STRING, Column, gold, money

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
    ),
    ("resource", "location_id", "item_id", "date", "unit"),
)
