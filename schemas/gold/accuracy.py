"""``gold/accuracy``: earlier nights' forecasts against what then happened."""

from schemas.table import DATE, DOUBLE, INT, LONG, STRING, Column, gold

ACCURACY = gold(
    "accuracy",
    "Forecasts of earlier published nights against the in-stock periods that became known, by location and department.",
    (
        Column("forecast_date", DATE, "business date of the forecast"),
        Column("target_date", DATE, "period forecast"),
        Column("step", INT, "periods ahead, 0 for the business date's own", minimum=0),
        Column("location_id", STRING, "location"),
        Column("department", STRING, "department; '' where items have none"),
        Column("series", LONG, "series in stock all period, whose sales are their demand", minimum=0),
        Column("actual", DOUBLE, "demand, summed", "units", minimum=0),
        Column("forecast", DOUBLE, "mean forecast, summed", "units", minimum=0),
        Column("absolute_error", DOUBLE, "|actual - median forecast|, summed", "units", minimum=0),
        Column("pinball", DOUBLE, "pinball loss averaged over the quantiles, summed", "units", minimum=0),
        Column("covered_80", LONG, "series whose demand lay within q10..q90", minimum=0),
    ),
    ("forecast_date", "target_date", "location_id", "department"),
)
