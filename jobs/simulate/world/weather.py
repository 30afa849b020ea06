"""Weather of a region and day: temperature about its course of the year, and rain. Random access: no state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jobs.simulate.world import draws

if TYPE_CHECKING:
    from jobs.simulate.world.draws import Floats, Ints

MEAN, SWING, DEVIATION, MEMORY = 12.0, 9.0, 3.0, 0.8
RAINY, RAIN_MM = 0.3, 6.0
_LAGS = 40


def keys(seed: int, regions: int) -> Ints:
    """[regions] what weather is drawn from."""
    return draws.keys(seed, "weather", np.arange(regions, dtype=np.int64))


def anomaly(key: Ints, day: int) -> Floats:
    """[regions] degrees above the usual of the day: DEVIATION times an AR(1) with MEMORY, as the sum of its last 40 shocks."""
    lag = np.arange(_LAGS)
    shocks = draws.normal(np.tile(key, _LAGS), np.repeat(day - lag, len(key)), "temperature").reshape(_LAGS, len(key))
    weight = MEMORY**lag
    return np.asarray(DEVIATION * (weight / np.sqrt((weight**2).sum())) @ shocks)


def temperature(key: Ints, day: int) -> Floats:
    """[regions] degrees Celsius; coldest about 20 January."""
    return np.asarray(MEAN - SWING * np.cos(2 * np.pi * (day_of_year(day) - 20) / 365.25) + anomaly(key, day))


def rain(key: Ints, day: int) -> Floats:
    """[regions] millimetres: none on 70% of the days, else exponential with mean RAIN_MM."""
    u = draws.uniform(key, day, "rain")
    return np.where(u < RAINY, -RAIN_MM * np.log(np.maximum(u / RAINY, 1e-9)), 0.0)


def day_of_year(day: int) -> float:
    """Days since the first of January 2001, by years of 365.25 days: an angle of the year that needs no calendar."""
    return (day - 730_486) % 365.25
