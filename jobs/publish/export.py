"""A night's published orders as CSV, for the system that places them."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from jobs.errors import UsageError
from schemas import ORDERS

if TYPE_CHECKING:
    from datetime import date

    from jobs.lake import Lake

COLUMNS = tuple(name for name in ORDERS.column_names if name != "run_id")


def write(lake: Lake, business_date: date, out: str | None = None) -> int:
    """Write the orders, by order and line, to a file (replaced when complete) or the terminal; returns the lines.

    A night without orders gives the header alone. Raises UsageError when the night is not published.
    """
    run = lake.published_runs().get(business_date)
    if run is None:
        nights = sorted(lake.published_runs())
        newest = f"; the newest published night is {nights[-1]}" if nights else ""
        where_stopped = f"`nightfill status --lake {lake.root}` says where nights stopped"
        raise UsageError(f"no orders of {business_date} are published{newest}. {where_stopped}")
    where = [("business_date", "=", business_date), ("run_id", "=", run)]
    rows = lake.arrow("gold/orders", COLUMNS, where).sort_by([("order_id", "ascending"), ("line", "ascending")]).to_pylist()
    if out is None:
        _write(sys.stdout, rows)
        return len(rows)
    unfinished = Path(out).with_name(Path(out).name + ".tmp")
    with unfinished.open("w", encoding="utf-8", newline="") as stream:
        _write(stream, rows)
    unfinished.replace(out)
    return len(rows)


def _write(stream: TextIO, rows: list[dict[str, object]]) -> None:
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
