"""Feed ``items``: the items and their hierarchy."""

from schemas.table import DOUBLE, INT, STRING, Column, Feed, money

ITEMS = Feed(
    name="items",
    meaning="Items and their hierarchy.",
    columns=(
        Column("item_id", STRING, "item"),
        Column("name", STRING, "name", optional=True, nullable=True),
        Column("department", STRING, "department", optional=True, nullable=True),
        Column("category", STRING, "category", optional=True, nullable=True),
        Column("subcategory", STRING, "subcategory", optional=True, nullable=True),
        money("unit_cost", "purchase cost per unit", optional=True, nullable=True, minimum=0, maximum=1e7),
        money("unit_price", "list price per unit", optional=True, nullable=True, minimum=0, maximum=1e7),
        Column("unit_volume", DOUBLE, "volume of a unit", "volume", optional=True, nullable=True, minimum=0, maximum=1e6),
        Column("unit_weight", DOUBLE, "weight of a unit", "weight", optional=True, nullable=True, minimum=0, maximum=1e6),
        Column(
            "shelf_life_days", INT, "days a unit may be sold after arrival", "days", optional=True, nullable=True, minimum=1, maximum=36500
        ),
    ),
    key=("item_id",),
    required=True,
    absent="the night blocks: nothing can be referred to",
)
