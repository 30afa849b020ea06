"""What a decision believed of its window's demand: quantiles over the demand paths that it was made on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.forecast.distribution import LEVELS

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats
    from jobs.plan.terms import Terms


def quantiles(window: Floats) -> Floats:
    """Quantiles [lines, 15] at the published levels of demand on paths [lines, paths]: each the demand of one path, so whole units stay
    whole.
    """
    paths = window.shape[1]
    at = np.minimum((LEVELS * paths + 1e-9).astype(np.int64), paths - 1)
    found: Floats = np.sort(window, axis=1)[:, at]
    return found


def of_lines(terms: Terms, demand: Demand) -> Floats:
    """The same of lines whose lead times are random: of the windows between the dates on which their orders are expected."""
    found = np.zeros((len(terms), len(LEVELS)))
    dates = np.stack([terms.lead, terms.cover], axis=1)
    for lead, cover in np.unique(dates, axis=0):
        rows = np.flatnonzero((terms.lead == lead) & (terms.cover == cover))
        units = [demand.of_pairs(terms.first[rows], terms.series[rows], step) for step in range(lead, lead + cover)]
        found[rows] = quantiles(np.sum(units, axis=0))
    return found


def column(lines: pl.DataFrame, found: Floats | None) -> pl.Series:
    """Column of gold/order_reasons: null where nobody buys (what a distribution centre is asked for follows from those it serves)."""
    if found is None:
        return pl.Series("window_quantiles", [None] * len(lines), pl.List(pl.Float64))
    lists = pl.Series("window_quantiles", found).arr.to_list() if len(lines) else pl.Series("window_quantiles", [], pl.List(pl.Float64))
    return lines.select(pl.when(pl.col("centre").is_null() & (pl.col("series") > 0)).then(lists).alias("window_quantiles")).to_series()
