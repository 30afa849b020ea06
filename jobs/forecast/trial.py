"""A challenger on trial: both models forecast held-out periods, stock-outs too, of series that calibrated neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.errors import NightfillError
from jobs.features.clock import CLOCKS
from jobs.features.job import periods
from jobs.features.names import KEY, join
from jobs.forecast import calibration, days, judgement, registry
from jobs.forecast.model import Model, forecast, is_of_roots, numbers, points, traits
from jobs.forecast.outcomes import outcomes
from jobs.forecast.segments import departments

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.forecast.examples import Layout
    from jobs.lake import Lake

#: Whether a challenger may take the champion's place by what orders cost, and why: of the lake, the settings, the nights from the first
#: that neither has learned from to the night, the challenger, the champion (jobs/simulate/models.py).
InMoney = Callable[["Lake", "Config", "date", "date", Model, Model], tuple[bool, str]]
_ORDER = [(name, "ascending") for name in (*KEY, "origin", "step")]
#: What the judgement needs beside the forecast.
_KEPT = ("origin", "step", "level", "promotion", "units", "in_stock")


def half_calibrated(booster: bytes, held_out: pa.Table, config: Config, kinds: list[float]) -> tuple[Model, pa.Table]:
    """The booster with the calibration of one half of the held-out series, and the rows of the other half, sorted."""
    rows = held_out.sort_by(_ORDER)
    used = series_of(rows) % 2 == 0
    mine = rows.filter(pa.array(used))
    return Model(booster, calibrated(booster, mine, config, kinds)), rows.filter(pa.array(~used))


def calibrated(booster: bytes, held_out: pa.Table, config: Config, kinds: list[float]) -> calibration.Calibration:
    """The calibration of a booster on rows that it has not seen, their days taken for what they were; ``kinds``: of later ones."""
    origin = numbers(held_out, "origin").astype(np.int64)
    units, forecast = numbers(held_out, "units"), points(booster, held_out) * numbers(held_out, days.FACTOR)
    found = calibration.fit(forecast, units, traits(held_out), config.grain, origin, of_roots=is_of_roots(booster))
    return replace(found, days=kinds)


def verdict(
    spark: SparkSession,
    lake: Lake,
    config: Config,
    business_date: date,
    plan: Layout,
    fitted: tuple[bytes, pa.Table, list[float]],
    champion: Mapping[str, Any] | None,
) -> judgement.Verdict:
    """Whether a challenger becomes champion; ``fitted`` is its booster, which has not seen the held-out rows, those rows, and
    what was known of kinds of days before them.

    The first model always wins, and so does one whose champion can't be used any more: its files are gone, or other
    features are computed now.
    """
    if champion is None:
        return judgement.FIRST
    try:
        theirs = registry.load(lake, champion["model_id"])
    except NightfillError:
        return judgement.Verdict(wins=True, reasons=(f"the champion {champion['model_id']} can't be used any more",))
    origins = tuple(origin for origin in plan.origins if origin >= plan.held_out_from)
    steps = periods(lake, config, business_date)
    happened = outcomes(spark, lake, config, business_date, origins, steps, plan.share).toArrow()
    return held(fitted, theirs, happened, config, departments(lake, business_date))


def asked(
    won: judgement.Verdict,
    lake: Lake,
    config: Config,
    business_date: date,
    plan: Layout,
    challenger: Model,
    champion: Mapping[str, Any],
    in_money: InMoney,
) -> judgement.Verdict:
    """The verdict of a challenger that forecasts better, once its orders have been costed; one whose champion is gone stays the winner."""
    try:
        theirs = registry.load(lake, champion["model_id"])
    except NightfillError:
        return won
    allowed, why = in_money(lake, config, CLOCKS[config.grain].first_day(plan.held_out_from), business_date, challenger, theirs)
    return judgement.Verdict(allowed, (*won.reasons, why))


def held(
    fitted: tuple[bytes, pa.Table, list[float]], champion: Model, happened: pa.Table, config: Config, of: Mapping[str, str]
) -> judgement.Verdict:
    """The trial itself: rows of OUTCOMES of the half of the series that did not calibrate the challenger; of: item -> department."""
    booster, rows_held, kinds = fitted
    challenger, rest = half_calibrated(booster, rows_held, config, kinds)
    rows = happened.filter(pa.array(np.isin(names_of(happened), names_of(rest)))).sort_by(_ORDER)
    return judgement.compare(judged(challenger, rows), judged(champion, rows), config, of)


def judged(model: Model, rows: pa.Table) -> pa.Table:
    """Forecasts of features, with what happened beside them."""
    made = forecast(model, rows)
    for name in _KEPT:
        made = made.append_column(name, rows[name])
    return made


def series_of(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Number of each row's series, in the order of their names."""
    return np.unique(names_of(rows), return_inverse=True)[1].astype(np.int64)


def names_of(rows: pa.Table) -> npt.NDArray[np.str_]:
    """Each row's series as one text."""
    return np.asarray(join(rows).to_numpy(), str)
