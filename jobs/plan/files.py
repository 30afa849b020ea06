"""The plan problem as files (design.md section 7, fixed): keep a night's problem, solve one again."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.errors import UsageError
from jobs.plan.coupled.certificate import certificate_of
from jobs.plan.coupled.reading import read
from jobs.plan.coupled.solve import solve

if TYPE_CHECKING:
    from jobs.plan.coupling import Tables
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
_TERMS = {
    "source_id": pa.string(), "location_id": pa.string(),
    "min_order_value": pa.float64(), "order_cost": pa.float64(), "truck_volume": pa.float64(), "truck_cost": pa.float64(),
}  # fmt: skip
_OPTIONAL = {"budget_value": pa.float64(), "choice_id": pa.int64()}
#: Times what reading took (a measure of this machine at this time): what follows the search. And a share of all for what can't be seen.
_AFTERWARDS, _MARGIN = 0.1, 0.08


def write_problem(folder: str, problem: Tables) -> None:
    """Write lines.parquet, order_terms.parquet and capacities.parquet."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    pq.write_table(_as(problem.lines, {**_LINES, **_OPTIONAL}), target / "lines.parquet")
    pq.write_table(_as(problem.terms, _TERMS), target / "order_terms.parquet")
    pq.write_table(_as(problem.capacities, _CAPACITIES), target / "capacities.parquet")


def solve_folder(folder: str, out: str, deadline: float | None = None, began: float | None = None) -> str:
    """Solve the problem in a folder; write solution.parquet, certificate.json and prices.parquet; say what came out.

    began  when the command did (time.monotonic()): the deadline and the seconds of the certificate count from there

    Raises UsageError when files are missing or broken, or when no plan keeps the limits.
    """
    reading = time.monotonic()
    began = reading if began is None else began
    lines, terms, capacities = _read(Path(folder))
    known = read(lines, terms, capacities)
    later = _AFTERWARDS * (time.monotonic() - reading)
    with _quiet():
        solved = solve(known.problem, None if deadline is None else began + (1 - _MARGIN) * deadline - later)
    units = _in_rows(lines["line_id"].to_numpy(), known.line_id, solved.n * known.units)
    target = Path(out)
    target.mkdir(parents=True, exist_ok=True)
    # By polars: pyarrow would load pandas to look at an array, a second.
    pq.write_table(pl.DataFrame({"line_id": lines["line_id"], "units": units}).to_arrow(), target / "solution.parquet")
    price = np.append(solved.price, 0.0)[known.resource]
    pq.write_table(_as(capacities.with_columns(pl.Series("price", price, pl.Float64)), _PRICES), target / "prices.parquet")
    certificate = certificate_of(solved, time.monotonic() - began)
    (target / "certificate.json").write_text(json.dumps(certificate, indent=2) + "\n", encoding="utf-8")
    bound, gap = certificate["lower_bound"], certificate["gap"]
    return f"{len(lines)} lines: cost {certificate['cost']:.4f}, lower bound {bound:.4f}, gap {gap:.4%} ({solved.rung}); in {out}"


@contextmanager
def _quiet() -> Iterator[None]:
    """What libraries print goes to standard error: HiGHS has a line of its own, whatever it is told."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)


def _in_rows(line_id: Ints, known: Ints, units: Floats) -> Floats:
    """Units in the order of the file's rows."""
    order = np.argsort(known)
    return units[order[np.searchsorted(known[order], line_id)]]


def _read(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Lines, order terms and capacities; tables and columns that may be absent are there, empty or null."""
    return (
        _table(folder / "lines.parquet", _LINES, required=True, optional=_OPTIONAL),
        _table(folder / "order_terms.parquet", _TERMS, required=False),
        _table(folder / "capacities.parquet", _CAPACITIES, required=False),
    )


def _table(path: Path, columns: dict[str, pa.DataType], *, required: bool, optional: dict[str, pa.DataType] | None = None) -> pl.DataFrame:
    """A Parquet file as polars; columns of a file that may be absent are added as nulls, ``optional`` ones stay absent."""
    if not path.exists():
        if required:
            raise UsageError(f"{path} is missing: a plan problem has it (`nightfill plan ... --keep-problem DIR` writes one)")
        return pl.DataFrame(pl.from_arrow(pa.schema(list(columns.items())).empty_table()))
    try:
        # Not read_table, which loads what reads whole data sets: a second.
        with pq.ParquetFile(path, memory_map=True) as file:
            rows = file.read()
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"{path} is no readable Parquet file: {error}") from None
    missing = [name for name in columns if name not in rows.column_names]
    if required and missing:
        raise UsageError(f"{path} lacks {', '.join(missing)}")
    for name in missing:
        rows = rows.append_column(name, pa.nulls(rows.num_rows, columns[name]))
    for name, kind in {**columns, **(optional or {})}.items():
        if name in rows.column_names:
            rows = rows.set_column(rows.column_names.index(name), name, _cast(rows[name], kind, f"{path.name}: {name}"))
    return pl.DataFrame(pl.from_arrow(rows))


def _cast(column: pa.ChunkedArray, kind: pa.DataType, name: str) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"{name} holds {column.type}, which can't be read as {kind}: {error}") from None


def _as(rows: pl.DataFrame, columns: dict[str, pa.DataType]) -> pa.Table:
    return pa.Table.from_arrays([rows[name].to_arrow().cast(kind) for name, kind in columns.items()], names=list(columns))
