"""Demand of periods short of stock of which silver/demand knows a floor only, from the share of the period in stock.

Where sales have no time of day, nobody can say which share of a day's demand its hours in stock hold: it is taken to come
evenly. The model is that of jobs/ingest/demand/recovery.py, with sales of one unit, the in-stock share as exposure, and a
level of the series' own periods, each for as long as it was in stock, since a series that always runs out has no other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.features.clock import Clock
from jobs.ingest.demand.recovery import LEAST_SHARE, WINDOW, hidden, recency

Floats = npt.NDArray[np.float64]

#: Squared coefficient of variation of a series' rate from one period to another (docs/decisions/demand_recovery.md).
_SPREAD = 1.0
#: The smallest level, so that nothing is divided by zero.
_LEAST_LEVEL = 0.01


def completed(demand: Floats, units: Floats, stock: Floats, clock: Clock) -> Floats:
    """Demand [n, periods] with what is expected of periods partly in stock where it is NaN; NaN where nothing can be said.

    units, stock  [n, periods] units sold and in-stock share; NaN: nothing is known

    Looks at the WINDOW periods before the period itself, so it does not depend on what else the block holds.
    """
    row, column = np.nonzero(np.isnan(demand) & (stock >= LEAST_SHARE) & (stock < 1))
    row, column = row[column >= WINDOW], column[column >= WINDOW]
    before, weight = (row[:, None], column[:, None] - np.arange(1, WINDOW + 1)), recency(clock.like)
    exposure = weight * np.nan_to_num(stock[before])
    sold, total = np.where(exposure > 0, weight * units[before], 0.0).sum(axis=1), exposure.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.maximum(sold / total, _LEAST_LEVEL)
        periods = total**2 / (exposure**2).sum(axis=1)
        strength = 1 / (_SPREAD + (_SPREAD + 1 / level) / periods)
        missed, _ = hidden(units[row, column], stock[row, column], level, strength)
    result = demand.copy()
    result[row, column] = units[row, column] + missed
    return result
