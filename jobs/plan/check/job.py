"""Check a run's orders before they are published, or those of a night that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import Blocked
from jobs.plan.check import book as books
from jobs.plan.check import orders as single_orders
from jobs.plan.check import pools, whole
from jobs.plan.check.lists import allowance, drawn, key_of
from jobs.plan.check.rules import Finding, broken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from jobs.config import Config
    from jobs.lake import Lake
    from jobs.plan.check.book import Book, Row

#: Orders costed again: the dearest, and as many chosen by a hash of their names.
DEAREST, CHOSEN = 100, 1_000
_RUN = {
    "orders": "gold/orders", "reasons": "gold/order_reasons", "prices": "gold/shadow_prices", "certificates": "gold/certificates",
    "exceptions": "gold/exceptions", "projections": "gold/projections",
}  # fmt: skip
_SEEN = ("lanes", "capacities", "assortment", "overrides", "locations", "items")


def main(lake: Lake, config: Config, business_date: date) -> str:
    """Check this run; returns what was done, in words. Raises Blocked with the rules that its orders break."""
    tables = _tables(lake, config, business_date)
    found = broken(tables)
    orders, scarce = _some(tables["orders"].to_pylist()), pools.chosen(tables)
    placed = single_orders.chosen(tables)
    items = {order["item_id"] for order in orders} | {pool.price["item_id"] for pool in scarce}
    items |= {reason["item_id"] for order in placed for reason in order.reasons}
    book = books.read(lake, config, business_date, tables, items)
    costed, wrong_costs = _recosted(book, tables, orders)
    solved, of_pools, wrong_pools = pools.solved_again(book, scarce)
    alone, of_orders, wrong_orders = single_orders.solved_again(book, tables, placed)
    bound, wrong_bound = whole.found_again(tables)
    again = {
        "cost_not_found_again": wrong_costs,
        "pool_not_found_again": wrong_pools,
        "order_not_found_again": wrong_orders,
        "bound_not_found_again": wrong_bound,
    }
    found += [Finding(rule, len(wrong), tuple(wrong[:3])) for rule, wrong in again.items() if wrong]
    if found:
        rules = "\n  ".join(str(finding) for finding in found)
        raise Blocked(
            f"the orders of {business_date} break rules of their own plan:\n  {rules}\n"
            "They were decided and are not published; the last published night still stands. Keep the lake and report it."
        )
    looked_at = f"{costed:,} costed again, {solved} pools of scarce stock and {alone} whole orders solved again"
    if of_pools + of_orders:
        looked_at += f" ({of_pools + of_orders:,} of their lists as published)"
    again_bound = f"; lower bound found again but for {bound.unverified:.4%} of cost" if bound else ""
    return f"{tables['orders'].num_rows:,} order lines keep every rule, {looked_at}{again_bound}"


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


def _recosted(book: Book, tables: Mapping[str, pa.Table], orders: list[Row]) -> tuple[int, list[str]]:
    """How many orders were costed again, and those whose published costs are not found."""
    reasons = {key_of(row): row for row in tables["reasons"].filter(pc.greater(tables["reasons"]["units"], 0)).to_pylist()}
    wrong: list[str] = []
    found = [order for order in orders if book.is_costed_again(order)]
    for order in found:
        units, multiple = float(order["units"]), float(order["order_multiple"])
        line = book.line(reasons[key_of(order)], float(order["order_value"]) / units)
        demand = book.paths.demand(line)
        wanted = {"expected_cost": units, "cost_one_less": units - multiple, "cost_one_more": units + multiple}
        for column, quantity in wanted.items():
            # Below its least quantity a line may not be ordered; nothing may always be.
            if order[column] is not None:
                again = book.cost(line, demand, quantity)
                if abs(again - float(order[column])) > allowance(again, 1):
                    wrong.append(f"{order['order_id']} {order['item_id']}: {column} {order[column]}, again {again:.4f}")
    return len(found), wrong


def _some(orders: list[Row]) -> list[Row]:
    """The dearest orders and some chosen by a hash."""
    dearest = sorted(orders, key=lambda order: (-order["order_value"], order["order_id"], order["item_id"]))
    return dearest[:DEAREST] + sorted(dearest[DEAREST:], key=lambda order: drawn(order["order_id"], order["item_id"]))[:CHOSEN]
