"""The item-locations of a simulation, numbered, and what a unit costs there on a night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.plan import costs, lanes
from jobs.plan.night import PAIR, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.plan.night import Night

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rates:
    """What a unit costs [pairs], in currency: holding (a unit and night), shortage, waste, buying; and units of presentation_min."""

    holding: Floats
    shortage: Floats
    waste: Floats
    buying: Floats
    presentation: Floats


@dataclass(frozen=True)
class Places:
    """Pairs of item and location in key order, and of each series the pair that it draws on.

    pairs     item_id, location_id, pair (number)
    of_series [series] pair of each series, ascending
    """

    pairs: pl.DataFrame
    of_series: Ints

    @classmethod
    def of(cls, series: pl.DataFrame, *more: pl.DataFrame) -> Places:
        """The pairs of series (in key order) and of other tables with item_id and location_id."""
        every = pl.concat([rows.select(PAIR) for rows in (series, *more)]).unique().sort(PAIR)
        pairs = every.with_row_index("pair").with_columns(pl.col("pair").cast(pl.Int64))
        return cls(pairs, series.join(pairs, on=PAIR, how="left", maintain_order="left")["pair"].to_numpy())

    def __len__(self) -> int:
        return len(self.pairs)

    def numbers(self, rows: pl.DataFrame, location: str = "location_id") -> Ints:
        """[rows] number of each row's item and the location in a column; -1 where it is no pair of the simulation."""
        named = rows.select("item_id", location_id=location)
        return named.join(self.pairs, on=PAIR, how="left", maintain_order="left")["pair"].fill_null(-1).to_numpy()

    def sums(self, by_series: Ints) -> Ints:
        """[pairs] sums of numbers of series."""
        total = np.zeros(len(self), by_series.dtype)
        np.add.at(total, self.of_series, by_series)
        return total

    def split(self, wanted: Ints, sold: Ints) -> Ints:
        """[series] what each series sold of its pair's sales [pairs]: channels are served in the order of their names."""
        total = wanted.cumsum()
        begins = np.r_[True, self.of_series[1:] != self.of_series[:-1]] if len(wanted) else np.zeros(0, bool)
        before = total - wanted
        before = before - np.maximum.accumulate(np.where(begins, before, 0))
        mine: Ints = np.clip(sold[self.of_series] - before, 0, wanted)
        return mine

    def rates(self, tables: Mapping[str, pa.Table], night: Night) -> Rates:
        """What a unit costs tonight, as the plan has it (jobs/plan/costs.py)."""
        items = frame(tables.get("items"), "silver/items").sort("item_id").unique("item_id", keep="first", maintain_order=True)
        known = items.select("item_id", item_cost=pl.col("unit_cost").cast(pl.Float64))
        named = self.pairs.select(PAIR).join(known, on="item_id", how="left").with_columns(override_source=pl.lit(None, pl.String))
        supplied, _ = lanes.supplied(named.with_columns(overridden=pl.lit(value=False)), tables.get("lanes"), night)
        lane = supplied.filter("chosen").select(*PAIR, "unit_cost")
        rows = named.join(lane, on=PAIR, how="left").join(costs.assortment(tables.get("assortment"), night), on=PAIR, how="left")
        priced, _ = costs.unit_costs(rows, tables, items, night)
        names = ("holding", "shortage", "waste", "buying_cost", "presentation_min")
        columns = priced.sort(PAIR).select(pl.col(name).cast(pl.Float64).fill_null(0.0) for name in names)
        return Rates(*(columns[name].to_numpy() for name in names))

    def lives(self, items: pa.Table) -> Ints:
        """[pairs] days that a unit may be sold; 0: it keeps."""
        known = frame(items, "silver/items").select("item_id", "shelf_life_days")
        found = self.pairs.join(known, on="item_id", how="left", maintain_order="left")
        return found["shelf_life_days"].fill_null(0).cast(pl.Int64).to_numpy()
