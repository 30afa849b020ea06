"""Streams, masters and contexts for tests without Spark: as source.py would read them from a lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.features.block import LISTED, PRICE_OF_PAIR, SOLD, STREAM, Span, to_block
from jobs.features.clock import CLOCKS
from jobs.features.compute import compute, counts
from jobs.features.context import Context, Masters, build
from jobs.features.pulse import gather

CLOCK = CLOCKS["day"]
SIGNALS = pa.schema(
    [(n, pa.string()) for n in ("location_id", "region", "name")]
    + [(n, pa.date32()) for n in ("date", "known_from", "known_to")]
    + [("value", pa.float64())]
)
PRICES = pa.schema([STREAM.field(n) for n in ("item_id", "channel", "period", "price", "promotion")])
CALENDAR = pa.schema([("region", pa.string()), ("date", pa.date32()), ("event", pa.string())])
SUMS = pa.schema([("level", pa.string()), ("id", pa.string()), ("period", pa.date32())] + [(n, pa.float64()) for n in ("units", "count")])


def sold(
    item: str,
    place: str,
    day: date,
    units: float,
    stock: float = 1.0,
    price: float = 2.0,
    channel: str = "store",
    recovered: float | None = None,
) -> dict[str, Any]:
    return {"item_id": item, "location_id": place, "channel": channel, "kind": SOLD, "period": day, "units": units,
            "in_stock_fraction": stock, "recovered": recovered, "price": price, "promotion": False}  # fmt: skip


def listed(item: str, place: str, *, active: bool = True) -> dict[str, Any]:
    return {"item_id": item, "location_id": place, "channel": "store", "kind": LISTED, "promotion": active}


def priced(item: str, place: str, day: date, price: float) -> dict[str, Any]:
    """A price row: it holds from the day on, in every channel."""
    return {"item_id": item, "location_id": place, "kind": PRICE_OF_PAIR, "period": day, "price": price, "promotion": False}


def stream(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    full = [{n: row.get(n) for n in STREAM.names} for row in rows]
    return pa.Table.from_pylist(full, STREAM).sort_by([("item_id", "ascending"), ("location_id", "ascending")])


def sums(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """In-stock sales per item (and what of them was promoted) and per location, by a naive loop."""
    total: dict[tuple[str, str, date], list[float]] = {}
    for row in rows:
        if row["kind"] == SOLD and row["in_stock_fraction"] >= 1:
            levels = [("item", row["item_id"]), ("location", row["location_id"])]
            for level, name in [*levels, ("promoted item", row["item_id"])] if row["promotion"] else levels:
                entry = total.setdefault((level, name, row["period"]), [0.0, 0.0, 0.0])
                entry[0] += row["units"]
                entry[1] += 1
                entry[2] += row["units"] != int(row["units"])
    columns = list(zip(*[(*key, *value) for key, value in total.items()], strict=True)) or [[]] * 6
    names = ("level", "id", "period", "units", "count", "fractional")
    types = (pa.string(), pa.string(), pa.date32(), pa.float64(), pa.float64(), pa.float64())
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def context(
    rows: Sequence[Mapping[str, Any]], origins: Sequence[date], horizon: int = 3, night: date | None = None,
    calendar: Sequence[Mapping[str, Any]] = (), signals: Sequence[Mapping[str, Any]] = (), prices: Sequence[Mapping[str, Any]] = (),
) -> Context:  # fmt: skip
    items = sorted({row["item_id"] for row in rows})
    places = sorted({row["location_id"] for row in rows})
    masters = Masters(
        items=pa.table({"item_id": items, "category": ["c"] * len(items), "department": ["d"] * len(items)}),
        locations=pa.table({"location_id": places, "region": ["north"] * len(places)}),
        calendar=pa.Table.from_pylist(list(calendar), CALENDAR),
        signals=pa.Table.from_pylist(list(signals), SIGNALS),
        sums=sums(rows),
        prices=pa.Table.from_pylist(list(prices), PRICES),
    )
    numbers = tuple(CLOCK.index(day) for day in origins)
    return build(masters, CLOCK, numbers, horizon, CLOCK.index(night or max(origins)))


def features(rows: Sequence[Mapping[str, Any]], origin: date, span_origins: Sequence[date] = (), **more: Any) -> pa.Table:
    """Features at an origin, computed in a block that may span other origins too."""
    origins = [origin, *span_origins]
    shared = context(rows, origins, **more)
    span = Span.around(CLOCK, [CLOCK.index(day) for day in origins], shared.horizon)
    block = to_block(stream(rows), CLOCK, span, shared.prices)
    shared = replace(shared, pulse=gather(counts(block, shared, CLOCK.index(origin))))
    return compute(block, shared, CLOCK.index(origin))


def past(item: str, place: str, origin: date, days: int, seed: int = 0) -> list[dict[str, Any]]:
    """Random sales of the days before the origin, a stock-out in five, demand recovered of two in three of those."""
    rng = np.random.default_rng([seed, *map(ord, item + place)])
    rows = []
    for k in range(1, days + 1):
        units, stock = float(rng.poisson(4)), 1.0 if rng.random() < 0.8 else 0.5
        rows.append(sold(item, place, origin - timedelta(days=k), units, stock, recovered=units + 1 if stock < 1 and k % 3 else None))
    return rows


def known(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, date], float]:
    """(item, location, day) -> demand as far as rows of one channel tell it, by a naive loop."""
    series: dict[tuple[str, str], dict[date, Mapping[str, Any]]] = {}
    for row in rows:
        series.setdefault((row["item_id"], row["location_id"]), {})[row["period"]] = row
    found = {(*key, day): _demand(days, day) for key, days in series.items() for day in days}
    return {key: units for key, units in found.items() if units is not None}


def _demand(days: Mapping[date, Mapping[str, Any]], day: date) -> float | None:
    """What was sold in stock, what silver recovered, or what a Gamma-Poisson model expects of the in-stock share."""
    row = days[day]
    sold, share = row["units"], row["in_stock_fraction"]
    if share >= 1 or row["recovered"] is not None or share < 0.05:
        return sold if share >= 1 else row["recovered"]
    near = {lag: other for lag in range(1, 29) if (other := days.get(day - timedelta(days=lag)))}
    weights = {lag: 0.93**lag * (1 if lag % 7 else 3) * other["in_stock_fraction"] for lag, other in near.items()}
    total = sum(weights.values())
    if not total:
        return None
    level = max(sum(0.93**lag * (1 if lag % 7 else 3) * other["units"] for lag, other in near.items()) / total, 0.01)
    count = total**2 / sum(w**2 for w in weights.values())
    shape = 1 / (1 + (1 + 1 / level) / count)
    return sold + (1 - share) * (shape + sold) / (shape / level + share)
