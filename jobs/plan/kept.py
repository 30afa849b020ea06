"""What distribution centres keep of tonight's stock, so that tonight's orders don't take at price zero what later nights need.

A line from a centre to itself, in the pool of its stock: its list is what it costs if so many units are kept of what its own
customers, and lines that don't order tonight, ask for until its next arrival, less what is under way to it. Lines that do order
tonight need nothing kept: what they get and don't sell they draw less later, so holding a unit back from them gains a sale on a
later night only where it would have sold tonight. Keeping costs nothing by itself, since what isn't ordered stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.plan import expected_cost
from jobs.plan.pools import SCALE, UNLIMITED, Problem
from jobs.plan.terms import AT_ARRIVAL, Terms

if TYPE_CHECKING:
    from jobs.plan.centres import Centres
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints, Night


@dataclass(frozen=True)
class Kept:
    """Lines from centres to themselves, their terms as lines of one period, and their lists.

    lines  item_id, source_id, location_id, pool, centre (number), expected_on (the next arrival), multiple
    """

    lines: pl.DataFrame
    terms: Terms
    start: Ints
    cost: Floats

    def __len__(self) -> int:
        return len(self.lines)

    def added(self, problem: Problem) -> Problem:
        """The problem with these as its last lines."""
        return Problem(
            np.concatenate([problem.start, problem.start[-1] + self.start[1:]]),
            np.concatenate([problem.cost, self.cost]),
            np.concatenate([problem.multiple, self.lines["multiple"].to_numpy()]),
            np.concatenate([problem.pool, self.lines["pool"].to_numpy()]),
            problem.limit,
        )

    def left(self, problem: Problem, n: Ints) -> Ints:
        """Multiples of each line that orders of the problem's lines (n multiples) leave in its pool."""
        used = np.zeros(len(problem.limit), np.int64)
        np.add.at(used, problem.pool, n * problem.multiple)
        rest = (problem.limit - used)[self.lines["pool"].to_numpy()] // self.lines["multiple"].to_numpy()
        stays: Ints = np.clip(rest, 0, np.diff(self.start) - 1)
        return stays

    def asked(self, centres: Centres, demand: Demand) -> tuple[Terms, Demand]:
        """The lines and what they are asked for on the centres' paths, all of it in one period."""
        later = centres.later[self.lines["centre"].to_numpy()]
        return replace(self.terms, owed=later.max(axis=1, initial=0.0)), demand.with_drawn(later[:, None, :])

    def lists(self) -> pl.DataFrame:
        """item_id, source_id, kept_multiple (units), kept_costs: for gold/shadow_prices."""
        multiple = (pl.col("multiple") / SCALE).alias("kept_multiple")
        return self.lines.select("item_id", "source_id", multiple).with_columns(self._costs().alias("kept_costs"))

    def _costs(self) -> pl.Series:
        return pl.Series([self.cost[a:b].tolist() for a, b in zip(self.start[:-1], self.start[1:], strict=True)], dtype=pl.List(pl.Float64))

    def as_lines(self) -> pl.DataFrame:
        """Rows of the plan problem (coupling.LINES)."""
        nothing = {name: pl.lit(0.0) for name in ("min_order_units", "unit_volume", "unit_weight", "unit_value")}
        return self.lines.with_columns(
            order_multiple=pl.col("multiple") / SCALE,
            **nothing,
            cost=self._costs(),
            main=pl.lit(value=True),
            locked=pl.lit(0, pl.Int64),
            base_stock=pl.lit(0, pl.Int64),
            cost_of_nothing=pl.Series(self.cost[self.start[:-1]]),
        )


def keep(pooled: pl.DataFrame, problem: Problem, centres: Centres, demand: Demand, night: Night) -> Kept:
    """A line for each limited pool of a centre that is asked for more before its next arrival.

    pooled  item_id, source_id, pool, limit (limits.pools);  problem  their lines
    """
    own = centres.pairs.rename({"location_id": "source_id"}).with_columns(until=pl.Series(centres.until[:-1]))
    asked = own.filter(pl.Series(centres.later.max(axis=1, initial=0.0) > 0))
    rows = pooled.filter(pl.col("limit") != UNLIMITED).join(asked, on=["item_id", "source_id"]).sort("pool")
    smallest = np.full(len(pooled), np.iinfo(np.int64).max)
    # In the smallest packs that leave the centre: packs that nobody orders could not be shared out.
    np.minimum.at(smallest, problem.pool, problem.multiple)
    pool, centre = rows["pool"].to_numpy().astype(np.int64), rows["centre"].to_numpy()
    terms = _as_terms(centre, smallest[pool] / SCALE, centres, demand)
    lists = expected_cost.evaluate(terms, demand.with_drawn(centres.later[centre][:, None, :]), night.config.planning.reach_quantile)
    days = pl.duration(days=pl.col("until") * night.config.period_days)
    lines = rows.select(
        "item_id",
        "source_id",
        pl.col("source_id").alias("location_id"),
        pl.Series("pool", pool),
        "centre",
        (pl.lit(night.business_date) + days).cast(pl.Date).alias("expected_on"),
        pl.Series("multiple", smallest[pool]),
    )
    return Kept(lines, terms, lists.start, lists.cost)


def _as_terms(centre: Ints, multiple: Floats, centres: Centres, demand: Demand) -> Terms:
    """Lines of one period, in which all that is asked for until the next arrival is asked for, and what is missing is so once."""
    count = len(centre)
    zero = np.zeros(count)
    return Terms(
        lead=zero.astype(np.int64),
        cover=np.ones(count, np.int64),
        lead_std=zero,
        opens=np.full(count, AT_ARRIVAL),
        stretch=zero.astype(np.int64),
        first=len(demand.mean) + np.arange(count),
        series=np.ones(count, np.int64),
        on_hand=zero,
        arrivals=np.zeros((count, 1)),
        in_transit=zero,
        multiple=multiple,
        min_units=zero,
        max_stock=np.full(count, np.inf),
        presentation=zero,
        holding=zero,
        shortage=centres.shortage[centre],
        waste=zero,
        life=np.full(count, np.inf),
        newest=np.zeros(count, bool),
        expired=np.zeros((count, 1)),
        rate=zero,
        locked=np.full(count, -1),
        owed=centres.later[centre].max(axis=1, initial=0.0),
        waits=centres.missed[centre],
    )
