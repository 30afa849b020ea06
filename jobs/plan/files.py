"""The plan problem as files (design.md section 7, fixed): keep a night's problem, solve one again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.errors import UsageError
from jobs.plan import pools
from jobs.plan.pools import SCALE, UNLIMITED, Problem, Solution

if TYPE_CHECKING:
    from jobs.plan.night import Floats, Ints

_LINES = {
    "line_id": pa.int64(), "item_id": pa.string(), "source_id": pa.string(), "location_id": pa.string(), "expected_on": pa.date32(),
    "order_multiple": pa.float64(), "min_order_units": pa.float64(), "unit_volume": pa.float64(), "unit_weight": pa.float64(),
    "unit_value": pa.float64(), "cost": pa.list_(pa.float64()),
}  # fmt: skip
_CAPACITIES = {
    "resource": pa.string(), "location_id": pa.string(), "item_id": pa.string(), "date": pa.date32(),
    "limit": pa.float64(), "unit": pa.string(),
}  # fmt: skip
_PRICES = {"resource": pa.string(), "location_id": pa.string(), "item_id": pa.string(), "date": pa.date32(), "price": pa.float64()}
_TERMS = ("min_order_value", "order_cost", "truck_volume", "truck_cost")
_POOL = ["item_id", "source_id"]


def write_problem(folder: str, lines: pl.DataFrame, pooled: pl.DataFrame) -> None:
    """Write lines.parquet and capacities.parquet; order terms are not planned yet, so there are none.

    lines   chosen lines with their cost lists (inf: not allowed)
    pooled  limit of each item and source, in ten-thousandths (-1: unlimited)
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    if lines.is_empty():
        pq.write_table(pa.schema(list(_LINES.items())).empty_table(), target / "lines.parquet")
        return
    ordered = lines.sort("item_id", "source_id", "location_id").with_row_index("line_id")
    ordered = ordered.rename({"arrives_on": "expected_on", "buying_cost": "unit_value"})
    ordered = ordered.with_columns(pl.col("unit_volume", "unit_weight").cast(pl.Float64).fill_null(0.0))
    pq.write_table(_as(ordered, _LINES), target / "lines.parquet")
    limited = pooled.filter(pl.col("limit") != UNLIMITED).sort(_POOL)
    limit, always = pl.col("limit") / SCALE, pl.lit(None, pl.Date)
    kind, unit = pl.lit("dc_stock"), pl.lit("units")
    rows = limited.select(resource=kind, location_id="source_id", item_id="item_id", date=always, limit=limit, unit=unit)
    pq.write_table(_as(rows, _CAPACITIES), target / "capacities.parquet")


def solve_folder(folder: str, out: str, deadline: float | None = None) -> str:
    """Solve the problem in a folder; write solution.parquet, certificate.json and prices.parquet; say what came out.

    Raises UsageError when files are missing or broken, when no plan keeps the limits, or when the problem has terms
    that are not supported yet.
    """
    began = time.monotonic()
    lines, capacities = _read(Path(folder))
    problem, pooled = problem_of(lines, capacities)
    solution = pools.solve(problem, None if deadline is None else began + deadline)
    certificate = {**_certificate(problem, solution), "seconds": round(time.monotonic() - began, 3)}
    target = Path(out)
    target.mkdir(parents=True, exist_ok=True)
    units = solution.n * problem.multiple / SCALE
    pq.write_table(pa.table({"line_id": lines["line_id"].to_arrow(), "units": units}), target / "solution.parquet")
    pq.write_table(_prices(capacities, pooled, solution), target / "prices.parquet")
    (target / "certificate.json").write_text(json.dumps(certificate, indent=2) + "\n", encoding="utf-8")
    bound, gap = certificate["lower_bound"], certificate["gap"]
    return f"{len(lines)} lines: cost {certificate['cost']:.4f}, lower bound {bound:.4f}, gap {gap:.4%}; in {out}"


def problem_of(lines: pl.DataFrame, capacities: pl.DataFrame) -> tuple[Problem, pl.DataFrame]:
    """The pools of a problem, and item_id, source_id and number of each."""
    lists = pa.chunked_array(lines["cost"].to_arrow()).combine_chunks() if len(lines) else pa.array([], pa.list_(pa.float64()))
    values = np.asarray(lists.flatten().fill_null(np.inf).to_numpy(zero_copy_only=False), float)
    cost = np.where(np.isnan(values), np.inf, values)
    start = np.concatenate([[0], np.cumsum(lines["cost"].list.len().to_numpy())]).astype(np.int64)
    multiple = np.floor(lines["order_multiple"].to_numpy() * SCALE + 0.5).astype(np.int64)
    lowest = capacities.group_by("item_id", source_id="location_id").agg(pl.col("limit").min())
    pooled = lines.select(_POOL).unique().join(lowest, on=_POOL, how="left").sort(_POOL).with_row_index("pool")
    limit = pooled["limit"].fill_null(np.inf).to_numpy()
    exact = np.where(np.isfinite(limit), np.floor(np.where(np.isfinite(limit), limit, 0) * SCALE + 1e-4), UNLIMITED).astype(np.int64)
    pool = lines.join(pooled, on=_POOL, how="left", maintain_order="left")["pool"].to_numpy().astype(np.int64)
    if len(lines) and ((np.diff(start) == 0).any() or (multiple <= 0).any()):
        raise UsageError("lines.parquet: every line needs a cost list that is not empty and an order_multiple of at least 0.0001")
    problem = Problem(start, _above_minimum(cost, start, multiple, lines["min_order_units"].fill_null(0).to_numpy()), multiple, pool, exact)
    _check_feasible(problem, lines)
    return problem, pooled


def _above_minimum(cost: Floats, start: Ints, multiple: Ints, least: Floats) -> Floats:
    """Orders of more than nothing and less than min_order_units are not allowed."""
    owner = np.repeat(np.arange(len(multiple)), np.diff(start))
    position = np.arange(len(cost)) - start[:-1][owner]
    return np.where((position > 0) & (position * multiple[owner] < least[owner] * SCALE - 0.5), np.inf, cost)


def _check_feasible(problem: Problem, lines: pl.DataFrame) -> None:
    if not len(lines):
        return
    allowed = np.where(np.isfinite(problem.cost), 0.0, np.inf)
    least = pools.cheapest(Problem(problem.start, allowed, problem.multiple, problem.pool, problem.limit))
    nothing = ~np.isfinite(problem.cost[problem.start[:-1] + least])
    if nothing.any():
        raise UsageError(f"lines.parquet: line {lines['line_id'][int(np.flatnonzero(nothing)[0])]} allows no quantity")
    used = np.zeros(len(problem.limit), np.int64)
    np.add.at(used, problem.pool, least * problem.multiple)
    over = (problem.limit != UNLIMITED) & (used > problem.limit)
    if over.any():
        first = lines.row(int(np.flatnonzero(over[problem.pool])[0]), named=True)
        raise UsageError(f"no plan keeps dc_stock of item {first['item_id']} at {first['source_id']}: the least its lines allow exceeds it")


def _certificate(problem: Problem, solution: Solution) -> dict[str, float | bool]:
    cost, bound = float(np.sum(solution.cost)), float(np.sum(solution.lower_bound))
    used = np.zeros(len(problem.limit), np.int64)
    np.add.at(used, problem.pool, solution.n * problem.multiple)
    kept = (problem.limit == UNLIMITED) | (used <= problem.limit)
    feasible = bool(kept.all() and np.isfinite(problem.cost[problem.start[:-1] + solution.n]).all())
    gap = (cost - bound) / max(abs(cost), 1e-9)
    return {"cost": cost, "lower_bound": bound, "gap": gap, "feasible": feasible, "degraded": bool(solution.degraded.any())}


def _prices(capacities: pl.DataFrame, pooled: pl.DataFrame, solution: Solution) -> pa.Table:
    priced = pooled.with_columns(pl.Series("price", solution.price)).select("item_id", location_id="source_id", price="price")
    key = ["item_id", "location_id"]
    rows = capacities.select("resource", *key, "date").join(priced, on=key, how="left", maintain_order="left")
    return _as(rows.with_columns(pl.col("price").fill_null(0.0)), _PRICES)


def _read(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    lines = _table(folder / "lines.parquet", _LINES, required=True)
    if "choice_id" in lines.columns and lines["choice_id"].drop_nulls().is_duplicated().any():
        raise UsageError(f"{folder}: choice_id (several lanes to choose from) is not supported yet")
    terms = _table(folder / "order_terms.parquet", {}, required=False)
    present = [name for name in _TERMS if name in terms.columns and (terms[name].fill_null(0) > 0).any()]
    if present:
        raise UsageError(f"{folder}: order terms are not supported yet: {', '.join(present)} in order_terms.parquet")
    capacities = _table(folder / "capacities.parquet", _CAPACITIES, required=False)
    others = capacities.filter(
        (pl.col("resource") != "dc_stock") | (pl.col("unit") != "units") | pl.col("item_id").is_null() | pl.col("location_id").is_null()
    )
    if len(others):
        named = ", ".join(sorted(others.select(pl.format("{} in {}", "resource", "unit")).to_series().unique()))
        raise UsageError(f"{folder}: capacities not supported yet: {named} (only dc_stock of an item at a location, in units, is)")
    return lines, capacities


def _table(path: Path, columns: dict[str, pa.DataType], *, required: bool) -> pl.DataFrame:
    """A Parquet file as polars; optional columns are added as nulls."""
    if not path.exists():
        if required:
            raise UsageError(f"{path} is missing: a plan problem has it (`nightfill plan ... --keep-problem DIR` writes one)")
        return pl.DataFrame(pl.from_arrow(pa.schema(list(columns.items())).empty_table()))
    try:
        rows = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"{path} is no readable Parquet file: {error}") from None
    missing = [name for name in columns if name not in rows.column_names]
    if required and missing:
        raise UsageError(f"{path} lacks {', '.join(missing)}")
    for name in missing:
        rows = rows.append_column(name, pa.nulls(rows.num_rows, columns[name]))
    for name, kind in columns.items():
        rows = rows.set_column(rows.column_names.index(name), name, rows[name].cast(kind))
    return pl.DataFrame(pl.from_arrow(rows))


def _as(rows: pl.DataFrame, columns: dict[str, pa.DataType]) -> pa.Table:
    return pa.Table.from_arrays([rows[name].to_arrow().cast(kind) for name, kind in columns.items()], names=list(columns))
