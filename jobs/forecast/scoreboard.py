"""A backtest's forecasts against what happened: every measure, by method and segment, as rows of ops/backtests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.clock import Clock
from jobs.forecast import censored
from jobs.forecast.metrics import BELOW, add_up, measures_of, terms, value_added
from jobs.forecast.model import numbers, quantiles_of
from jobs.forecast.plain import PLAIN
from jobs.forecast.segments import Segmentation, segmentations
from jobs.forecast.sums import Draw, sums

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]

#: What a measure rests on: periods in stock throughout; all periods, stock-outs as censored; sums over in-stock periods.
IN_STOCK, ALL_DAYS, SUMS = "in_stock", "all_days", "sums"
MODEL = "model"


def scoreboard(rows: pa.Table, clock: Clock, departments: Mapping[str, str], draw: Mapping[int, Draw]) -> list[Row]:
    """Rows of ops/backtests, without the backtest's own columns.

    rows  forecasts with what happened (jobs.forecast.outcomes), sorted by origin, series and step
    draw  origin (period number) -> its demand paths
    """
    cuts = segmentations(rows, clock, departments)
    in_stock = np.asarray(rows["in_stock"].to_numpy(zero_copy_only=False), bool)
    known = rows.filter(pa.array(in_stock))
    within = {kind: Segmentation(cut.labels, cut.code[in_stock]) for kind, cut in cuts.items()}
    return [*_in_stock(known, within), *_all_days(rows, in_stock, cuts), *_sums(known, draw)]


def _in_stock(rows: pa.Table, cuts: Mapping[str, Segmentation]) -> Iterator[Row]:
    actual = numbers(rows, "units")
    methods = {MODEL: terms(actual, numbers(rows, "mean"), quantiles_of(rows))}
    methods |= {name: terms(actual, numbers(rows, name)) for name in PLAIN}
    for kind, cut in cuts.items():
        sums_of = {method: add_up(parts, cut.code, len(cut.labels)) for method, parts in methods.items()}
        for number, label in enumerate(cut.labels):
            found = {method: measures_of(groups[number]) for method, groups in sums_of.items()}
            if not found[MODEL]["rows"]:
                continue
            for method, values in found.items():
                gain = {} if method == MODEL else {"value_added": value_added(found[MODEL]["wape_mean"], values["wape_mean"])}
                yield {"method": method, "basis": IN_STOCK, "kind": kind, "segment": label, **values, **gain}


def _all_days(rows: pa.Table, in_stock: npt.NDArray[np.bool_], cuts: Mapping[str, Segmentation]) -> Iterator[Row]:
    quantiles, p_zero, units = quantiles_of(rows), numbers(rows, "p_zero"), numbers(rows, "units")
    whole = np.asarray(rows["whole_units"].to_numpy(zero_copy_only=False), bool)
    scores = censored.log_scores(quantiles, p_zero, units, in_stock, whole)
    for kind, cut in cuts.items():
        for number, label in enumerate(cut.labels):
            mine = cut.code == number
            shares = censored.coverage(quantiles[mine], p_zero[mine], units[mine], in_stock[mine])
            below = dict(zip(BELOW, shares.tolist(), strict=True))
            found = {"rows": float(mine.sum()), "demand": float(units[mine].sum()), "log_score": float(scores[mine].mean())}
            found["coverage_80"] = below["below_q90"] - below["below_q10"]
            yield {"method": MODEL, "basis": ALL_DAYS, "kind": kind, "segment": label, **found, **below}


def _sums(rows: pa.Table, draw: Mapping[int, Draw]) -> Iterator[Row]:
    origin = numbers(rows, "origin")
    parts: dict[str, list[tuple[Floats, Floats, Floats]]] = {}
    for one, paths in draw.items():
        for kind, found in sums(rows.filter(pa.array(origin == one)), paths).items():
            parts.setdefault(kind, []).append(found)
    for kind, found_at in parts.items():
        actual, mean, quantiles = (np.concatenate(columns) for columns in zip(*found_at, strict=True))
        total = add_up(terms(actual, mean, quantiles), np.zeros(len(actual), np.int64), 1)[0]
        yield {"method": MODEL, "basis": SUMS, "kind": "sum", "segment": kind, **measures_of(total)}
