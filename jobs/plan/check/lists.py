"""Whole cost lists of a few lines, computed again one quantity after the other."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.plan.check.book import Book, Row

#: Published money has four decimals: a share and an amount a line by which costs may differ.
_SHARE, _AMOUNT = 2e-3, 0.01
#: No longer lists are computed again.
LONGEST = 400


@dataclass(frozen=True)
class Listed:
    """A line's allowed quantities, ascending, and what each costs.

    again  whether that was computed again; else it is the published list
    wrong  where the published list is another one, in words
    """

    reason: Row
    buying: float
    units: list[float]
    cost: list[float]
    again: bool = True
    wrong: str = ""


def allowance(money: float, lines: int) -> float:
    """How far a cost computed again, over some lines, may lie from the published one."""
    return _SHARE * abs(money) + _AMOUNT * lines


def key_of(row: Row) -> tuple[str, str, str]:
    """Item, source and location."""
    return row["item_id"], row["source_id"], row["location_id"]


def drawn(*names: str) -> bytes:
    """A hash by which some are chosen: the same on every machine."""
    return hashlib.sha256("/".join(names).encode()).digest()


def lines_of(reasons: pa.Table, column: str, values: set[str]) -> dict[str, list[Row]]:
    """Rows of gold/order_reasons by what a column says, where it is one of some values; alternatives to a chosen lane left out."""
    mine = pc.and_(
        pc.is_in(reasons[column], pa.array(sorted(values), pa.string())), pc.invert(pc.match_substring(reasons["binding"], "another_lane"))
    )
    found: dict[str, list[Row]] = {}
    for row in reasons.filter(mine).to_pylist():
        found.setdefault(row[column], []).append(row)
    return found


def listed(book: Book, reason: Row) -> Listed:
    """The line's list, computed again where it can be, else as published: of locked lines, those of distribution centres (what these
    are asked for is not published) or with a random lead time, and very long lists.
    """
    given = published(reason, reason["costs"], float(reason["order_multiple"]))
    buying = book.buying(reason)
    if buying is None or not book.is_costed_again(reason) or (reason["item_id"], reason["location_id"]) in book.locked:
        return given
    line = book.line(reason, buying)
    demand = book.paths.demand(line)
    multiple, least = float(reason["order_multiple"]), float(reason["min_order_units"])
    fewest = max(math.ceil(least / multiple - 1e-9), 1)
    most = max(math.ceil(max(book.reach(line, demand), 0.0) / multiple - 1e-9) + 1, fewest + 1)
    if most > LONGEST:
        return given
    room = math.inf
    if reason["max_stock"] is not None:
        room = float(reason["max_stock"]) - line.on_hand - sum(line.arrivals.values()) + reason["demand_until_arrival"]
    allowed = [0, *(n for n in range(fewest, most + 1) if n * multiple <= room + 1e-6)]
    # Limits of one line that no order keeps: nothing is allowed, and an exception says so.
    again = Listed(reason, buying, [n * multiple for n in allowed], [book.cost(line, demand, n * multiple) for n in allowed])
    return replace(again, wrong=_apart(given, again))


def published(reason: Row, costs: Sequence[float | None] | None, multiple: float) -> Listed:
    """A list as published: of a row of gold/order_reasons, or of what a centre keeps."""
    allowed = [(n * multiple, money) for n, money in enumerate(costs or []) if money is not None]
    units, money = [each[0] for each in allowed], [each[1] for each in allowed]
    return Listed(reason, float(reason.get("unit_cost") or 0.0), units, money, again=False)


def _apart(given: Listed, again: Listed) -> str:
    """The first quantity that both lists allow at another cost."""
    known = dict(zip(again.units, again.cost, strict=True))
    for units, money in zip(given.units, given.cost, strict=True):
        if units in known and abs(known[units] - money) > allowance(money, 1):
            line = f"{given.reason['item_id']} to {given.reason['location_id']}"
            return f"{line}: {units:g} units cost {money:.4f} in the list decided on, again {known[units]:.4f}"
    return ""
