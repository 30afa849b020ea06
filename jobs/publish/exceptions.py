"""``gold/exceptions``: what a person should look at, dearest first. Each row says its numbers and what to do."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.features.names import join
from jobs.forecast.baseline import MODEL_ID as BASELINE
from schemas import EXCEPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from numpy.typing import NDArray

    from jobs.config import Config

    Floats = NDArray[np.float64]

#: What every finder gives: the columns of the table without night, run and rank.
FOUND = pa.schema([field for field in EXCEPTIONS.schema if field.name not in ("business_date", "run_id", "rank")])
_CENT = Decimal("0.0001")
_YEAR = 365


def rank(found: Iterable[pa.Table]) -> pa.Table:
    """All exceptions, numbered from 1: by money, then kind and ids, so that the order is always the same."""
    rows = pa.concat_tables([table.select(FOUND.names).cast(FOUND) for table in found] or [FOUND.empty_table()])
    names = ("kind", "item_id", "location_id", "source_id", "message", "action")
    order = pc.sort_indices(rows, sort_keys=[("money", "descending"), *((name, "ascending") for name in names)])
    return rows.take(order).add_column(0, "rank", pa.array(range(1, rows.num_rows + 1), pa.int32()))


def find_lost_sales(lines: pa.Table, projections: pa.Table, config: Config) -> pa.Table:
    """Item-locations expected to lose sales before their next arrival, worth at least ``config.exceptions.min_money``.

    Before arrival, the lost units are the larger of two figures that each miss something: what the projection at mean
    demand loses, and expected demand less what leaves the shelf (stock and transit less expected stock at arrival).
    In the window they are demand x (1 - fill rate).

    Takes main lines of order_reasons and rows of projections with lost > 0.
    """
    served = _number(lines, "on_hand") + _number(lines, "in_transit") - _number(lines, "stock_at_arrival")
    before = np.maximum(_projected_loss(lines, projections), np.maximum(_number(lines, "demand_until_arrival") - served, 0))
    lost = before + _number(lines, "demand_in_window") * (1 - _number(lines, "fill_rate"))
    money = lost * _number(lines, "shortage_cost")
    found = []
    for at, row in _worth(lines, money, config):
        words = _lost_words(row, before[at], lost[at], money[at], config.currency)
        found.append(_exception("lost_sales", row, money[at], *words))
    return pa.Table.from_pylist(found, FOUND)


def _projected_loss(lines: pa.Table, projections: pa.Table) -> Floats:
    """Units that the projection loses before each line's arrival. Sums run in order of date."""
    at = pc.index_in(_pair(projections), _pair(lines)).combine_chunks()
    arrives = lines["arrives_on"].take(at)
    early = pc.fill_null(pc.less(projections["date"], arrives), fill_value=False)
    rows = pa.table({"at": at, "date": projections["date"], "lost": projections["lost"]}).filter(early)
    rows = rows.sort_by([("at", "ascending"), ("date", "ascending")])
    loss: Floats = np.bincount(rows["at"].to_numpy(), weights=rows["lost"].to_numpy(), minlength=lines.num_rows).astype(np.float64)
    return loss


def _lost_words(row: Mapping[str, Any], before: float, lost: float, money: float, currency: str) -> tuple[str, str]:
    demand = row["demand_until_arrival"] + row["demand_in_window"]
    message = (
        f"{lost:.1f} of {demand:.1f} units expected to be lost before {row['next_arrives_on']} ({money:.2f} {currency}), "
        f"{before:.1f} of them before {row['arrives_on']}: {row['on_hand']:.1f} on hand, {row['in_transit']:.1f} under way, "
        f"{row['units']:.1f} ordered tonight."
    )
    if before >= lost / 2:
        return message, f"Tonight's order comes too late for most of it: move stock here or have transit before {row['arrives_on']}."
    if row["binding"]:
        return message, f"Ease what limits the order ({row['binding']}), or accept it."
    return message, "A larger order would cost more than it saves; check the forecast if that looks wrong."


def find_overstock(lines: pa.Table, business_date: date, config: Config) -> pa.Table:
    """Item-locations whose stock and transit go beyond ``config.exceptions.cover_days`` of expected demand.

    The units beyond are priced at the holding cost until they have sold at the expected rate: after the cover and, on
    average, half the time that they themselves last, at most a year.
    """
    days = np.maximum(pc.days_between(pa.scalar(business_date), lines["next_arrives_on"]).to_numpy(), 1)
    rate = (_number(lines, "demand_until_arrival") + _number(lines, "demand_in_window")) / days
    stock = _number(lines, "on_hand") + _number(lines, "in_transit")
    cover = config.exceptions.cover_days
    excess = np.maximum(stock - rate * cover, 0)
    held = np.minimum(np.divide(excess, 2 * rate, out=np.full_like(rate, _YEAR), where=rate > 0) + cover, _YEAR)
    money = excess * _number(lines, "holding_cost") * held / config.period_days
    found = []
    for at, row in _worth(lines, money, config):
        message = (
            f"{stock[at]:.1f} units on hand and under way, {excess[at]:.1f} above {cover} days of expected demand "
            f"({rate[at]:.2f} a day): holding them costs {money[at]:.2f} {config.currency} until they sell."
        )
        found.append(_exception("overstock", row, money[at], message, f"Move, return or mark down up to {excess[at]:.0f} units."))
    return pa.Table.from_pylist(found, FOUND)


def find_untrained(model_ids: Iterable[str]) -> pa.Table:
    """One exception when the baseline forecast because no model was there."""
    if BASELINE not in set(model_ids):
        return FOUND.empty_table()
    message = "No trained model was there: the baseline (own recent mean and spread) forecast every series."
    action = "Run the night with --train auto or always; with too little history it trains as soon as there is enough."
    return pa.Table.from_pylist([_exception("model_not_trained", {}, 0, message, action)], FOUND)


def find_untaught(model_ids: Iterable[str], config: Config, taught: Callable[[str], bool]) -> pa.Table:
    """One exception when mode joint decided by forecasts of models that learned nothing from decisions."""
    names = sorted(name for name in set(model_ids) if not taught(name)) if config.mode == "joint" else []
    if not names:
        return FOUND.empty_table()
    message = f"Mode joint: {', '.join(names)} has learned nothing from decisions, so this night decided as stochastic does."
    action = "The next training teaches one; `nightfill nightly --mode joint --train always` does it now."
    return pa.Table.from_pylist([_exception("nothing_learned", {}, 0, message, action)], FOUND)


def _worth(lines: pa.Table, money: Floats, config: Config) -> list[tuple[int, dict[str, Any]]]:
    """Number and row of each line whose exception is worth a look."""
    at = np.flatnonzero((money >= config.exceptions.min_money) & (money > 0))
    return list(zip(at.tolist(), lines.take(pa.array(at)).to_pylist(), strict=True))


def _number(lines: pa.Table, name: str) -> Floats:
    values: Floats = lines[name].cast(pa.float64()).to_numpy()
    return values


def _pair(rows: pa.Table) -> pa.ChunkedArray:
    return join(rows, ("item_id", "location_id"))


def _exception(kind: str, row: Mapping[str, Any], money: float, message: str, action: str) -> dict[str, Any]:
    ids = {name: row.get(name) for name in ("item_id", "location_id", "source_id")}
    amount = Decimal(repr(float(money))).quantize(_CENT, ROUND_HALF_UP)
    return {"kind": kind, **ids, "money": amount, "message": message, "action": action}
