"""Demand paths of the pairs of a shard, drawn from the published distribution."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.features.names import KEY, Names, regions_of, with_region
from jobs.forecast.distribution import NAMES, draw_strata
from jobs.forecast.ranks import GivenPaths
from jobs.workers import mapped

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.forecast.ranks import PathRanks
    from jobs.plan.night import Floats, Ints, Night

#: Series drawn together: small enough for the processor's cache.
_CHUNK = 512


@dataclass(frozen=True)
class Demand:
    """The distributions of a shard's series.

    pairs      item_id, location_id, pair (number, in key order), first (its first series), series (how many)
    quantiles  [series, steps, 15]; p_zero, mean [series, steps]; whole [series]
    strata     [series, steps, paths] ranks, as the number of paths with a smaller one
    names      columns that name the series' factors
    given      [series, steps, paths] units on the paths, where they are not drawn from the distributions
    known      period -> [series, paths] its units, once somebody has asked: each period is drawn once, whoever asks and how often
    drawn      [centres, steps, paths] units that distribution centres are asked for; they are numbered after the series

    Beyond the horizon the last week repeats (grain week: the last period). A period without a forecast has no demand.
    """

    pairs: pl.DataFrame
    quantiles: Floats
    p_zero: Floats
    mean: Floats
    whole: np.ndarray
    strata: npt.NDArray[np.int32]
    cycle: int
    names: dict[str, Names] = field(default_factory=dict)
    drawn: Floats | None = None
    given: npt.NDArray[np.int32] | None = None
    known: dict[int, Floats] = field(default_factory=dict)

    def with_drawn(self, drawn: Floats) -> Demand:
        """The same, and what distribution centres are asked for."""
        return replace(self, drawn=drawn)

    @property
    def horizon(self) -> int:
        """Periods forecast."""
        return int(self.mean.shape[1])

    @property
    def paths(self) -> int:
        """Number of demand paths."""
        return int(self.strata.shape[2])

    def column(self, step: int) -> int:
        """The forecast period that stands for a step, also beyond the horizon."""
        return _repeated(step, self.horizon, self.cycle)

    def unranked(self, steps: int) -> Demand:
        """The distributions alone, as far as so many steps look: small enough to keep, to be drawn ``afresh`` later."""
        seen = min(max(steps, 1), self.horizon)
        cut = {name: getattr(self, name)[:, :seen] for name in ("quantiles", "p_zero", "mean")}
        return replace(self, **cut, strata=np.zeros((len(self.whole), seen, 0), np.int32), drawn=None, given=None, known={})

    def afresh(self, ranks: PathRanks) -> Demand:
        """The same distributions on other paths."""
        return replace(self, strata=ranks.strata(self.names, self.horizon), known={})

    def units(self, series: Ints, step: int) -> Floats:
        """[n, paths] units demanded of series in a step."""
        asked = series >= len(self.mean)
        if self.drawn is None or not asked.any():
            return self._forecast(series, step)
        units = np.empty((len(series), self.paths))
        steps = self.drawn.shape[1]
        units[asked] = self.drawn[series[asked] - len(self.mean), _repeated(step, steps, min(self.cycle, steps))]
        units[~asked] = self._forecast(series[~asked], step)
        return units

    def _forecast(self, series: Ints, step: int) -> Floats:
        at = self.column(step)
        if self.given is not None:
            return np.asarray(self.given[series, at], np.float64)
        if at not in self.known:
            self.known[at] = self._drawn(at)
        return np.asarray(self.known[at][series])

    def _drawn(self, at: int) -> Floats:
        """[series, paths] units of a period."""
        units = np.empty((len(self.whole), self.paths))
        for flag in (False, True):
            of_flag = np.flatnonzero(self.whole == flag)
            for rows in np.array_split(of_flag, -(-len(of_flag) // _CHUNK)) if len(of_flag) else []:
                law = self.quantiles[rows, at], self.p_zero[rows, at], self.mean[rows, at]
                units[rows] = draw_strata(*law, self.strata[rows, at], whole=flag)
        return units

    def foresee(self, steps: int) -> None:
        """Draw so many steps at the same time, for whoever asks for all of them."""
        if self.given is None:
            new = sorted({self.column(step) for step in range(steps)} - self.known.keys())
            self.known.update(zip(new, mapped(self._drawn, new), strict=True))

    def of_pairs(self, first: Ints, count: Ints, step: int) -> Floats:
        """[pairs, paths] units demanded in a step over all channels; ``count`` may be 0."""
        units = np.zeros((len(first), self.paths))
        for channel in range(int(count.max(initial=0))):
            has = np.flatnonzero(count > channel)
            units[has] += self.units(first[has] + channel, step)
        return units

    def mean_of_pairs(self, first: Ints, count: Ints, steps: range) -> Floats:
        """[pairs] expected units over steps, all channels."""
        result = np.zeros(len(first))
        for channel in range(int(count.max(initial=0))):
            has = np.flatnonzero(count > channel)
            for step in steps:
                result[has] += self.mean[first[has] + channel, self.column(step)]
        return result


def _repeated(step: int, horizon: int, cycle: int) -> int:
    """The step of the horizon that stands for one beyond it: the last cycle repeats."""
    beyond = step - horizon + 1
    return step if beyond <= 0 else step - cycle * -(-beyond // cycle)


def read(forecasts: pa.Table, night: Night) -> Demand:
    """The distributions of a shard's forecasts (columns of gold/forecasts)."""
    data = pl.from_arrow(forecasts)
    assert isinstance(data, pl.DataFrame)
    key = list(KEY)
    step = (pl.col("target_date") - pl.lit(night.business_date)).dt.total_days() // night.config.period_days
    data = data.with_columns(step=step).filter(pl.col("step") >= 0).sort(*key, "step")
    series = data.select(key).unique(maintain_order=True).with_row_index("series")
    data = data.join(series, on=key, how="left")
    rows, cols = data["series"].to_numpy().astype(np.int64), data["step"].to_numpy()
    shape = (len(series), int(cols.max() + 1) if len(cols) else 1)
    dense = {name: _dense(data[name].to_numpy(), rows, cols, shape) for name in ("p_zero", "mean", *NAMES)}
    whole = np.zeros(len(series), dtype=bool)
    if "whole_units" in data.columns:
        whole[rows] = data["whole_units"].fill_null(value=False).to_numpy()
    pairs = series.group_by("item_id", "location_id", maintain_order=True).agg(
        pl.col("series").min().cast(pl.Int64).alias("first"), pl.len().cast(pl.Int64).alias("series")
    )
    cycle = min(7 if night.config.period_days == 1 else 1, shape[1])
    quantiles = np.stack([dense[name] for name in NAMES], axis=2)
    names = _names(series, night)
    strata = night.ranks.strata(names, shape[1])
    given = night.ranks.units if isinstance(night.ranks, GivenPaths) else None
    assert given is None or given.shape == strata.shape, "paths are given of other series or periods than the forecasts'"
    return Demand(pairs, quantiles, dense["p_zero"], dense["mean"], whole, strata, cycle, names, given=given)


def _names(series: pl.DataFrame, night: Night) -> dict[str, Names]:
    """The columns that name the series' factors, their locations' regions among them."""
    return with_region({name: series[name].to_numpy().astype(object) for name in KEY}, regions_of(night.locations))


def _dense(values: Floats, rows: Ints, cols: Ints, shape: tuple[int, int]) -> Floats:
    """A long column as [series, steps]; a period without forecast has none (p_zero is then of no matter)."""
    result = np.zeros(shape)
    result[rows, cols] = values
    return result
