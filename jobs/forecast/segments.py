"""Segments of forecast rows: where a forecast is good and where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.clock import Clock

if TYPE_CHECKING:
    from datetime import date

    from jobs.lake import Lake

Ints = npt.NDArray[np.int64]

ALL, ORIGIN, VOLUME, STEP, PROMOTION, DEPARTMENT = KINDS = ("all", "origin", "volume", "step", "promotion", "department")
#: Upper edges of the volume classes, units a period (the level that the origin saw); fixed, so that backtests can be compared.
VOLUME_EDGES = (0.5, 1.0, 2.0, 5.0, 20.0)
_VOLUMES = (
    f"below {VOLUME_EDGES[0]:g}",
    *(f"{low:g} to {high:g}" for low, high in pairwise(VOLUME_EDGES)),
    f"{VOLUME_EDGES[-1]:g} and more",
)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """One way to cut the rows: ``labels`` in their order, ``code`` [n] the number of each row's label."""

    labels: tuple[str, ...]
    code: Ints


def segmentations(rows: pa.Table, clock: Clock, of: Mapping[str, str]) -> dict[str, Segmentation]:
    """Every kind of segment of rows with item_id, origin, step, level and promotion.

    of  item -> department; an item without one belongs to "none"
    """
    origin, step = _ints(rows, "origin"), _ints(rows, "step")
    volume = np.searchsorted(VOLUME_EDGES, np.asarray(rows["level"].cast(pa.float64()), float), side="right")
    promoted = np.nan_to_num(np.asarray(rows["promotion"].cast(pa.float64()), float)) >= 1
    named = np.array([of.get(item) or "none" for item in rows["item_id"].to_pylist()], object)
    return {
        ALL: Segmentation(("all",), np.zeros(len(step), np.int64)),
        ORIGIN: _coded(origin, [clock.first_day(int(i)).isoformat() for i in np.unique(origin)]),
        VOLUME: _coded(volume, [_VOLUMES[i] for i in np.unique(volume)]),
        STEP: _coded(step, [str(i) for i in np.unique(step)]),
        PROMOTION: _coded(promoted, [("no", "yes")[int(i)] for i in np.unique(promoted)]),
        DEPARTMENT: _coded(named, np.unique(named).tolist()),
    }


def departments(lake: Lake, night: date) -> dict[str, str]:
    """Item -> department, as the night knows it."""
    known = [("known_from", "<=", night), ("deleted", "=", False)]
    items = lake.arrow("silver/items", ["item_id", "department", "known_from"], known).sort_by("known_from")
    return dict(zip(items["item_id"].to_pylist(), items["department"].to_pylist(), strict=True))


def _coded(values: npt.NDArray[np.generic], labels: list[str]) -> Segmentation:
    return Segmentation(tuple(labels), np.unique(values, return_inverse=True)[1].astype(np.int64))


def _ints(rows: pa.Table, name: str) -> Ints:
    return np.asarray(rows[name].cast(pa.int64()), np.int64)
