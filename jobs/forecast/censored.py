"""Judging on all days: where the shelf ran empty, sales are a floor, and demand is known only as y or more.

Days in stock throughout are a sample of low demand, because a shelf empties when much is asked for: a model can look
better there by forecasting less. So every period counts here, the stock-outs as right-censored at their sales.

The published distribution is read as a distribution function F: zero has probability p_zero, between the quantiles
(and from 0 at level 0) F is linear, above q99 the tail is exponential; the rule of jobs/forecast/distribution.py, turned round.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import CensoredData, ecdf

from jobs.forecast.distribution import LEVELS, NAMES

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_KNOTS: Floats = np.concatenate([[0.0], LEVELS])
_Q95, _Q99 = NAMES.index("q95"), NAMES.index("q99")
#: Half the window in which demand counts as hit, where units are not whole: at least this, and this share of demand.
_HALF, _HALF_SHARE = 0.05, 0.05
#: Probabilities below this can't be told from 15 quantiles, and one row shall not decide.
LEAST = 1e-4


def at_most(quantiles: Floats, p_zero: Floats, units: Floats) -> Floats:
    """F(units): probability of demand of at most ``units`` [n]; negative units have none."""
    return _distribution(quantiles, p_zero, units, strict=False)


def less_than(quantiles: Floats, p_zero: Floats, units: Floats) -> Floats:
    """F(units -): probability of demand below ``units`` [n]; differs from at_most where quantiles coincide and at zero."""
    return _distribution(quantiles, p_zero, units, strict=True)


def _distribution(quantiles: Floats, p_zero: Floats, units: Floats, *, strict: bool) -> Floats:
    knots = np.concatenate([np.zeros((len(quantiles), 1)), quantiles], axis=1)
    x = units[:, None]
    left = ((knots < x) if strict else (knots <= x)).sum(axis=1) - 1
    low, high = np.maximum(left, 0), np.minimum(left + 1, len(_KNOTS) - 1)
    row = np.arange(len(knots))
    width = knots[row, high] - knots[row, low]
    share = np.divide(units - knots[row, low], width, out=np.ones(len(knots)), where=width > 0)
    inner = _KNOTS[low] + (_KNOTS[high] - _KNOTS[low]) * np.minimum(share, 1.0)
    scale = (quantiles[:, _Q99] - quantiles[:, _Q95]) / np.log(5)
    excess = np.maximum(units - quantiles[:, _Q99], 0.0)
    tail = np.divide(excess, scale, out=np.full(len(knots), np.inf), where=scale > 0)
    probability = np.where(left == len(_KNOTS) - 1, 1 - 0.01 * np.exp(-tail), inner)
    probability = np.maximum(probability, np.where(units > 0, p_zero, 0.0) if strict else p_zero)
    result: Floats = np.where((units <= 0) if strict else (units < 0), 0.0, probability)
    return result


def log_scores(quantiles: Floats, p_zero: Floats, units: Floats, in_stock: Bools, whole: Bools) -> Floats:
    """Censored log score of each row [n], natural logarithm; larger is better.

    Log score: Good (1952), Gneiting and Raftery (2007); right-censored: Diks, Panchenko and van Dijk (2011).

    in stock, y > 0   log of the probability of (y - h, y + h] above zero, per unit of its width
    in stock, y = 0   log of the probability of zero
    out of stock      log of the probability of y or more

    h is one half where units are whole, else 0.05 units or 5% of y, whichever is more: it depends on what happened only, so
    every model is judged by the same windows. Probabilities below 1e-4 count as 1e-4. Where units are not whole the score
    depends on the unit of measure: compare two forecasts of the same rows.
    """
    half = np.where(whole, 0.5, np.maximum(_HALF, _HALF_SHARE * units))
    low, high = np.maximum(units - half, 0.0), units + half
    mass = at_most(quantiles, p_zero, high) - at_most(quantiles, p_zero, low)
    sold = np.log(np.maximum(mass, LEAST)) - np.log(high - low)
    none = np.log(np.maximum(at_most(quantiles, p_zero, np.zeros(len(units))), LEAST))
    more = np.log(np.maximum(1 - less_than(quantiles, p_zero, units), LEAST))
    scores: Floats = np.where(in_stock, np.where(units > 0, sold, none), more)
    return scores


def coverage(quantiles: Floats, p_zero: Floats, units: Floats, in_stock: Bools) -> Floats:
    """Estimated share of periods with demand at or below each quantile, [15], stock-outs counted as censored.

    Product-limit estimate (Kaplan and Meier 1958) of the distribution of the ranks F(y -), a stock-out's rank being a
    lower bound; calibrated is LEVELS. It takes for granted that, given the forecast, when a shelf empties does not depend on
    the demand that would have followed. NaN without any row.
    """
    ranks = less_than(quantiles, p_zero, units)
    if not len(ranks):
        return np.full(len(LEVELS), np.nan)
    # A rank that is a level up to the last bit counts as at that level.
    return product_limit(np.round(ranks, 12), in_stock, LEVELS)


def product_limit(values: Floats, known: Bools, at: Floats) -> Floats:
    """Kaplan-Meier estimate of P(value <= at), values that are not ``known`` being lower bounds."""
    estimate = ecdf(CensoredData(uncensored=values[known], right=values[~known])).cdf
    probabilities: Floats = np.asarray(estimate.evaluate(at), float)
    return probabilities
