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


def spent() -> dict[psutil.Process, float]:
    """Seconds of CPU so far of the Python processes below this one; quick, for training doesn't wait."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "python" in process.name():
                found[process] = sum(process.cpu_times()[:2])
    return found


@contextmanager
def fault(reached: Callable[[], bool], number: signal.Signals) -> Iterator[list[psutil.Process]]:
    """Send a signal to one worker, once, as soon as training has reached a point; gives the workers that got it.

    It goes to the one that has worked most since the last look: others may be left from an earlier fit, and idle.
    """
    hit: list[psutil.Process] = []

    def send() -> None:
        end, before = time.monotonic() + 120, spent()
        while not hit and time.monotonic() < end:
            time.sleep(0.05)
            now = spent()
            if reached():
                worked = {process: seconds - before.get(process, seconds) for process, seconds in now.items()}
                busiest = max(worked, key=lambda process: worked[process])
                if worked[busiest] > 0:
                    busiest.send_signal(number)
                    hit.append(busiest)
            before = now

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield hit
    thread.join(120)
