"""Evaluate the night: what stock will do, what a person should look at, the night's numbers, earlier promises kept or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

import schemas
from jobs.forecast import registry
from jobs.learn import night as learning
from jobs.plan import inputs
from jobs.plan.exceptions import KINDS
from jobs.publish import accuracy, deliveries, exceptions, kpis, movements
from jobs.session import light

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.lake import Lake

#: Below this many forecasts Spark takes longer to compile its queries than to run them.
_FEW = 100_000


def main(spark: SparkSession, lake: Lake, config: Config, business_date: date) -> None:  # noqa: ARG001 - every stage has this signature
    """Write projections, accuracy, outcomes, KPIs and exceptions of this run."""
    forecasts = _own(lake, "gold/forecasts", business_date, ["target_date"])
    dates = sorted(pc.unique(forecasts["target_date"]).to_pylist())
    if forecasts.num_rows < _FEW:
        lake = replace(lake, spark=light(lake.session))
    rows = movements.projected(lake, inputs.night_of(lake, config, business_date), dates, config.planning.shards)
    lake.write_run("gold/projections", rows, business_date)
    write_small(lake, "gold/accuracy", accuracy.measure(lake, config, business_date), business_date)
    write_small(lake, "gold/outcomes", learning.judged(lake, config, business_date), business_date)
    reasons = _own(lake, "gold/order_reasons", business_date)
    orders = _own(lake, "gold/orders", business_date, ["item_id", "source_id", "location_id", "order_value"])
    centres = _centres(lake, business_date)
    write_small(lake, "gold/kpis", kpis.measure(reasons, orders, _departments(lake, business_date), centres), business_date)
    found = _find(lake, config, business_date, kpis.main_lines(reasons), centres)
    write_small(lake, "gold/exceptions", exceptions.rank(found), business_date)


def _find(lake: Lake, config: Config, business_date: date, lines: pa.Table, centres: list[str]) -> list[pa.Table]:
    """All exceptions of the night, finder by finder; ``lines`` are the main lines of order_reasons."""
    # What a distribution centre can't deliver is drawn again: sales are lost, and counted, where customers buy.
    selling = lines.filter(pc.invert(pc.is_in(lines["location_id"], pa.array(centres, pa.string()))))
    before = lake.published_runs(business_date)
    files = lake.arrow("ops/files", None, [("drop_date", "<=", business_date)])
    delivered = deliveries.of_night(files, business_date, max(before, default=None))
    lost = _own(lake, "gold/projections", business_date, ["item_id", "location_id", "date", "lost"], ("lost", ">", 0))
    models = pc.unique(_own(lake, "gold/forecasts", business_date, ["model_id"])["model_id"]).to_pylist()
    # A replay doesn't train: what the night's training noted is in the lake's own folder.
    noted = _own(replace(lake, gold_root=None), "gold/exceptions", business_date, exceptions.FOUND.names, ("kind", "=", "training_gave_up"))
    return [
        noted,
        _own(lake, "gold/exceptions", business_date, exceptions.FOUND.names, ("kind", "in", list(KINDS))),  # what planning found
        exceptions.find_lost_sales(selling, lost, config),
        exceptions.find_overstock(lines, business_date, config),
        deliveries.find_quarantined(delivered, deliveries.quarantine_of(lake, delivered)),
        deliveries.find_odd_files(delivered),
        deliveries.find_unknown_feeds(delivered),
        exceptions.find_untrained(models),
        exceptions.find_untaught(models, config, lambda name: registry.is_taught(lake, name)),
    ]


def _centres(lake: Lake, business_date: date) -> list[str]:
    """Distribution centres as the night knows them."""
    rows = lake.arrow_as_of("silver/locations", business_date, ("location_id", "kind"))
    return sorted(rows.filter(pc.equal(rows["kind"], "dc"))["location_id"].to_pylist())


def _departments(lake: Lake, business_date: date) -> pa.Table:
    """item_id and department as the night knows them."""
    rows = lake.arrow("silver/items", ["item_id", "department", "known_to"], [("known_from", "<=", business_date)])
    later = pc.fill_null(pc.greater(rows["known_to"], pa.scalar(business_date, pa.date32())), fill_value=True)
    return rows.filter(later).select(["item_id", "department"])


def _own(lake: Lake, table: str, business_date: date, columns: list[str] | None = None, *more: tuple[str, str, Any]) -> pa.Table:
    """Rows of this run."""
    return lake.arrow(table, columns, [("business_date", "=", business_date), ("run_id", "=", lake.run_id), *more])


def write_small(lake: Lake, table: str, rows: pa.Table | None, business_date: date) -> None:
    """Write rows without business_date and run_id as this run's, in place of what it wrote before."""
    names = schemas.TABLES[table].column_names
    found = rows if rows is not None else schemas.TABLES[table].schema.empty_table()
    own = {"business_date": pa.scalar(business_date, pa.date32()), "run_id": pa.scalar(lake.run_id)}
    columns = {name: pa.repeat(own[name], found.num_rows) if name in own else found[name] for name in names}
    lake.write_arrow(table, pa.table(columns), f"business_date = '{business_date}' AND run_id = '{lake.run_id}'")
