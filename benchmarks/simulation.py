"""What a simulated night costs by the number of lines, and how much memory a simulation holds.

    python benchmarks/simulation.py [--lines 250,1000,4000,20000] [--nights 28] [--retrain 0] [--mode stochastic]

A made-up chain, written to a lake as ingest would leave it: 20 stores and the distribution centre that supplies them, negative
binomial demand of a unit or so a day with a weekday pattern, a stock-out in twenty, goods that keep. Each size is simulated in
a process of its own: the processor seconds of its nights (user and system, its children's too), without building and reading the
lake, and its largest resident memory. ``--retrain N`` trains a model before the first night and every N nights; 0: the baseline forecasts.

Ends with 1 where a night of the largest size costs more by the line than TOLERATED times one of the second largest, or where
20,000 lines take more than MOST_MEMORY.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

import schemas
from jobs.config import Config
from jobs.lake import FIRST_DAY, Lake
from jobs.plan.pools import SCALE

FIRST = date(2024, 5, 1)
STORES, HISTORY = 20, 120
TOLERATED, MOST_MEMORY = 1.25, 12e9
_WEEKDAY = np.array([0.8, 0.8, 0.9, 1.0, 1.2, 1.4, 0.9])


@dataclass(frozen=True)
class Measured:
    """Processor seconds of all nights, of them of training, and bytes at the peak."""

    lines: int
    nights: int
    seconds: float
    training: float
    peak: int

    @property
    def by_night(self) -> float:
        """Processor seconds a night, training left out."""
        return (self.seconds - self.training) / self.nights


def main() -> int:
    """Simulate every size, print the table; 1 when a limit is missed."""
    args = _parser().parse_args()
    if args.work:
        simulated(args.work, int(args.lines), args)
        return 0
    found = []
    print("| lines | nights | processor s a night | ms a night and line | training, processor s | peak memory, GB |")
    print("|---|---|---|---|---|---|")
    for lines in (int(each) for each in args.lines.split(",")):
        with tempfile.TemporaryDirectory(prefix="nightfill-benchmark-") as work:
            chain(Path(work), lines, args.nights)
            given = ["--nights", str(args.nights), "--retrain", str(args.retrain), "--mode", args.mode]
            told = subprocess.run(
                [sys.executable, __file__, "--work", work, "--lines", str(lines), *given], check=True, capture_output=True, text=True
            ).stdout
        each = Measured(**json.loads(told.splitlines()[-1]))
        found.append(each)
        line = f"| {each.lines:,} | {each.nights} | {each.by_night:.2f} | {1000 * each.by_night / each.lines:.2f} |"
        print(f"{line} {each.training:.0f} | {each.peak / 1e9:.2f} |", flush=True)
    return 1 if missed(found) else 0


def missed(found: list[Measured]) -> list[str]:
    """What is dearer by the line, or larger, than it may be."""
    wrong = [f"{each.lines} lines took {each.peak / 1e9:.1f} GB" for each in found if each.peak > MOST_MEMORY]
    by_line = [each.by_night / each.lines for each in sorted(found, key=lambda each: each.lines)]
    if len(by_line) > 1 and by_line[-1] > TOLERATED * by_line[-2]:
        wrong.append(f"a line of the largest costs {by_line[-1] / by_line[-2]:.2f} times one of the next")
    for each in wrong:
        print(each)
    return wrong


def simulated(work: str, lines: int, args: argparse.Namespace) -> None:
    """Simulate the chain in ``work`` and print what it took as JSON."""
    from jobs.forecast import here
    from jobs.simulate import market, memory, span
    from jobs.simulate.policies import POLICIES
    from jobs.simulate.replay import Given, Run

    lake, last = Lake(str(Path(work) / "lake")), FIRST + timedelta(days=args.nights - 1)
    config, spent = Config(), [0.0]

    def train(*given: object) -> object:
        before = time.process_time()
        model = here.train(*given)  # type: ignore[arg-type]
        spent[0] += time.process_time() - before
        return model

    first_drop = span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, FIRST, first_drop))
    sold = market.replayed(lake, FIRST, last, "recovered", 1)
    before = used()
    model = train(base, config, FIRST) if args.retrain else None
    # The baseline's nights never train.
    every = args.retrain or args.nights
    run = Run(Given(lake, base, sold, span.of(lake, config, FIRST, last), config, model, train, every), POLICIES[args.mode])  # type: ignore[arg-type]
    for _ in range(args.nights):
        run.step()
    assert run.progress.books.imbalance(run.progress.begun, run.progress.state) == 0
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * 1024
    print(json.dumps({"lines": lines, "nights": args.nights, "seconds": used() - before, "training": spent[0], "peak": peak}))


def used() -> float:
    """Processor seconds of this process and its children so far."""
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in each)


def chain(root: Path, lines: int, nights: int) -> None:
    """A lake with so many item-stores, HISTORY days before FIRST and the span's own."""
    from jobs.simulate import history
    from jobs.simulate.market import Shown

    lake, items, rng = Lake(str(root / "lake")), -(-lines // STORES), np.random.default_rng(7)
    lake.create_tables()
    names, stores = [f"i{n:05}" for n in range(items)], [f"S{n:02}" for n in range(STORES)]
    pairs = pl.DataFrame({"item_id": names}).join(pl.DataFrame({"location_id": stores}), how="cross")
    series = pairs.with_columns(channel=pl.lit("store")).sort("item_id", "location_id")
    mean = rng.gamma(2.0, 0.5, len(series))
    begin, days = FIRST - timedelta(days=HISTORY), HISTORY + nights
    shown = Shown(np.ones(len(series), bool), np.full(len(series), 3 * SCALE), np.full(len(series), None, object))
    parts = []
    for day in (begin + timedelta(days=n) for n in range(days)):
        lam = mean * _WEEKDAY[day.weekday()]
        wanted = rng.poisson(rng.gamma(3.0, lam / 3.0)) * SCALE
        fraction = np.where(rng.random(len(series)) < 0.05, 0.5, 1.0)
        sold = np.where(fraction < 1, wanted // SCALE // 2 * SCALE, wanted)
        parts.append(history.rows(series, day, sold, fraction, shown))
    lake.write_arrow("silver/demand", pa.concat_tables(parts), None)
    eve = FIRST - timedelta(days=1)
    on_hand = pairs.with_columns(as_of=pl.lit(eve), on_hand=pl.lit(4))
    at_centre = pl.DataFrame({"item_id": names}).with_columns(location_id=pl.lit("DC"), as_of=pl.lit(eve), on_hand=pl.lit(8 * STORES))
    lanes = pl.DataFrame({"source_id": ["DC"] * STORES + ["V"], "location_id": [*stores, "DC"], "lead_time_days": [1] * STORES + [2]})
    kinds = pl.DataFrame({"location_id": [*stores, "DC", "V"], "kind": ["store"] * STORES + ["dc", "supplier"]})
    costs = pl.DataFrame({"item_id": names, "unit_cost": [2.0] * items, "unit_price": [3.0] * items})
    facts = {"category": pl.lit("c") + (pl.int_range(items) % 5).cast(pl.String), "department": pl.lit("d")}
    tables = {"items": costs.with_columns(**facts), "locations": kinds.with_columns(region=pl.lit("r")), "lanes": lanes}
    for name, rows in (tables | {"stock": pl.concat([on_hand, at_centre])}).items():
        lake.write_arrow(f"silver/{name}", _silver(name, rows), None)


def _silver(name: str, rows: pl.DataFrame) -> pa.Table:
    """Rows of a silver table, known from the first day."""
    schema = schemas.TABLES[f"silver/{name}"].schema
    defaults = {"known_from": FIRST_DAY, "drop_date": FIRST_DAY, "deleted": False, "file": "f", "row": 1}
    given = {each: rows[each].to_arrow() for each in rows.columns}
    columns = [given[each.name] if each.name in given else pa.array([defaults.get(each.name)] * len(rows)) for each in schema]
    return pa.table([column.cast(each.type) for column, each in zip(columns, schema, strict=True)], schema=schema)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="250,1000,4000,20000", help="item-stores, comma separated")
    parser.add_argument("--nights", type=int, default=28)
    parser.add_argument("--retrain", type=int, default=0, help="nights from one training to the next; 0: no model, the baseline forecasts")
    parser.add_argument("--mode", default="stochastic", help="way of deciding")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
