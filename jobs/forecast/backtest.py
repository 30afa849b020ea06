"""Rolling-origin backtest: each origin's model is trained on what came before it, and judged beside plain forecasts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import functions as F

from jobs.features.clock import CLOCKS
from jobs.features.job import examples
from jobs.forecast.distribution import NAMES
from jobs.forecast.metrics import measures
from jobs.forecast.model import numbers
from jobs.forecast.scoring import score
from jobs.forecast.train import train

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.lake import Lake

Floats = npt.NDArray[np.float64]

#: Plain forecasts, as features in shares of level: the last in-stock period, the same weekday before, the long in-stock mean.
PLAIN = {"naive": "last", "seasonal naive": "like", "in-stock mean": "mean_4"}
_KEEP = ("step", "level", "units", "last", "like_1", "like_2", "like_3", "mean_4")


@dataclass(frozen=True, slots=True)
class Report:
    """Measures per origin and method: pinball and coverage only where there is a distribution."""

    rows: list[dict[str, float | str]]

    def __str__(self) -> str:
        names = ["origin", "method", "rows", "wape", "bias", "pinball", "coverage_80", "seconds"]
        lines = [[n.replace("_", " ") for n in names], *([_cell(row.get(n, "")) for n in names] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines)


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.4f}"


def backtest(spark: SparkSession, lake: Lake, config: Config, origins: Sequence[date], horizon: int = 7) -> Report:
    """Train at each origin on what a night there knew, forecast ``horizon`` periods, compare with what was sold in stock.

    What was sold is taken from the newest state of silver/demand. Models are not registered.
    """
    settings = config.model_copy(update={"horizon": horizon})
    return Report([row for origin in origins for row in _at(spark, lake, settings, origin, horizon)])


def _at(spark: SparkSession, lake: Lake, config: Config, origin: date, horizon: int) -> list[dict[str, float | str]]:
    clock = CLOCKS[config.grain]
    began = time.monotonic()
    fitted = train(spark, lake, config, origin)
    model = fitted[0] if fitted else None
    after = clock.first_day(clock.index(origin) + horizon)
    features = examples(spark, lake, config, after, (clock.index(origin),), horizon)
    made = score(spark, model, features.where(F.col("age") > 0), _KEEP).toArrow()
    seconds = time.monotonic() - began
    actual, level = numbers(made, "units"), numbers(made, "level")
    quantiles = np.column_stack([numbers(made, name) for name in NAMES])
    name = "model" if model else "baseline (too little history)"
    found: list[dict[str, float | str]] = [
        {"method": f"{name}: median, mean's bias", **measures(actual, numbers(made, "mean"), quantiles), "seconds": seconds}
    ]
    found.extend({"method": method, **_plain(made, method, actual, level)} for method in PLAIN)
    return [{"origin": origin.isoformat(), **row} for row in found]


def _plain(made: pa.Table, method: str, actual: Floats, level: Floats) -> dict[str, float]:
    """Measures of a plain point forecast; its distribution is a single point, so it has no coverage worth naming."""
    if PLAIN[method] == "like":
        value = numbers(made, "like_1")
        for older in ("like_2", "like_3"):
            value = np.where(np.isnan(value), numbers(made, older), value)
    else:
        value = numbers(made, PLAIN[method])
    long = numbers(made, "mean_4")
    point = np.where(np.isnan(value), np.where(np.isnan(long), 1.0, long), value) * level
    return measures(actual, point, np.repeat(point[:, None], len(NAMES), axis=1))
