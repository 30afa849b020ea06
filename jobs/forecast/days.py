"""How whole periods differ: what all series sold in one against what was expected of them.

The swing of a period (weather, wages, a rival's offer) is common to all its rows. Training has rows of hundreds of thousands
of series-periods, but of a few dozen periods only, whose swings a booster learns by heart: two that differ by their random
draws were .02 apart in bias on FreshRetailNet (docs/decisions/forecast_model.md). So it learns demand relative to its
period's factor; and what such periods usually have, by weekday and whether there is an event, is put back to its forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from jobs.features.clock import Clock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: The column of a row's factor.
FACTOR = "day_factor"
#: What a cell is: rows of an origin, of a step, with an event or without (regions differ in their events).
_CELL = {"origin": "origin", "step": "step", "event": "coalesce(event, 0) > 0"}
#: Features that sums look at.
SEEN = ("event", "share_of_zeros", "expected")
#: Exact sums, so that they don't depend on the order of the rows.
_EXACT = "cast(sum(cast({} as decimal(28, 10))) as double)"
#: A series with this share of periods without sale is a slow mover: its median says nothing of its mean (of four days in
#: five without a sale it is zero).
SLOW = 0.3
_SUMS = {
    "rows": "count(*)",
    "slow": f"sum(case when share_of_zeros >= {SLOW} and not isnan(share_of_zeros) then 1 else 0 end)",
    "weight": "max(weight)",
    "units": _EXACT.format("units"),
    "expected": _EXACT.format("expected"),
    "units_units": _EXACT.format("units * units"),
    "units_expected": _EXACT.format("units * expected"),
    "expected_expected": _EXACT.format("expected * expected"),
}
#: Periods without an effect that shrink those of a weekday and of an event; hardly any the mean of all.
_WEEKDAY, _EVENT, _LEAST = 0.5, 1.0, 1e-9


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums over the training rows of each cell.

    origin, step  [cells] numbers of periods;  event: whether there is one
    rows, slow    [cells] rows, and those of slow movers;  weight: the rows' weight by age
    units ...     [cells] sums of units sold, of units expected, and of their squares and products
    """

    origin: Ints
    step: Ints
    event: Bools
    rows: Ints
    slow: Ints
    weight: Floats
    units: Floats
    expected: Floats
    units_units: Floats
    units_expected: Floats
    expected_expected: Floats

    @classmethod
    def of_spark(cls, rows: DataFrame) -> Cells:
        """Of rows with origin, step, weight, units and the features SEEN."""
        from pyspark.sql import functions as F

        sums = rows.groupBy(*(F.expr(text).alias(name) for name, text in _CELL.items()))
        return cls._of(sums.agg(*(F.expr(text).alias(name) for name, text in _SUMS.items())).toArrow())

    @classmethod
    def of_table(cls, rows: pa.Table) -> Cells:
        """The same, without Spark."""
        columns = ", ".join(f"{text} AS {name}" for name, text in (_CELL | _SUMS).items())
        with duckdb.connect(config={"threads": 1}) as connection:
            some = connection.from_arrow(rows.select(["origin", "step", "weight", "units", *SEEN]))
            return cls._of(some.aggregate(columns, ", ".join(_CELL.values())).to_arrow_table())

    @classmethod
    def _of(cls, sums: pa.Table) -> Cells:
        sums = sums.sort_by([(name, "ascending") for name in _CELL])
        whole = {"origin": np.int64, "step": np.int64, "event": np.bool_, "rows": np.int64, "slow": np.int64}
        return cls(**{f.name: sums[f.name].to_numpy().astype(whole.get(f.name, np.float64)) for f in fields(cls)})

    @property
    def target(self) -> Ints:
        """[cells] period that is forecast."""
        return self.origin + self.step

    def where(self, chosen: Bools) -> Cells:
        """Some of the cells."""
        return Cells(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    def factors(self) -> Floats:
        """[cells] units sold / units expected, shrunk to what all cells have by its standard error.

        Random effects by moments (DerSimonian and Laird 1986): of a few series a cell says little of the period, of
        thousands nearly all. Cells with one row, or without a sale, have what all have.
        """
        ratio = np.divide(self.units, self.expected, out=np.ones(len(self.units)), where=self.expected > 0)
        known = (self.rows > 1) & (self.units > 0) & (self.expected > 0)
        if not known.any():
            return np.ones(len(ratio))
        scatter = self.units_units - 2 * ratio * self.units_expected + ratio**2 * self.expected_expected
        few = self.rows / np.maximum(self.rows - 1, 1)
        error = np.where(known, np.maximum(scatter, 0) * few / np.maximum(ratio * self.expected, 1e-12) ** 2, np.inf)
        logs = np.log(np.where(known, ratio, 1.0))
        usual, between = _random_effects(logs[known], error[known])
        believed = between / (between + np.where(known, error, 1.0)) if between else np.zeros(len(logs))
        shrunk: Floats = np.exp(usual + np.where(known, believed, 0.0) * (logs - usual))
        return shrunk

    def rows_of(self, origin: Ints, step: Ints, event: Bools) -> Ints:
        """[n] the cell of each row. Raises KeyError where there is none."""
        names = _numbered(self.origin, self.step, self.event)
        place = np.searchsorted(names, wanted := _numbered(origin, step, event))
        if (names[np.minimum(place, len(names) - 1)] != wanted).any():
            raise KeyError("rows of no cell")
        return place

    def kinds(self, clock: Clock) -> list[float]:
        """What periods of each kind have: weekday (grain week: one) x without and with an event, flat; as ``kind_of`` numbers them.

        Effects of the weekday and of an event on the logarithms, added up: least squares by weight, each period counting once
        however many origins forecast it, both shrunk to none (Hoerl and Kennard 1970). One holiday or two don't tell whether
        the next is like a Sunday or like its weekday: so it is taken for something between (docs/decisions/forecast_model.md).
        """
        logs, period = np.log(self.factors()), _numbered(self.target, np.zeros_like(self.step), self.event)
        _, same = np.unique(period, return_inverse=True)
        weight = self.weight / np.bincount(same)[same]
        weekday = clock.weekday(self.target) if clock.like > 1 else np.zeros(len(logs), np.int64)
        usual = float(np.average(logs, weights=weight)) if len(logs) else 0.0
        seen = np.column_stack([np.ones(len(logs)), weekday[:, None] == np.arange(clock.like), self.event]).astype(float)
        shrunk = np.diag([_LEAST, *[_WEEKDAY] * clock.like, _EVENT])
        effects = np.linalg.solve((seen * weight[:, None]).T @ seen + shrunk, (seen * weight[:, None]).T @ (logs - usual))
        kinds: list[float] = np.exp(usual + effects[0] + effects[1:-1, None] + effects[-1] * np.arange(2)).reshape(-1).tolist()
        return kinds


def kind_of(weekday: Ints | Floats, event: Bools, kinds: int) -> Ints:
    """[n] place of each row's kind among ``kinds``: of grain week (2) the event alone."""
    return np.where(kinds > 2, np.nan_to_num(weekday), 0).astype(np.int64) * 2 + event


def with_factor(rows: DataFrame, cells: Cells, event: Column) -> DataFrame:
    """The rows with their cell's factor, and their label relative to it; ``event``: whether there is one."""
    from pyspark.sql import functions as F

    from jobs.forecast.examples import LABEL

    names = [f"_{name}" for name in _CELL]
    known = pa.table([cells.origin, cells.step, cells.event, cells.factors()], names=[*names, FACTOR])
    mine = [own == F.col(name) for own, name in zip((F.col("origin"), F.col("step"), event), names, strict=True)]
    joined = rows.join(F.broadcast(rows.sparkSession.createDataFrame(known)), mine).drop(*names)
    return joined.withColumn(LABEL, F.col(LABEL) / F.col(FACTOR))


def with_factor_here(rows: pa.Table, cells: Cells) -> pa.Table:
    """The rows of a table with their cell's factor."""
    origin, step = (rows[name].to_numpy().astype(np.int64) for name in ("origin", "step"))
    event = np.nan_to_num(rows["event"].to_numpy(zero_copy_only=False)) > 0
    return rows.append_column(FACTOR, pa.array(cells.factors()[cells.rows_of(origin, step, event)]))


def _random_effects(values: Floats, error: Floats) -> tuple[float, float]:
    """Mean of values and variance between them, given each one's squared standard error."""
    weight = 1 / np.maximum(error, 1e-12)
    mean = float((weight * values).sum() / weight.sum())
    freedom = weight.sum() - (weight**2).sum() / weight.sum()
    between = max(0.0, ((weight * (values - mean) ** 2).sum() - (len(values) - 1)) / freedom) if freedom > 0 else 0.0
    weight = 1 / (np.maximum(error, 1e-12) + between)
    return float((weight * values).sum() / weight.sum()), float(between)


def _numbered(origin: Ints, step: Ints, event: Bools) -> Ints:
    """One number for each cell, in the order of its names."""
    return (origin * 10_000 + step) * 2 + event
