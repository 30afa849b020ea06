"""How a rank becomes units (fixed, so that anyone can draw a night's paths again from the published tables).

For one series and period the published distribution is its quantiles at LEVELS, p_zero and mean. A rank u in (0, 1):

- u < p_zero                 zero
- 0 <= u <= 0.99             linear between the quantiles, from 0 at rank 0
- u > 0.99                   exponential tail through q95 and q99: q99 + (q99 - q95) / ln 5 * ln(0.01 / (1 - u))

Then the paths' mean becomes `mean` by one factor per series and period. Where units are sold whole, a path above
p_zero has at least one unit, the factor applies to what exceeds one, and units are rounded so that their sum over
the paths is `mean` times the paths, rounded: within half a unit over all paths, and never out of order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.gold.forecasts import QUANTILES

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Names and levels of the published quantiles, ascending.
NAMES: tuple[str, ...] = tuple(QUANTILES)
LEVELS: Floats = np.array(list(QUANTILES.values()))
_KNOTS: Floats = np.concatenate([[0.0], LEVELS])
_Q95, _Q99 = NAMES.index("q95"), NAMES.index("q99")
#: Ranks above this draw the same units: the tail is finite.
_HIGHEST_RANK = 1 - 1e-9


def draw(quantiles: Floats, p_zero: Floats, mean: Floats, ranks: Floats, whole: Bools | bool = False) -> Floats:
    """Units demanded on each path.

    quantiles  [n, 15] at LEVELS, monotone, >= 0
    p_zero     [n] probability of no demand
    mean       [n] expected demand, units
    ranks      [paths], or [n, paths] where rows have ranks of their own; in [0, 1]
    whole      [n] or one flag: sold in whole units

    Returns units, [n, paths]. Rows do not depend on each other.
    """
    rows = len(p_zero)
    ranks = np.broadcast_to(np.asarray(ranks, float), (rows, np.shape(ranks)[-1]))
    p_zero, target = np.asarray(p_zero)[:, None], np.asarray(mean, float)
    base = np.where(ranks < p_zero, 0.0, rank_to_units(np.asarray(quantiles, float), ranks))
    order = np.empty(ranks.shape, np.int64)
    highest_first = np.argsort(-ranks, axis=1, kind="stable")
    np.put_along_axis(order, highest_first, np.broadcast_to(np.arange(ranks.shape[1]), ranks.shape), axis=1)
    flags = np.broadcast_to(np.asarray(whole), (rows,))
    units: Floats = np.where(flags[:, None], _whole(base, ranks >= p_zero, target, order), _scaled(base, target, order))
    return units


def draw_strata(quantiles: Floats, p_zero: Floats, mean: Floats, strata: npt.NDArray[np.integer], *, whole: bool) -> Floats:
    """The same where ranks are (strata + 1/2) / paths: every row has the same ones, each once, so their units are looked up.

    strata  [n, paths] number of paths of the row with a smaller rank
    """
    paths = strata.shape[1]
    ranks, place = (np.arange(paths) + 0.5) / paths, strata.astype(np.intp)
    sells = ranks >= p_zero[:, None]
    base = np.take_along_axis(np.where(sells, rank_to_units(quantiles, ranks), 0.0), place, axis=1)
    order = paths - 1 - place
    return _whole(base, np.take_along_axis(sells, place, axis=1), mean, order) if whole else _scaled(base, mean, order)


def rank_to_units(quantiles: Floats, ranks: Floats) -> Floats:
    """Quantile function [n, paths] at ranks ([n, paths], or [paths] of all rows), before p_zero and mean.

    Linear between quantiles, exponential above q99.
    """
    knots = np.concatenate([np.zeros((len(quantiles), 1)), quantiles], axis=1)
    left = np.clip(np.searchsorted(_KNOTS, ranks, side="right") - 1, 0, len(_KNOTS) - 2)
    low, high = (knots[:, at] if left.ndim == 1 else np.take_along_axis(knots, at, axis=1) for at in (left, left + 1))
    share = np.minimum((ranks - _KNOTS[left]) / (_KNOTS[left + 1] - _KNOTS[left]), 1.0)
    excess = np.log(0.01 / (1 - np.minimum(ranks, _HIGHEST_RANK)))
    scale = (quantiles[:, _Q99] - quantiles[:, _Q95])[:, None] / np.log(5)
    units: Floats = low + (high - low) * share + scale * np.maximum(excess, 0.0)
    return units


def ranks_between(quantiles: Floats, p_zero: Floats, units: Floats, whole: Bools | bool = False) -> tuple[Floats, Floats]:
    """Lowest and highest rank [n] that stand for units [n]: the inverse of rank_to_units.

    They differ for zeros (0 to p_zero), for whole units (half a unit on each side) and where quantiles are equal.
    """
    half = np.where(whole, 0.5, 0.0)
    low, high = (_rank_of(np.asarray(quantiles, float), units + side * half, side) for side in (-1, 1))
    nothing = units <= 0
    low = np.where(nothing, 0.0, np.maximum(low, p_zero))
    return low, np.maximum(np.where(nothing, p_zero, high), low)


def _rank_of(quantiles: Floats, units: Floats, side: int) -> Floats:
    """Rank [n] at which the quantile function reaches units: its first (side -1) or last (side 1) where it is flat."""
    knots = np.concatenate([np.zeros((len(quantiles), 1)), quantiles], axis=1)
    reached = knots < units[:, None] if side < 0 else knots <= units[:, None]
    left = np.clip(reached.sum(axis=1) - 1, 0, len(_KNOTS) - 2)
    row = np.arange(len(units))
    low, high = knots[row, left], knots[row, left + 1]
    share = np.clip(np.divide(units - low, high - low, out=np.full(len(units), float(side > 0)), where=high > low), 0.0, 1.0)
    inside = _KNOTS[left] + (_KNOTS[left + 1] - _KNOTS[left]) * share
    beyond = units - quantiles[:, -1]
    scale = (quantiles[:, _Q99] - quantiles[:, _Q95]) / np.log(5)
    # Without a tail all ranks from there on draw the same units.
    tail = 1 - 0.01 * np.exp(-np.divide(np.maximum(beyond, 0.0), scale, out=np.full(len(units), np.inf), where=scale > 0))
    rank: Floats = np.where((beyond > 0) | ((beyond == 0) & (side > 0)), tail, inside)
    return rank


def _scaled(base: Floats, mean: Floats, order: npt.NDArray[np.int64]) -> Floats:
    """Each row times one factor, so that its mean is ``mean``; rows of zeros put it all on their highest path (order 0)."""
    paths = base.shape[1]
    total = base.sum(axis=1)
    factor = np.divide(mean * paths, total, out=np.zeros_like(total), where=total > 0)
    top = (order == 0) & (total <= 0)[:, None]
    scaled: Floats = np.where(top, (mean * paths)[:, None], base * factor[:, None])
    return scaled


def _whole(base: Floats, sells: Bools, mean: Floats, order: npt.NDArray[np.int64]) -> Floats:
    """Whole units: at least one on each path that sells (its rank is p_zero or above), summing to the rounded total."""
    total = np.floor(mean * base.shape[1] + 0.5)
    positive = sells & (order < total[:, None])
    # A total above zero needs a path to lie on, even where every rank is below p_zero.
    positive |= (order == 0) & (total > 0)[:, None]
    count = positive.sum(axis=1)
    excess = np.where(positive, np.maximum(base - 1, 0.0), 0.0)
    surplus = excess.sum(axis=1)
    factor = np.divide(total - count, surplus, out=np.zeros_like(surplus), where=surplus > 0)
    even = np.divide(total - count, count, out=np.zeros_like(total), where=(surplus <= 0) & (count > 0))
    units: Floats = positive + _round_to_total(excess * factor[:, None] + positive * even[:, None], total - count, order)
    return units


def _round_to_total(values: Floats, total: Floats, order: npt.NDArray[np.int64]) -> Floats:
    """Round to integers with the given sum by largest remainders, ties to the higher rank (order 0 = highest)."""
    # 1e-9 swallows the last bit of the factor, so that 2.9999999999 is three.
    floors = np.floor(values + 1e-9)
    missing = total - floors.sum(axis=1)
    paths = values.shape[1]
    # Remainders to nine places and, after them, places in the order are one whole number: no two are equal, so no order of sorting matters.
    key = order - paths * np.rint(np.round(values - floors, 9) * 1e9).astype(np.int64)
    last = np.clip(missing.astype(np.int64) - 1, 0, paths - 1)
    highest = np.take_along_axis(np.sort(key, axis=1), last[:, None], axis=1)
    rounded: Floats = floors + ((key <= highest) & (missing > 0)[:, None])
    return rounded
