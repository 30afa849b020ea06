"""Decide all lines of a night at once, where something couples the lines of different items. Knows nothing of Spark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from jobs.errors import UsageError
from jobs.plan.coupled.capacities import kinds_of
from jobs.plan.coupled.guarded import solve_in_time
from jobs.plan.coupled.problem import lowered, raised
from jobs.plan.coupled.reading import read
from jobs.plan.coupling import LANE, LINE, Tables
from jobs.plan.night import exception, exceptions
from jobs.plan.pools import SCALE, denied
from jobs.plan.solution import Solution, multiples

_EASE = "lower the locked quantity, or ease the limits"


@dataclass(frozen=True)
class Together:
    """What was decided.

    lines        item_id, source_id, location_id, n (multiples), scarcity_price (currency a unit), bound_by (what binds, comma
                 separated), base_stock (multiples of a plan by base stock), counts (of lanes to choose from the one that does)
    prices       a row each limit: resource, location_id, item_id, date, unit, limit, wanted, used, kept, price, bound_price,
                 kept_multiple, kept_costs
    certificate  a row for the whole night (source_id and location_id '*'), each source (location_id '*') and each order (solution.PARTS)
    exceptions   locks that nothing can keep, orders closed by their minimum, a plan cut short
    """

    lines: pl.DataFrame
    prices: pl.DataFrame
    certificate: pl.DataFrame
    exceptions: pl.DataFrame


def decide(problem: Tables, seconds: float) -> Together:
    """Solve a night's problem in about so many seconds; whatever happens, what comes out keeps every limit.

    Locked quantities that the limits leave no room for are set to nothing, in line order, and named.
    """
    lines, refused = _without_denied(problem)
    try:
        solved = _solve(replace(problem, lines=lines), seconds)
    except UsageError:
        # Each lock may fit, and all of them not: without locks ordering nothing keeps every limit.
        locked = _is_locked(lines)
        refused |= locked
        solved = _solve(replace(problem, lines=_unlocked(lines, locked)), seconds)
    clashes = exception(
        problem.lines.filter(pl.Series(refused)),
        "conflicting_limits",
        pl.lit("override and the limits that its order shares conflict: they leave no room for it; nothing ordered"),
        _EASE,
    )
    return Together(
        problem.lines.select(LINE).with_columns(**solved.columns()),
        _with_kept_lists(problem.capacities.with_columns(**solved.measures()), problem.lines),
        solved.certificate(),
        exceptions([clashes, solved.closed(), solved.cut_short()]),
    )


def _with_kept_lists(prices: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Limits with the list of what a centre keeps of its stock, a line from it to itself."""
    stays = lines.filter(pl.col("source_id") == pl.col("location_id"))
    lists = stays.select(
        "location_id", "item_id", resource=pl.lit("dc_stock"), unit=pl.lit("units"), kept_multiple="order_multiple", kept_costs="cost"
    )
    return prices.join(lists, on=["resource", "location_id", "item_id", "unit"], how="left", maintain_order="left")


def nothing() -> pl.DataFrame:
    """``Together.lines`` of no line."""
    kinds: dict[str, Any] = dict.fromkeys(LINE, pl.String) | {"n": pl.Int64, "scarcity_price": pl.Float64, "bound_by": pl.String}
    kinds |= {"base_stock": pl.Int64, "counts": pl.Boolean}
    return pl.DataFrame(schema=kinds)


def _solve(problem: Tables, seconds: float) -> Solution:
    known = read(problem.lines, problem.terms, problem.capacities)
    return Solution(problem, known, solve_in_time(known.problem, seconds))


def _is_locked(lines: pl.DataFrame) -> np.ndarray:
    return np.asarray(lines["locked"].to_numpy() > 0)


def _unlocked(lines: pl.DataFrame, denied: np.ndarray) -> pl.DataFrame:
    """The lines, those denied with nothing as their only quantity."""
    refused = pl.Series(denied)
    nothing = pl.concat_list("cost_of_nothing")
    return lines.with_columns(cost=pl.when(refused).then(nothing).otherwise("cost"), locked=pl.when(refused).then(0).otherwise("locked"))


def _without_denied(problem: Tables) -> tuple[pl.DataFrame, np.ndarray]:
    """The lines without the locks that a limit, serving them in line order, or an order's minimum leaves no room for; and which."""
    lines = problem.lines
    refused, locked = np.zeros(len(lines), bool), _is_locked(lines)
    if not locked.any():
        return lines, refused
    quantity = lines["locked"].to_numpy()
    for kind in kinds_of(lines, problem.capacities, multiples(lines) / SCALE):
        refused |= denied(kind.at, kind.use * quantity, raised(kind.limit), np.flatnonzero(locked & ~refused))
    refused |= locked & _is_short(_unlocked(lines, refused), problem.terms)
    return _unlocked(lines, refused), refused


def _is_short(lines: pl.DataFrame, terms: pl.DataFrame) -> np.ndarray:
    """Lines whose order can't reach its minimum though all its lines take the most that they may."""
    if terms.is_empty():
        return np.zeros(len(lines), bool)
    most = (pl.col("cost").list.len() - 1) * pl.col("order_multiple") * pl.col("unit_value")
    reached = lines.with_columns(most=most.sum().over(LANE)).join(terms, on=LANE, how="left", maintain_order="left")
    minimum = reached["min_order_value"].fill_null(0.0).to_numpy()
    return np.asarray(reached["most"].to_numpy() < lowered(minimum))
