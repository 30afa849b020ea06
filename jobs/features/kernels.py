"""Means of the own past over like days, by kernels of several bandwidths: a table, one entry a kernel.

A past period's weight falls with its age and with the distance of its price from the target's, and is less where its
kind of day or its promotion is another (Nadaraya 1964, Watson 1964: a local mean). Measured on FreshRetailNet: the
table below takes the model's WAPE from .3069 to .3038 (docs/decisions/forecast_model.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.features.clock import Clock
from jobs.features.past import Likeness, Past

Floats = npt.NDArray[np.float64]

#: Weight of a period under another promotion, and of one whose price is not known.
_OTHER_PROMOTION = 0.4
_UNKNOWN_PRICE = 0.5
#: Periods at the series' level that are mixed into each mean: of those in stock, and of all.
_PRIOR = 0.5
_PRIOR_ALL = 0.3


@dataclass(frozen=True, slots=True)
class Kernel:
    """Bandwidths of one kernel.

    half_life  age at which a weight is halved, in half-lives of the clock
    price      difference of log prices at which a weight falls to 1/e
    other_kind weight of another kind of day
    """

    half_life: float
    price: float
    other_kind: float


#: Means over periods whose demand is known.
OF_DEMAND = {
    "kernel_short": Kernel(0.5, 0.12, 0.3),
    "kernel_long": Kernel(2.9, 0.06, 0.2),
    "kernel_price": Kernel(4.3, 0.04, 1.0),
}
#: Means over all periods, what ran out too: units for a period's worth of time in stock.
ALL_PERIODS = {"kernel_short_all": "kernel_short", "kernel_long_all": "kernel_long"}
#: Periods that a mean rests on.
WEIGHTS = {"kernel_price_weight": "kernel_price"}


def like_means(past: Past, like: Likeness, clock: Clock, scale: Floats) -> dict[str, Floats]:
    """Each kernel's mean for one target period, in units of scale [n]; ``like``: how like the past is to the target."""
    likely = np.where(like.promoted, 1.0, _OTHER_PROMOTION)
    columns: dict[str, Floats] = {}
    for name, kernel in OF_DEMAND.items():
        weight = _weight(kernel, clock, like) * likely
        inside = weight * past.known
        total = inside.sum(axis=1)
        columns[name] = ((inside * past.demand).sum(axis=1) / scale + _PRIOR) / (total + _PRIOR)
        columns |= {n: total for n, of in WEIGHTS.items() if of == name}
        columns |= {
            n: ((weight * past.units).sum(axis=1) / scale + _PRIOR_ALL) / ((weight * past.stock).sum(axis=1) + _PRIOR_ALL)
            for n, of in ALL_PERIODS.items()
            if of == name
        }
    return columns


def _weight(kernel: Kernel, clock: Clock, like: Likeness) -> Floats:
    recency = 0.5 ** (np.arange(like.distance.shape[1], 0, -1) / (kernel.half_life * clock.half_life))
    similar = np.where(like.priced, np.exp(-like.distance / kernel.price), _UNKNOWN_PRICE)
    weight: Floats = recency * similar * np.where(like.kind, 1.0, kernel.other_kind)
    return weight
