"""A linear forecast beside the booster's: ridge regression of the root of demand on the features' logarithms.

Forecasts that err differently are better together than each of them (Bates and Granger 1969, Operational Research Quarterly
20). The booster learns by heart what tells a few dozen days, or a hundred items, apart; a straight line can't, and costs next
to nothing. It has pulses as they die away with the periods ahead: a booster needs many splits for that product. Of closed days
and large events a straight line knows nothing, and is left out (measured: docs/decisions/forecast_model.md). Values are rounded
to whole numbers of 1/256, so that sums of their products are exact: the same whatever the layout of the rows and whoever adds
them up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.gold.features import FEATURES

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Share of the linear forecast, in roots: between .35 and .5 it makes hardly a difference.
SHARE = 0.4
#: Values that may be negative (logarithms, signals); all others enter by their logarithm, with so much added.
_SIGNED = tuple(
    column.name.startswith(("log_", "price_", "signal_"))
    or (column.name.endswith(("_price", "_price_change")) and not column.name.startswith("kernel"))
    for column in FEATURES
)
_ADDED = 0.1
#: What stands for a value that is not known: nothing about it is unusual.
_UNKNOWN = np.where(_SIGNED, 0.0, np.log(1 + _ADDED))
_UNSIGNED = np.flatnonzero(~np.array(_SIGNED))
#: Places of the features.
_AT = {column.name: place for place, column in enumerate(FEATURES)}
#: Pulses, and what is left of them a period on: as of an autoregression of memory .8, and of .5.
_PULSES = tuple(place for name, place in _AT.items() if "_pulse_" in name)
_LEFT = (0.8, 0.5)
#: Columns of ``design``: one, the features, the pulses that are left.
WIDTH = 1 + len(FEATURES) + len(_PULSES) * len(_LEFT)
#: ``sums`` of no rows.
NOTHING = np.zeros((WIDTH + 1, WIDTH + 1))
#: Of ordinary rows: the least share of usual sales that their day has, and the most that an event lifts them.
_LEAST, _MOST = 0.6, 1.5
#: Whole numbers a unit of a value and of a weight, and the largest value.
_SCALE, _WEIGHT_SCALE, _LARGEST = 256.0, 1024.0, 8.0
#: Rows' worth of belief that a feature (in standard deviations) does nothing: of few rows what is expected stays.
_PRIOR_ROWS = 5_000.0
#: Rows that are held as numbers at a time; and so few that they are in the processor's cache.
_ROWS, _FEW_ROWS = 50_000, 2_048
#: A feature that varies less (standard deviation) is a constant.
_LEAST_SPREAD = 1e-3
#: The booster's attribute that keeps the coefficients.
_ATTRIBUTE = "linear"


@dataclass(frozen=True, slots=True)
class Linear:
    """Coefficients of ``design``'s columns [WIDTH], the intercept first; none: the booster forecasts alone."""

    coefficients: tuple[float, ...] = ()

    def together(self, booster: Floats, inputs: npt.NDArray[np.float32]) -> Floats:
        """Demand as a share of what is expected [n], given the booster's roots of it [n] and features [n, inputs]."""
        share = SHARE * ordinary(inputs)
        roots = (1 - share) * booster + share * self.roots(inputs) if self.coefficients else booster
        shares: Floats = np.maximum(roots, 0.0) ** 2
        return shares

    def roots(self, inputs: npt.NDArray[np.float32]) -> Floats:
        """Its own roots [n]."""
        weights = np.array(self.coefficients)
        parts = (np.concatenate([design(some) for some in _parts(part, _FEW_ROWS)]) for part in _parts(inputs))
        return np.concatenate([np.zeros(0), *(part @ weights / _SCALE for part in parts)])


def design(inputs: npt.NDArray[np.float32]) -> Floats:
    """One, the features [n, inputs] and what is left of pulses, as the regression sees them, in whole numbers of 1/256 [n, WIDTH]."""
    made = np.empty((len(inputs), WIDTH))
    made[:, 0] = 1.0
    values, left = np.split(made[:, 1:], [len(FEATURES)], axis=1)
    values[:] = inputs
    with np.errstate(divide="ignore", invalid="ignore"):
        values[:, _UNSIGNED] = np.log(values[:, _UNSIGNED] + _ADDED)
    np.copyto(values, _UNKNOWN, where=np.isnan(values))
    np.clip(values, -_LARGEST, _LARGEST, out=values)
    step = inputs[:, _AT["step"], None].astype(float)
    for part, rest in zip(np.split(left, len(_LEFT), axis=1), _LEFT, strict=True):
        part[:] = values[:, _PULSES] * rest**step
    made *= _SCALE
    return np.round(made, out=made)


def ordinary(inputs: npt.NDArray[np.float32]) -> Bools:
    """[n] whether a row's day is neither closed nor one of those on which the place sells little, nor lifted much by an event."""
    known = {name: np.nan_to_num(inputs[:, _AT[name]], nan=1.0) for name in ("event_lift", "event_share", "location_profile", "weekday")}
    opened = ~(inputs[:, _AT["closed"]] > 0)
    rows: Bools = opened & (np.minimum.reduce(list(known.values())) >= _LEAST) & (known["event_lift"] <= _MOST)
    return rows


def sums(inputs: npt.NDArray[np.float32], roots: Floats, weight: Floats) -> Floats:
    """Sums of products, by weight, of the columns of ``design`` and the roots [WIDTH + 1, WIDTH + 1] of ordinary rows: whole numbers."""
    total = np.zeros((WIDTH + 1, WIDTH + 1))
    for part, root, weigh in zip(*(_parts(values, _FEW_ROWS) for values in (inputs, roots, weight)), strict=True):
        rows = np.column_stack([design(part), np.round(np.minimum(root, _LARGEST) * _SCALE)])
        total += (rows * np.round(weigh * ordinary(part) * _WEIGHT_SCALE)[:, None]).T @ rows
    return total


def fit(total: Floats) -> Linear:
    """The regression from its sums (Hoerl and Kennard 1970, on standardised features); none where there are no ordinary rows."""
    if not total[0, 0]:
        return Linear()
    mean = total[0] / total[0, 0]
    covariance = total / total[0, 0] - np.outer(mean, mean)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    moves = np.flatnonzero(spread[:-1] > _LEAST_SPREAD)
    prior = _PRIOR_ROWS * _SCALE**2 * _WEIGHT_SCALE / total[0, 0]
    related = covariance[np.ix_(moves, moves)] / np.outer(spread[moves], spread[moves])
    effect = np.linalg.solve(related + prior * np.eye(len(moves)), covariance[moves, -1] / spread[moves]) / spread[moves]
    coefficients = np.zeros(len(mean) - 1)
    coefficients[moves] = effect
    coefficients[0] = mean[-1] - mean[moves] @ effect
    return Linear(tuple(coefficients.tolist()))


def of_spark(rows: DataFrame, before: Column, columns: tuple[str, str, str]) -> tuple[Linear, Linear]:
    """Fitted to the rows ``before``, and to all; ``columns``: names of the array of features, the root and the weight."""
    from pyspark.sql import functions as F

    chosen = rows.select(before.alias("before"), *(F.col(name) for name in columns))
    found = np.zeros((2, WIDTH + 1, WIDTH + 1))
    for row in chosen.mapInArrow(_added, "before boolean, sums array<double>").toArrow().to_pylist():
        found[int(row["before"])] += np.array(row["sums"]).reshape(WIDTH + 1, WIDTH + 1)
    return fit(found[1]), fit(found[0] + found[1])


def _added(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Sums of a task's rows, of those before and of the others."""
    found = np.zeros((2, WIDTH + 1, WIDTH + 1))
    for batch in batches:
        inputs = batch.column(1).flatten().to_numpy(zero_copy_only=False).reshape(-1, len(FEATURES))
        before, roots, weight = (batch.column(place).to_numpy(zero_copy_only=False) for place in (0, 2, 3))
        for place in (0, 1):
            mine = before == bool(place)
            found[place] += sums(inputs[mine], roots[mine], weight[mine])
    yield pa.RecordBatch.from_pylist([{"before": bool(place), "sums": found[place].reshape(-1).tolist()} for place in (0, 1)])


def attached(booster: bytes, linear: Linear | None) -> bytes:
    """The booster (UBJ bytes) with what is beside it; None: as it is, one of demand itself."""
    from xgboost import Booster

    if linear is None:
        return booster
    loaded = Booster(model_file=bytearray(booster))
    loaded.set_attr(**{_ATTRIBUTE: json.dumps(linear.coefficients)})
    return bytes(loaded.save_raw("ubj"))


@lru_cache(maxsize=2)
def beside(booster: bytes) -> Linear | None:
    """What is beside a booster of roots; None: the booster learned demand itself."""
    from xgboost import Booster

    kept = Booster(model_file=bytearray(booster)).attr(_ATTRIBUTE)
    return Linear(tuple(json.loads(kept))) if kept is not None else None


def _parts(values: npt.NDArray[np.floating], rows: int = _ROWS) -> list[npt.NDArray[np.floating]]:
    return [values[begin : begin + rows] for begin in range(0, len(values), rows)]
