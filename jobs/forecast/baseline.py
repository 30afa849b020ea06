"""The forecast of a night without a model: the series' own past by likeness of days, with the spread it had.

Documented fallback: so that there is a forecast from the first night on, and when training is not allowed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import gammaincinv

from jobs.forecast.distribution import LEVELS

Floats = npt.NDArray[np.float64]

MODEL_ID = "baseline"
#: Relative deviation of a series whose own is not known.
_USUAL_DEVIATION = 1.0
_PRIOR_PERIODS = 2.0
_LEAST_MEAN = 1e-3


def forecast(features: pa.Table | pa.RecordBatch) -> tuple[Floats, Floats, Floats]:
    """Mean [n], p_zero [n], quantiles [n, 15] in units.

    mean    level x the own-history mean over like days (features kernel, kernel_flat)
    p_zero  share of zeros in stock, shrunk to a Poisson law's
    spread  a gamma law over the periods with demand, by the series' deviation, at least a Poisson law's if units are whole
    """

    def column(name: str, default: float) -> Floats:
        values: Floats = np.nan_to_num(features.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), nan=default)
        return values

    level, whole = column("level", 0.0), np.asarray(features.column("whole_units").to_numpy(zero_copy_only=False), bool)
    mean = np.maximum(level * (column("kernel", 1.0) + column("kernel_flat", 1.0)) / 2, _LEAST_MEAN)
    seen = column("periods_in_stock", 0.0)
    # Units sold in parts are hardly ever zero by chance.
    by_chance = np.where(whole, np.exp(-mean), 0.0)
    p_zero = np.clip((column("share_of_zeros", 0.0) * seen + by_chance * _PRIOR_PERIODS) / (seen + _PRIOR_PERIODS), 0.0, 0.995)
    deviation = (column("deviation", _USUAL_DEVIATION) * seen + _USUAL_DEVIATION * _PRIOR_PERIODS) / (seen + _PRIOR_PERIODS)
    variance = np.maximum((deviation * level) ** 2, np.where(whole, mean, 0.0))
    return mean, p_zero, positive_gamma(mean, variance, p_zero)


def positive_gamma(mean: Floats, variance: Floats, p_zero: Floats) -> Floats:
    """Quantiles [n, 15] of a law that is zero with p_zero and else gamma, with the given overall mean and variance."""
    positive = mean / (1 - p_zero)
    spread = np.maximum((variance + mean**2) / (1 - p_zero) - positive**2, (0.1 * positive) ** 2)
    shape = np.clip(positive**2 / spread, 0.05, 1e4)
    inside = np.clip((LEVELS - p_zero[:, None]) / (1 - p_zero[:, None]), 0.0, 1 - 1e-9)
    quantiles: Floats = gammaincinv(shape[:, None], inside) * (positive / shape)[:, None]
    monotone: Floats = np.maximum.accumulate(np.nan_to_num(quantiles), axis=1)
    return monotone
