"""Builders of small landing folders, for tests of every package."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

Row = Mapping[str, Any]
Format = Literal["csv", "parquet"]

#: The smallest masters: two stores, an online site, a distribution centre, a supplier; three items.
LOCATIONS: tuple[Row, ...] = (
    {"location_id": "S1", "kind": "store", "timezone": "Europe/Berlin"},
    {"location_id": "S2", "kind": "store", "timezone": "America/New_York"},
    {"location_id": "W1", "kind": "online", "timezone": "UTC"},
    {"location_id": "DC", "kind": "dc", "timezone": "Europe/Berlin"},
    {"location_id": "supplier", "kind": "supplier", "timezone": ""},
)
ITEMS: tuple[Row, ...] = (
    {"item_id": "001", "name": "Milk", "department": "dairy", "unit_cost": "0.80", "unit_price": "1.20"},
    {"item_id": "002", "name": "Bread", "department": "bakery", "unit_cost": "1.00", "unit_price": "2.50"},
    {"item_id": "003", "name": "Cherries", "department": "fruit", "unit_cost": "4.00", "unit_price": "7.90"},
)


@dataclass(frozen=True)
class Landing:
    """A landing folder that is filled drop by drop; every method returns the folder, so that calls chain."""

    root: Path

    def drop(self, day: str | None, *, kind: Format = "csv", name: str = "part-0", ready: bool = False, **feeds: Sequence[Row]) -> Landing:
        """Write one file a feed: ``Landing(p).drop("2024-05-01", sales=[{...}], items=[...])``.

        ``day`` None writes outside a dated folder. The columns are those of all rows together, in order of
        appearance; in CSV a missing value is an empty field. An empty list of rows writes nothing but the
        contract's header (CSV only).
        """
        for feed, rows in feeds.items():
            folder = self.folder(feed, day)
            if kind == "csv":
                write_csv(folder / f"{name}.csv", rows, _columns(feed, rows))
            else:
                pq.write_table(pa.Table.from_pylist([dict(r) for r in rows]), folder / f"{name}.parquet")
            if ready:
                (folder / "_ready").touch()
        return self

    def masters(self, day: str | None, locations: Sequence[Row] = LOCATIONS, items: Sequence[Row] = ITEMS) -> Landing:
        """The smallest masters, in one drop."""
        return self.drop(day, locations=locations, items=items)

    def file(self, path: str, content: bytes | str) -> Landing:
        """A file with exactly this content, ``path`` below the landing folder."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def folder(self, feed: str, day: str | None) -> Path:
        """Folder of a feed's drop, made if it is missing."""
        folder = self.root / feed / day if day else self.root / feed
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """A CSV file as a retailer would deliver it: header, UTF-8, quotes where needed."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _columns(feed: str, rows: Sequence[Row]) -> list[str]:
    """Columns in order of appearance; the contract's own where there is no row."""
    if rows:
        return list(dict.fromkeys(name for row in rows for name in row))
    from schemas import FEEDS

    return [c.name for c in FEEDS[feed].columns]
