"""The tables of a plan problem, checked, as arrays (the file form of design.md section 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from jobs.errors import UsageError
from jobs.plan.coupled.capacities import layers_of
from jobs.plan.coupled.problem import Floats, Ints, Problem, Terms
from jobs.plan.pools import SCALE
from jobs.plan.ragged import positions

_KEY = ["source_id", "location_id"]
_TERMS = ("min_order_value", "order_cost", "truck_volume", "truck_cost")
#: No unit costs, weighs or measures more, and no multiple is larger: beyond, sums of doubles and of whole ten-thousandths break.
_MOST, _LARGEST = 1e15, 1e9
#: What doubles make of a number of ten-thousandths, as a share.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Read:
    """A problem with what it takes to write its solution.

    line_id   [lines] in the problem's order
    multiple  [lines] ten-thousandths of a unit
    units     [lines] units of a multiple: as given where these are no whole ten-thousandths
    resource  [rows of capacities] number of the resource a row became; -1: it can't bind
    """

    problem: Problem
    line_id: Ints
    multiple: Ints
    units: Floats
    resource: Ints


def read(lines: pl.DataFrame, terms: pl.DataFrame, capacities: pl.DataFrame) -> Read:
    """Check tables and make them a problem; raises UsageError naming what is wrong."""
    check_lines(lines)
    lines = lines.sort("source_id", "location_id", "item_id", "line_id")
    start, cost = ragged(lines)
    multiple = np.floor(lines["order_multiple"].to_numpy() * SCALE + 0.5).astype(np.int64)
    units = units_of(lines["order_multiple"].to_numpy(), multiple)
    cost = above_minimum(cost, start, units, lines["min_order_units"].fill_null(0).to_numpy())
    choice, must, constant, cost = choices_of(lines, start, cost)
    check_lists(lines, start, cost, choice, must)
    layers, limit, resource, cost = layers_of(lines, capacities, (start, cost), (multiple, units))
    check_lists(lines, start, cost, choice, must)
    key = lines.select(_KEY)
    order = key.select(pl.struct(_KEY).rle_id()).to_series().to_numpy().astype(np.int64)
    value, volume = (units * lines[name].fill_null(0).to_numpy() for name in ("unit_value", "unit_volume"))
    problem = Problem(start, cost, order, value, volume, terms_of(key, order, terms), layers, limit, choice, must, constant)
    return Read(problem, lines["line_id"].to_numpy(), multiple, units, resource)


def check_lines(lines: pl.DataFrame) -> None:
    """Raise UsageError for columns whose values make no sense."""
    for name in ("line_id", "item_id", "source_id", "location_id"):
        if lines[name].null_count():
            raise UsageError(f"lines.parquet: {name} is null in {lines[name].null_count()} rows")
    twice = lines["line_id"].is_duplicated()
    if twice.any():
        raise UsageError(f"lines.parquet: line_id {lines['line_id'].filter(twice)[0]} is there twice; every line has its own")
    for name in ("min_order_units", "unit_volume", "unit_value", "budget_value"):
        _not_negative(lines, name, "lines.parquet")
        if name in lines.columns and (lines[name].drop_nulls() > _MOST).any():
            raise UsageError(f"lines.parquet: {name} is above {_MOST:g}")
    if (lines["order_multiple"].drop_nulls() > _LARGEST).any():
        raise UsageError(f"lines.parquet: an order_multiple is above {_LARGEST:g}")
    lists = lines["cost"].list.len().fill_null(0)
    if len(lines) and (
        (lists == 0).any() or (lines["order_multiple"].fill_null(0) < 0.5 / SCALE).any() or not _finite(lines["order_multiple"])
    ):
        raise UsageError("lines.parquet: every line needs a cost list that is not empty and an order_multiple of at least 0.0001")


def _finite(column: pl.Series) -> bool:
    return bool(column.drop_nulls().is_finite().all())


def _not_negative(rows: pl.DataFrame, name: str, file: str) -> None:
    if name in rows.columns and (not _finite(rows[name]) or (rows[name].drop_nulls() < 0).any()):
        raise UsageError(f"{file}: {name} must be a number of at least 0 (null: none)")


def ragged(lines: pl.DataFrame) -> tuple[Ints, Floats]:
    """Offsets and entries of the cost lists; null = not allowed = inf."""
    start = np.concatenate([[0], np.cumsum(lines["cost"].list.len().to_numpy().astype(np.int64))]).astype(np.int64)
    cost = lines["cost"].explode().fill_null(np.inf).to_numpy().astype(float)
    broken = np.isnan(cost) | (cost == -np.inf)
    if broken.any():
        line = lines["line_id"][int(np.searchsorted(start, np.flatnonzero(broken)[0], "right")) - 1]
        raise UsageError(f"lines.parquet: the cost list of line {line} holds NaN or -inf (inf or null: not allowed)")
    if (np.abs(cost[np.isfinite(cost)]) > _MOST).any():
        raise UsageError(f"lines.parquet: a cost list holds amounts beyond {_MOST:g}; inf or null stands for what is not allowed")
    return start, cost


def units_of(given: Floats, multiple: Ints) -> Floats:
    """[lines] units of a multiple: whole ten-thousandths where that is what was given (0.3, not what a double makes of it)."""
    whole = multiple / SCALE
    return np.where(np.abs(given - whole) <= _ROUNDING * whole, whole, given)


def above_minimum(cost: Floats, start: Ints, units: Floats, least: Floats) -> Floats:
    """Orders of more than nothing and less than min_order_units are not allowed."""
    if not (least > 0).any():
        return cost
    owner, position = positions(start)
    return np.where((position > 0) & (position * units[owner] < least[owner] - 0.5 / SCALE), np.inf, cost)


def choices_of(lines: pl.DataFrame, start: Ints, cost: Floats) -> tuple[Ints, np.ndarray, float, Floats]:
    """Numbers of the choices, which must be ordered, what is counted once, and the lists net of it."""
    none = np.full(len(lines), -1), np.zeros(0, bool), 0.0, cost
    if "choice_id" not in lines.columns or not len(lines):
        return none
    shared = lines["choice_id"].is_not_null() & lines["choice_id"].is_duplicated()
    if not shared.any():
        return none
    # Numbered by first appearance in the lines' order.
    dense = lines["choice_id"].filter(shared).rank("dense").to_numpy().astype(np.int64) - 1
    choice = np.full(len(lines), -1)
    choice[shared.to_numpy()] = dense
    member = np.flatnonzero(choice >= 0)
    zero = cost[start[member]]
    least, most = np.full(dense.max() + 1, np.inf), np.full(dense.max() + 1, -np.inf)
    np.minimum.at(least, dense, zero)
    np.maximum.at(most, dense, zero)
    both = np.isfinite(least) & np.isfinite(most)
    spread = np.where(both, most, 0.0) - np.where(both, least, 0.0)
    apart = (least != most) & ~(both & (spread <= 1e-6 * np.maximum(np.abs(least), 1)))
    if apart.any():
        named = lines["choice_id"].filter(shared)[int(np.flatnonzero(apart[dense])[0])]
        raise UsageError(f"lines.parquet: the lines of choice {named} differ in cost[0], which they share")
    must = np.isinf(least)
    base = np.where(must, 0.0, least)
    cost = cost.copy()
    owner = np.repeat(np.arange(len(lines)), np.diff(start))
    inside = choice[owner] >= 0
    cost[inside] -= base[choice[owner[inside]]]
    cost[start[member]] = 0.0
    return choice, must, float(np.sum(base)), cost


def check_lists(lines: pl.DataFrame, start: Ints, cost: Floats, choice: Ints, must: np.ndarray) -> None:
    """Raise UsageError where a line or a choice that must be ordered allows no quantity."""
    if not len(lines):
        return
    least = np.minimum.reduceat(cost, start[:-1])
    if np.isinf(least).any():
        raise UsageError(f"lines.parquet: line {lines['line_id'][int(np.flatnonzero(np.isinf(least))[0])]} allows no quantity")
    if must.any():
        some = np.maximum.reduceat(np.isfinite(cost).astype(np.int64), np.minimum(start[:-1] + 1, len(cost) - 1)) * (np.diff(start) > 1)
        possible = np.bincount(choice[choice >= 0], some[choice >= 0], len(must)) > 0
        if (must & ~possible).any():
            raise UsageError("lines.parquet: a choice that must be ordered (cost[0] = inf) allows no quantity on any of its lines")


def terms_of(key: pl.DataFrame, order: Ints, terms: pl.DataFrame) -> Terms:
    """Terms of each order; terms of orders without lines are of no effect."""
    orders = int(order[-1]) + 1 if len(order) else 0
    first = np.searchsorted(order, np.arange(orders + 1))
    zero = np.zeros(orders)
    if not len(terms):
        return Terms(first, zero, zero, np.full(orders, np.inf), zero)
    if terms.select(_KEY).is_duplicated().any() or terms.select(_KEY).null_count().sum_horizontal().item():
        raise UsageError("order_terms.parquet: source_id and location_id must be there, once each pair")
    for name in ("min_order_value", "truck_volume", "truck_cost"):
        _not_negative(terms, name, "order_terms.parquet")
    if "order_cost" in terms.columns and not _finite(terms["order_cost"]):
        raise UsageError("order_terms.parquet: order_cost must be a finite number (null: none)")
    terms = terms.with_columns(pl.lit(0.0).alias(name) for name in _TERMS if name not in terms.columns)
    known = (
        key[first[:-1]].join(terms, on=_KEY, how="left", maintain_order="left").with_columns(pl.col(_TERMS).cast(pl.Float64).fill_null(0.0))
    )
    minimum, fixed, volume, cost = (known[name].to_numpy().copy() for name in _TERMS)
    trucks = (volume > 0) & (cost > 0)
    return Terms(first, minimum, fixed, np.where(trucks, volume, np.inf), np.where(trucks, cost, 0.0))
