"""How demand depends across periods, channels, stores and items: the shares of common factors, from held-out ranks.

Method of moments on the normal scores of what was sold within its forecast. Two scores correlate by the shares of the
factors that their series have in common; so the mean product over all pairs that share a region, an item, a location
or a stocking point tells the shares, and the products over different periods of one horizon tell how much of a share
lasts. Products over all different periods together, so that the variance of a sum over the horizon comes out right.

Moments belong to the few items that moved most. So what items share is then lessened until the middle 80% of the law of
an item's sum holds 80% of the sums that were seen (measured: docs/decisions/demand_paths.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from jobs.features.names import Names
from jobs.forecast.distribution import ranks_between
from jobs.forecast.ranks import FACTORS, USUAL, Dependence

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Pairs of rows (by their weight) that a share needs to be believed; below, it counts as nothing of its own.
_LEAST_PAIRS = 20.0
#: Fewer rows than this: the usual dependence stands.
LEAST_ROWS = 1_000
_SIZE_CLASSES = 8
#: Sums over an item's series are judged where at least so many series make one, and where there are so many sums.
_LEAST_SERIES, _LEAST_SUMS = 10, 100
#: What is left to the series itself, at least: no two series are sure to move together.
_LEAST_OWN = 0.05


def fit(names: Mapping[str, Names], origin: Ints, step: Ints, units: Floats, forecasts: Forecasts) -> Dependence:
    """Dependence of held-out rows.

    names         [n] of item_id, location_id, channel, region ('' where unknown)
    origin, step  [n] period number of the origin, periods ahead
    units         [n] what was sold, in stock throughout
    forecasts     their distributions
    """
    if len(units) < LEAST_ROWS:
        return USUAL
    score = scores(units, forecasts)
    information = _information(score, forecasts.mean)
    # What an item's or a location's sums vary is judged item by item, location by location: each counts by its rows, not
    # by the square of them.
    weights = {name: _per_row(names[column]) for name, column in (("item", "item_id"), ("location", "location_id"))}
    moments = {
        name: _Moments(score * weight, information * weight, origin, step, names)
        for name, weight in {"all": np.ones(len(units)), **weights}.items()
    }
    same, other = (_shares(moments, later) for later in (False, True))
    common = {factor: max(same[factor], 0.0) for factor in FACTORS if factor != "series"}
    own = max(1 - sum(common.values()), _LEAST_OWN)
    lasting = {factor: _part(other[factor], value) for factor, value in (common | {"series": own}).items()}
    part = _part_of_items(common, moments["all"])
    common |= {factor: part * common[factor] for factor in ("item", "item_region")}
    total = sum(common.values())
    scale = min(1.0, (1 - _LEAST_OWN) / total) if total > 0 else 1.0
    share = {factor: value * scale for factor, value in common.items()}
    share["series"] = 1 - sum(share.values())
    return Dependence({factor: round(share[factor], 6) for factor in FACTORS}, {factor: round(lasting[factor], 6) for factor in FACTORS})


def _part(value: float, of: float) -> float:
    """A value as a part of another, within 0 and 1."""
    return float(np.clip(value / of, 0.0, 1.0)) if of > 0 else 0.0


def _part_of_items(common: Mapping[str, float], moments: _Moments) -> float:
    """The part of the items' shares at which 80% of the sums over an item's series lie within the middle 80% of their law."""
    seen = np.sqrt(moments.information)
    item, region = (_at_times(moments.groups[factor], moments.time) for factor in ("item", "item_region"))
    first = np.unique(region, return_index=True)[1]
    enough = np.bincount(item) >= _LEAST_SERIES
    if enough.sum() < _LEAST_SUMS:
        return 1.0
    # Variance of a sum: each series' own, and what every two of them share, by how much of it is seen.
    own, all_pairs = np.bincount(item, seen**2), np.bincount(item, seen) ** 2
    of_region = np.bincount(item[first], np.bincount(region, seen) ** 2)
    without = own + common["all"] * (all_pairs - own) + common["region"] * (of_region - own)
    by_items = common["item"] * (all_pairs - own) + common["item_region"] * (of_region - own)
    # The part that each sum needs to lie at the edge of the middle 80%; that of 80% of them, in hundredths.
    missing = (np.bincount(item, moments.score) / ndtri(0.9)) ** 2 - without
    needed = np.divide(missing, by_items, out=np.where(missing > 0, np.inf, 0.0), where=by_items > 0)
    part = np.quantile(np.clip(needed, 0.0, 1.0)[enough], 0.8, method="inverted_cdf")
    return float(np.ceil(100 * part) / 100)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Distributions of rows: mean, p_zero [n], quantiles [n, 15], whole [n]."""

    mean: Floats
    p_zero: Floats
    quantiles: Floats
    whole: npt.NDArray[np.bool_]


def scores(units: Floats, forecasts: Forecasts) -> Floats:
    """Normal score of what was sold within its distribution, [n].

    Zeros and whole units stand for an interval of ranks: their score is the mean of the normal law within it.
    """
    low, high = ranks_between(forecasts.quantiles, forecasts.p_zero, units, forecasts.whole)
    a, b = ndtri(np.clip(low, 1e-6, 1 - 1e-6)), ndtri(np.clip(high, 1e-6, 1 - 1e-6))
    width = high - low
    density = (np.exp(-a * a / 2) - np.exp(-b * b / 2)) / np.sqrt(2 * np.pi)
    score: Floats = np.where(width > 1e-4, density / np.maximum(width, 1e-4), (a + b) / 2)
    return score


def _information(score: Floats, mean: Floats) -> Floats:
    """How much of the score's variance is seen, by size of the forecast: a score known only as an interval varies less than 1."""
    edges = np.unique(np.quantile(mean, np.linspace(0, 1, _SIZE_CLASSES + 1)[1:-1]))
    size = np.searchsorted(edges, mean, side="right")
    total, count = np.bincount(size, score**2), np.bincount(size)
    seen: Floats = (total / np.maximum(count, 1))[size]
    return seen


def _per_row(names: Names) -> Floats:
    """Square root of one over the number of rows with the same name, [n]."""
    code = np.unique(names.astype(str), return_inverse=True)[1]
    weight: Floats = 1 / np.sqrt(np.bincount(code))[code]
    return weight


class _Moments:
    """Sums of products of scores over the pairs of rows of one origin that share a group, and the same of their information."""

    def __init__(self, score: Floats, information: Floats, origin: Ints, step: Ints, names: Mapping[str, Names]) -> None:
        self.score, self.information = score, information
        _, self.time = np.unique(np.column_stack([origin, step]), axis=0, return_inverse=True)
        self.origin = np.unique(origin, return_inverse=True)[1]
        codes = {name: np.unique(values.astype(str), return_inverse=True)[1] for name, values in names.items()}
        self.groups = {factor: _joined(codes, columns, len(score)) for factor, columns in FACTORS.items()}

    def of(self, group: str, later: bool) -> npt.NDArray[np.float64]:
        """(products of scores, products of information) over pairs in the same period, or in different periods."""
        return np.array([self._products(values, self.groups[group], later) for values in (self.score, self.information)])

    def _products(self, values: Floats, group: Ints, later: bool) -> float:
        of_period = _squares(values, group, self.time)
        return _squares(values, group, self.origin) - of_period if later else of_period


def _joined(codes: Mapping[str, Ints], columns: tuple[str, ...], n: int) -> Ints:
    """One number for each combination of the columns' values."""
    result = np.zeros(n, np.int64)
    for column in columns:
        result = result * (int(codes[column].max()) + 1) + codes[column]
    return np.unique(result, return_inverse=True)[1].astype(np.int64)


def _squares(values: Floats, group: Ints, time: Ints) -> float:
    """Sum over groups and times of (sum of values) squared."""
    return float((np.bincount(_at_times(group, time), values) ** 2).sum())


def _at_times(group: Ints, time: Ints) -> Ints:
    """A number for each group at each time, [n]."""
    code: Ints = np.unique(group * (int(time.max()) + 1) + time, return_inverse=True)[1].astype(np.int64)
    return code


def _shares(moments: Mapping[str, _Moments], later: bool) -> dict[str, float]:
    """Factor -> covariance that it adds, between scores of the same period or of different periods of a horizon."""
    at = {name: moments["all"].of(name, later) for name in ("all", "region", "item_region", "location", "pair", "series")}
    by_item = {name: moments["item"].of(name, later) for name in ("item", "item_region", "pair")}
    by_location = {name: moments["location"].of(name, later) for name in ("location", "pair")}
    everything = _ratio(at["all"] - at["region"])
    of_region = _ratio(at["region"] - at["item_region"] - at["location"] + at["pair"])
    if everything is None:
        everything, of_region = of_region, None
    base = everything or 0.0
    region = of_region - base if of_region is not None else 0.0
    of_item, of_item_region = _ratio(by_item["item"] - by_item["item_region"]), _ratio(by_item["item_region"] - by_item["pair"])
    of_location = _ratio(by_location["location"] - by_location["pair"])
    item = of_item - base if of_item is not None else 0.0
    item_region = of_item_region - base - region - item if of_item_region is not None else 0.0
    location = of_location - base - region if of_location is not None else 0.0
    of_pair = _ratio(at["pair"] - at["series"])
    pair = of_pair - base - region - item - item_region - location if of_pair is not None else 0.0
    common = {"all": base, "region": region, "item": item, "item_region": item_region, "location": location, "pair": pair}
    own = _ratio(at["series"]) if later else 1.0
    return common | {"series": (own or 0.0) - sum(common.values())}


def _ratio(products: npt.NDArray[np.float64]) -> float | None:
    """Products of scores per product of information; None where there are too few pairs."""
    return float(products[0] / products[1]) if products[1] > _LEAST_PAIRS else None
