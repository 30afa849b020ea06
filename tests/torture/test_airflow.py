"""The real Airflow, as `make airflow` starts it: scheduler, DAG processor, API server, triggerer; by trigger and by cron."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs.lake import Lake
from tests.cluster import ROOT, free_port
from tests.small_night import TOML, D, Story, hashes, kill_tree

pytestmark = pytest.mark.torture

#: How long after the start cron is due: later than the triggered night begins.
CRON_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Airflow:
    """A running Airflow: its address, the printed password, and the folder below which it keeps everything."""

    url: str
    password: str
    home: Path
    process: subprocess.Popen[str]

    def call(self, path: str, body: dict[str, Any] | None = None, token: str | None = None) -> dict[str, Any]:
        """One call of the REST API; urllib.error.HTTPError where it says no."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return dict(json.load(answer))

    def token(self) -> str:
        """A JWT for the printed user and password."""
        return str(self.call("/auth/token", {"username": "planner", "password": self.password})["access_token"])

    def runs(self) -> list[dict[str, Any]]:
        """All runs of the DAG."""
        return list(self.call("/api/v2/dags/nightly/dagRuns", token=self.token())["dag_runs"])


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    home = tmp_path_factory.mktemp("airflow")
    Story().land(home / "landing")
    (home / "nightfill.toml").write_text(TOML)
    due = datetime.now(UTC) + CRON_AFTER
    port = str(free_port())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "NIGHTFILL"))} | {
        "NIGHTFILL_HOME": str(home),
        "NIGHTFILL_CONFIG": str(home / "nightfill.toml"),
        "NIGHTFILL_SCHEDULE": f"{due.minute} {due.hour} * * *",
        "AIRFLOW_PORT": port,
        "AIRFLOW_CONN_SPARK_NIGHTFILL": '{"conn_type": "spark", "host": "local[2]"}',
    }
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen([str(ROOT / "bin" / "serve")], env=environment, stdout=log, stderr=log, text=True)
    try:
        said = wait_for(
            lambda: re.search(r"Airflow is up:\s+(\S+)\s+user: planner\s+password: (\S+)", (home / "serve.log").read_text()), process, 600
        )
        yield Airflow(said[1], said[2], home, process)
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        finally:
            kill_tree(process.pid)
        _, alive = psutil.wait_procs(family, timeout=10)
        for left in alive:
            left.kill()
        assert not alive, f"left behind: {alive}"


def wait_for(found: Callable[[], Any], process: subprocess.Popen[str], seconds: float) -> Any:
    """What ``found`` finds, as soon as it does."""
    deadline = time.monotonic() + seconds
    while (result := found()) is None:
        assert process.poll() is None, "Airflow has stopped"
        assert time.monotonic() < deadline, "took too long"
        time.sleep(2)
    return result


def finished(airflow: Airflow, kind: str) -> dict[str, Any]:
    """The first run of a kind (manual, scheduled), once it has ended."""

    def ended() -> dict[str, Any] | None:
        return next((run for run in airflow.runs() if run["run_type"] == kind and run["state"] in {"success", "failed"}), None)

    return wait_for(ended, airflow.process, 1500)


def log_tail(airflow: Airflow) -> str:
    """The end of the newest task log, for the message of a failed test."""
    logs = sorted((airflow.home / "airflow" / "logs").rglob("attempt=*.log"), key=lambda path: path.stat().st_mtime)
    return logs[-1].read_text()[-3000:] if logs else "no task has run"


def test_nobody_comes_in_without_the_password(airflow: Airflow) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        airflow.call("/api/v2/dags")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        airflow.call("/auth/token", {"username": "planner", "password": "planner"})


def test_it_listens_on_loopback_only(airflow: Airflow) -> None:
    family = [airflow.process.pid, *(child.pid for child in psutil.Process(airflow.process.pid).children(recursive=True))]
    listening = [c.laddr.ip for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.pid in family]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_a_wrong_parameter_is_refused(airflow: Airflow) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        airflow.call("/api/v2/dags/nightly/dagRuns", {"logical_date": None, "conf": {"business_date": "yesterday"}}, airflow.token())
    assert caught.value.code in {400, 422}


def test_a_triggered_night_is_published(airflow: Airflow) -> None:
    conf = {"business_date": D.isoformat(), "train": "never", "dry_run": False}
    started = airflow.call("/api/v2/dags/nightly/dagRuns", {"logical_date": None, "conf": conf}, airflow.token())
    run = finished(airflow, "manual")
    assert run["state"] == "success", log_tail(airflow)
    lake = Lake(str(airflow.home / "lake"))
    assert hashes(lake)["gold/orders"]
    night = lake.arrow("ops/nights", ["status", "launched_by", "attempt"]).to_pylist()
    assert {"status": "published", "launched_by": started["dag_run_id"], "attempt": 1} in night


def test_cron_runs_the_night_too(airflow: Airflow) -> None:
    run = finished(airflow, "scheduled")
    assert run["state"] == "success", log_tail(airflow)
    lake = Lake(str(airflow.home / "lake"))
    launched = {row["launched_by"]: row["status"] for row in lake.arrow("ops/nights", ["launched_by", "status"]).to_pylist()}
    assert launched[run["dag_run_id"]] == "published"
