"""Levels of a distribution of demand, and distributions whose levels are shifted.

A shift moves the log-odds of every level by the same amount L: what is published as quantile p is the old quantile at

    p' = p e^L / (1 - p + p e^L),    so    F_new(y) has the log-odds of F_old(y) less L

(the proportional-odds model: McCullagh 1980, Journal of the Royal Statistical Society B 42). Levels stay in (0, 1), keep their
order, and shifts add up, so that one can be undone exactly. No level moves by more than tanh(L / 4), near the middle; in the tails, where
a level tells probabilities of another size, it moves less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit, logit

from jobs.forecast.distribution import LEVELS, rank_to_units, ranks_between
from jobs.forecast.model import distribution_of, settle, with_distribution

if TYPE_CHECKING:
    from jobs.forecast.ranks import Dependence

Floats = npt.NDArray[np.float64]
#: Levels over which means are taken.
_GRID: Floats = (np.arange(512) + 0.5) / 512
#: No outcome is surer than this: log-odds stay finite.
_SURE = 1e-9
_LEAST = 1e-9


def log_odds_of(shift: float) -> float:
    """The shift in log-odds by which no level moves further than ``shift`` (-1..1)."""
    return float(4 * np.arctanh(shift))


def shift_of(log_odds: Floats | float) -> Floats:
    """The furthest that a level moves when log-odds are shifted."""
    return np.asarray(np.tanh(np.asarray(log_odds, float) / 4))


def moved(levels: Floats, log_odds: Floats | float) -> Floats:
    """Levels (0..1) with shifted log-odds."""
    odds = np.exp(log_odds)
    return np.asarray(levels * odds / (1 - levels + levels * odds))


def seen_under(levels: Floats, log_odds: Floats) -> Floats:
    """Levels of outcomes under a belief shifted by so much more; certain ones (0, 1) stay."""
    inside = expit(logit(np.clip(levels, _SURE, 1 - _SURE)) - log_odds)
    return np.where(levels <= 0, 0.0, np.where(levels >= 1, 1.0, inside))


def intervals(quantiles: Floats, units: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest level [n] that units [n] stand for within quantiles [n, 15].

    Quantiles that are all whole are of whole units: an outcome then has half a unit on each side, and nothing sold all levels up
    to the first unit. So levels of outcomes that follow the distribution are spread evenly over (0, 1).
    """
    whole = (quantiles == np.floor(quantiles)).all(axis=1)
    # Zero is taken for the least that can be sold: its levels then end where those of the next outcome begin.
    low, high = ranks_between(quantiles, np.zeros(len(units)), np.maximum(units, _LEAST), whole)
    return np.where(units <= 0, 0.0, low), high


def sensitivity(periods: Floats, correlation: float) -> Floats:
    """Log-odds by which the level of a window of so many periods moves when those of its periods move by one.

    Each period's demand moves by its own spread s, so their sum by periods * s, and its spread is s sqrt(periods + periods
    (periods - 1) correlation).
    """
    return np.asarray(periods / np.sqrt(periods + periods * (periods - 1) * correlation))


def correlation_of(dependence: Dependence) -> float:
    """Of two periods of a series on the demand paths: what of the variance lasts."""
    return sum(share * dependence.lasting.get(factor, 0.0) for factor, share in dependence.share.items())


def shifted(forecasts: pa.Table, log_odds: Floats) -> pa.Table:
    """Forecasts (columns of gold/forecasts) with shifted levels: quantiles, p_zero and mean; rows shifted by 0 stay as they are.

    The mean changes as that of the documented quantile function (distribution.rank_to_units) does; where units are whole, it is the
    share of periods with demand and the mean of what exceeds one unit that change.
    """
    mean, p_zero, quantiles, whole = distribution_of(forecasts)
    mean, p_zero = mean.copy(), p_zero.copy()
    for each in np.unique(log_odds[log_odds != 0]):
        rows = np.flatnonzero(log_odds == each)
        mean[rows], p_zero[rows], quantiles[rows] = _shifted(mean[rows], p_zero[rows], quantiles[rows], whole[rows], float(each))
    return with_distribution(forecasts, mean, p_zero, quantiles)


def _shifted(
    mean: Floats, p_zero: Floats, quantiles: Floats, whole: npt.NDArray[np.bool_], log_odds: float
) -> tuple[Floats, Floats, Floats]:
    zero = moved(p_zero, -log_odds)
    # What exceeds one unit, or all of it.
    excess = np.where(whole[:, None], np.maximum(quantiles - 1, 0.0), quantiles)
    before, after = (excess @ _weights(shift) for shift in (0.0, log_odds))
    some = np.divide(1 - zero, 1 - p_zero, out=np.ones_like(zero), where=p_zero < 1)
    ratio = np.divide(after, before, out=some, where=before > 0)
    found = np.where(whole, 1 - zero + np.maximum(mean - (1 - p_zero), 0.0) * ratio, mean * ratio)
    levels = np.broadcast_to(moved(LEVELS, log_odds), quantiles.shape)
    return settle(found, zero, rank_to_units(quantiles, levels), whole, (p_zero >= 1) & (mean <= 0))


def _weights(log_odds: float) -> Floats:
    """[15] weight of each quantile in the mean over shifted levels: units are linear in the quantiles."""
    weights: Floats = rank_to_units(np.eye(len(LEVELS)), np.broadcast_to(moved(_GRID, log_odds), (len(LEVELS), len(_GRID)))).mean(axis=1)
    return weights
