"""A lake in memory: silver as a simulated night sees it, history and state being the simulation's own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

import schemas
from jobs.columns import with_columns
from jobs.lake import FIRST_DAY, Lake, seen_by

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a replay takes from the landing as it is, whatever is simulated.
MASTERS = ("items", "locations", "lanes", "assortment", "prices", "calendar", "signals", "capacities", "overrides")
#: What says what stock was, beside orders under way; from the first night on the simulation knows it itself.
STOCK = ("stock", "sales", "receipts")


@dataclass(frozen=True)
class Memory(Lake):
    """A lake whose tables are in memory; it reads like one on disk, and has no published nights."""

    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    def dataset(self, table: str, version: int | None = None) -> ds.Dataset:  # noqa: ARG002 - a table in memory has one version
        """The rows of a table; none of one that is not there."""
        rows = self.tables.get(table)
        return ds.dataset(schemas.TABLES[table].schema.empty_table() if rows is None else rows)

    def version(self, table: str) -> int:  # noqa: ARG002 - a table in memory has one version
        """Always the first."""
        return 0

    def published_runs(self, before: date | None = None) -> dict[date, str]:  # noqa: ARG002 - orders under way are in silver/inbound
        """None: orders under way are in silver/inbound."""
        return {}

    def having(self, **tables: pa.Table) -> Memory:
        """The same with other rows of silver tables."""
        return replace(self, tables={**self.tables, **{f"silver/{name}": rows for name, rows in tables.items()}})


def begins_at(lake: Lake, first: date, first_drop: date) -> Lake:
    """Where the first night finds its stock: the lake; before its first drop what that brought, each row by its own date."""
    return lake if first >= first_drop else _early(lake, (*MASTERS, *STOCK), first_drop)


def masters_of(lake: Lake, first_drop: date) -> Memory:
    """All versions of the masters; what the first drop brought counts as known from the beginning, a signal from the day after its date.

    So nights before the first drop see what a retailer would have known then (design.md, section 2).
    """
    return _early(lake, MASTERS, first_drop)


def _early(lake: Lake, names: tuple[str, ...], first_drop: date) -> Memory:
    tables = {}
    for name in names:
        rows = lake.arrow(f"silver/{name}")
        early = pc.less_equal(rows["known_from"], pa.scalar(first_drop))
        known = pa.scalar(FIRST_DAY, pa.date32())
        if name == "signals":
            after = _day_after(rows["date"])
            known = pc.min_element_wise(rows["known_from"], after)
        tables[f"silver/{name}"] = with_columns(rows, {"known_from": pc.if_else(early, known, rows["known_from"])})
    return Memory(lake.root, tables=tables)


def history(lake: Lake, first: date, first_drop: date) -> pa.Table:
    """silver/demand as the night ``first`` sees it, each row known from the day after its period, without later corrections."""
    rows = lake.dataset("silver/demand").to_table(filter=seen_by(max(first, first_drop)) & (pc.field("period") < first))
    rows = with_columns(rows, {"known_from": _day_after(rows["period"]), "known_to": pa.nulls(rows.num_rows)})
    return rows.select(list(schemas.DEMAND.column_names)).cast(schemas.DEMAND.schema)


def _day_after(days: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.add(days.cast(pa.int32()), pa.scalar(1, pa.int32())).cast(pa.date32())
