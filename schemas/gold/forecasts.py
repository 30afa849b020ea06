"""``gold/forecasts``: the distribution of demand per series and period."""

from itertools import pairwise

from schemas.table import BOOL, DATE, DOUBLE, STRING, Check, Column, gold

#: The fixed quantile levels and their columns, ascending.
QUANTILES: dict[str, float] = {f"q{level:02d}": level / 100 for level in (1, 5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95, 99)}
_NAMES = tuple(QUANTILES)

FORECASTS = gold(
    "forecasts",
    "Distribution of demand (not sales) per item, location, channel and period of the horizon.",
    (
        Column("item_id", STRING, "item"),
        Column("location_id", STRING, "location"),
        Column("channel", STRING, "channel"),
        Column("target_date", DATE, "first day of the period"),
        Column("mean", DOUBLE, "expected demand", "units", minimum=0),
        Column("p_zero", DOUBLE, "probability of no demand", "probability", minimum=0, maximum=1),
        *(Column(n, DOUBLE, f"{level:.0%} quantile of demand", "units", minimum=0) for n, level in QUANTILES.items()),
        Column("model_id", STRING, "model that made it"),
        Column("whole_units", BOOL, "sold in whole units only, as far as its history shows: how a rank becomes units"),
    ),
    ("item_id", "location_id", "channel", "target_date"),
    rules=(
        Check(
            "quantiles_not_monotone",
            "rule",
            _NAMES,
            blocking=True,
            sql=" AND ".join(f"{a} <= {b}" for a, b in pairwise(_NAMES)),
        ),
    ),
)
