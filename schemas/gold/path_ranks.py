"""``gold/path_ranks``: what it takes to draw a night's demand paths again."""

from schemas.table import DOUBLE, INT, Column, gold

PATH_RANKS = gold(
    "path_ranks",
    "Rank of demand on each path, the same for every series: path k draws, in period step, the quantile at this rank.",
    (
        Column("path", INT, "number of the path, from 0"),
        Column("step", INT, "period of the horizon, 0 for the business date's own"),
        Column("rank", DOUBLE, "rank within the distribution of the period", "probability", minimum=0, maximum=1),
    ),
    ("path", "step"),
)
