"""How long a night takes on the full FreshRetailNet history, and how much memory all its processes hold.

    python benchmarks/nightly.py [--data ../shared/data/freshretailnet/train.parquet] [--nights 3] [--work DIR]

Imports the data as landing drops, runs the first night (which loads everything and trains) and the nights after it
without training, each as `nightfill nightly` in a process of its own. Memory is the sum of the resident memory of the
process, its JVM and all Python workers, sampled four times a second; shared pages count in each, so it is an upper bound.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "freshretailnet" / "train.parquet"
_STAGE = re.compile(r"^\s+(\w+)\s+([0-9.]+) s$")


@dataclass
class Run:
    """What a night took: wall seconds, seconds a stage, bytes at the peak."""

    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    peak: int = 0

    @property
    def after_start(self) -> float:
        """Seconds of the stages: without Python's and Spark's start."""
        return sum(self.stages.values())


def main() -> int:
    """Import, run, print the table; 1 when a limit of the issue is missed."""
    args = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="nightfill-benchmark-") as scratch:
        work = Path(args.work or scratch)
        landing, lake = work / "landing", work / "lake"
        nights = [args.first + timedelta(n) for n in range(args.nights)]
        if not landing.exists():
            dates = ["--first", nights[0].isoformat(), "--last", nights[-1].isoformat()]
            _nightfill("import", "freshretailnet", str(args.data), "--landing", str(landing), *dates)
        runs = [run_night(landing, lake, night, train="never" if n else args.first_train) for n, night in enumerate(nights)]
    print_table(nights, runs)
    median = statistics.median(run.after_start for run in runs[1:] or runs)
    load = runs[0].stages.get("ingest", 0.0)
    peak = max(run.peak for run in runs) / 1e9
    print(f"\nfirst load (ingest) {load:.0f} s, limit 240")
    print(f"following night, median {median:.0f} s after Spark's start, limit 240")
    print(f"peak memory of all processes {peak:.1f} GB, limit 10")
    return int(load > 240 or median > 240 or peak > 10)


def run_night(landing: Path, lake: Path, night: date, train: str) -> Run:
    """One night in a process of its own, its stages' times read from what it prints."""
    run = Run()
    command = ["nightly", "--landing", str(landing), "--lake", str(lake), "--business-date", night.isoformat(), "--train", train]
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "jobs.run", *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        watcher = threading.Thread(target=_watch_memory, args=(process.pid, run), daemon=True)
        watcher.start()
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := _STAGE.match(line):
                run.stages[found[1]] = float(found[2])
    run.seconds = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"night {night} ended with exit code {process.returncode}")
    return run


def _watch_memory(pid: int, run: Run) -> None:
    """Keep the largest sum of resident memory over the process and all its children."""
    try:
        parent = psutil.Process(pid)
        while parent.is_running():
            total = 0
            for member in (parent, *parent.children(recursive=True)):
                try:
                    total += member.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            run.peak = max(run.peak, total)
            time.sleep(0.25)
    except psutil.NoSuchProcess:
        return


def print_table(nights: list[date], runs: list[Run]) -> None:
    """A row a night: seconds of each stage, of all stages, of the process, and its peak memory."""
    stages = list(dict.fromkeys(name for run in runs for name in run.stages))
    header = ["night", *stages, "stages", "process", "GB"]
    rows = [
        [
            night.isoformat(),
            *(f"{run.stages.get(name, 0):.1f}" for name in stages),
            f"{run.after_start:.1f}",
            f"{run.seconds:.1f}",
            f"{run.peak / 1e9:.1f}",
        ]
        for night, run in zip(nights, runs, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    print()
    for row in (header, *rows):
        print("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)))


def _nightfill(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "jobs.run", *args], cwd=ROOT, check=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--first", type=date.fromisoformat, default=date(2024, 6, 10), help="first business date")
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--first-train", default="auto", help="--train of the first night")
    parser.add_argument("--work", help="folder for landing and lake, kept; default: a temporary one")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
