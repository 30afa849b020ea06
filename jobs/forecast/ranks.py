"""Ranks of the demand paths: stratified in each period, dependent from period to period."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]


def path_ranks(paths: int, steps: int, rho: float, seed: int, business_date: date) -> Floats:
    """Ranks [paths, steps] in (0, 1): a Latin hypercube with a Gaussian copula of first order.

    In each step every stratum [k / paths, (k + 1) / paths) holds one path, at its middle, so that means and quantiles
    over the paths are as exact as their number allows. From step to step the normal scores correlate by ``rho``
    (McKay et al. 1979; Iman and Conover 1982 for keeping the correlation). Pure in its arguments.
    """
    random = np.random.default_rng([seed, business_date.toordinal()])
    shocks = random.standard_normal((paths, steps))
    scores = np.empty_like(shocks)
    scores[:, 0] = shocks[:, 0]
    for step in range(1, steps):
        scores[:, step] = rho * scores[:, step - 1] + np.sqrt(1 - rho**2) * shocks[:, step]
    order = scores.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    ranks: Floats = (order + 0.5) / paths
    return ranks


def to_table(ranks: Floats, business_date: date, run_id: str) -> pa.Table:
    """Rows of gold/path_ranks."""
    paths, steps = ranks.shape
    return pa.table(
        {
            "business_date": pa.array([business_date] * ranks.size, pa.date32()),
            "run_id": [run_id] * ranks.size,
            "path": pa.array(np.repeat(np.arange(paths), steps), pa.int32()),
            "step": pa.array(np.tile(np.arange(steps), paths), pa.int32()),
            "rank": ranks.reshape(-1),
        }
    )
