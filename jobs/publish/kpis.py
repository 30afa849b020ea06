"""``gold/kpis``: the night in a few numbers, by location and department."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from schemas import KPIS

#: Exact enough for a product of units and a fraction, and sums do not depend on order.
_EXACT = pa.decimal128(28, 8)
_LINE = ("item_id", "source_id", "location_id", "units", "demand_in_window", "fill_rate", "expected_cost", "cost_of_nothing")


def measure(reasons: pa.Table, orders: pa.Table, departments: pa.Table, centres: Collection[str] = ()) -> pa.Table:
    """KPIs of a night.

    Demand and cost count once an item-location, whatever number of lanes were considered for it: on its main line. What is asked of
    distribution centres (``centres``, location ids) is no demand of customers and counts as none.
    Takes rows of order_reasons, rows of orders (item_id, source_id, location_id, order_value), and item_id with
    department (null: none). Gives rows of KPIS without business_date and run_id, sorted by location and department.
    """
    names = pa.table({"item_id": departments["item_id"], "department": pc.fill_null(departments["department"], "")})
    lines = _flag_main(reasons.select([*_LINE, "arrives_on"]))
    lines = lines.join(orders.select(["item_id", "source_id", "location_id", "order_value"]), ["item_id", "source_id", "location_id"])
    lines = lines.join(names, "item_id")
    sold = pc.invert(pc.is_in(lines["location_id"], pa.array(sorted(centres), pa.string())))
    customers = pc.and_(lines["main"], sold).cast(pa.float64())
    served = pc.multiply(lines["demand_in_window"], lines["fill_rate"])
    ordered = pc.greater(lines["units"].cast(pa.float64()), 0)
    measures = {
        "lines_considered": pa.array([1] * lines.num_rows, pa.int64()),
        "lines_ordered": ordered.cast(pa.int64()),
        "units": lines["units"].cast(_EXACT),
        "order_value": pc.fill_null(lines["order_value"].cast(_EXACT), 0),
        "demand_in_window": pc.multiply(lines["demand_in_window"], customers).cast(_EXACT),
        "served_in_window": pc.multiply(served, customers).cast(_EXACT),
        "expected_cost": _only(lines["main"], lines["expected_cost"]),
        "cost_of_nothing": _only(lines["main"], lines["cost_of_nothing"]),
    }
    keys = {"location_id": lines["location_id"], "department": pc.fill_null(lines["department"], "")}
    sums = pa.table(keys | measures).group_by(list(keys)).aggregate([(name, "sum") for name in measures])
    sums = sums.rename_columns([*keys, *measures])
    fields = [field for field in KPIS.schema if field.name not in ("business_date", "run_id")]
    rows = pa.table({field.name: sums[field.name].cast(field.type, safe=False) for field in fields})
    return rows.sort_by([("location_id", "ascending"), ("department", "ascending")])


def main_lines(reasons: pa.Table) -> pa.Table:
    """One line an item-location: the largest order, then the earliest arrival, then the first source; sorted by both ids."""
    flagged = _flag_main(reasons)
    return flagged.filter(flagged["main"]).drop_columns(["main"])


def _flag_main(reasons: pa.Table) -> pa.Table:
    """The lines sorted by item and location, with a column ``main``."""
    keys = [
        ("item_id", "ascending"),
        ("location_id", "ascending"),
        ("units", "descending"),
        ("arrives_on", "ascending"),
        ("source_id", "ascending"),
    ]
    rows = reasons.take(pc.sort_indices(reasons, sort_keys=keys)).combine_chunks()
    if not rows.num_rows:
        return rows.append_column("main", pa.array([], pa.bool_()))
    ids = [rows[name].combine_chunks() for name in ("item_id", "location_id")]
    new = [pc.not_equal(values[1:], values[:-1]) for values in ids]
    return rows.append_column("main", pa.concat_arrays([pa.array([True]), pc.or_(*new)]))


def _only(main: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(main, values.cast(_EXACT), pa.scalar(0).cast(_EXACT))
