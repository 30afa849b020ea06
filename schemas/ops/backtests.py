"""``ops/backtests``: how good forecasts of past origins were, by segment, beside plain forecasts."""

from schemas.gold.forecasts import QUANTILES
from schemas.table import DATE, DOUBLE, INT, LONG, STRING, TIMESTAMP, Column, Table


def _measure(name: str, meaning: str, unit: str = "fraction") -> Column:
    return Column(name, DOUBLE, f"{meaning}; null: does not apply", unit, nullable=True)


BACKTESTS = Table(
    name="backtests",
    layer="ops",
    meaning="Forecasts of past origins against what happened, by method and segment. docs/backtest.md explains the measures.",
    columns=(
        Column("backtest_id", STRING, "hash of the origins, horizon, models, settings and code; the same backtest replaces its rows"),
        Column("made", TIMESTAMP, "when"),
        Column("grain", STRING, "day or week", values=("day", "week")),
        Column("first_origin", DATE, "first business date forecast"),
        Column("last_origin", DATE, "last business date forecast"),
        Column("origins", INT, "business dates forecast", minimum=1),
        Column("horizon", INT, "periods forecast from each origin", "periods", minimum=1),
        Column("models", STRING, "where the models came from"),
        Column("code_hash", STRING, "SHA-256 of the code"),
        Column("config_hash", STRING, "SHA-256 of the settings"),
        Column("method", STRING, "model, or the name of a plain forecast"),
        Column("basis", STRING, "what counts: periods in stock, all periods (stock-outs censored), sums of in-stock periods",
               values=("in_stock", "all_days", "sums")),
        Column("kind", STRING, "how the rows are cut: all, origin, volume, step, promotion, department, sum"),
        Column("segment", STRING, "which part"),
        Column("rows", LONG, "forecasts judged (basis sums: sums)", minimum=0),
        Column("demand", DOUBLE, "units sold in them", "units", minimum=0),
        _measure("wape", "sum |y - median| / sum y"),
        _measure("wape_mean", "sum |y - mean| / sum y"),
        _measure("bias", "(sum mean - sum y) / sum y"),
        _measure("pinball", "pinball loss over q05 q10 q20 .. q90 q95 / mean demand"),
        _measure("coverage_80", "share of rows within q10..q90"),
        _measure("log_score", "mean censored log score, larger is better", "nats"),
        _measure("value_added", "wape_mean that the model saves against this plain forecast", "percent"),
        *(_measure(f"below_{name}", f"share of rows at or below {name}; calibrated is {level:g}") for name, level in QUANTILES.items()),
    ),
    key=("backtest_id", "method", "basis", "kind", "segment"),
    unhashed=("made",),
)  # fmt: skip
