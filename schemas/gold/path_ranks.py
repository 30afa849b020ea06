"""``gold/path_ranks``: what it takes to draw a night's demand paths again."""

from schemas.table import DOUBLE, INT, LONG, STRING, Column, gold

#: From the most to the least common.
FACTORS = ("all", "region", "item", "item_region", "location", "pair", "series")

PATH_RANKS = gold(
    "path_ranks",
    "What gives every series and period its rank on each path: a Gaussian copula of common factors, drawn by a counter-based "
    "generator keyed by seed and factor (jobs/forecast/ranks.py has the formula), so that anyone draws the same paths again.",
    (
        Column("path", INT, "number of the path, from 0", minimum=0),
        Column("factor", STRING, "what series share that have this shock in common", values=FACTORS),
        Column("seed", LONG, "key of the night's random numbers", minimum=0),
        Column("share", DOUBLE, "the factor's share of the variance of the normal scores", "fraction", minimum=0, maximum=1),
        Column("lasting", DOUBLE, "part of it that lasts the whole horizon", "fraction", minimum=0, maximum=1),
    ),
    ("path", "factor"),
)
