"""Lines as the recosting takes them, made again from published tables and the masters that the night saw."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.plan.check import order_up_to, recost
from jobs.plan.check.recost import Line, Paths
from schemas.gold.forecasts import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.config import Config
    from jobs.lake import Lake

Row = dict[str, Any]
_NOTHING = dict.fromkeys(("mean", "p_zero", *QUANTILES), 0.0) | {"whole_units": True}


@dataclass(frozen=True)
class Book:
    """What lines are made of: rows of tables by their keys.

    series    gold/forecasts by item and location, channel and period;  arrivals  units under way by item and location, and period
    lanes     by source, location and item (None: all items);  orders  by item, source and location
    locked    items and locations for which a planner named units;  centres  distribution centres;  stores  stores
    """

    business_date: date
    config: Config
    paths: Paths
    horizon: int
    series: Mapping[tuple[str, str], Mapping[str, Mapping[int, Any]]]
    arrivals: Mapping[tuple[str, str], Mapping[int, float]]
    regions: Mapping[str, str]
    items: Mapping[str, Row]
    assortment: Mapping[tuple[str, str], Row]
    lanes: Mapping[tuple[str, str, str | None], Row]
    orders: Mapping[tuple[str, str, str], Row]
    locked: frozenset[tuple[str, str]]
    centres: frozenset[str]
    stores: frozenset[str]

    def line(self, reason: Row, buying: float) -> Line:
        """The line of a row of gold/order_reasons, whose unit costs so much."""
        pair = reason["item_id"], reason["location_id"]
        own, life = self.assortment.get(pair, {}), self.items.get(pair[0], {}).get("shelf_life_days")
        lead, end, opens, usual = (
            step(reason[name], self.business_date, self.config, up=True)
            for name in ("arrives_on", "next_arrives_on", "opens_on", "usual_on")
        )
        # On the shelf a unit costs what it does on the usual lane.
        worth = buying - reason["premium"]
        return Line(
            *pair,
            self.regions.get(pair[1], ""),
            {channel: [of.get(k, _NOTHING) for k in range(self.horizon)] for channel, of in self.series.get(pair, {}).items()},
            float(reason["on_hand"]),
            self.arrivals.get(pair, {}),
            lead,
            max(end - lead, 1),
            _first(own.get("holding_cost"), worth * self.config.holding_rate_per_period),
            float(reason["shortage_cost"]),
            _first(own.get("waste_cost"), worth),
            _first(own.get("presentation_min"), 0.0),
            max(math.floor(life / self.config.period_days + 0.5), 1) if life is not None else math.inf,
            opens,
            max(end - usual, 1),
            reason["premium"],
            self._batches(reason),
            self.config.planning.issuing == "lifo" and pair[1] in self.stores,
        )

    def _batches(self, reason: Row) -> dict[int, float]:
        """Units on hand that spoil by their last period."""
        found: dict[int, float] = defaultdict(float)
        for last, units in zip(reason["batch_expires_on"] or (), reason["batch_units"] or (), strict=True):
            found[step(last, self.business_date, self.config)] += units
        return found

    def buying(self, reason: Row) -> float | None:
        """What a unit costs, as its order says or else its lane or its item; None where only a price tells."""
        item, source, location = reason["item_id"], reason["source_id"], reason["location_id"]
        order = self.orders.get((item, source, location))
        if order:
            return float(order["order_value"]) / float(order["units"])
        rows = (self.lanes.get((source, location, item)), self.lanes.get((source, location, None)), self.items.get(item))
        return next((float(row["unit_cost"]) for row in rows if row and row["unit_cost"] is not None), None)

    def cost(self, line: Line, demand: Sequence[Sequence[float]], units: float) -> float:
        """Expected cost of so many units, by the rule of the night's mode."""
        rule = order_up_to.cost if self.config.mode == "sequential" else recost.cost
        return rule(line, demand, units)

    def reach(self, line: Line, demand: Sequence[Sequence[float]]) -> float:
        """Units at which a list of the night's mode ends."""
        rule = order_up_to.reach if self.config.mode == "sequential" else recost.reach
        return rule(line, demand, self.config.planning.reach_quantile)

    def is_costed_again(self, reason: Row) -> bool:
        """Whether costs can be found again: not where the lead time is random (costs are then means over lead times), nor those of
        distribution centres (what they are asked for follows from all that others will order, which is not published).
        """
        lane = reason["source_id"], reason["location_id"]
        own, wide = (self.lanes.get((*lane, item), {}).get("lead_time_std") for item in (reason["item_id"], None))
        return not (wide if own is None else own) and reason["location_id"] not in self.centres


def read(lake: Lake, config: Config, business_date: date, tables: Mapping[str, pa.Table], items: set[str]) -> Book:
    """The book of some items."""
    mine: list[tuple[str, str, object]] = [("business_date", "=", business_date), ("run_id", "=", lake.run_id)]
    rows = lake.arrow("gold/path_ranks", None, mine).to_pylist()
    cycle = 7 if config.period_days == 1 else 1
    paths = Paths({row["factor"]: row for row in rows}, len({row["path"] for row in rows}), cycle)
    columns = ["item_id", "location_id", "channel", "target_date", "mean", "p_zero", "whole_units", *QUANTILES]
    series: dict[tuple[str, str], dict[str, dict[int, Any]]] = defaultdict(lambda: defaultdict(dict))
    for row in lake.arrow("gold/forecasts", columns, [*mine, ("item_id", "in", sorted(items))]).to_pylist() if items else []:
        series[row["item_id"], row["location_id"]][row["channel"]][step(row["target_date"], business_date, config)] = row
    targets = pc.unique(lake.arrow("gold/forecasts", ["target_date"], mine)["target_date"]).to_pylist()
    arrivals: dict[tuple[str, str], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for row in tables["under_way"].to_pylist():
        arrivals[row["item_id"], row["location_id"]][step(row["date"], business_date, config)] += row["units"]
    return Book(
        business_date,
        config,
        paths,
        1 + max((step(day, business_date, config) for day in targets), default=0),
        series,
        arrivals,
        {row["location_id"]: row["region"] or "" for row in tables["locations"].to_pylist()},
        {row["item_id"]: row for row in tables["items"].to_pylist()},
        _assortment(tables["assortment"], business_date),
        {(row["source_id"], row["location_id"], row["item_id"]): row for row in tables["lanes"].to_pylist()},
        {(row["item_id"], row["source_id"], row["location_id"]): row for row in tables["orders"].to_pylist()},
        frozenset((row["item_id"], row["location_id"]) for row in tables["overrides"].to_pylist() if row["business_date"] == business_date),
        *(frozenset(row["location_id"] for row in tables["locations"].to_pylist() if row["kind"] == kind) for kind in ("dc", "store")),
    )


def step(day: date, business_date: date, config: Config, *, up: bool = False) -> int:
    """Periods from the business date to a day."""
    days = (day - business_date).days + (config.period_days - 1 if up else 0)
    return max(days // config.period_days, 0)


def _first(given: object, otherwise: float) -> float:
    return otherwise if given is None else float(given)  # type: ignore[arg-type]


def _assortment(rows: pa.Table, business_date: date) -> dict[tuple[str, str], Row]:
    """The row of each pair that counts tonight: the one active now, else the next, else the last."""
    best: dict[tuple[str, str], tuple[Any, Row]] = {}
    for row in rows.to_pylist():
        first, last = row["active_from"] or date.min, row["active_to"] or date.max
        turn = 0 if first <= business_date <= last else 1 if last >= business_date else 2
        key = (turn, -first.toordinal())
        pair = row["item_id"], row["location_id"]
        if pair not in best or key < best[pair][0]:
            best[pair] = key, row
    return {pair: row for pair, (_, row) in best.items()}
