"""What a published night decided, on one page: for the end of `nightfill nightly` and its log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import UsageError
from jobs.publish.status import table

if TYPE_CHECKING:
    from datetime import date

    from jobs.lake import Lake

LARGEST = 10
#: Less money than this is not worth a word.
_CENT = 0.01
_ORDER_COLUMNS = ("order_id", "item_id", "source_id", "location_id", "units", "expected_on", "order_value", "status")


def text(lake: Lake, business_date: date) -> str:
    """Orders, value, service, the ten largest lines, exceptions, where the tables are and what to try next.

    Raises UsageError when the night is not published.
    """
    run = lake.published_runs().get(business_date)
    if run is None:
        raise UsageError(f"the night of {business_date} is not published: `nightfill status --lake {lake.root}` says where it stopped")
    where = [("business_date", "=", business_date), ("run_id", "=", run)]
    night = lake.arrow("ops/nights", ["attempt", "config", "model_id"], where).to_pylist()[0]
    currency = json.loads(night["config"])["currency"] if night["config"] else ""
    orders = lake.arrow("gold/orders", _ORDER_COLUMNS, where)
    kpis = lake.arrow("gold/kpis", None, where)
    exceptions = lake.arrow("gold/exceptions", ["kind", "money"], where)
    parts = [
        [f"Night of {business_date} published (attempt {night['attempt']}, run {run}, model {(night['model_id'] or 'none')[:12]})"],
        [
            *figures(orders, kpis, currency),
            *proof(lake.arrow("gold/certificates", None, where), _sum(kpis, "expected_cost"), currency),
            *learned(lake.arrow("gold/corrections", None, where)),
        ],
        largest(orders, _names(lake, "items"), _names(lake, "locations"), currency),
        by_kind(exceptions, currency),
        _made_up(lake),
        [f"Tables: {lake.root}/gold/{{orders,order_reasons,forecasts,projections,exceptions,kpis,accuracy}} (Delta; docs/dictionary.md)"],
        _next(lake, business_date),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def figures(orders: pa.Table, kpis: pa.Table, currency: str) -> list[str]:
    """The night in five lines, from its orders and kpis."""
    demand, served = _sum(kpis, "demand_in_window"), _sum(kpis, "served_in_window")
    review = pc.sum(pc.equal(orders["status"], "needs_review")).as_py() or 0
    count = pc.count_distinct(orders["order_id"]).as_py()
    stores = pc.count_distinct(orders["location_id"]).as_py()
    considered = _sum(kpis, "lines_considered")
    share = f"{served / demand:.1%} of {demand:,.1f} units" if demand else "no demand"
    lines = [
        ("orders", f"{count:,} to {stores:,} locations: {orders.num_rows:,} lines of {considered:,.0f} considered, {review:,} to review"),
        ("units", f"{_sum(orders, 'units'):,.1f}"),
        ("value", f"{_sum(orders, 'order_value'):,.2f} {currency}"),
        ("service", f"{share} expected between the arrival of these orders and the next"),
        ("cost", f"{_sum(kpis, 'expected_cost'):,.2f} {currency} expected; {_sum(kpis, 'cost_of_nothing'):,.2f} without orders"),
    ]
    return [f"  {name:<9}{words}" for name, words in lines]


def proof(certificates: pa.Table, of_lines: float, currency: str) -> list[str]:
    """What the plan costs beside its lines, how far it can be from the best, and what it costs on demand that did not choose it."""
    whole = [row for row in certificates.to_pylist() if row["source_id"] == "*"]
    if not whole:
        return []
    row = whole[0]
    kept = row["kept_cost"] or 0.0
    deliveries = row["cost"] - kept - of_lines
    parts = [
        (deliveries, "for deliveries (net of what waiting would cost)"),
        (kept, "for what distribution centres will be asked for and may not have"),
    ]
    shown = [f"{money:,.2f} {what}" for money, what in parts if abs(money) >= _CENT]
    lines = [("in all", f"{row['cost']:,.2f} {currency} with {' and '.join(shown)}")] if shown else []
    if row["rung"] == "proven":
        lines.append(("proof", "no plan for these demand paths costs less: proven"))
    else:
        above = f"at most {row['cost'] - row['lower_bound']:,.2f} {currency} ({row['gap']:.2%})"
        lines.append(("proof", f"{above} above the least possible cost for these demand paths: {row['rung']}"))
    if row["cost_fresh"] is not None:
        others = [("of a base stock", row["cost_fresh_base_stock"]), ("without orders", row["cost_fresh_nothing"])]
        told = "".join(f"; {money:,.2f} {what}" for what, money in others if money is not None)
        fresh = f"{row['cost_fresh']:,.2f} {currency} (+-{row['cost_fresh_se']:,.2f})"
        lines.append(("fresh", f"{fresh} on demand paths that had no part in choosing{told}"))
    return [f"  {name:<9}{words}" for name, words in lines]


def learned(corrections: pa.Table) -> list[str]:
    """What outcomes of past decisions changed, in mode feedback; [] in others."""
    rows = corrections.to_pylist()
    if not rows:
        return []
    whole = next(row for row in rows if row["parent"] is None)
    shifted = sorted((row for row in rows if row["acts"]), key=lambda row: (-abs(row["shift"]), row["segment"]))
    seen = "no outcomes yet"
    if whole["outcomes"]:
        side = "above" if whole["bias_seen"] >= 0 else "below"
        seen = f"{whole['outcomes']:,} outcomes, on average {abs(whole['bias_seen']):.3f} {side} the middle of what was believed"
    most = f", {shifted[0]['segment']} most ({shifted[0]['shift']:+.3f} in level)" if shifted else ""
    return [f"  {'learned':<9}{seen}; levels of {len(shifted):,} of {len(rows):,} segments shifted{most}"]


def largest(orders: pa.Table, items: dict[str, str], locations: dict[str, str], currency: str) -> list[str]:
    """The dearest lines as an aligned table; equal values by location and item."""
    if not orders.num_rows:
        return []
    keys = [("order_value", "descending"), ("location_id", "ascending"), ("item_id", "ascending"), ("source_id", "ascending")]
    rows = orders.sort_by(keys).slice(0, LARGEST).to_pylist()
    cells = [
        (
            f"{row['item_id']} {items.get(row['item_id'], '')}".strip(),
            f"{row['location_id']} {locations.get(row['location_id'], '')}".strip(),
            row["source_id"],
            f"{row['units']:,.1f}",
            f"{row['order_value']:,.2f}",
            str(row["expected_on"]),
        )
        for row in rows
    ]
    return ["Largest order lines:", *_table([("item", "to", "from", "units", f"value {currency}".strip(), "on the shelf"), *cells])]


def by_kind(exceptions: pa.Table, currency: str) -> list[str]:
    """Number and money of the exceptions of each kind, dearest first."""
    if not exceptions.num_rows:
        return ["Exceptions: none"]
    groups = exceptions.group_by("kind").aggregate([("money", "sum"), ("money", "count")])
    rows = groups.sort_by([("money_sum", "descending"), ("kind", "ascending")]).to_pylist()
    cells = [(row["kind"], f"{row['money_count']:,}", f"{row['money_sum']:,.2f}") for row in rows]
    return ["Exceptions, by what they may cost:", *_table([("kind", "rows", f"money {currency}".strip()), *cells])]


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    return [f"  {line}" for line in table(rows)]


def _next(lake: Lake, business_date: date) -> list[str]:
    query = "SELECT location_id, item_id, units, reason FROM order_reasons ORDER BY expected_cost DESC LIMIT 5"
    return [
        "Next:",
        f'  nightfill sql --lake {lake.root} "{query}"',
        f"  nightfill export --lake {lake.root} --business-date {business_date} --out orders.csv",
        f"  nightfill replay --lake {lake.root} --business-date {business_date}",
    ]


def _made_up(lake: Lake) -> list[str]:
    """A warning where the importer's made-up places occur."""
    names = _names(lake, "locations").values()
    made = any(name.startswith("Made-up") for name in names)
    return ["Made up in this data set: prices, costs, packs, lanes, distribution centres and all stock (data/README.md)."] if made else []


def _names(lake: Lake, master: str) -> dict[str, str]:
    """Id -> name of what is known as of the newest drop."""
    key = f"{master[:-1]}_id"
    rows = lake.arrow(f"silver/{master}", [key, "name", "known_to", "deleted"]).to_pylist()
    return {row[key]: row["name"] or "" for row in rows if row["known_to"] is None and not row["deleted"]}


def _sum(rows: pa.Table, column: str) -> float:
    total: Any = pc.sum(rows[column]).as_py()
    return float(total or 0)
