"""What every shard of a night's plan must know: the date, the settings and the small tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

import schemas

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.config import Config
    from jobs.forecast.ranks import PathRanks

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: What names a stocking point's item.
PAIR = ["item_id", "location_id"]
#: Stands for all sources, or all locations, in gold/certificates.
ALL = "*"
#: Columns of a planning exception; `money` in currency.
EXCEPTION: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "item_id": pl.String(),
    "location_id": pl.String(),
    "source_id": pl.String(),
    "money": pl.Float64(),
    "message": pl.String(),
    "action": pl.String(),
}


@dataclass(frozen=True)
class Night:
    """A night's plan, as all its shards see it.

    business_date  the night
    config         settings
    ranks          ranks of the demand paths
    locations      location_id, kind, region
    lanes          lane rows without an item
    capacities     limits that items share: all but an item's dc_stock in units
    covers         how long orders with terms should last (cover.CHOSEN); None: not looked at
    closed         region (null: everywhere), date: days without delivery
    alternatives   whether several lanes may lead to one item-location: they are then choices of a problem of the whole night
    lanes_known    whether the lanes feed has any row
    receipts_from  day of the first receipt; None: the feed has no row
    snapshot       date of the latest open_orders snapshot; None without the feed
    """

    business_date: date
    config: Config
    ranks: PathRanks
    locations: pa.Table
    lanes: pa.Table | None = None
    capacities: pa.Table | None = None
    covers: pl.DataFrame | None = None
    closed: pa.Table | None = None
    alternatives: bool = False
    lanes_known: bool = True
    receipts_from: date | None = None
    snapshot: date | None = None
    _closed_days: dict[str | None, frozenset[date]] = field(default_factory=dict, repr=False)

    @property
    def receipts_known(self) -> bool:
        """Whether the receipts feed has any row."""
        return self.receipts_from is not None

    @property
    def newest_first(self) -> list[str]:
        """Locations whose shoppers take the newest units of goods that spoil: the stores, if the settings say so."""
        kinds = self.locations.select(["location_id", "kind"]).to_pylist() if self.config.planning.issuing == "lifo" else []
        return [row["location_id"] for row in kinds if row["kind"] == "store"]

    @property
    def paths(self) -> int:
        """Number of demand paths."""
        return self.ranks.paths

    def period_of(self, column: str) -> pl.Expr:
        """Periods from business_date to a date column, rounded up, never negative."""
        days = (pl.col(column) - pl.lit(self.business_date)).dt.total_days()
        length = self.config.period_days
        return pl.max_horizontal((days + length - 1) // length, 0).cast(pl.Int64)

    def closed_in(self, region: str | None) -> frozenset[date]:
        """Days without delivery in a region."""
        if region not in self._closed_days:
            rows = self.closed.to_pylist() if self.closed is not None else []
            self._closed_days[region] = frozenset(row["date"] for row in rows if row["region"] in (None, region))
        return self._closed_days[region]


def frame(rows: pa.Table | None, table: str) -> pl.DataFrame:
    """Rows of a contract's table as polars, with all declared columns (missing ones null)."""
    empty = _empty(table)
    if rows is None or rows.num_rows == 0:
        return empty
    data = pl.from_arrow(rows)
    assert isinstance(data, pl.DataFrame)
    known, nothing = data.schema, pl.lit(None)
    return data.select(
        pl.col(name) if known.get(name) == kind else (pl.col(name) if name in known else nothing).cast(kind).alias(name)
        for name, kind in empty.schema.items()
    )


@lru_cache(maxsize=64)
def _empty(table: str) -> pl.DataFrame:
    """No rows of a contract's table: asked for hundreds of times a night."""
    empty = pl.from_arrow(schemas.TABLES[table].schema.empty_table())
    assert isinstance(empty, pl.DataFrame)
    return empty


def exceptions(rows: list[pl.DataFrame]) -> pl.DataFrame:
    """Exception frames as one."""
    empty = pl.DataFrame(schema=EXCEPTION)
    return pl.concat([empty, *(row.select(pl.col(n).cast(t) for n, t in EXCEPTION.items()) for row in rows if len(row))])


def exception(rows: pl.DataFrame, kind: str, message: pl.Expr, action: str, money: pl.Expr | None = None) -> pl.DataFrame:
    """One exception a row; columns item_id, location_id and source_id are taken where there are any."""
    ids = [pl.col(n) if n in rows.columns else pl.lit(None, pl.String).alias(n) for n in ("item_id", "location_id", "source_id")]
    amount = pl.lit(0.0) if money is None else money
    return rows.select(
        pl.lit(kind).alias("kind"), *ids, amount.cast(pl.Float64).alias("money"), message.alias("message"), pl.lit(action).alias("action")
    )
