"""Coupled plan problems against a full MILP: `nightfill solve`, the same with ten times the effort, and HiGHS on the whole problem.

    python benchmarks/plan_milp.py [--lines 2000] [--kinds terms,all_together] [--seeds 1] [--against-milp 1800] [--keep DIR]

Problems by the laws of benchmarks/plan.py. The MILP (HiGHS as SciPy ships it, in a process of its own, one thread) knows nothing
of the solver: a binary for each entry of each list, one an order for being open, whole trucks, nothing from our plan. Its plan may
break a limit by HiGHS's tolerance (1e-6), which is in its favour. Ten times the effort: as many steps of prices, and ten times as many
orders bounded exactly, and nodes of every search. Ends with 1 where ours is more than 0.2% above the better of the two
or takes longer than 30 s (up to 200 lines: is not proven or takes longer than 60 s).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.plan import problem, solve, write
from tests.jobs.plan.coupled.naive import allowed, check, takes

#: Share of cost by which ours may lie above the better of the two, and seconds; of small problems seconds until proven.
LIMIT, SECONDS = 0.002, 30.0
SMALL, SMALL_SECONDS = 200, 60.0
_MORE = 10


@dataclass
class Matrix:
    """A mixed integer program as it grows: columns (cost, most), rows (least, most) and entries (row, column, value)."""

    cost: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    rows: list[tuple[float, float]] = field(default_factory=list)
    entries: list[tuple[int, int, float]] = field(default_factory=list)

    def column(self, cost: float, most: float = 1.0) -> int:
        """A new variable, whole and >= 0."""
        self.cost.append(cost)
        self.most.append(most)
        return len(self.cost) - 1

    def row(self, terms: list[tuple[int, float]], least: float, most: float) -> None:
        """A new constraint, scaled so that its limits are near 1."""
        scale = max([1.0, *(abs(x) for x in (least, most) if math.isfinite(x))])
        self.entries.extend((len(self.rows), column, value / scale) for column, value in terms)
        self.rows.append((least / scale, most / scale))


def matrix_of(tables: dict[str, list[dict[str, Any]]]) -> Matrix:
    """The whole problem (docs/plan_problem.md)."""
    made = Matrix()
    lines = tables["lines"]
    pick = {line["line_id"]: {k: made.column(line["cost"][k]) for k in allowed(line)} for line in lines}
    choices: dict[object, list[dict[str, Any]]] = {}
    for line in lines:
        choice = line.get("choice_id")
        choices.setdefault(("line", line["line_id"]) if choice is None else choice, []).append(line)
    for choice, members in choices.items():
        some = [column for line in members for column in pick[line["line_id"]].values()]
        zero = members[0]["cost"][0]
        if not isinstance(choice, tuple) and zero is not None and math.isfinite(zero):
            some.append(made.column(zero))
        made.row([(column, 1.0) for column in some], 1.0, 1.0)
    by_order: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        by_order.setdefault((line["source_id"], line["location_id"]), []).append(line)
    for terms in tables.get("order_terms", []):
        add_order(made, by_order.get((terms["source_id"], terms["location_id"]), []), terms, pick)
    for row in tables.get("capacities", []):
        if row["limit"] is not None and math.isfinite(row["limit"]):
            made.row(total(lines, pick, [takes(row, line) for line in lines]), -math.inf, row["limit"])
    return made


def total(lines: list[dict[str, Any]], pick: dict[int, dict[int, int]], of_a_unit: list[float]) -> list[tuple[int, float]]:
    """What a plan takes, by variable."""
    return [
        (column, each * line["order_multiple"] * k)
        for line, each in zip(lines, of_a_unit, strict=True)
        for k, column in pick[line["line_id"]].items()
        if each * k > 0
    ]


def add_order(made: Matrix, lines: list[dict[str, Any]], terms: dict[str, Any], pick: dict[int, dict[int, int]]) -> None:
    """Minimum, order cost and trucks of an order."""
    is_open = made.column(terms["order_cost"] or 0.0)
    ordered = [[column for k, column in pick[line["line_id"]].items() if k] for line in lines]
    for some in ordered:
        made.row([*((column, 1.0) for column in some), (is_open, -1.0)], -math.inf, 0.0)
    made.row([*((column, 1.0) for some in ordered for column in some), (is_open, -1.0)], 0.0, math.inf)
    minimum, size = terms["min_order_value"] or 0.0, terms["truck_volume"] or 0.0
    if minimum > 0:
        value = total(lines, pick, [line["unit_value"] / minimum for line in lines])
        made.row([*value, (is_open, -1.0)], 0.0, math.inf)
    if size > 0 and (terms["truck_cost"] or 0.0) > 0:
        trucks = made.column(terms["truck_cost"], math.inf)
        made.row([*total(lines, pick, [line["unit_volume"] / size for line in lines]), (trucks, -1.0)], -math.inf, 0.0)


def by_milp(folder: str, seconds: float) -> dict[str, float | bool | None]:
    """Best plan's cost (None: none), bound, whether proven, and CPU seconds of HiGHS on a problem folder."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    made = matrix_of({path.stem: pl.read_parquet(path).to_dicts() for path in Path(folder).glob("*.parquet")})
    row, column, value = (np.array(each) for each in zip(*made.entries, strict=True))
    least, most = (np.array(each) for each in zip(*made.rows, strict=True))
    whole = csr_array((value, (row, column)), shape=(len(least), len(made.cost)))
    began = time.process_time()
    found = milp(
        np.array(made.cost), integrality=np.ones(len(made.cost)), bounds=Bounds(0.0, np.array(made.most)),
        constraints=LinearConstraint(whole, least, most), options={"time_limit": seconds, "mip_rel_gap": 1e-9},
    )  # fmt: skip
    cpu = time.process_time() - began
    return {"cost": found.fun, "bound": found.mip_dual_bound, "proven": found.status == 0, "cpu": cpu}


def longer(folder: str, out: str) -> dict[str, Any]:
    """The certificate of our solver with ten times the effort."""
    from jobs.plan.coupled import neighbourhood, single_orders
    from jobs.plan.coupled import solve as solver
    from jobs.plan.files import solve_folder

    solver._ROUNDS *= _MORE
    solver._ORDERS *= _MORE
    single_orders._NODES *= _MORE
    neighbourhood._NODES *= _MORE
    solve_folder(folder, out)
    return json.loads((Path(out) / "certificate.json").read_text())


def alone(work: Any, *arguments: Any) -> Any:
    """The result of work in a process of its own: OR-Tools and HiGHS can't share one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def compared(folder: Path, seconds: float) -> tuple[list[str], bool]:
    """Cells of a table's row, and whether the limits are kept."""
    ours = solve(folder, folder / "out", None)
    plan = {row["line_id"]: row["units"] for row in pl.read_parquet(folder / "out" / "solution.parquet").to_dicts()}
    tables = {path.stem: pl.read_parquet(path).to_dicts() for path in folder.glob("*.parquet")}
    cost, broken = check(tables, plan)
    if broken or abs(cost - ours["cost"]) > 1e-6 * abs(cost):
        raise SystemExit(f"{folder.name}: plan of cost {cost} breaks {broken[:3]}; certificate says {ours['cost']}")
    again = alone(longer, str(folder), str(folder / "longer"))
    full = alone(by_milp, str(folder), seconds)
    best = min(again["cost"], math.inf if full["cost"] is None else full["cost"])
    above = (ours["cost"] - best) / abs(best)
    small = ours["rung"] == "proven" and ours["seconds"] <= SMALL_SECONDS
    kept = small if len(plan) <= SMALL else above <= LIMIT and ours["seconds"] <= SECONDS
    cells = [
        f"{ours['cost']:.3f}",
        ours["rung"],
        f"{ours['seconds']:.1f} ({ours['cpu']:.1f})",
        f"{again['cost']:.3f}",
        f"{again['seconds']:.0f}",
    ]
    cells += ["none" if full["cost"] is None else f"{full['cost']:.3f}", f"{full['bound']:.3f}", "yes" if full["proven"] else "no"]
    return [*cells, f"{full['cpu']:.0f}", f"{max(ours['lower_bound'], again['lower_bound']):.3f}", f"{above:.4%}"], kept


def main() -> None:
    """Generate, solve three times, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="2000")
    parser.add_argument("--kinds", default="terms,all_together")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--against-milp", type=float, default=1800.0, help="seconds of the MILP")
    parser.add_argument("--keep", help="folder for the problems and their solutions")
    args = parser.parse_args()
    columns = ("lines", "kind", "seed", "ours", "rung", "seconds (CPU)", "ten times the effort", "seconds", "MILP", "its bound", "proven",
               "CPU seconds", "our bound", "above the better")  # fmt: skip
    print("|", " | ".join(columns), "|\n" + "|---" * len(columns) + "|", flush=True)
    every = True
    with tempfile.TemporaryDirectory() as scratch:
        for size, kind, seed in product(args.lines.split(","), args.kinds.split(","), args.seeds.split(",")):
            folder = Path(args.keep or scratch) / f"{kind}_{size}_{seed}"
            write(problem(kind, int(size), int(seed)), folder)
            cells, kept = compared(folder, args.against_milp)
            every &= kept
            print("|", " | ".join([size, kind, seed, *cells]), "|", flush=True)
    sys.exit(0 if every else 1)


if __name__ == "__main__":
    main()
