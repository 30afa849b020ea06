"""A model as bytes, and what it forecasts: pure, for one batch of features."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.columns import with_columns
from jobs.features.names import KEY
from jobs.forecast import baseline, linear
from jobs.forecast.calibration import Calibration, Traits
from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.errors import Errors
from jobs.forecast.ranks import INDEPENDENT, USUAL, Dependence
from schemas.gold.features import FEATURES
from schemas.gold.forecasts import FORECASTS

if TYPE_CHECKING:
    from xgboost import Booster

    from jobs.learn.joint import Joint

Floats = npt.NDArray[np.float64]
#: Where the spread of a distribution comes from.
Spread = Literal["calibrated", "empirical", "normal"]

#: What boosters learn of demand as a share of what is expected: its mean, or its root.
MEAN, ROOT = "mean", "root"
#: What the booster sees, in order.
INPUTS: tuple[str, ...] = tuple(column.name for column in FEATURES)
#: What forecast() returns: gold/forecasts without business_date and run_id.
SCHEMA = pa.schema([f for f in FORECASTS.schema if f.name not in ("business_date", "run_id")])
_KEYS = (*KEY, "target_date")
#: Rows of which a matrix is made at a time.
_ROWS = 2_048


@dataclass(frozen=True)
class Model:
    """A booster (UBJ bytes) that forecasts demand as a share of what is expected, with the linear forecast beside it, the
    calibration that makes it a distribution, how demand depends across periods and series, and the record of its errors
    (None: none was kept yet); and what mode joint moves of its distributions (None: nobody asked for it yet).
    """

    booster: bytes
    calibration: Calibration
    dependence: Dependence = USUAL
    errors: Errors | None = None
    joint: Joint | None = None

    @cached_property
    def model_id(self) -> str:
        """Hash of the content; a tenth of a second, so it is found once."""
        digest = hashlib.sha256(self.booster)
        digest.update(self.calibration_json().encode())
        digest.update(self.dependence_json().encode())
        digest.update(self.errors_json().encode())
        digest.update(",".join(INPUTS).encode())
        if self.joint is not None:
            digest.update(self.joint.booster)
            digest.update(self.joint.facts_json().encode())
        return digest.hexdigest()[:20]

    def calibration_json(self) -> str:
        """The calibration as canonical JSON."""
        return json.dumps(self.calibration.to_dict(), sort_keys=True)

    def dependence_json(self) -> str:
        """The dependence as canonical JSON."""
        return json.dumps({"share": dict(self.dependence.share), "lasting": dict(self.dependence.lasting)}, sort_keys=True)

    def errors_json(self) -> str:
        """The record of errors as canonical JSON; empty without one."""
        return json.dumps(self.errors.to_dict(), sort_keys=True) if self.errors else ""


def to_matrix(features: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float32]:
    """Features [n, inputs] as the booster sees them; NaN where null."""
    matrix = np.empty((features.num_rows, len(INPUTS)), np.float32)
    columns = [np.asarray(features.column(name).cast(pa.float32()).to_numpy(zero_copy_only=False)) for name in INPUTS]
    # Some rows at a time: all columns of them fit into the processor's cache.
    for begin in range(0, len(matrix), _ROWS):
        matrix[begin : begin + _ROWS] = np.column_stack([column[begin : begin + _ROWS] for column in columns])
    return matrix


def points(booster: bytes, features: pa.Table | pa.RecordBatch) -> Floats:
    """Point forecasts in units [n]."""
    from xgboost import DMatrix

    if not features.num_rows:
        return np.zeros(0)
    inputs = to_matrix(features)
    scaled = _loaded(booster).predict(DMatrix(inputs, nthread=1, feature_names=list(INPUTS))).astype(float)
    beside = linear.beside(booster)
    shares = np.maximum(scaled, 0.0) if beside is None else beside.together(scaled, inputs)
    units: Floats = shares * numbers(features, "expected")
    return units


def is_of_roots(booster: bytes) -> bool:
    """Whether the forecast is the square of a mean root, not a mean."""
    return linear.beside(booster) is not None


@lru_cache(maxsize=2)
def _loaded(booster: bytes) -> Booster:
    from xgboost import Booster

    loaded = Booster(model_file=bytearray(booster))
    loaded.feature_names = list(INPUTS)
    # One thread a task: Spark spreads the work.
    loaded.set_param({"nthread": 1})
    return loaded


def numbers(features: pa.Table | pa.RecordBatch, name: str) -> Floats:
    """A column as floats; NaN where null."""
    return np.asarray(features.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False))


def quantiles_of(rows: pa.Table | pa.RecordBatch) -> Floats:
    """The forecast quantiles of rows of SCHEMA, [n, 15]."""
    return np.column_stack([numbers(rows, name) for name in NAMES])


def distribution_of(rows: pa.Table) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]:
    """Mean [n], p_zero [n], quantiles [n, 15] and whether units are whole [n] of rows of SCHEMA."""
    whole = np.asarray(rows["whole_units"].to_numpy(zero_copy_only=False), bool)
    return numbers(rows, "mean"), numbers(rows, "p_zero"), quantiles_of(rows), whole


def with_distribution(rows: pa.Table, mean: Floats, p_zero: Floats, quantiles: Floats) -> pa.Table:
    """Rows of SCHEMA with another mean [n], p_zero [n] and quantiles [n, 15]."""
    values = {"mean": mean, "p_zero": p_zero, **dict(zip(NAMES, quantiles.T, strict=True))}
    return with_columns(rows, {name: pa.array(column) for name, column in values.items()})


def traits(features: pa.Table | pa.RecordBatch) -> Traits:
    """What the segments of features' rows depend on."""
    spread, step = numbers(features, "deviation"), numbers(features, "step").astype(np.int64)
    return Traits(spread, step, numbers(features, "promotion") > 0, numbers(features, "event") > 0, numbers(features, "position"))


def forecast(model: Model | None, features: pa.Table | pa.RecordBatch, spread: Spread = "calibrated") -> pa.Table:
    """Distributions in SCHEMA, one row a row of features; without a model those of the baseline.

    spread  about the mean: as calibrated; or as the model's record of errors has it, empirical or normal, where it has one
    """
    if model is None:
        mean, p_zero, quantiles = baseline.forecast(features)
    else:
        mean, p_zero, quantiles = model.calibration.apply(points(model.booster, features), traits(features))
    whole = np.asarray(features.column("whole_units").to_numpy(zero_copy_only=False), bool)
    if model is not None and model.errors is not None and spread != "calibrated":
        p_zero, quantiles = model.errors.apply(mean, numbers(features, "step").astype(np.int64), normal=spread == "normal")
        # A normal law knows no whole units.
        whole = whole & (spread != "normal")
    closed = np.nan_to_num(numbers(features, "closed")) >= 1
    mean, p_zero, quantiles = settle(mean, p_zero, quantiles, whole, closed)
    arrays = {name: features.column(name) for name in _KEYS}
    arrays |= {"mean": pa.array(mean), "p_zero": pa.array(p_zero), "whole_units": pa.array(whole)}
    arrays |= {name: pa.array(quantiles[:, i]) for i, name in enumerate(NAMES)}
    arrays["model_id"] = pa.array([model.model_id if model else baseline.MODEL_ID] * len(mean), pa.string())
    return pa.table({f.name: arrays[f.name] for f in SCHEMA}).cast(SCHEMA)


def dependence_of(model: Model | None, spread: Spread = "calibrated") -> Dependence:
    """How demand depends across periods and series on the paths of such distributions; by a record of errors series are independent."""
    if spread == "calibrated":
        return model.dependence if model else USUAL
    return model.errors.dependence if model and model.errors else INDEPENDENT


def settle(
    mean: Floats, p_zero: Floats, quantiles: Floats, whole: npt.NDArray[np.bool_], closed: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Make mean, p_zero and quantiles agree.

    Nothing is sold on closed periods. Where units are whole, a period with demand has at least one unit: so
    p_zero >= 1 - mean, and quantiles above p_zero are at least one.
    """
    p_zero = np.where(whole, np.maximum(p_zero, 1 - mean), p_zero)
    above = p_zero[:, None] < LEVELS
    quantiles = np.where(above, np.where(whole[:, None], np.maximum(quantiles, 1.0), quantiles), 0.0)
    return np.where(closed, 0.0, mean), np.where(closed, 1.0, p_zero), np.where(closed[:, None], 0.0, quantiles)
