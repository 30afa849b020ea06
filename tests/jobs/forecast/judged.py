"""Forecasts with what happened, made up for tests: rows as jobs.forecast.backtest collects them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from jobs.features.clock import CLOCKS
from jobs.forecast.distribution import LEVELS, NAMES
from jobs.forecast.model import SCHEMA
from jobs.forecast.plain import PLAIN

CLOCK = CLOCKS["day"]
_KEPT = [("origin", pa.int64()), ("step", pa.int64()), ("level", pa.float32()), ("promotion", pa.float32())]
JUDGED = pa.schema([*SCHEMA, *_KEPT, ("units", pa.float64()), ("in_stock", pa.bool_()), *((name, pa.float64()) for name in PLAIN)])


def judged(items: int, stores: int, steps: int, origins: tuple[int, ...] = (19_872,), seed: int = 0, out: float = 0.0) -> pa.Table:
    """Exponential demand with mean 1 + item, forecast by its own law; a share ``out`` of the periods cut at half of demand.

    Sorted by origin, series and step. The naive forecasts are the true mean times 1.1 .. 1.5.
    """
    random = np.random.default_rng(seed)
    rows = []
    for origin in origins:
        for item in range(items):
            for store in range(stores):
                for step in range(steps):
                    mean, empty = 1.0 + item, bool(random.random() < out)
                    demand = random.exponential(mean)
                    row = {"item_id": f"i{item}", "location_id": f"S{store}", "channel": "store", "model_id": "m", "whole_units": False}
                    row |= {"target_date": CLOCK.first_day(origin) + timedelta(step), "mean": mean, "p_zero": 0.0}
                    row |= {name: -np.log(1 - level) * mean for name, level in zip(NAMES, LEVELS, strict=True)}
                    row |= {"origin": origin, "step": step, "level": mean, "promotion": float(step % 2)}
                    row |= {"units": demand / 2 if empty else demand, "in_stock": not empty}
                    rows.append(row | {name: mean * (1.1 + 0.1 * i) for i, name in enumerate(PLAIN)})
    return pa.Table.from_pylist(rows, JUDGED)
