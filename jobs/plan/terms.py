"""What the cost of a line's order depends on, one array entry a line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.plan.night import Floats, Ints, Night

if TYPE_CHECKING:
    from jobs.plan.centres import Centres
    from jobs.plan.demand import Demand

#: No cost list is longer: 20,000 multiples of one item for one window are a wrong multiple.
LONGEST_LIST = 20_000
#: Periods from an arrival on over which the paths tell what of it sells in time, where it keeps that long; the mean rate tells the rest.
AHEAD = 14
#: Lines of goods that spoil where customers buy.
_SPOILS_ON_SHELF = pl.col("shelf_life_days").is_not_null() & pl.col("centre").is_null()
#: ``opens`` of a line whose window begins when its order arrives.
AT_ARRIVAL = 1_000_000


@dataclass(frozen=True)
class Terms:
    """Lines as numbers; every array has one entry a line, arrivals one row.

    lead, cover        periods until tonight's order arrives, and from then to the next order's arrival (>= 1)
    lead_std           standard deviation of lead; 0: it is sure
    opens              period from which cost counts where that is before arrival, since another lane may be faster; else AT_ARRIVAL
    stretch            periods by which cover is longer than that of the lane that the line usually takes (choices.py); 0: it is that lane
    first, series      series of the line's location in Demand
    on_hand            units at opening of the business date
    arrivals           [lines, steps] units under way by period of arrival
    in_transit         all units under way
    multiple, min_units, max_stock (inf: none), presentation (0: none)      units
    holding, shortage, waste                                                currency a unit (holding: and period)
    life               whole periods a unit may be sold (inf: for ever); at a centre one less, since a night's orders leave before opening
    newest             whether it spoils and shoppers take the newest unit first
    expired            [lines, steps] units on hand that may not be sold after the close of a step, those of earlier steps too
    rate               expected units a period, at which leftovers sell
    locked             multiples a planner has locked; -1: none
    owed               most units that a line may be short of and still has to deliver (a distribution centre); 0: sales are lost
    waits              [lines, bends, 2] what that costs: with b units short a period costs sum of waits[.., 1] (b - waits[.., 0])^+
    """

    lead: Ints
    cover: Ints
    lead_std: Floats
    opens: Ints
    stretch: Ints
    first: Ints
    series: Ints
    on_hand: Floats
    arrivals: Floats
    in_transit: Floats
    multiple: Floats
    min_units: Floats
    max_stock: Floats
    presentation: Floats
    holding: Floats
    shortage: Floats
    waste: Floats
    life: Floats
    newest: np.ndarray
    expired: Floats
    rate: Floats
    locked: Ints
    owed: Floats
    waits: Floats

    def __len__(self) -> int:
        return len(self.lead)

    def take(self, rows: Ints) -> Terms:
        """The given lines."""
        return Terms(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def backlog(self) -> np.ndarray:
        """[lines] whether what a line is short of is owed instead of being lost."""
        return np.asarray(self.waits[:, :, 1].any(axis=1))

    @property
    def min_multiples(self) -> Ints:
        """Least multiples of an order (>= 1)."""
        return np.maximum(np.ceil(self.min_units / self.multiple - 1e-9), 1).astype(np.int64)

    @property
    def foreseen(self) -> Ints:
        """[lines] periods from arrival on whose demand tells what sells of an order before it spoils; 0: it keeps."""
        spoils = np.isfinite(self.life)
        whole = np.where(spoils, self.life, 0).astype(np.int64)
        periods: Ints = np.minimum(whole, np.maximum(self.cover, AHEAD))
        return periods

    @property
    def review(self) -> Ints:
        """[lines] periods for which the next base stock is: those between two orders of the usual lane."""
        periods: Ints = np.maximum(self.cover - self.stretch, 1)
        return periods

    def critical_ratio(self) -> Floats:
        """Share of windows that should not run out: shortage / (shortage + holding over the window) (newsvendor)."""
        total = self.shortage + self.holding * self.review
        return np.divide(self.shortage, total, out=np.zeros_like(total), where=total > 0)


def terms_of(lines: pl.DataFrame, distributions: Demand, night: Night, centres: Centres, steps: int = 0) -> Terms:
    """Lines as numbers; arrivals of at least so many steps."""
    life = (pl.col("shelf_life_days") / night.config.period_days + 0.5).floor() - pl.col("centre").is_not_null()
    dates = {"lead": "arrives_on", "next": "next_arrives_on", "opens": "opens_on", "usual": "usual_on"}
    periods = lines.select(life=life, **{name: night.period_of(column) for name, column in dates.items()})
    lead = periods["lead"].to_numpy()
    cover = np.maximum(periods["next"].to_numpy() - lead, 1)
    first, series = lines["first"].to_numpy().astype(np.int64), lines["series"].to_numpy().astype(np.int64)
    arrivals = arrivals_of(lines, max(int((lead + cover).max(initial=0)), steps))
    multiple = _number(lines, "order_multiple", 1.0)
    locked = np.where(lines["overridden"].to_numpy(), np.floor(_number(lines, "override_units", 0.0) / multiple + 0.5), -1).astype(np.int64)
    centre = _number(lines, "centre", -1).astype(np.int64)
    sold = np.where(centre < 0, series, 0)
    rate = distributions.mean_of_pairs(first, sold, range(distributions.horizon)) / distributions.horizon
    return Terms(
        lead=lead,
        cover=cover,
        lead_std=_number(lines, "lead_time_std", 0.0) / night.config.period_days,
        opens=np.where(periods["opens"].to_numpy() < lead, periods["opens"].to_numpy(), AT_ARRIVAL),
        stretch=periods["usual"].to_numpy() - lead,
        first=first,
        series=series,
        on_hand=lines["on_hand"].to_numpy(),
        arrivals=arrivals,
        in_transit=_in_transit(lines),
        multiple=multiple,
        min_units=_number(lines, "min_order_units", 0.0),
        max_stock=_number(lines, "max_stock", np.inf),
        presentation=_number(lines, "presentation_min", 0.0),
        holding=lines["holding"].to_numpy(),
        shortage=lines["shortage"].to_numpy(),
        waste=lines["waste"].to_numpy(),
        life=periods["life"].clip(1.0).fill_null(np.inf).to_numpy(),
        newest=lines.select(_SPOILS_ON_SHELF & pl.col("location_id").is_in(night.newest_first)).to_series().to_numpy(),
        expired=expired_of(lines, arrivals.shape[1] + AHEAD, night),
        rate=rate + centres.rate[centre],
        locked=locked,
        owed=centres.owed[centre],
        waits=centres.waits[centre],
    )


def _number(lines: pl.DataFrame, column: str, missing: float) -> np.ndarray:
    return lines[column].cast(pl.Float64).fill_null(missing).to_numpy()


def _exploded(lines: pl.DataFrame) -> pl.DataFrame:
    rows = lines.select(pl.int_range(pl.len()).alias("line"), "transit").explode("transit").drop_nulls("transit")
    return rows.unnest("transit") if len(rows) else pl.DataFrame(schema={"line": pl.Int64, "step": pl.Int64, "units": pl.Float64})


def arrivals_of(lines: pl.DataFrame, steps: int) -> np.ndarray:
    """[lines, steps] units under way by period of arrival."""
    arrivals = np.zeros((len(lines), steps))
    rows = _exploded(lines).filter(pl.col("step") < steps)
    arrivals[rows["line"].to_numpy(), rows["step"].to_numpy()] = rows["units"].to_numpy()
    return arrivals


def expired_of(lines: pl.DataFrame, steps: int, night: Night) -> Floats:
    """[lines, steps] units of batches on hand whose last period is that step or an earlier one."""
    expired = np.zeros((len(lines), steps))
    of_centre = pl.col("centre").is_not_null().cast(pl.Int64).alias("of_centre")
    named = lines.select(pl.int_range(pl.len()).alias("line"), of_centre, last="batch_expires_on", units="batch_units")
    days = (pl.col("last") - pl.lit(night.business_date)).dt.total_days() // night.config.period_days
    step = pl.max_horizontal(days - pl.col("of_centre"), 0)
    rows = named.explode("last", "units").drop_nulls("last").with_columns(step=step).filter(pl.col("step") < steps)
    np.add.at(expired, (rows["line"].to_numpy(), rows["step"].to_numpy()), rows["units"].to_numpy())
    return expired.cumsum(axis=1)


def _in_transit(lines: pl.DataFrame) -> np.ndarray:
    rows = _exploded(lines)
    return np.bincount(rows["line"].to_numpy(), rows["units"].to_numpy(), len(lines)).astype(float)
