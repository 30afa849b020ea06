"""Check a run's orders before they are published, or those of a night that is."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import Blocked
from jobs.plan.check.recost import Line, Paths, cost
from jobs.plan.check.rules import Finding, broken
from schemas.gold.forecasts import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jobs.config import Config
    from jobs.lake import Lake

#: Orders costed again: the dearest, and as many chosen by a hash of their names.
DEAREST, CHOSEN = 100, 1_000
#: Published money has four decimals: a share and an amount by which a cost may differ.
_SHARE, _AMOUNT = 2e-3, 0.01
_RUN = {
    "orders": "gold/orders", "reasons": "gold/order_reasons", "prices": "gold/shadow_prices", "certificates": "gold/certificates",
    "exceptions": "gold/exceptions", "projections": "gold/projections",
}  # fmt: skip
_SEEN = ("lanes", "capacities", "assortment", "overrides", "locations", "items")


def main(lake: Lake, config: Config, business_date: date) -> str:
    """Check this run; returns what was done, in words. Raises Blocked with the rules that its orders break."""
    tables = _tables(lake, config, business_date)
    found = broken(tables)
    costed, wrong = _recosted(lake, config, business_date, tables)
    if wrong:
        found.append(Finding("cost_not_found_again", len(wrong), tuple(wrong[:3])))
    if found:
        rules = "\n  ".join(str(finding) for finding in found)
        raise Blocked(
            f"the orders of {business_date} break rules of their own plan:\n  {rules}\n"
            "They were decided and are not published; the last published night still stands. Keep the lake and report it."
        )
    return f"{tables['orders'].num_rows:,} orders keep every rule, {costed:,} costed again"


def _tables(lake: Lake, config: Config, business_date: date) -> dict[str, pa.Table]:
    where: list[tuple[str, str, object]] = [("business_date", "=", business_date), ("run_id", "=", lake.run_id)]
    tables = {name: lake.arrow(path, None, where) for name, path in _RUN.items()}
    tables |= {name: lake.arrow_as_of(f"silver/{name}", business_date) for name in _SEEN}
    tables["night"] = pa.table(
        {
            "business_date": pa.array([business_date], pa.date32()),
            "period_days": [config.period_days],
            "lead": [config.lanes.default_lead_time_days],
        }
    )
    return tables | {"under_way": _under_way(tables["projections"], tables["items"])}


def _under_way(projections: pa.Table, items: pa.Table) -> pa.Table:
    """What arrives where and when of earlier orders: units, volume, value."""
    measures = items.select(["item_id", "unit_volume", "unit_cost"]).cast(
        pa.schema([("item_id", pa.string()), ("unit_volume", pa.float64()), ("unit_cost", pa.float64())])
    )
    rows = projections.filter(pc.greater(projections["arrivals"], 0)).select(["item_id", "location_id", "date", "arrivals"])
    joined = rows.join(measures, "item_id")
    units = joined["arrivals"]
    columns = {name: joined[name] for name in ("item_id", "location_id", "date")}
    volume, worth = (pc.multiply(units, pc.fill_null(joined[name], 0.0)) for name in ("unit_volume", "unit_cost"))
    return pa.table({**columns, "units": units, "volume": volume, "value": worth})


def _recosted(lake: Lake, config: Config, business_date: date, tables: Mapping[str, pa.Table]) -> tuple[int, list[str]]:
    """How many orders were costed again, and those whose published costs are not found, or that a neighbour beats."""
    unsure, centres = _unsure(tables["lanes"]), _centres(tables["locations"])
    orders = _some([order for order in tables["orders"].to_pylist() if not unsure(order) and order["location_id"] not in centres])
    wrong: list[str] = []
    if not orders:
        return 0, wrong
    for order, line, paths in _lines(lake, config, business_date, tables, orders):
        demand = paths.demand(line)
        units, multiple = float(order["units"]), float(order["order_multiple"])
        wanted = {"expected_cost": units, "cost_one_less": units - multiple, "cost_one_more": units + multiple}
        for column, quantity in wanted.items():
            # Below its least quantity a line may not be ordered; nothing may always be.
            if order[column] is not None:
                again = cost(line, demand, quantity)
                if abs(again - float(order[column])) > _SHARE * abs(again) + _AMOUNT:
                    wrong.append(f"{order['order_id']} {order['item_id']}: {column} {order[column]}, again {again:.4f}")
    return len(orders), wrong


def _unsure(lanes: pa.Table) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an order's lead time is random: its cost is then a mean over lead times, which is not looked at."""
    std = {(row["source_id"], row["location_id"], row["item_id"]): row["lead_time_std"] for row in lanes.to_pylist()}

    def unsure(order: Mapping[str, Any]) -> bool:
        lane = order["source_id"], order["location_id"]
        own, wide = std.get((*lane, order["item_id"])), std.get((*lane, None))
        return bool(wide if own is None else own)

    return unsure


def _centres(locations: pa.Table) -> set[str]:
    """Distribution centres: what they are asked for follows from all that others will order, which is not published."""
    return {row["location_id"] for row in locations.to_pylist() if row["kind"] == "dc"}


def _some(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The dearest orders and some chosen by a hash."""

    def drawn(order: dict[str, Any]) -> bytes:
        return hashlib.sha256(f"{order['order_id']}/{order['item_id']}".encode()).digest()

    dearest = sorted(orders, key=lambda order: (-order["order_value"], order["order_id"], order["item_id"]))
    return dearest[:DEAREST] + sorted(dearest[DEAREST:], key=drawn)[:CHOSEN]


def _lines(
    lake: Lake, config: Config, business_date: date, tables: Mapping[str, pa.Table], orders: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], Line, Paths]]:
    """Each order with its line and the night's paths."""
    mine: list[tuple[str, str, object]] = [("business_date", "=", business_date), ("run_id", "=", lake.run_id)]
    items = sorted({order["item_id"] for order in orders})
    rows = lake.arrow("gold/path_ranks", None, mine).to_pylist()
    cycle = 7 if config.period_days == 1 else 1
    paths = Paths({row["factor"]: row for row in rows}, len({row["path"] for row in rows}), cycle)
    columns = ["item_id", "location_id", "channel", "target_date", "mean", "p_zero", "whole_units", *QUANTILES]
    series: dict[tuple[str, str], dict[str, dict[int, Any]]] = defaultdict(lambda: defaultdict(dict))
    targets = pc.unique(lake.arrow("gold/forecasts", ["target_date"], mine)["target_date"]).to_pylist()
    horizon = 1 + max(_step(day, business_date, config) for day in targets)
    for row in lake.arrow("gold/forecasts", columns, [*mine, ("item_id", "in", items)]).to_pylist():
        series[row["item_id"], row["location_id"]][row["channel"]][_step(row["target_date"], business_date, config)] = row
    arrivals: dict[tuple[str, str], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for row in tables["under_way"].to_pylist():
        arrivals[row["item_id"], row["location_id"]][_step(row["date"], business_date, config)] += row["units"]
    reasons = {
        (r["item_id"], r["source_id"], r["location_id"]): r
        for r in tables["reasons"].filter(pc.greater(tables["reasons"]["units"], 0)).to_pylist()
    }
    regions = {row["location_id"]: row["region"] or "" for row in tables["locations"].to_pylist()}
    life = {row["item_id"]: row["shelf_life_days"] for row in tables["items"].to_pylist()}
    terms = _assortment(tables["assortment"], business_date)
    nothing = dict.fromkeys(("mean", "p_zero", *QUANTILES), 0.0) | {"whole_units": True}
    for order in orders:
        pair = order["item_id"], order["location_id"]
        reason, own = reasons[order["item_id"], order["source_id"], order["location_id"]], terms.get(pair, {})
        buying = float(order["order_value"]) / float(order["units"])
        lead = _step(reason["arrives_on"], business_date, config, up=True)
        line = Line(
            *pair,
            regions.get(order["location_id"], ""),
            {channel: [by_step.get(step, nothing) for step in range(horizon)] for channel, by_step in series[pair].items()},
            float(reason["on_hand"]),
            arrivals[pair],
            lead,
            max(_step(reason["next_arrives_on"], business_date, config, up=True) - lead, 1),
            _first(own.get("holding_cost"), buying * config.holding_rate_per_period),
            float(reason["shortage_cost"]),
            _first(own.get("waste_cost"), buying),
            _first(own.get("presentation_min"), 0.0),
            life[order["item_id"]] / config.period_days if life.get(order["item_id"]) is not None else float("inf"),
        )
        yield order, line, paths


def _first(given: object, otherwise: float) -> float:
    return otherwise if given is None else float(given)  # type: ignore[arg-type]


def _step(day: date, business_date: date, config: Config, *, up: bool = False) -> int:
    """Periods from the business date to a day."""
    days = (day - business_date).days + (config.period_days - 1 if up else 0)
    return max(days // config.period_days, 0)


def _assortment(rows: pa.Table, business_date: date) -> dict[tuple[str, str], dict[str, Any]]:
    """The row of each pair that counts tonight: the one active now, else the next, else the last."""
    best: dict[tuple[str, str], tuple[Any, dict[str, Any]]] = {}
    for row in rows.to_pylist():
        first, last = row["active_from"] or date.min, row["active_to"] or date.max
        turn = 0 if first <= business_date <= last else 1 if last >= business_date else 2
        key = (turn, -first.toordinal())
        pair = row["item_id"], row["location_id"]
        if pair not in best or key < best[pair][0]:
            best[pair] = key, row
    return {pair: row for pair, (_, row) in best.items()}
