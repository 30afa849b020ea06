"""Nights one after another in one process: the plan's own functions decide, a known law of demand answers.

Every stocking point has an item of its own law, lane and costs. A night is told what a lake would tell it (stock, what is under way,
the law as published forecasts) and draws its paths from that, as ever; then the day's demand comes from the law itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmarks.optima import Floats, Law
from jobs.config import Config
from jobs.features.horizon import horizon
from jobs.forecast.ranks import Dependence, PathRanks, seed_of
from jobs.plan import coupling, cover, lanes, pools, shard, together
from jobs.plan.night import Night
from jobs.plan.pools import SCALE
from schemas.gold.forecasts import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

#: A Monday.
_FIRST = date(2026, 3, 2)
#: Demand of a stocking point and period depends on no other.
_ALONE = Dependence({"series": 1.0}, {"series": 0.0})
#: Seconds that a night's coupled problem may take.
_SECONDS = 60.0
#: Stocking points of an instance whose demand of a day is stratified together.
STRATA = 10


@dataclass(frozen=True)
class Point:
    """What a stocking point is like. Holding costs 1 a unit and period."""

    law: Law
    lead: int
    shortage: float
    order_days: str = ""
    order_cost: float = 0.0


def forecast_of(law: Law) -> dict[str, float]:
    """A law of whole units as the night's distribution: the quantile function that rounds to it, k + 1/2 at rank P(demand <= k)."""
    below = np.cumsum(law.pmf)
    knots = np.concatenate([[0.0], below]), np.concatenate([[0.0], np.arange(len(below)) + 0.5])
    return {"mean": law.mean, "p_zero": float(law.pmf[0])} | {name: float(np.interp(u, *knots)) for name, u in QUANTILES.items()}


class Loop:
    """Stocking points rolled night by night; ``replications`` of each point side by side, every one with demand of its own."""

    def __init__(self, points: Sequence[Point], replications: int, seed: int, config: Config | None = None) -> None:
        self.points, self.replications, self.seed = points, replications, seed
        self.config = config or Config()
        self.rng = np.random.default_rng(seed)
        self.of = np.repeat(np.arange(len(points)), replications)
        self.names = [f"S{i:05d}" for i in range(len(self.of))]
        self.places = {name: i for i, name in enumerate(self.names)}
        own = [points[k] for k in self.of]
        self.lead, self.shortage = np.array([p.lead for p in own]), np.array([p.shortage for p in own])
        self.order_cost = np.array([p.order_cost for p in own])
        self.day = _FIRST
        self.on_hand = np.array([p.law.quantile(0.9, p.lead + 1) for p in own], float)
        self.coming = np.zeros((len(own), int(self.lead.max()) + 1))
        self.demand: list[Floats] = []
        self.stock = self.on_hand.copy()
        self.still = self._still()

    def run(self, warm_up: int, nights: int) -> Floats:
        """[stocking points] average cost a night, after some nights that don't count."""
        total = np.zeros(len(self.of))
        for night in range(warm_up + nights):
            cost = self.night()
            total += cost if night >= warm_up else 0.0
        return total / nights

    def night(self) -> Floats:
        """Order, receive, sell; [stocking points] what it cost."""
        ordered = self._ordered()
        rows = np.arange(len(ordered))
        self.coming[rows, self.lead] += ordered
        self.on_hand += self.coming[:, 0]
        self.coming = np.concatenate([self.coming[:, 1:], np.zeros((len(rows), 1))], axis=1)
        demand = self._demand()
        self.demand.append(demand)
        lost = np.maximum(demand - self.on_hand, 0.0)
        self.on_hand = np.maximum(self.on_hand - demand, 0.0)
        self.day += timedelta(days=1)
        cost: Floats = self.on_hand + self.shortage * lost + self.order_cost * (ordered > 0)
        return cost

    def averages(self, cost: Floats) -> tuple[Floats, Floats]:
        """Of each point the mean over its replications, and its standard error (strata are independent, points within one are not)."""
        strata = cost.reshape(len(self.points), -1, min(STRATA, self.replications)).mean(axis=2)
        return strata.mean(axis=1), strata.std(axis=1, ddof=1) / np.sqrt(strata.shape[1])

    def _demand(self) -> Floats:
        """[stocking points] units of a day: each by its law, ranks stratified over STRATA replications (a Latin hypercube)."""
        size = min(STRATA, self.replications)
        order = self.rng.permuted(np.tile(np.arange(size), (len(self.of) // size, 1)), axis=1).ravel()
        rank = (order + self.rng.random(len(order))) / size
        units = np.empty(len(rank))
        for k, point in enumerate(self.points):
            units[self.of == k] = np.searchsorted(np.cumsum(point.law.pmf), rank[self.of == k], side="right")
        return np.minimum(units, [len(self.points[k].law.pmf) - 1 for k in self.of])

    def _ordered(self) -> Floats:
        """[stocking points] units that tonight's plan orders."""
        known = Night(
            self.day, self.config, PathRanks(self.config.planning.paths, seed_of(self.seed, self.day), _ALONE),
            self.still["locations"], lanes=self.still["lanes"], snapshot=self.day,
        )  # fmt: skip
        units = np.zeros(len(self.of))
        for place, ordered in decide(self._tables(), known).iter_rows():
            units[self.places[place]] = ordered
        return units

    def _tables(self) -> dict[str, pa.Table]:
        """What tonight's plan reads."""
        yesterday = self.day - timedelta(days=1)
        place = pl.Series("location_id", self.names)
        stock = pl.DataFrame({"item_id": "A", "location_id": place, "as_of": yesterday, "on_hand": self.on_hand, "reserved": 0.0})
        row, ahead = np.nonzero(self.coming)
        inbound = pl.DataFrame(
            {"location_id": place[row], "units": self.coming[row, ahead], "ahead": ahead.astype(np.int64)}
        ).select(
            pl.format("{}-{}", "location_id", "ahead").alias("order_id"),
            item_id=pl.lit("A"), source_id=pl.lit("V") + pl.col("location_id"),
            location_id="location_id", units="units", ordered_on=pl.lit(yesterday),
            expected_on=pl.lit(self.day) + pl.duration(days="ahead"),
        )  # fmt: skip
        forecasts = self.still["forecasts"].with_columns(target_date=pl.lit(self.day) + pl.duration(days="step")).drop("step")
        made = {"forecasts": forecasts, "stock": stock, "inbound": inbound}
        return {
            **{name: rows.to_arrow() for name, rows in made.items()},
            "items": self.still["items"],
            "assortment": self.still["assortment"],
        }

    def _still(self) -> dict[str, Any]:
        """What every night reads the same."""
        own = [self.points[k] for k in self.of]
        place = pl.Series("location_id", self.names)
        lane = [
            {"source_id": f"V{name}", "location_id": name, "lead_time_days": p.lead, "order_days": p.order_days, "order_cost": p.order_cost}
            for name, p in zip(self.names, own, strict=True)
        ]
        steps = horizon(lane, self.config)
        published = [forecast_of(p.law) for p in self.points]
        series = pl.DataFrame(
            [{"item_id": "A", "location_id": n, "channel": "store", **published[k]} for n, k in zip(self.names, self.of, strict=True)]
        )
        return {
            "locations": pl.DataFrame(
                {"location_id": place, "kind": "store", "region": pl.Series([None] * len(own), dtype=pl.String)}
            ).to_arrow(),
            "lanes": pl.DataFrame(lane).with_columns(order_multiple=pl.lit(1.0)).to_arrow(),
            "items": pl.DataFrame({"item_id": ["A"], "unit_cost": [1.0]}).to_arrow(),
            "assortment": pl.DataFrame(
                {"item_id": "A", "location_id": place, "holding_cost": 1.0, "shortage_cost": self.shortage}
            ).to_arrow(),
            "forecasts": series.join(pl.DataFrame({"step": range(steps)}), how="cross").with_columns(
                whole_units=pl.lit(value=True), model_id=pl.lit("law")
            ),
        }


def decide(tables: dict[str, pa.Table], night: Night) -> pl.DataFrame:
    """location_id, units of a night's orders, as shards.py decides: pools of single items, or together where orders have terms."""
    if not coupling.is_coupled(night):
        costed = shard.cost(tables, night)
        n = pools.solve(costed.kept.added(costed.problem)).n[: len(costed.lines)]
        return costed.lines.select("location_id", units=pl.Series(n * costed.problem.multiple / SCALE))
    night = replace(night, covers=cover.choose(shard.covers(tables, night), lanes.order_terms(night)))
    costed = shard.cost(tables, night)
    found = together.decide(coupling.tables(shard.problem_of(costed), costed.pooled, costed.due, night), _SECONDS)
    lines = found.lines.join(costed.lines.select(shard.LINE), on=shard.LINE, how="semi")
    # Every lane here orders by the unit.
    return lines.select("location_id", units=pl.col("n").cast(pl.Float64))
