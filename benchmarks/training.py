"""Training on Spark beside native XGBoost: same rows from the same Parquet file, same parameters.

    python benchmarks/training.py [--rows 1000000] [--inputs 30] [--depth 8] [--rounds 200] [--repeats 3]

Native: one process with two threads; Spark: two workers of one thread, by jobs/forecast/boosting.py as the night calls
it, checkpoints and watch included. Both read the file within the time; starting Python and Spark is not part of it,
starting Spark's Python workers is. Processor time is that of all processes: on a busy machine it says more than the clock.
Ends with 1 when Spark takes more than 1.5 x native.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from types import TracebackType

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobs.config import Config, Training
from jobs.forecast import boosting
from jobs.forecast.examples import LABEL, WEIGHT
from jobs.forecast.packing import PACKED
from jobs.forecast.partitions import ROW

LIMIT = 1.5
WAYS = ("native", "spark")


class Meter:
    """Clock, processor time and peak memory of this process and its children between enter and exit."""

    def __enter__(self) -> Meter:
        self.cpu: dict[int, float] = {}
        self.peak, self._over = 0, threading.Event()
        self._look()
        self._before, self._began = dict(self.cpu), time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.seconds = time.monotonic() - self._began
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            self._look()

    def _look(self) -> None:
        memory = 0
        for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self.cpu[process.pid] = times.user + times.system
                memory += process.memory_full_info().pss
        self.peak = max(self.peak, memory)

    def result(self) -> dict[str, float]:
        """Seconds, processor seconds, GB."""
        used = sum(seconds - self._before.get(pid, 0.0) for pid, seconds in self.cpu.items())
        return {"seconds": self.seconds, "cpu": used, "memory": self.peak / 2**30}


def write_rows(file: Path, count: int, inputs: int) -> None:
    """Random rows with something to learn: the names of rows, float32 inputs, label, weight."""
    random = np.random.default_rng(1)
    x = random.normal(size=(count, inputs)).astype(np.float32)
    label = np.exp(0.4 * x[:, 0]) + x[:, 1] * x[:, 2] + random.normal(size=count)
    number = np.arange(count)
    names = {"item_id": pa.array([f"i{n}" for n in number // 1000]), "location_id": pa.array([f"s{n}" for n in number // 20 % 50])}
    names |= {"channel": pa.array(["store"] * count), "origin": pa.array(number % 20 // 4), "step": pa.array(number % 4)}
    columns = {f"f{i}": pa.array(x[:, i]) for i in range(inputs)}
    more = {LABEL: pa.array(label), WEIGHT: pa.array(random.uniform(0.5, 1, count))}
    pq.write_table(pa.table(names | columns | more), file, row_group_size=100_000)


def settings(arguments: argparse.Namespace) -> Config:
    """The night's settings with the benchmark's size."""
    return Config(training=Training(rounds=arguments.rounds, max_depth=arguments.depth))


def native(file: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """One process, two threads."""
    import xgboost

    config = settings(arguments)
    with Meter() as meter:
        rows = pq.read_table(file)
        names = [name for name in rows.column_names if name.startswith("f")]
        x = np.column_stack([rows[name].to_numpy() for name in names])
        matrix = xgboost.QuantileDMatrix(x, rows[LABEL].to_numpy(), weight=rows[WEIGHT].to_numpy(), nthread=2)
        xgboost.train({**boosting.parameters(config), "nthread": 2}, matrix, arguments.rounds)
    return meter.result()


def spark(file: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Two workers of one thread."""
    from pyspark.sql import functions as F

    from jobs.forecast.watch import Watch
    from jobs.lake import Lake
    from jobs.session import start

    session = start("training benchmark", {"spark.master": "local[2]"})
    session.range(10).count()
    lake, watch = Lake(str(file.parent / "lake"), session), Watch(session.sparkContext, time.monotonic() + 24 * 3600)
    with Meter() as meter:
        rows = session.read.parquet(str(file))
        names = [name for name in rows.columns if name.startswith("f")]
        rows = rows.select(*ROW, LABEL, WEIGHT, F.array(*names).alias(PACKED))
        boosting.fit(rows, lake, settings(arguments), watch, inputs=names)
    lake.drop_checkpoints()
    return meter.result()


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"rows": 1_000_000, "inputs": 30, "depth": 8, "rounds": 200, "repeats": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps({"native": native, "spark": spark}[arguments.way](arguments.file, arguments)))
        return 0
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        write_rows(file, arguments.rows, arguments.inputs)
        for _ in range(arguments.repeats):
            for way in WAYS:
                command = [sys.executable, __file__, *sys.argv[1:], "--way", way, "--file", str(file)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                found[way].append(json.loads(done.stdout.strip().splitlines()[-1]))
                print(way, found[way][-1], file=sys.stderr)
    return report(found)


def report(found: dict[str, list[dict[str, float]]]) -> int:
    """Medians as a table; 1 where the limit is missed."""
    middle = {way: {name: median(run[name] for run in runs) for name in runs[0]} for way, runs in found.items()}
    print(f"{'':<8}{'seconds':>10}{'processor s':>13}{'peak GB':>9}")
    for way in WAYS:
        print(f"{way:<8}{middle[way]['seconds']:>10.1f}{middle[way]['cpu']:>13.1f}{middle[way]['memory']:>9.2f}")
    ratio = middle["spark"]["seconds"] / middle["native"]["seconds"]
    print(f"Spark takes {ratio:.2f} x native (limit {LIMIT}); processor time {middle['spark']['cpu'] / middle['native']['cpu']:.2f} x")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
