"""A small landing folder and its nights, run in the test's own session or in a process that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psutil

from jobs.config import Config
from jobs.lake import Lake
from jobs.stages import Job, run, stages_of
from schemas import TABLES
from tests.builders import ITEMS, Landing
from tests.conftest import INTERPRETED

ROOT = Path(__file__).resolve().parents[1]
D = date(2024, 6, 12)
DAY = timedelta(1)
HISTORY = 42
#: Less than the defaults wherever that does not change what is tested.
TOML = """
horizon = 7
training = { rows = 3000, origins = 2, rounds = 5 }
planning = { paths = 16, shards = 2 }
"""
CONFIG = Config.model_validate(tomllib.loads(TOML))
SOURCES = ({"location_id": "DC", "kind": "dc"}, {"location_id": "supplier", "kind": "supplier"})
#: Stores that give training the rows it needs (jobs/forecast/examples.py: LEAST_ROWS); fewer, and the baseline forecasts.
ENOUGH_TO_TRAIN = 20
ITEM_IDS = tuple(str(item["item_id"]) for item in ITEMS)


@dataclass(frozen=True)
class Story:
    """What happened; equal stories land equal files.

    later      factor of every value dated D or later, and of what later drops say of earlier days
    yesterday  factor of the units sold on the day before D
    last       date of the last drop
    stores     number of stores
    """

    later: int = 1
    yesterday: int = 1
    last: date = D
    stores: int = 2

    @property
    def store_ids(self) -> tuple[str, ...]:
        """S1, S2, ..."""
        return tuple(f"S{n + 1}" for n in range(self.stores))

    def sold(self, day: date, correction: int = 1) -> list[dict[str, Any]]:
        """Sales of a day: numbers made from the date, item and store."""
        factor = self.later if day >= D else self.yesterday if day == D - DAY else 1
        return [
            {
                "item_id": item,
                "location_id": store,
                "sold_at": day.isoformat(),
                "units": factor * correction * Random(f"{day}{item}{store}").randint(0, 9),
                "unit_price": price,
                "line_id": f"{day}-{item}",
            }
            for store in self.store_ids
            for item, price in zip(ITEM_IDS, ("1.20", "2.50", "7.90"), strict=True)
        ]

    def stock(self, day: date) -> list[dict[str, Any]]:
        """Stock after closing: little in the stores, too little of one item in the distribution centre."""
        factor = self.later if day >= D else 1
        stores = [(item, store, n + 2) for n, item in enumerate(ITEM_IDS) for store in self.store_ids]
        centre = [(item, "DC", units) for item, units in zip(ITEM_IDS, (5, 200, 200), strict=True)]
        return [
            {"item_id": i, "location_id": where, "as_of": day.isoformat(), "on_hand": factor * units} for i, where, units in stores + centre
        ]

    def land(self, root: Path) -> Path:
        """A drop with masters and the history before D - 1, then one a day.

        The drop of a date brings the sales and the stock of the day before and, as some retailers do, the sales of the
        date itself so far; a drop after D also corrects what was sold on D - 1.
        """
        history = [row for n in range(2, HISTORY) for row in self.sold(D - n * DAY)]
        lanes = [{"source_id": "DC", "location_id": store, "lead_time_days": 1, "order_multiple": 3} for store in self.store_ids]
        first = (D - DAY).isoformat()
        locations = [{"location_id": store, "kind": "store"} for store in self.store_ids]
        landing = Landing(root).masters(first, [*locations, *SOURCES], ITEMS)
        landing.drop(first, lanes=lanes, sales=history, inventory=self.stock(D - 2 * DAY))
        for n in range((self.last - D).days + 1):
            day = D + n * DAY
            correction = self.sold(D - DAY, self.later) if n else []
            price = {"item_id": "002", "date": day.isoformat(), "unit_price": 2 * self.later}
            landing.drop(day.isoformat(), sales=[*correction, *self.sold(day - DAY), *self.sold(day)], inventory=self.stock(day - DAY))
            if n:
                landing.drop(day.isoformat(), prices=[price])
        return root


def run_night(lake: Lake, landing: Path, business_date: date = D, train: str = "never", mode: str = "stochastic") -> None:
    """The whole night, in this process."""
    job = Job(lake.session, lake, CONFIG.model_copy(update={"mode": mode}), business_date, str(landing), train)
    run(job, stages_of("nightly"), None, say=lambda _: None)


def hashes(lake: Lake, business_date: date = D) -> dict[str, str]:
    """Table -> hash of the published night."""
    run_id = lake.published_runs()[business_date]
    row = lake.arrow("ops/nights", ["hashes"], [("business_date", "=", business_date), ("run_id", "=", run_id)]).to_pylist()[0]
    return dict(row["hashes"])


def contents(lake: Lake) -> dict[str, str]:
    """Silver table -> hash of its rows: nothing was ingested twice, nothing lost."""
    from jobs.publish.hashes import rows_hash

    silver = [table for table in TABLES.values() if table.layer == "silver"]
    return {table.path: rows_hash(table, lake.arrow(table.path)) for table in silver}


def trained(lake: Lake) -> bool:
    """Whether a model was trained and the published forecasts are its own."""
    models = {row["model_id"] for row in lake.arrow("ops/models", ["model_id"]).to_pylist()}
    used = set(lake.arrow("gold/forecasts", ["model_id"], [("run_id", "=", lake.published_runs()[D])])["model_id"].to_pylist())
    return bool(models) and used <= models


def night_process(landing: Path, lake: Path, log: Path, train: str = "never", **environment: str) -> subprocess.Popen[bytes]:
    """A night in a process of its own, as a person would start it."""
    settings = lake.parent / "nightfill.toml"
    settings.write_text(TOML)
    command = [
        "nightly",
        "--landing",
        str(landing),
        "--lake",
        str(lake),
        "--business-date",
        D.isoformat(),
        "--config",
        str(settings),
        "--train",
        train,
    ]
    conf = " ".join(f"--conf {name}={value}" for name, value in INTERPRETED.items())
    arguments = f"--master local[2] --driver-memory 1g {conf} pyspark-shell"
    spark = {"SPARK_LOCAL_DIRS": str(lake.parent / "spark"), "PYSPARK_SUBMIT_ARGS": arguments}
    with log.open("w") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "jobs.run", *command],
            cwd=ROOT,
            env=os.environ | spark | {"PYTHONUNBUFFERED": "1"} | environment,
            stdout=stream,
            stderr=stream,
        )


def kill_night(landing: Path, lake: Path, point: str, train: str = "never", seconds: float = 600) -> None:
    """Run the night in a process of its own and kill its JVM and Python (SIGKILL) where it stands still at a point."""
    paused, log = (lake.parent / f"{lake.name}.{ending}" for ending in ("paused", "log"))
    paused.unlink(missing_ok=True)
    process = night_process(landing, lake, log, train, NIGHTFILL_PAUSE_AT=point, NIGHTFILL_PAUSE_FILE=str(paused))
    try:
        _wait_for(paused, process, seconds, log)
    finally:
        kill_tree(process.pid)
        process.wait()


def _wait_for(paused: Path, process: subprocess.Popen[bytes], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not paused.exists():
        assert process.poll() is None, f"the night ended before the point: {log.read_text()[-3000:]}"
        assert time.monotonic() < deadline, f"the night did not reach the point: {log.read_text()[-3000:]}"
        time.sleep(0.1)


def kill_tree(pid: int) -> None:
    """SIGKILL a process and all its children: the driver's Python, its JVM, the workers of both."""
    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=20)
