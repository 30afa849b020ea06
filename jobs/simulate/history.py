"""What a simulated night adds to silver/demand, and the recent past as arrays."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

import schemas
from jobs.features.names import KEY
from jobs.ingest.demand.facts import decimals
from jobs.plan.pools import SCALE
from jobs.simulate.world import draws, selling

if TYPE_CHECKING:
    from jobs.simulate.ground import Shown

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def in_stock(wanted: Ints, sold: Ints, there: Ints, day: date) -> Floats:
    """[pairs] share of a day's selling hours with stock, drawn by day and place; 0 where the shelf was empty from the start.

    there  units on the shelf at opening, with what arrived

    Not the share of demand that met stock: who knows that, and what was sold, knows what was wanted.
    """
    share = np.where(there > 0, 1.0, 0.0)
    short = np.flatnonzero((sold > 0) & (sold < wanted))
    u = draws.uniform(draws.keys(0, "moment", short), day.toordinal())
    share[short] = selling.lasted(sold[short] / SCALE, wanted[short] / SCALE, u)
    return share


def rows(series: pl.DataFrame, day: date, sold: Ints, fraction: Floats, shown: Shown) -> pa.Table:
    """Rows of silver/demand for the series that could sell on a day, as a feed of availability would make them.

    sold, fraction  [series] units and in-stock fraction
    """
    at = np.flatnonzero(shown.open)
    n, stocked = len(at), fraction[at] >= 1
    units, price = sold[at], shown.price[at]
    names = {name: series[name].gather(at).to_arrow().cast(pa.string()) for name in KEY}

    def same(value: date | None) -> pa.Array:
        return pa.array(np.full(n, value), pa.date32()) if value else pa.nulls(n, pa.date32())

    columns = {
        **names,
        "period": same(day),
        "units": decimals(units),
        "returns": decimals(np.zeros(n, np.int64)),
        "in_stock_fraction": pa.array(fraction[at]),
        "price": decimals(price, price < 0),
        "promotion": pa.array(shown.promotion[at], pa.string()),
        "sales_rows": pa.array((units > 0).astype(np.int32)),
        "month": same(day.replace(day=1)),
        "known_from": same(day + timedelta(days=1)),
        "known_to": same(None),
        "demand": decimals(units, ~stocked),
        "demand_std": decimals(np.zeros(n, np.int64), ~stocked),
        "demand_source": pa.array(np.where(stocked, "observed", "floor"), pa.string()),
    }
    return pa.table([columns[name] for name in schemas.DEMAND.column_names], schema=schemas.DEMAND.schema)


def recent(known: pa.Table, series: pl.DataFrame, night: date, days: int) -> tuple[Floats, Floats]:
    """Units and in-stock fraction [series, days] of the days before a night, the last column the day before it; NaN: no record."""
    begin = night - timedelta(days=days)
    near = pl.DataFrame(pl.from_arrow(known.select([*KEY, "period", "units", "in_stock_fraction"])))
    near = near.filter((pl.col("period") >= begin) & (pl.col("period") < night))
    placed = near.join(series.with_row_index("series"), on=list(KEY)).with_columns(day=(pl.col("period") - pl.lit(begin)).dt.total_days())
    at = placed["series"].to_numpy(), placed["day"].to_numpy()
    units, stock = np.full((len(series), days), np.nan), np.full((len(series), days), np.nan)
    units[at] = (placed["units"] * SCALE).cast(pl.Int64).to_numpy() / SCALE
    stock[at] = placed["in_stock_fraction"].to_numpy()
    return units, stock
