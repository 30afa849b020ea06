"""Draws keyed by what they are for: a hash of seed, name and ids, so that no draw depends on any other or on what is ordered.

A counter-based generator (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011) made of SplitMix64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from jobs.ingest.importers.made_up import uniform as hashed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_HALF_STEP = 2.0**-54
#: A search starts from no probability below e to minus this.
_FAR = 600.0


def keys(seed: int, name: str, *ids: Ints) -> Ints:
    """A 53-bit key a row of ids, to be drawn from by ``uniform`` once a period without hashing all ids again."""
    return (hashed(seed, name, *ids) * 2.0**53).astype(np.int64)


def uniform(key: Ints, period: int | Ints, name: str = "") -> Floats:
    """[rows] numbers in (0, 1) of a period (any int, such as a date's ordinal) or of one each."""
    return hashed(0, name, key, np.full(len(key), period)) + _HALF_STEP


def normal(key: Ints, period: int | Ints, name: str = "") -> Floats:
    """[rows] standard normal numbers of a period, or of one each."""
    return np.asarray(ndtri(uniform(key, period, name)))


def attribute(seed: int, name: str, *ids: Ints) -> Floats:
    """[rows] numbers in (0, 1), one for ever for each row of ids."""
    return hashed(seed, name, *ids) + _HALF_STEP


def score(seed: int, name: str, *ids: Ints) -> Floats:
    """[rows] standard normal numbers, one for ever for each row of ids."""
    return np.asarray(ndtri(attribute(seed, name, *ids)))


def count(u: Floats, mean: Floats, size: Floats) -> Ints:
    """[n] the u-quantile of the negative binomial with mean m and size r: variance m + m^2 / r; r = inf is Poisson.

    p(0) = (r / (r + m))^r; where that is below e^-600 (means of hundreds) the normal with the same mean and variance, rounded.
    """
    poisson = np.isinf(size)
    r = np.where(poisson, 1.0, size)
    first = np.where(poisson, -mean, -r * np.log1p(mean / r))
    odds = np.where(poisson, 0.0, mean / (r + mean))
    result = _search(u, np.exp(first), odds, np.where(poisson, mean, (r - 1) * odds), first > -_FAR)
    far = np.flatnonzero(first <= -_FAR)
    spread = np.sqrt(mean[far] + np.where(poisson[far], 0.0, mean[far] ** 2 / r[far]))
    result[far] = np.maximum(np.floor(mean[far] + spread * ndtri(u[far]) + 0.5), 0)
    return result


def split(u: Floats, total: Ints, share: Floats) -> Ints:
    """[n] the u-quantile of the binomial of ``total`` trials with chance ``share`` (< 1); far from 0 the normal, as in ``count``."""
    odds, first = share / (1 - share), total * np.log1p(-share)
    result = _search(u, np.exp(first), -odds, (total + 1) * odds, (first > -_FAR) & (first < 0))
    far = np.flatnonzero(first <= -_FAR)
    result[far] = np.floor(total[far] * share[far] + np.sqrt(total[far] * share[far] * (1 - share[far])) * ndtri(u[far]) + 0.5)
    return np.clip(result, 0, total)


def _search(u: Floats, first: Floats, a: Floats, b: Floats, wanted: NDArray[np.bool_]) -> Ints:
    """[n] u-quantiles of counts whose probabilities obey p(0) = first, p(k + 1) = p(k) (a + b / (k + 1)): 0 where not wanted.

    That is Panjer's class (ASTIN Bulletin 12, 1981): Poisson, negative binomial and binomial. All rows are summed up to u at once
    (inversion by sequential search: Devroye, Non-Uniform Random Variate Generation, 1986, chapter X.3).
    """
    result = np.zeros(len(u), np.int64)
    rows = np.flatnonzero(wanted & (u > first))
    u, chance, a, b = u[rows], first[rows], a[rows], b[rows]
    total, k = chance, 0
    while len(rows):
        chance = chance * (a + b / (k + 1))
        total = total + chance
        k += 1
        # What the rounding of sums leaves out of 1 must not keep a row searching.
        found = (u <= total) | ((chance < 1e-17) & (total > 0.5))
        if found.any():
            result[rows[found]] = k
            stay = ~found
            rows, u, chance, a, b, total = rows[stay], u[stay], chance[stay], a[stay], b[stay], total[stay]
    return result
