"""Fan charts of single series: the worst forecasts of a backtest, and typical ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.features.clock import Clock
from jobs.features.names import KEY
from jobs.forecast.charts import COLOURS, Axis, Chart
from jobs.forecast.metrics import pinball_losses
from jobs.forecast.model import numbers, quantiles_of

Floats = npt.NDArray[np.float64]
Series = tuple[str, str, str]

#: Periods of history that a chart shows.
HISTORY = 28


@dataclass(frozen=True, slots=True)
class Fan:
    """One series at one origin: its rows of the forecasts, in order of step, and the loss in shares of its demand."""

    series: Series
    origin: int
    rows: pa.Table
    loss: float


def fans(rows: pa.Table, count: int = 3) -> tuple[list[Fan], list[Fan]]:
    """The worst and typical series, each once: rows sorted by origin, series and step; only those in stock most of the time.

    worst    the largest pinball loss in units: where being wrong costs most
    typical  a loss in shares of demand closest to the median, among the series that sell at least as much as half of them do
    """
    starts = np.flatnonzero(_changes(rows))
    in_stock = np.asarray(rows["in_stock"].to_numpy(zero_copy_only=False), float)
    losses = pinball_losses(numbers(rows, "units"), quantiles_of(rows)) * in_stock
    loss, demand = np.add.reduceat(losses, starts), np.add.reduceat(numbers(rows, "units") * in_stock, starts)
    length = np.diff(np.append(starts, rows.num_rows))
    fit = (np.add.reduceat(in_stock, starts) * 2 > length) & (demand > 0)
    relative = np.divide(loss, demand, out=np.full(len(loss), np.inf), where=demand > 0)
    sells = fit & (demand >= np.median(demand[fit], axis=None)) if fit.any() else fit
    middle = float(np.median(relative[sells])) if sells.any() else 0.0

    def chosen(order: npt.NDArray[np.intp], among: npt.NDArray[np.bool_], but: set[Series]) -> list[Fan]:
        found: list[Fan] = []
        for i in order:
            part = rows.slice(int(starts[i]), int(length[i]))
            series = _series(part)
            if among[i] and series not in but and len(found) < count:
                found.append(Fan(series, int(part["origin"][0].as_py()), part, float(relative[i])))
                but.add(series)
        return found

    worst = chosen(np.argsort(-loss, kind="stable")[: 50 * count], fit, set())
    near = np.argsort(np.abs(relative - middle), kind="stable")[: 50 * count]
    return worst, chosen(near, sells, {fan.series for fan in worst})


def chart(fan: Fan, history: Mapping[int, tuple[float, float]], clock: Clock, name: str) -> str:
    """The fan with what was sold before and after; ``history`` is period -> (units, in-stock fraction)."""
    quantiles, step = quantiles_of(fan.rows), numbers(fan.rows, "step")
    names = {"q05": 1, "q25": 4, "q50": 7, "q75": 10, "q95": 13}
    ahead = {fan.origin + int(s): y for s, y in zip(step, numbers(fan.rows, "units"), strict=True)}
    stock = {fan.origin + int(s): ok for s, ok in zip(step, fan.rows["in_stock"].to_pylist(), strict=True)}
    past = {p: v for p, v in history.items() if fan.origin - HISTORY <= p < fan.origin}
    sold = [(p - fan.origin, y) for p, (y, share) in sorted(past.items()) if share >= 1] + [
        (p - fan.origin, y) for p, y in ahead.items() if stock[p]
    ]
    out = [(p - fan.origin, y) for p, (y, share) in sorted(past.items()) if share < 1] + [
        (p - fan.origin, y) for p, y in ahead.items() if not stock[p]
    ]
    y = Axis.over([*(v for _, v in sold + out), *quantiles[:, names["q95"]]], "units a period")
    ticks = [t for t in (-28, -21, -14, -7, 0, 7, 14, 21, 28) if t <= step.max()]
    x = Axis(
        -HISTORY - 0.5,
        float(step.max()) + 0.5,
        f"periods from the origin, {clock.first_day(fan.origin)}",
        tuple((t, f"{t:d}") for t in ticks),
    )
    drawn = Chart(f"{name}: loss {100 * fan.loss:.0f}% of demand", x, y, width=360, height=240, left=48, right=10)
    for low, high, opacity, text in (("q05", "q95", 0.18, "q05 to q95"), ("q25", "q75", 0.35, "q25 to q75")):
        drawn.band(step.tolist(), quantiles[:, names[low]].tolist(), quantiles[:, names[high]].tolist(), COLOURS[0], opacity, text)
    drawn.line(list(zip(step.tolist(), quantiles[:, names["q50"]].tolist(), strict=True)), COLOURS[0], "median")
    drawn.rule(-0.5, "origin")
    return drawn.dots(sold, "#222", "in stock").dots(out, "#222", "stock-out: at least", hollow=True).html()


def _changes(rows: pa.Table) -> npt.NDArray[np.bool_]:
    """Where a series of an origin begins."""
    changed = np.zeros(rows.num_rows, bool)
    changed[:1] = True
    for name in ("origin", *KEY):
        codes = rows[name].combine_chunks().dictionary_encode()
        values = np.asarray((codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes).indices)
        changed[1:] |= values[1:] != values[:-1]
    return changed


def _series(rows: pa.Table) -> Series:
    first = rows.slice(0, 1).to_pylist()[0]
    return first["item_id"], first["location_id"], first["channel"]
