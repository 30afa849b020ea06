"""What a policy's nights come to: cost by component, service, stock, and how its orders move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jobs.plan.pools import SCALE
from jobs.simulate.ledger import COMPONENTS, Ledger

if TYPE_CHECKING:
    from jobs.simulate.span import Span
    from jobs.simulate.tuning import Tuned

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_YEAR = 365


@dataclass(frozen=True)
class Outcome:
    """A policy's nights in a market.

    policy, demand  names;  seed  of the redrawn demand;  left  [pairs] what stock and transit at the end cost until they have sold
    items           [pairs] number of each pair's item;  segments  way of cutting -> [pairs] name of each pair's part (segments.py)
    counts          what was assumed or went otherwise than in the record, by name
    tuned           the base stock's multiplier; None: not a base stock
    """

    policy: str
    demand: str
    seed: int
    span: Span
    books: Ledger
    left: Floats
    items: Ints
    segments: dict[str, np.ndarray]
    counts: dict[str, int]
    tuned: Tuned | None = None

    def cost(self) -> Floats:
        """[counted nights, pairs] cost of a night, what is left at the end spread evenly over them."""
        nightly = sum(self.books.money[name][self.span.counted] for name in COMPONENTS if name != "end")
        total: Floats = nightly + self.left / len(nightly)  # type: ignore[arg-type]
        return total

    @property
    def total(self) -> float:
        """Cost of the counted nights, what is left at the end included."""
        return float(self.cost().sum())


def of(outcome: Outcome, chosen: np.ndarray) -> dict[str, float]:
    """Every measure of the chosen pairs [pairs] over the nights that count; NaN where one does not apply.

    fill_rate          units sold / units wanted
    availability       share of nights that a pair could sell on and closed with something left on the shelf
    waste_share        units wasted / (sold + wasted)
    turns              cost of what sold in a year / value of the stock, at what units cost
    order_variability  variance of what pairs order a night / variance of what is wanted there (bullwhip), pairs that sell
    nervousness        mean change of a pair's order from one to its next / mean order, pairs that sell
    """
    counted = outcome.span.counted
    units = {name: values[counted][:, chosen] / SCALE for name, values in outcome.books.units.items()}
    money = {name: values[counted][:, chosen] for name, values in outcome.books.money.items()}
    open_ = outcome.books.open[counted][:, chosen]
    sells = open_.any(axis=0)
    wanted, sold, wasted = (float(units[name].sum()) for name in ("wanted", "sold", "wasted"))
    stock = float(money["value"].mean(axis=0).sum())
    unit_value = _ratio(money["value"].sum(axis=0), units["closing"].sum(axis=0))
    worth = float((units["sold"].sum(axis=0) * np.nan_to_num(unit_value)).sum())
    row = {f"{name}_cost": float(money[name].sum()) for name in COMPONENTS if name != "end"}
    row["end_cost"] = float(outcome.left[chosen].sum())
    ordered = units["ordered"][:, sells]
    return row | {
        "total_cost": sum(row.values()),
        "wanted": wanted,
        "sold": sold,
        "lost": wanted - sold,
        "wasted": wasted,
        "ordered": float(ordered.sum()),
        "fill_rate": sold / wanted if wanted else np.nan,
        "availability": float((units["closing"] > 0)[open_].mean()) if open_.any() else np.nan,
        "waste_share": wasted / (sold + wasted) if sold + wasted else np.nan,
        "turns": worth / len(open_) * _YEAR / stock if stock else np.nan,
        "order_variability": _divided(ordered.var(axis=0).sum(), units["wanted"][:, sells].var(axis=0).sum()),
        "nervousness": _nervousness(ordered),
    }


def _nervousness(ordered: Floats) -> float:
    """Mean absolute change from one order of a pair to the next over the mean order; nights without an order are passed over."""
    change, orders, total = 0.0, 0, 0.0
    for column in ordered.T:
        placed = column[column > 0]
        change, orders, total = change + np.abs(np.diff(placed)).sum(), orders + max(len(placed) - 1, 0), total + placed[1:].sum()
    return change / total if orders and total else np.nan


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio


def _divided(above: float, below: float) -> float:
    return float(above / below) if below else float("nan")


def share_of_way(cost: float, base: float, oracle: float) -> float:
    """(base - cost) / (base - oracle); above 1: beyond the oracle, which plans by heuristics too. NaN where that is not below the base."""
    return (base - cost) / (base - oracle) if base > oracle else np.nan
