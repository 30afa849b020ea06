"""Orders of a night decided as a whole, solved again one by one by another solver (resolve.py).

Each keeps within what the others leave of every limit. Of a limit with a price it gets the share by use that its row of
gold/certificates was bounded with. So its published bound lies below every plan of it, its published cost above the optimum,
and what a better plan of it would save the whole night's bound must leave room for.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from jobs.plan.check.lists import Listed, allowance, drawn, lines_of, listed
from jobs.plan.check.resolve import in_a_process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from jobs.plan.check.book import Book, Row

#: Orders solved again, of so many that are looked at; lines of one, and of all.
ORDERS, LOOKED_AT, LINES, ALL_LINES = 20, 40, 150, 600
_SECONDS = 120.0
#: A published price has four decimals.
_ROUNDED = 5e-5
_ALL = "*"
_OWN_KINDS = ("store", "online", "dc")


@dataclass(frozen=True)
class Placed:
    """A row of gold/certificates that stands for one order, and its rows of gold/order_reasons."""

    certificate: Row
    reasons: list[Row]

    @property
    def lane(self) -> tuple[str, str]:
        """Source and location."""
        return self.certificate["source_id"], self.certificate["location_id"]


def chosen(tables: Mapping[str, pa.Table]) -> list[Placed]:
    """Orders, placed or not, drawn by a hash; those of whose lines each has its reason."""
    rows = [row for row in tables["certificates"].to_pylist() if row["location_id"] not in (_ALL, None)]
    ranked = sorted(rows, key=lambda row: drawn(row["source_id"], row["location_id"]))
    few = [row for row in ranked if 0 < row["lines"] <= LINES][:LOOKED_AT]
    lines = lines_of(tables["reasons"], "location_id", {row["location_id"] for row in few})
    found = [Placed(row, [r for r in lines.get(row["location_id"], []) if r["source_id"] == row["source_id"]]) for row in few]
    return [order for order in found if len(order.reasons) == order.certificate["lines"]]


def solved_again(book: Book, tables: Mapping[str, pa.Table], orders: Sequence[Placed]) -> tuple[int, int, list[str]]:
    """How many orders could be solved again, how many of their lists as published, and what is wrong with them."""
    whole = next((row for row in tables["certificates"].to_pylist() if row["source_id"] == _ALL), None)
    kinds = {row["location_id"]: row["kind"] for row in tables["locations"].to_pylist()}
    prices: dict[str | None, list[Row]] = defaultdict(list)
    for row in tables["prices"].to_pylist():
        prices[row["item_id"]].append(row)
    known: list[tuple[Placed, list[Listed]]] = []
    for order in orders:
        room = ALL_LINES - sum(len(lines) for _, lines in known)
        if len(known) < ORDERS and len(order.reasons) <= room:
            lines = [listed(book, reason) for reason in order.reasons]
            if all(line.units for line in lines):
                known.append((order, lines))
    made = [problem(book, order, lines, prices, kinds) for order, lines in known]
    found = in_a_process([each for each, _ in made], _SECONDS) if known else []
    done, given, wrong = 0, 0, [line.wrong for _, lines in known for line in lines if line.wrong]
    for (order, lines), (_, slack), each in zip(known, made, found, strict=True):
        if each is not None:
            money = sum(float(line.reason["expected_cost"]) for line in lines) + abs(order.certificate["order_cost"] or 0.0)
            texts = faults(order, allowance(money, len(lines)) + slack, each, whole)
            given += sum(not line.again for line in lines)
            done, wrong = done + 1, wrong + [f"{order.lane[0]} to {order.lane[1]}: {text}" for text in texts]
    return done, given, wrong


def faults(order: Placed, far: float, found: tuple[float, float], whole: Row | None) -> list[str]:
    """What is wrong with an order's bound and cost, and with the whole night's bound; ``far``: by how much numbers may differ."""
    (least, best), row = found, order.certificate
    saved = row["cost"] - best
    checks = {
        f"lower bound {row['lower_bound']:.4f} above a plan of {best:.4f}": row["lower_bound"] > best + far,
        f"cost {row['cost']:.4f} below the optimum {least:.4f}": row["cost"] < least - far,
    }
    if whole is not None:
        text = f"{saved:.4f} can be saved, the night's lower bound is only {whole['cost'] - whole['lower_bound']:.4f} below its cost"
        checks[text] = whole["lower_bound"] > whole["cost"] - saved + far
    return [text for text, is_wrong in checks.items() if is_wrong]


def problem(
    book: Book, order: Placed, lines: Sequence[Listed], prices: Mapping[str | None, list[Row]], kinds: Mapping[str, str]
) -> tuple[dict[str, Any], float]:
    """The order as resolve.py reads it, and what rounding of prices and limits may be worth.

    prices  rows of gold/shadow_prices by item
    """
    lane = book.lanes.get((*order.lane, None), {})
    volume, truck = (float(lane.get(name) or 0) for name in ("truck_volume", "truck_cost"))
    volumes = [float(book.items.get(line.reason["item_id"], {}).get("unit_volume") or 0) for line in lines]
    limits, slack = [], 0.0
    items = sorted({line.reason["item_id"] for line in lines})
    for row in chain.from_iterable(prices.get(item, []) for item in (None, *items)):
        use = [_use(row, line, v, kinds) for line, v in zip(lines, volumes, strict=True)]
        if any(use):
            limit, more = _left(row, use, lines)
            limits.append([use, limit])
            slack += more
    terms = {
        "lines": [[line.units, line.cost, line.buying, v] for line, v in zip(lines, volumes, strict=True)],
        "fixed": order.certificate["order_cost"] or 0.0,
        "minimum": float(lane.get("min_order_value") or 0),
        "truck_volume": volume,
        "truck_cost": truck if volume > 0 else 0.0,
        "limits": limits,
    }
    return terms, slack


def _left(row: Row, use: Sequence[float], lines: Sequence[Listed]) -> tuple[float, float]:
    """What an order may take of a limit, and what rounding of its price or of the limit to whole packs may be worth."""
    own = sum(u * float(line.reason["units"]) for u, line in zip(use, lines, strict=True))
    used, price = row["used"] + (row["kept"] or 0.0), float(row["price"])
    left, share = row["limit"] - used + own, row["limit"] * own / used if used > 0 else 0.0
    if price > 0:
        pack = min(float(line.reason["order_multiple"]) for line in lines) if row["unit"] == "units" else 0.0
        return max(share, own), _ROUNDED * row["limit"] + price * pack * own / max(used, own, 1e-9)
    return max(left, own), _ROUNDED * max(left - share, 0.0)


def _use(row: Row, line: Listed, volume: float, kinds: Mapping[str, str]) -> float:
    """What a unit of a line takes of a row of gold/shadow_prices."""
    reason, resource = line.reason, row["resource"]
    place = reason["source_id"] if resource in ("dc_stock", "dc_outbound") else reason["location_id"]
    if row["location_id"] not in (None, place) or row["item_id"] not in (None, reason["item_id"]):
        return 0.0
    if resource == "receiving" and row["date"] != reason["arrives_on"]:
        return 0.0
    if resource == "budget" and kinds.get(reason["source_id"]) in _OWN_KINDS:
        return 0.0
    return {"units": 1.0, "volume": volume, "value": line.buying}[row["unit"]]
