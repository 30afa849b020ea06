"""What customers want on a night: the demand that a closed loop is run against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.compute as pc

from jobs.features.names import SEPARATOR
from jobs.plan.pools import SCALE
from jobs.simulate.ground import Shown
from jobs.simulate.recovered import WEEKS, numbers_of, redraw, variant
from jobs.simulate.shelves import Shelves

if TYPE_CHECKING:
    from jobs.lake import Lake
    from jobs.simulate.ground import Ground, Opening

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

KEY = ["item_id", "location_id", "channel"]
#: What a world's demand is called among the ways of taking it (recovered.VARIANTS): all of it is known.
LATENT = "latent"


class Market(Protocol):
    """What a simulation asks of whatever makes the demand."""

    @property
    def series(self) -> pl.DataFrame:
        """item_id, location_id, channel, in key order."""

    @property
    def nights(self) -> int:
        """Nights that it goes on for."""

    @property
    def counts(self) -> dict[str, int]:
        """What of the record is not as a simulation would have it, by name."""

    def wanted(self, night: int) -> Ints:
        """[series] units that customers want on a night (its number in the span), ten-thousandths, whatever is in stock."""

    def ground(self, opening: Opening) -> Ground:
        """What a simulation's nights happen in."""


@dataclass(frozen=True)
class Replayed:
    """A landing's own sales, what was short of stock redrawn.

    first     the span's first night
    sold      [series, nights] recorded units, -1 without a record;  demand: what is taken for demand
    counts    what of the record is not as a simulation would have it, by name
    """

    first: date
    series: pl.DataFrame
    sold: Ints
    demand: Ints
    price: Ints
    promotion: np.ndarray
    counts: dict[str, int]

    @property
    def nights(self) -> int:
        """Nights of the span."""
        return int(self.sold.shape[1])

    def wanted(self, night: int) -> Ints:
        """Units wanted; none where nothing is recorded."""
        return np.where(self.sold[:, night] < 0, 0, self.demand[:, night])

    def shown(self, night: int) -> Shown:
        """The recorded price and promotion."""
        return Shown(self.sold[:, night] >= 0, self.price[:, night], self.promotion[:, night])

    def ground(self, opening: Opening) -> Ground:
        """The landing's own places."""
        return Shelves(self, opening)

    @property
    def is_censored(self) -> bool:
        """Whether any of the demand is not what was recorded."""
        return bool(self.counts["short"])


def replayed(lake: Lake, first: date, last: date, name: str, seed: int) -> Replayed:
    """The market of a span's nights under one of recovered.VARIANTS, from the newest versions of silver/demand."""
    around = timedelta(days=7 * WEEKS)
    columns = [*KEY, "period", "units", "in_stock_fraction", "price", "promotion"]
    near = (pc.field("period") >= first - around) & (pc.field("period") <= last + around) & pc.field("known_to").is_null()
    rows = pl.DataFrame(pl.from_arrow(lake.dataset("silver/demand").to_table(columns=columns, filter=near)))
    series = rows.select(KEY).unique().sort(KEY).with_row_index("series")
    start, nights = first - around, (last - first).days + 1
    days = nights + 2 * around.days
    placed = rows.join(series, on=KEY).with_columns(day=(pl.col("period") - pl.lit(start)).dt.total_days())
    at = placed["series"].to_numpy().astype(np.int64), placed["day"].to_numpy()
    shape = len(series), days
    units, price = np.full(shape, -1), np.full(shape, -1)
    units[at] = _scaled(placed["units"])
    price[at] = _scaled(placed["price"])
    short = np.zeros(shape, bool)
    short[at] = placed["in_stock_fraction"].to_numpy() < 1
    promotion = np.full(shape, None, object)
    promotion[at] = placed["promotion"].to_numpy()
    ids = numbers_of(series.select(pl.concat_str(KEY, separator=SEPARATOR)).to_series().to_list())
    redrawn, lost = redraw(units, short, ids, start.toordinal(), seed)
    whole = ((units < 0) | (units % SCALE == 0)).all(axis=1)
    demand = variant(name, units, redrawn, whole, ids, start.toordinal(), seed)
    inside = slice(around.days, around.days + nights)
    counts = _counts(units[:, inside], short[:, inside], lost[:, inside])
    return Replayed(first, series.select(KEY), units[:, inside], demand[:, inside], price[:, inside], promotion[:, inside], counts)


def _scaled(values: pl.Series) -> Ints:
    """Decimals as ten-thousandths; -1 where null."""
    return np.asarray((values * SCALE).cast(pl.Int64).fill_null(-1).to_numpy())


def _counts(sold: Ints, short: Bools, lost: Bools) -> dict[str, int]:
    """Nights of series short of stock, of them those without a donor, gaps; series that vanish; nights without any row."""
    known = sold >= 0
    nights = np.arange(sold.shape[1])
    begins = np.where(known.any(axis=1), known.argmax(axis=1), sold.shape[1])
    ends = np.where(known.any(axis=1), sold.shape[1] - 1 - known[:, ::-1].argmax(axis=1), -1)
    inside = (nights >= begins[:, None]) & (nights <= ends[:, None])
    return {
        "short": int((short & known).sum()),
        "short_without_donor": int((lost & known).sum()),
        "gaps": int((inside & ~known).sum()),
        "vanished": int(((ends >= 0) & (ends < sold.shape[1] - 1)).sum()),
        "silent_nights": int((~known.any(axis=0)).sum()),
    }
