"""The plan of a night: forecasts and masters in, orders with their reasons out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.plan import coupling, inputs, writing
from jobs.plan.files import write_problem
from jobs.plan.shards import PROBLEM, planned
from jobs.session import light

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from jobs.config import Config
    from jobs.lake import Lake


def main(
    spark: SparkSession,  # noqa: ARG001 - every stage takes it; the lake has it too
    lake: Lake,
    config: Config,
    business_date: date,
    keep_problem: str | None = None,
) -> None:
    """Write gold/orders, order_reasons, shadow_prices, certificates and the planning rows of exceptions.

    keep_problem  folder to which the plan problem goes as files
    """
    small_night = inputs.is_small(lake, business_date)
    if small_night:
        lake = replace(lake, spark=light(lake.session))
    night = inputs.night_of(lake, config, business_date)
    shards = inputs.by_shard(inputs.sources(lake, night), config.planning.shards)
    with planned(shards, night, with_problem=keep_problem is not None) as (result, night):
        wanted = ["pools", "prices", "certificate", "fresh", "exceptions"]
        wanted += [*(["orders", "reasons"] if small_night else []), *(PROBLEM if keep_problem else [])]
        tables = writing.collect(result, wanted)
        if small_night:
            writing.write_few_lines(lake, tables["orders"], tables["reasons"], business_date)
        else:
            writing.write_lines(lake, result, business_date)
        writing.write_small(lake, tables, business_date, config.mode)
        if keep_problem:
            write_problem(keep_problem, coupling.tables(tables["problem"], tables["pools"], tables["due"], night))
