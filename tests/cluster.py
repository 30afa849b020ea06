"""A real Spark cluster on loopback: a master and two workers, each a process of its own, that don't have our code.

The interpreter of the executors sees the packages of this environment but not the checkout, so our code can only
come to them by --py-files.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.small_night import kill_tree

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Cluster:
    """master: its spark:// address; python: interpreter without our code; code: the wheel as .zip; logs: folder."""

    master: str
    python: Path
    code: Path
    logs: Path

    def submit(self, *arguments: str, application: Path, settings: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """spark-submit of an application from outside the checkout, driver here, executors on the workers."""
        options = {"spark.executor.memory": "1g", "spark.driver.memory": "1200m", "spark.driver.host": "127.0.0.1"} | (settings or {})
        conf = [part for key, value in options.items() for part in ("--conf", f"{key}={value}")]
        command = [str(BIN / "spark-submit"), "--master", self.master, "--py-files", str(self.code), *conf, str(application), *arguments]
        return subprocess.run(command, env=self.environment(), cwd=self.logs, capture_output=True, text=True, timeout=900, check=False)

    def environment(self) -> dict[str, str]:
        """What the driver and the workers find in their environment: nothing that leads to the checkout's code."""
        return spark_environment(self.python)


def spark_environment(python: Path) -> dict[str, str]:
    """Environment of Spark's processes, with the given interpreter for driver and executors."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYSPARK", "SPARK"))}
    return kept | {
        "SPARK_CONF_DIR": str(ROOT / "jobs" / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": str(python),
        "PYSPARK_DRIVER_PYTHON": str(python),
        "SPARK_NO_DAEMONIZE": "1",
    }


def foreign_python(folder: Path) -> Path:
    """An interpreter with this environment's packages, but not with the checkout that is installed here as editable.

    A path named in a .pth file is searched, but the .pth files that lie in it are not read.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (packages / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def zipped_wheel(folder: Path) -> Path:
    """The project's wheel, renamed to .zip: Spark puts .zip, .egg and .jar on the executors' path, but no .whl."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return Path(shutil.copy(next(folder.glob("*.whl")), folder / "nightfill.zip"))


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """Start master and workers, wait until all have registered, and stop them at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    python, code = foreign_python(folder / "python"), zipped_wheel(folder / "dist")
    port = free_port()
    cluster = Cluster(f"spark://127.0.0.1:{port}", python, code, folder)
    master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
    daemons = [_daemon(cluster, "master", master)]
    try:
        for number in range(workers):
            worker = [
                "--host",
                "127.0.0.1",
                "--cores",
                "1",
                "--memory",
                "1400m",
                "--webui-port",
                "0",
                "--work-dir",
                str(folder / f"work{number}"),
            ]
            daemons.append(_daemon(cluster, f"worker{number}", ["org.apache.spark.deploy.worker.Worker", *worker, cluster.master]))
        for number in range(workers):
            _wait_for(folder / f"worker{number}.log", "Successfully registered with master", daemons)
        yield cluster
    finally:
        for daemon in reversed(daemons):
            kill_tree(daemon.pid)
            daemon.wait()


def _daemon(cluster: Cluster, name: str, command: list[str]) -> subprocess.Popen[bytes]:
    """A Spark daemon that logs what it does (our own log settings would keep it silent)."""
    logging = cluster.logs / "log4j2.properties"
    logging.write_text(
        "rootLogger.level = info\nrootLogger.appenderRef.stderr.ref = stderr\nappender.stderr.type = Console\n"
        "appender.stderr.name = stderr\nappender.stderr.target = SYSTEM_ERR\nappender.stderr.layout.type = PatternLayout\n"
        "appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex\n"
    )
    environment = cluster.environment() | {"SPARK_DAEMON_JAVA_OPTS": f"-Dlog4j2.configurationFile={logging}", "SPARK_DAEMON_MEMORY": "256m"}
    with (cluster.logs / f"{name}.log").open("w") as log:
        return subprocess.Popen([str(BIN / "spark-class"), *command], env=environment, cwd=cluster.logs, stdout=log, stderr=log)


def _wait_for(log: Path, text: str, daemons: list[subprocess.Popen[bytes]], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while text not in log.read_text():
        assert all(daemon.poll() is None for daemon in daemons), log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.3)
