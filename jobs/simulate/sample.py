"""A sample of a retailer's items with all their locations, small enough to be replayed on the way.

What ties items together (shared capacities, terms of whole orders) means nothing for a sample and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from jobs.columns import with_columns
from jobs.plan.lanes import ORDER_TERMS
from jobs.plan.night import PAIR
from jobs.simulate.memory import MASTERS, STOCK, Memory
from jobs.simulate.recovered import numbers_of

if TYPE_CHECKING:
    from datetime import date

    from jobs.lake import Lake

#: Items whose rows are counted at once, until they are enough.
_AT_ONCE = 64


def of_lake(lake: Lake, lines: int, first: date, last: date) -> Memory:
    """Some items of a lake with about so many item-locations that sold in the dates, by themselves; what they need for a replay.

    Only their rows are read. Orders that earlier nights published are not among them: where no feed tells of open orders, nothing
    is under way on the first night.
    """
    items = _chosen(lake, lines, first, last)
    within = pc.field("item_id").isin(items)
    tables = {}
    for name in (*MASTERS, *STOCK, "inbound", "demand"):
        rows = lake.dataset(f"silver/{name}")
        wanted = within | pc.field("item_id").is_null() if "item_id" in rows.schema.names else None
        tables[f"silver/{name}"] = rows.to_table(filter=wanted)
    found = Memory(lake.root, tables=tables)
    return found.having(**alone(found))


def _chosen(lake: Lake, lines: int, first: date, last: date) -> list[str]:
    """Items in the order of numbers drawn from their names, until their item-locations are enough; at least one."""
    known = sorted(set(lake.arrow("silver/items", ["item_id"])["item_id"].to_pylist()))
    order = pl.DataFrame({"item_id": known, "drawn": numbers_of(known)}).sort("drawn")["item_id"].to_list()
    chosen: list[str] = []
    missing = lines
    for begin in range(0, len(order), _AT_ONCE):
        some = order[begin : begin + _AT_ONCE]
        near = (pc.field("period") >= first) & (pc.field("period") <= last) & pc.field("item_id").isin(some)
        pairs = pl.DataFrame(pl.from_arrow(lake.dataset("silver/demand").to_table(columns=PAIR, filter=near))).unique()
        sizes = dict(pairs.group_by("item_id").len().iter_rows())
        for item in some:
            if item in sizes:
                chosen.append(item)
                missing -= sizes[item]
                if missing <= 0:
                    return chosen
    return chosen


def alone(lake: Memory) -> dict[str, pa.Table]:
    """Lanes without terms of whole orders, and of the capacities those of an item's stock."""
    lanes, limits = lake.tables["silver/lanes"], lake.tables["silver/capacities"]
    lanes = with_columns(lanes, {name: pa.nulls(lanes.num_rows) for name in ORDER_TERMS})
    own = pc.and_(pc.equal(limits["resource"], "dc_stock"), pc.and_(pc.equal(limits["unit"], "units"), pc.is_valid(limits["item_id"])))
    return {"lanes": lanes, "capacities": limits.filter(own)}


def sampled(demand: pa.Table, lines: int) -> pa.Table:
    """Rows of some items, chosen by their names, with about so many item-locations in all."""
    pairs = pl.DataFrame(pl.from_arrow(demand.select(PAIR))).unique()
    sizes = pairs.group_by("item_id").len().sort("item_id")
    order = sizes.with_columns(drawn=pl.Series(numbers_of(sizes["item_id"].to_list()))).sort("drawn")
    chosen = order.filter((pl.col("len").cum_sum() <= lines) | (pl.int_range(pl.len()) == 0))["item_id"].sort()
    return demand.filter(pc.is_in(demand["item_id"], chosen.to_arrow().cast(pa.string())))
