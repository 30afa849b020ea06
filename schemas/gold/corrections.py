"""``gold/corrections``: by how much feedback shifts the levels of each segment's forecasts."""

from schemas.table import BOOL, DATE, DOUBLE, LONG, STRING, Column, gold

#: Why a segment's levels are shifted, or not.
ACTS, AT_LIMIT, AS_PARENT, NOISE, OFF, NOTHING = "acts", "at_limit", "as_parent", "within_noise", "off", "no_outcomes"
_LOG_ODDS = "log-odds"

CORRECTIONS = gold(
    "corrections",
    "By how much the levels of each segment's forecasts are shifted on a night of mode feedback, and why (docs/modes.md). Other modes "
    "leave it empty.",
    (
        Column("segment", STRING, "all, kind of location, kind/department, or kind/department/volume class (A, B, C by units)"),
        Column("parent", STRING, "segment towards which it is shrunk", nullable=True),
        Column("outcomes", LONG, "outcomes that were judged since the last correction", minimum=0),
        Column("short", LONG, "of these, windows short of stock", minimum=0),
        Column(
            "bias_seen",
            DOUBLE,
            "mean level of these outcomes within what was believed, less 0.5: above 0 where demand was believed too low",
            "probability",
            nullable=True,
            minimum=-0.5,
            maximum=0.5,
        ),
        Column("estimate", DOUBLE, "shift that outcomes so far ask for, beyond what they ask for of the parent", _LOG_ODDS),
        Column("standard_error", DOUBLE, "of the estimate", _LOG_ODDS, minimum=0),
        Column("delay", DOUBLE, "periods from decision to outcome (lead time and review)", "periods", minimum=0),
        Column(
            "gain", DOUBLE, "share of what was seen that went into the estimate, at most 1 / (delay in updates + 1)", minimum=0, maximum=1
        ),
        Column("shift_before", DOUBLE, "furthest that a level was shifted on the night before", "probability", minimum=-1, maximum=1),
        Column("shift", DOUBLE, "furthest that a level of the night's forecasts is shifted", "probability", minimum=-1, maximum=1),
        Column("log_odds", DOUBLE, "the shift: quantile p is the model's at the level with log-odds of p and this much", _LOG_ODDS),
        Column("acts", BOOL, "whether forecasts are shifted"),
        Column(
            "why",
            STRING,
            "acts; at_limit; as_parent: what is seen beyond the parent is within noise; within_noise; off: by the settings; no_outcomes",
            values=(ACTS, AT_LIMIT, AS_PARENT, NOISE, OFF, NOTHING),
        ),
        Column("noise", DOUBLE, "mean square of what a night's outcomes ask for apart from the estimate", _LOG_ODDS + "^2", minimum=0),
        Column("variance", DOUBLE, "of the estimate, by that noise; windows that overlap counted once", _LOG_ODDS + "^2", minimum=0),
        Column("last", DOUBLE, "the same of the last outcomes alone", _LOG_ODDS, nullable=True),
        Column("last_on", DATE, "night that judged them", nullable=True),
    ),
    ("segment",),
)
