"""What made a line's units what they are: each limit's part in units and money, the next best quantity, the list decided on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from jobs.plan.pools import SCALE, Problem
from jobs.plan.ragged import first_least, positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.plan.expected_cost import Costs
    from jobs.plan.limits import Allowed, Outcome
    from jobs.plan.night import Floats

#: Names of ``binding`` that are a line's own; all others stand for what lines share.
_OWN = ("max_stock", "min_order_units", "override", "another_lane")


def columns(
    lines: pl.DataFrame, lists: Costs, allowed: Allowed, problem: Problem, outcome: Outcome, binding: Sequence[str]
) -> list[pl.Series | pl.Expr]:
    """Columns of gold/order_reasons; ``binding`` [lines] names of what made the units other, comma separated."""
    start, multiple = lists.start[:-1], problem.multiple / SCALE
    best, rounded, free = (start + n for n in (allowed.best, allowed.rounded, outcome.free))
    # A list of one entry allows nothing: what was taken from it before isn't known there.
    steps = {"min_order_units": (best, rounded), "max_stock": (rounded, free), "override": (rounded, free), "another_lane": (start, start)}
    effects = {name: _effect(lists.cost, multiple, *between) for name, between in steps.items()}
    shared = _effect(lists.cost, multiple, free, start + outcome.n)
    names = [text.split(", ") if text else [] for text in binding]
    found = [[effects[name] if name in _OWN else shared for name in of_line] for of_line in names]
    units, money = ([[float(effect[k][i]) for effect in of_line] for i, of_line in enumerate(found)] for k in (0, 1))
    return [
        pl.Series("uncertainty", lists.wanted - lists.wanted_if_sure),
        pl.Series("rounding_cost", lists.cost[rounded] - lists.wanted_cost),
        pl.Series("binding_units", units, pl.List(pl.Float64)),
        pl.Series("binding_cost", money, pl.List(pl.Float64)),
        *_runner_up(problem, outcome),
        # Of a lane that could not be ordered tonight nothing was decided on.
        pl.when(lines["offered"]).then(cost_lists(problem, "costs", forbidden=None)).alias("costs"),
    ]


def _effect(cost: Floats, multiple: Floats, before: np.ndarray, after: np.ndarray) -> tuple[Floats, Floats]:
    """[lines] units and money between two entries of each list."""
    return (after - before) * multiple, cost[after] - cost[before]


def _runner_up(problem: Problem, outcome: Outcome) -> list[pl.Series]:
    """The allowed quantity other than the one chosen that costs least when scarce things are paid for."""
    owner, place = positions(problem.start)
    priced = problem.cost + (outcome.price * problem.multiple / SCALE)[owner] * place
    priced[problem.start[:-1] + outcome.n] = np.inf
    second = first_least(problem.start, priced)
    at = problem.start[:-1] + second
    there = np.isfinite(priced[at])
    units, cost = second * problem.multiple / SCALE, np.where(there, problem.cost[at], np.nan)
    found = {"runner_up_units": np.where(there, units, np.nan), "runner_up_cost": cost}
    return [pl.Series(name, values, pl.Float64).fill_nan(None) for name, values in found.items()]


def cost_lists(problem: Problem, name: str = "cost", forbidden: float | None = np.inf) -> pl.Series:
    """The cost list of each line, up to the last quantity allowed; ``forbidden`` (null: None) stands for what is not allowed."""
    owner, position = positions(problem.start)
    last = np.zeros(len(problem.start) - 1, np.int64)
    np.maximum.at(last, owner, np.where(np.isfinite(problem.cost), position, 0))
    values = problem.cost[position <= last[owner]]
    offsets = np.concatenate([[0], np.cumsum(last + 1)]).astype(np.int32)
    entries = pa.array(values, mask=~np.isfinite(values) if forbidden is None else None)
    return pl.Series(name, pl.from_arrow(pa.ListArray.from_arrays(pa.array(offsets), entries)), pl.List(pl.Float64))
