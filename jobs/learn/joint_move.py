"""Forecasts moved by a model's joint part: pure, for the rows of some items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.features.names import KEY
from jobs.forecast.model import distribution_of, numbers, settle, with_distribution
from jobs.learn.joint import moved
from jobs.learn.joint_lines import Places, believed, inputs_of, lines_of
from jobs.plan import demand

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from jobs.learn.joint import Joint
    from jobs.plan.night import Night

ORDER = [(name, "ascending") for name in (*KEY, "target_date")]


def move(joint: Joint | None, rows: pa.Table, features: pa.Table, tables: Mapping[str, pa.Table], night: Night) -> pa.Table:
    """Forecasts (rows of forecast.model.SCHEMA) with each line's demand moved as the trees say; without trees as they are.

    features  of the same rows;  tables  masters and prices of the rows' items (joint_lines.lines_of)
    """
    if joint is None or not joint.booster or not rows.num_rows:
        return rows
    order = pa.compute.sort_indices(rows, ORDER)
    rows, features = rows.take(order), features.take(order)
    distributions = demand.read(rows, night)
    lines, places = lines_of(distributions, tables, night), Places.of(rows, distributions, night)
    first = places.first_of(lines, distributions, numbers(features, "expected"))
    lines, first = lines.take(first >= 0), first[first >= 0]
    moves = np.zeros((len(distributions.pairs), 2))
    moves[lines.pair] = joint.moves(inputs_of(lines, believed(lines, distributions, levels=False), features.take(pa.array(first))))
    return replaced(rows, moves[places.pair])


def replaced(rows: pa.Table, moves: npt.NDArray[np.float64]) -> pa.Table:
    """The forecasts moved by [rows, 2], settled where they are."""
    mean, p_zero, quantiles, whole = distribution_of(rows)
    still = (moves == 0).all(axis=1)
    found = moved(mean, p_zero, quantiles, whole, moves)
    agreed = settle(*found, whole, mean <= 0)
    mean, p_zero = (np.where(still, old, new) for old, new in zip((mean, p_zero), agreed[:2], strict=True))
    return with_distribution(rows, mean, p_zero, np.where(still[:, None], quantiles, agreed[2]))
