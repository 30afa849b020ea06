"""A night's problem put together again from its published tables: lists, what units take of limits, terms of orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALL = "*"
LANE = ["source_id", "location_id"]
_OWN_KINDS = ("store", "online", "dc")
#: Which place of a line a limit's location is.
_PLACE = {"dc_stock": "source_id", "dc_outbound": "source_id", "receiving": "location_id", "budget": "location_id"}
#: Units are counted in ten-thousandths.
_SCALE = 10_000


@dataclass(frozen=True)
class Lines:
    """Lines sorted by order, their lists one after another.

    order       [lines] number of the order;  start [lines + 1]
    choice      [lines] number of the item-location for which several lanes may be ordered, -1: there is one. What nothing costs counts
                in one of their lists, and is taken from the others
    cost, units [entries] inf: not allowed, or more than a limit leaves a single line
    n           [lines] the entry decided on;  multiple, value, volume, price [lines] of a unit (price: of all it takes, bound_price)
    terms       a row an order: fixed, minimum, truck_volume (inf: no trucks), truck_cost, has_terms
    limits      a row a limit: limit (to whole packs), bound_price
    uses        line, row of limits, use of a unit
    """

    order: Ints
    choice: Ints
    start: Ints
    cost: Floats
    units: Floats
    n: Ints
    multiple: Floats
    value: Floats
    volume: Floats
    price: Floats
    terms: pl.DataFrame
    limits: pl.DataFrame
    uses: pl.DataFrame

    def __len__(self) -> int:
        return len(self.order)


def certificates(tables: Mapping[str, pa.Table]) -> pl.DataFrame:
    """gold/certificates of the run."""
    return _frame(tables["certificates"])


def lines(tables: Mapping[str, pa.Table]) -> Lines | None:
    """The problem of a night decided as a whole; None of another, or where a list was not published."""
    orders = certificates(tables).filter(pl.col("location_id") != ALL)
    prices = _frame(tables["prices"])
    rows = pl.concat([_ordered(tables), _kept(prices)])
    pair = pl.struct("item_id", "location_id")
    several = (pl.len().over(pair, pl.col("source_id") == pl.col("location_id")) > 1) & (pl.col("source_id") != pl.col("location_id"))
    rows = rows.with_columns(choice=pl.when(several).then(pair.rank("dense")))
    if orders.is_empty() or rows.is_empty() or rows["costs"].null_count() or (rows["costs"].list.len() == 0).any():
        return None
    terms = _terms(orders, _frame(tables["lanes"])).with_row_index("order")
    rows = rows.join(terms.select(*LANE, "order"), on=LANE, how="left").sort("order", "item_id", nulls_last=True)
    if rows["order"].null_count():
        return None
    rows = rows.with_row_index("line")
    limits = prices.filter(pl.col("bound_price").is_not_null()).with_row_index("limit_row")
    uses = _uses(rows, limits, _frame(tables["locations"]))
    limits = _whole_packs(limits, uses, rows)
    start = np.concatenate([[0], np.cumsum(rows["costs"].list.len().to_numpy())]).astype(np.int64)
    owner = np.repeat(np.arange(len(rows)), np.diff(start))
    units = (np.arange(len(owner)) - start[:-1][owner]) * rows["order_multiple"].to_numpy()[owner]
    most = uses.join(limits, on="limit_row").with_columns(most=pl.col("limit") * (1 + 1e-9) / pl.col("use")).group_by("line")
    caps = rows.join(most.agg(pl.col("most").min()), on="line", how="left", maintain_order="left")["most"].fill_null(np.inf).to_numpy()
    listed = rows["costs"].explode().fill_null(np.inf).to_numpy()
    cost = np.where(units > caps[owner] + 1e-9, np.inf, listed)
    priced = uses.join(limits, on="limit_row").group_by("line").agg((pl.col("use") * pl.col("bound_price")).sum().alias("price"))
    price = rows.join(priced, on="line", how="left", maintain_order="left")["price"].fill_null(0.0).to_numpy()
    multiple, value, volume = (rows[name].to_numpy() for name in ("order_multiple", "unit_cost", "unit_volume"))
    n = np.floor(rows["units"].to_numpy() / multiple + 0.5).astype(np.int64)
    order = rows["order"].to_numpy().astype(np.int64)
    choice, beside = rows["choice"].fill_null(-1).to_numpy().astype(np.int64), ~rows["counts"].to_numpy()
    cost = cost - np.where(beside, cost[start[:-1]], 0.0)[owner]
    return Lines(order, choice, start, cost, units, n, multiple, value, volume, price, terms, limits, uses)


def as_order(of: Lines, order: int, *, priced: bool) -> dict[str, Any]:
    """One order as resolve.py reads it, what it takes in the price of a unit or not, within all of every limit."""
    mine = np.flatnonzero(of.order == order)
    terms = of.terms.row(order, named=True)
    has_trucks = terms["truck_cost"] > 0
    return {
        "lines": [_as_line(of, int(i), priced=priced) for i in mine],
        "fixed": terms["fixed"],
        "minimum": terms["minimum"],
        "truck_volume": terms["truck_volume"] if has_trucks else 0.0,
        "truck_cost": terms["truck_cost"],
        "limits": _as_limits(of, mine) if priced else [],
    }


def as_problem(of: Lines) -> dict[str, Any]:
    """The night as resolve.py reads it."""
    orders = [as_order(of, o, priced=False) for o in range(len(of.terms))]
    choices = [np.flatnonzero(of.choice == each).tolist() for each in np.unique(of.choice[of.choice >= 0])]
    return {"orders": orders, "limits": _as_limits(of, np.arange(len(of))), "choices": choices}


def _as_line(of: Lines, i: int, *, priced: bool) -> list[Any]:
    """[units, cost, value of a unit, volume of a unit] of what is allowed."""
    units, cost = of.units[of.start[i] : of.start[i + 1]], of.cost[of.start[i] : of.start[i + 1]]
    there = np.isfinite(cost)
    more = of.price[i] * units if priced else 0.0
    return [units[there].tolist(), (cost + more)[there].tolist(), float(of.value[i]), float(of.volume[i])]


def _as_limits(of: Lines, mine: Ints) -> list[list[Any]]:
    place = {int(i): k for k, i in enumerate(mine)}
    found: dict[int, list[float]] = {}
    for line, row, use in of.uses.filter(pl.col("line").is_in(mine.tolist())).select("line", "limit_row", "use").iter_rows():
        found.setdefault(row, [0.0] * len(mine))[place[line]] = use
    limit = of.limits["limit"].to_list()
    return [[use, limit[row]] for row, use in sorted(found.items())]


def _ordered(tables: Mapping[str, pa.Table]) -> pl.DataFrame:
    """Lines of gold/order_reasons that could be ordered; `counts`: those on which their item-location's cost does."""
    volumes = _frame(tables["items"]).select("item_id", pl.col("unit_volume").cast(pl.Float64).fill_null(0.0))
    beside = pl.col("binding").str.contains("another_lane", literal=True)
    rows = _frame(tables["reasons"]).with_columns(counts=~beside).filter(pl.col("counts") | pl.col("costs").is_not_null())
    numbers = ("units", "order_multiple", "unit_cost")
    measured = rows.join(volumes.unique("item_id"), on="item_id", how="left").with_columns(pl.col("unit_volume").fill_null(0.0))
    names = ["item_id", *LANE, "arrives_on"]
    return measured.select(*names, *(pl.col(name).cast(pl.Float64) for name in numbers), "unit_volume", "costs", "counts")


def _kept(prices: pl.DataFrame) -> pl.DataFrame:
    """What centres keep of their stock, as lines from them to themselves."""
    rows = prices.filter(pl.col("kept_costs").is_not_null())
    here = {"source_id": "location_id", "location_id": "location_id", "order_multiple": "kept_multiple", "units": "kept"}
    nothing = {"unit_cost": pl.lit(0.0), "unit_volume": pl.lit(0.0)}
    places = rows.select("item_id", **here, arrives_on=pl.lit(None, pl.Date), **nothing, costs="kept_costs", counts=pl.lit(value=True))
    return places.select("item_id", *LANE, "arrives_on", "units", "order_multiple", "unit_cost", "unit_volume", "costs", "counts")


def _terms(orders: pl.DataFrame, lanes: pl.DataFrame) -> pl.DataFrame:
    """A row an order; lanes have no terms where certificates name no order_cost."""
    numbers = [pl.col(name).cast(pl.Float64).fill_null(0.0) for name in ("min_order_value", "truck_volume", "truck_cost")]
    wide = lanes.filter(pl.col("item_id").is_null()).select(*LANE, *numbers).unique(LANE)
    rows = orders.select(*LANE, "order_cost").join(wide, on=LANE, how="left").sort(LANE)
    has, trucks = pl.col("order_cost").is_not_null(), (pl.col("truck_volume") > 0) & (pl.col("truck_cost") > 0)
    return rows.select(
        *LANE,
        fixed=pl.col("order_cost").fill_null(0.0),
        minimum=pl.when(has).then("min_order_value").fill_null(0.0),
        truck_volume=pl.when(has & trucks).then("truck_volume").fill_null(np.inf),
        truck_cost=pl.when(has & trucks).then("truck_cost").fill_null(0.0),
        has_terms=has,
    )


def _uses(rows: pl.DataFrame, limits: pl.DataFrame, locations: pl.DataFrame) -> pl.DataFrame:
    """line, limit_row, use: what a unit of each line takes of each limit."""
    own = locations.filter(pl.col("kind").is_in(_OWN_KINDS))["location_id"].implode()
    ordered, bought = pl.col("source_id") != pl.col("location_id"), ~pl.col("source_id").is_in(own)
    measures = {"units": pl.lit(1.0), "volume": pl.col("unit_volume"), "value": pl.col("unit_cost")}
    found = [pl.DataFrame(schema={"line": pl.UInt32, "limit_row": pl.UInt32, "use": pl.Float64})]
    patterns = limits.with_columns(here=pl.col("location_id").is_not_null(), of_item=pl.col("item_id").is_not_null())
    for (resource, unit, here, of_item), some in patterns.group_by("resource", "unit", "here", "of_item"):
        keys = {"place": here, "item_id": of_item, "arrives_on": resource == "receiving"}
        on = [name for name, given in keys.items() if given]
        takes = rows.with_columns(place=pl.col(_PLACE[str(resource)]), use=measures[str(unit)], everywhere=pl.lit(0))
        takes = takes.filter(ordered if resource != "dc_stock" else True).filter(bought if resource == "budget" else True)
        there = some.rename({"location_id": "place", "date": "arrives_on"}).with_columns(everywhere=pl.lit(0))
        met = takes.join(there.select("limit_row", "everywhere", *on), on=["everywhere", *on])
        found.append(met.select("line", "limit_row", "use").filter(pl.col("use") > 0))
    return pl.concat(found)


def _whole_packs(limits: pl.DataFrame, uses: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Limits in units rounded down to what whole packs can take."""
    fine = np.floor(rows["order_multiple"].to_numpy() * _SCALE + 0.5).astype(np.int64)
    grain = np.zeros(len(limits), np.int64)
    np.gcd.at(grain, uses["limit_row"].to_numpy(), fine[uses["line"].to_numpy()])
    limit, counted = limits["limit"].to_numpy(), (limits["unit"] == "units").to_numpy() & (grain > 0)
    whole = np.floor(limit * _SCALE + 1e-4) // np.maximum(grain, 1) * grain / _SCALE
    return limits.select("limit_row", "bound_price", limit=pl.Series(np.where(counted, whole, limit)))


def _frame(rows: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame
