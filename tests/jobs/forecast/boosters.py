"""Rows for boosters, made up, and the Python workers that train on them."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import psutil
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from jobs.forecast.examples import LABEL, WEIGHT
from jobs.forecast.model import INPUTS
from jobs.forecast.packing import PACKED


def made_up(spark: SparkSession, count: int, seed: int = 1) -> DataFrame:
    """Training rows with something to learn in the first two inputs; every fourth is held out."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(count, len(INPUTS)))
    number = np.arange(count)
    names = {"item_id": [f"i{n % 7}" for n in number], "location_id": ["S1"] * count, "channel": ["store"] * count}
    label = np.exp(0.5 * inputs[:, 0]) + inputs[:, 1] ** 2 + random.normal(size=count) / 2
    more = {"origin": number // 7, LABEL: label, WEIGHT: random.uniform(0.5, 1, count), "held_out": number % 4 == 0}
    packed = pa.array(list(inputs.astype(np.float32)), pa.list_(pa.float32()))
    return spark.createDataFrame(pa.table(names | more | {"step": number % 7, PACKED: packed}))


def trainers() -> list[psutil.Process]:
    """Python workers below this process that have loaded xgboost: those that train."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if any("libxgboost" in area.path for area in process.memory_maps()):
                found.append(process)
    return found


def busiest(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The one that worked most in the last tenth of a second: others may be left from an earlier fit, and idle."""

    def spent() -> list[float]:
        times = []
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                times.append(sum(process.cpu_times()[:2]))
        return times

    before = spent()
    time.sleep(0.1)
    after = spent()
    if len(before) != len(processes) or len(after) != len(processes) or not processes:
        return []
    used = [b - a for a, b in zip(before, after, strict=True)]
    return [processes[used.index(max(used))]]


@contextmanager
def fault(reached: Callable[[], bool], number: signal.Signals) -> Iterator[list[psutil.Process]]:
    """Send a signal to one worker, once, as soon as training has reached a point; gives the workers that got it."""
    hit: list[psutil.Process] = []

    def send() -> None:
        end = time.monotonic() + 120
        while not hit and time.monotonic() < end:
            if reached():
                for process in busiest(trainers()):
                    process.send_signal(number)
                    hit.append(process)
            time.sleep(0.05)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield hit
    thread.join(120)
