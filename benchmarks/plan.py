"""The coupled plan problem: problems by documented laws, and how near to the optimum `nightfill solve` comes, how fast.

    python benchmarks/plan.py [--lines 2000,50000] [--kinds all_together,dc_stock] [--seeds 1,2] [--deadline S] [--keep DIR]

Each problem is written in the file form (docs/plan_problem.md) and solved by the command in a process of its own; at the end
how many were solved to proven optimality. Laws (numpy PCG64, one seed a problem, fixed before solving):

lines       orders of 5 to 60 lines (uniform), one a store; a DC for each 100,000 lines; a DC's items have 40 lines each
demand      mean lognormal(1.2, 0.9) units, standard deviation sqrt(mean * U(1, 3)); stock U(0, 1) * mean
costs       value lognormal(1.5, 0.7) a unit; holding 2-6% and shortage 15-60% of it; cost[n] = normal newsvendor cost of
            stock + n multiples; multiples 1, 2, 4, 6, 12; lists end 4 standard deviations above the mean
none        no coupling
dc_stock    60-90% of the free demand on half the items of each DC
budget      budget 85-90% of the free spending; receiving 60-90% of the free units at half the stores, a third of them by date
terms       minimum U(0.5, 1.3) times the free value, but at most 95% of what the store may receive (adversarial: times the
            share of its units that it may receive); order cost U(-0.05, 0.25) and trucks U(0.5, 4) of cost U(0.02, 0.12)
            times the order's free cost
all_together   all of these, and a second lane (from SUP, 3% dearer) for one line in 20
adversarial    the same with zero capacities, ties, huge packs, non-convex curves, unreachable minima, absent tables (even
            seeds: no order terms), one order of up to 5,000 lines
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

KINDS = ("none", "dc_stock", "budget", "terms", "all_together", "adversarial")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_FIRST = date(2026, 3, 2)


@dataclass(frozen=True)
class Drawn:
    """Lines with their ragged lists and what each costs and takes when nothing is scarce."""

    lines: pl.DataFrame
    start: Ints
    cost: Floats
    free: Ints


def problem(kind: str, lines: int, seed: int) -> dict[str, pl.DataFrame]:
    """The tables of one problem (those that it has), by file name."""
    rng = np.random.default_rng([KINDS.index(kind), lines, seed])
    drawn = draw_lines(rng, lines, kind)
    tables = {"lines": drawn.lines}
    capacities = []
    if kind in ("dc_stock", "all_together", "adversarial"):
        capacities.append(dc_stock(rng, drawn))
    if kind in ("budget", "all_together", "adversarial"):
        capacities.append(budget_and_receiving(rng, drawn))
    if capacities:
        tables["capacities"] = pl.concat(capacities)
    if kind in ("terms", "all_together") or (kind == "adversarial" and seed % 2):
        tables["order_terms"] = order_terms(rng, drawn, tables.get("capacities"), unreachable=kind == "adversarial")
    return spoiled(rng, tables) if kind == "adversarial" else tables


def draw_lines(rng: np.random.Generator, lines: int, kind: str) -> Drawn:
    """Stores, their items and the cost lists."""
    sizes = rng.integers(5, 61, lines // 20 + 1)
    if kind == "adversarial":
        sizes[0] = min(5_000, max(lines // 4, 5))
    store = np.repeat(np.arange(len(sizes)), sizes)[:lines]
    centres = max(1, lines // 100_000)
    centre = store % centres
    items = max(lines // centres // 40, 61)
    # Items of a store are apart by a stride, so that no store has an item twice.
    within = np.arange(lines) - np.searchsorted(store, store)
    item = (store * 7919 + within) % max(items, int(sizes.max()))
    twice = np.flatnonzero(rng.random(lines) < 0.05) if kind in ("all_together", "adversarial") else np.zeros(0, np.int64)
    mean = rng.lognormal(1.2, 0.9, lines)
    deviation = np.sqrt(mean * rng.uniform(1, 3, lines))
    value = np.round(rng.lognormal(1.5, 0.7, lines), 2) + 0.01
    holding, shortage = value * rng.uniform(0.02, 0.06, lines), value * rng.uniform(0.15, 0.6, lines)
    stock = mean * rng.random(lines)
    multiple = rng.choice([1.0, 2.0, 4.0, 6.0, 12.0], lines, p=[0.45, 0.2, 0.15, 0.15, 0.05])
    if kind == "adversarial":
        multiple[rng.random(lines) < 0.01] = 10_000.0
    length = (np.ceil(np.maximum(mean + 4 * deviation - stock, 1) / multiple) + 1).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(length)])
    cost = newsvendor(start, stock, multiple, mean, deviation, holding, shortage)
    if kind == "adversarial":
        cost = non_convex(rng, start, cost)
    volume = np.round(rng.lognormal(-3.5, 0.6, lines), 4) + 0.0001
    lead = rng.integers(0, 3, len(sizes))[store]
    days = np.array([_FIRST + timedelta(days=int(d)) for d in range(3)], dtype="datetime64[D]")
    frame = pl.DataFrame(
        {
            "line_id": np.arange(lines), "item_id": item, "source_id": centre, "location_id": store, "expected_on": days[lead],
            "order_multiple": multiple, "min_order_units": np.where(rng.random(lines) < 0.05, 2 * multiple, 0.0),
            "unit_volume": volume, "unit_weight": volume * 300, "unit_value": value,
        }
    )  # fmt: skip
    named = [
        pl.format("{}{}", pl.lit(c), pl.col(k).cast(pl.String).str.zfill(7)).alias(k)
        for c, k in zip("IDS", frame.columns[1:4], strict=True)
    ]
    frame = frame.with_columns(*named, cost=lists(start, cost))
    if len(twice):
        frame = with_second_lanes(frame, twice)
    start = np.concatenate([[0], np.cumsum(frame["cost"].list.len().to_numpy().astype(np.int64))])
    cost = frame["cost"].explode().to_numpy()
    return Drawn(frame, start, cost, first_least(start, cost, frame))


def newsvendor(start: Ints, stock: Floats, multiple: Floats, mean: Floats, deviation: Floats, holding: Floats, shortage: Floats) -> Floats:
    """[entries] E[holding * left + shortage * lost] of stock + n multiples, demand normal (Silver, Pyke, Thomas, 2017, section 9.2)."""
    from scipy.special import ndtr

    owner = np.repeat(np.arange(len(stock)), np.diff(start))
    n = np.arange(len(owner)) - start[:-1][owner]
    left = stock[owner] + n * multiple[owner] - mean[owner]
    z = left / deviation[owner]
    lost = deviation[owner] * np.exp(-z * z / 2) / np.sqrt(2 * np.pi) - left * ndtr(-z)
    return np.round(holding[owner] * (left + lost) + shortage[owner] * np.maximum(lost, 0), 6)


def non_convex(rng: np.random.Generator, start: Ints, cost: Floats) -> Floats:
    """A fifth of the lists shaken, a tenth flat (ties), some entries not allowed."""
    line = np.repeat(rng.random(len(start) - 1), np.diff(start))
    first = np.zeros(len(cost), bool)
    first[start[:-1]] = True
    shaken = np.where(line < 0.2, cost * rng.uniform(0.7, 1.3, len(cost)), cost)
    shaken = np.where((line > 0.9), np.round(shaken), shaken)
    return np.where((rng.random(len(cost)) < 0.02) & ~first, np.inf, shaken)


def lists(start: Ints, cost: Floats) -> pl.Series:
    """A list column."""
    import pyarrow as pa

    return pl.Series("cost", pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(start, pa.int64()), pa.array(cost))))


def with_second_lanes(frame: pl.DataFrame, twice: Ints) -> pl.DataFrame:
    """Some lines can also come from SUP, a little dearer; cost[0] is shared."""
    chosen = pl.Series("choice_id", np.full(len(frame), -1))
    chosen[twice] = np.arange(len(twice))
    frame = frame.with_columns(choice_id=pl.when(chosen >= 0).then(chosen))
    second = frame[twice].with_columns(
        line_id=pl.int_range(len(frame), len(frame) + len(twice)), source_id=pl.lit("SUP"),
        cost=pl.concat_list(pl.col("cost").list.first(), pl.col("cost").list.slice(1) * 1.03),
    )  # fmt: skip
    return pl.concat([frame, second])


def first_least(start: Ints, cost: Floats, frame: pl.DataFrame) -> Ints:
    """[lines] multiples of least cost; of a choice only the first line (the second lane is dearer)."""
    n = np.array([int(np.argmin(cost[a:b])) for a, b in itertools.pairwise(start)], np.int64)
    n[(frame["source_id"] == "SUP").to_numpy()] = 0
    return n


def dc_stock(rng: np.random.Generator, drawn: Drawn) -> pl.DataFrame:
    """60-90% of the free demand on half the items of each DC."""
    wanted = drawn.lines.select("item_id", location_id="source_id", units=pl.col("order_multiple") * drawn.free)
    pools = (
        wanted.filter(pl.col("location_id") != "SUP")
        .group_by("item_id", "location_id")
        .agg(pl.col("units").sum())
        .sort("location_id", "item_id")
    )
    pools = pools.filter(pl.Series(rng.random(len(pools)) < 0.5))
    limit = np.floor(pools["units"].to_numpy() * rng.uniform(0.6, 0.9, len(pools)))
    return capacity(pools, "dc_stock", limit, "units")


def budget_and_receiving(rng: np.random.Generator, drawn: Drawn) -> pl.DataFrame:
    """One budget over all; receiving in units at half the stores, a third of them by date."""
    units = pl.col("order_multiple") * pl.Series(drawn.free)
    spent = float(drawn.lines.select((units * pl.col("unit_value")).sum()).item())
    received = drawn.lines.select("location_id", date="expected_on", units=units)
    stores = received.group_by("location_id", "date").agg(pl.col("units").sum()).sort("location_id", "date")
    stores = stores.filter(pl.Series(rng.random(len(stores)) < 0.5))
    dated = rng.random(len(stores)) < 1 / 3
    stores = stores.with_columns(date=pl.when(pl.Series(dated)).then("date"))
    limits = capacity(stores, "receiving", np.floor(stores["units"].to_numpy() * rng.uniform(0.6, 0.9, len(stores))), "units")
    whole = pl.DataFrame({"unused": [0]})
    return pl.concat([capacity(whole, "budget", np.array([spent * rng.uniform(0.85, 0.9)]), "value"), limits])


def capacity(rows: pl.DataFrame, name: str, limit: Floats, unit: str) -> pl.DataFrame:
    """Rows of capacities.parquet; keys that rows lack are null."""
    keys = {"location_id": pl.String, "item_id": pl.String, "date": pl.Date}
    known = [pl.col(k) if k in rows.columns else pl.lit(None, t).alias(k) for k, t in keys.items()]
    columns = [pl.lit(name).alias("resource"), *[pl.col(k) for k in keys], pl.Series(limit).alias("limit"), pl.lit(unit).alias("unit")]
    return rows.select(*known).select(columns)


def order_terms(rng: np.random.Generator, drawn: Drawn, capacities: pl.DataFrame | None, *, unreachable: bool) -> pl.DataFrame:
    """Minimum, order cost and trucks of every order, in proportion to its free optimum."""
    at_least = drawn.cost[drawn.start[:-1] + drawn.free]
    units = pl.col("order_multiple") * pl.Series(drawn.free)
    key = ["source_id", "location_id"]
    each = drawn.lines.select(
        *key, units=units, value=units * pl.col("unit_value"), volume=units * pl.col("unit_volume"), cost=pl.Series(at_least)
    )
    orders = each.group_by(key).agg(pl.all().sum()).sort(key)
    count = len(orders)
    value, volume, cost = (orders[name].to_numpy() for name in ("value", "volume", "cost"))
    least, share = value * rng.uniform(0.5, 1.3, count), receivable(orders, each, capacities)
    least = least * share if unreachable else np.minimum(least, value * np.where(share < 1, 0.95 * share, 2.0))
    if unreachable:
        least = np.where(rng.random(count) < 0.05, 1e9, least)
    return orders.select("source_id", "location_id").with_columns(
        min_order_value=pl.Series(np.round(least, 2)), order_cost=pl.Series(np.round(cost * rng.uniform(-0.05, 0.25, count), 2)),
        truck_volume=pl.Series(np.round(np.maximum(volume, 0.01) / rng.uniform(0.5, 4, count), 4) + 0.0001),
        truck_cost=pl.Series(np.round(cost * rng.uniform(0.02, 0.12, count), 2)),
    )  # fmt: skip


def receivable(orders: pl.DataFrame, each: pl.DataFrame, capacities: pl.DataFrame | None) -> Floats:
    """[orders] the share of its free units that a store may receive."""
    if capacities is None:
        return np.ones(len(orders))
    limits = capacities.filter(pl.col("resource") == "receiving").group_by("location_id").agg(pl.col("limit").sum())
    wanted = each.group_by("location_id").agg(pl.col("units").sum())
    share = orders.select("location_id").join(limits, on="location_id", how="left", maintain_order="left")
    share = share.join(wanted, on="location_id", how="left", maintain_order="left")
    return share.select((pl.col("limit") / pl.col("units")).fill_null(1.0).clip(0, 1)).to_series().to_numpy()


def spoiled(rng: np.random.Generator, tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Some capacities are zero, some unlimited (null)."""
    limits = tables["capacities"]["limit"].to_numpy().copy()
    drawn = rng.random(len(limits))
    drawn[tables["capacities"]["resource"].to_numpy() == "budget"] = 0.5
    limit = pl.Series(np.where(drawn < 0.05, 0.0, limits))
    tables["capacities"] = tables["capacities"].with_columns(limit=pl.when(pl.Series(drawn < 0.95)).then(limit))
    return tables


def write(tables: dict[str, pl.DataFrame], folder: Path) -> None:
    """Write the tables as a problem folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        rows.write_parquet(folder / f"{name}.parquet")


def solve(folder: Path, out: Path, deadline: float | None) -> dict[str, Any]:
    """Run the command in a process of its own; its certificate with its peak memory in GB."""
    command = [sys.executable, "-m", "jobs.run", "solve", str(folder), "--out", str(out)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, *(["--deadline", str(deadline)] if deadline else [])], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads((out / "certificate.json").read_text()), "peak": after.ru_maxrss / 1e6, "cpu": cpu}


def main() -> None:
    """Generate, solve, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="2000,50000")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--deadline", type=float)
    parser.add_argument("--keep", help="folder for the problems and their solutions")
    args = parser.parse_args()
    sizes, seeds = ([int(text) for text in each.split(",")] for each in (args.lines, args.seeds))
    print("| lines | kind | seed | gap | gap_saving | limits cost | rung | seconds | CPU seconds | peak GB (so far) | degraded |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    rungs = []
    with tempfile.TemporaryDirectory() as scratch:
        for size, kind, seed in itertools.product(sizes, args.kinds.split(","), seeds):
            folder = Path(args.keep or scratch) / f"{kind}_{size}_{seed}"
            if not (folder / "lines.parquet").exists():
                write(problem(kind, size, seed), folder)
            found = solve(folder, folder / "out", args.deadline)
            rungs.append(found["rung"])
            limits = (found["cost"] - found["cost_free"]) / max(abs(found["cost"]), 1e-9)
            print(
                f"| {size} | {kind} | {seed} | {found['gap']:.4%} | {found['gap_saving'] or 0:.4%} | {limits:.1%} | {found['rung']} |"
                f" {found['seconds']:.1f} | {found['cpu']:.1f} | {found['peak']:.2f} | {found['degraded']} |", flush=True,
            )  # fmt: skip
    print(f"\nproven: {rungs.count('proven')} of {len(rungs)}")


if __name__ == "__main__":
    main()
