"""The set-up where Java is missing, too old or there: with programs that only write down how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("bash", "sed", "head", "grep", "cat", "rm", "env", "dirname", "touch")


def run(folder: Path, **programs: str) -> subprocess.CompletedProcess[str]:
    """`bin/setup ensure_java` with nothing on the path but what it needs and these programs."""
    for name in NEEDED:
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, text in programs.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"} | {"PATH": str(folder)}
    return subprocess.run([str(ROOT / "bin" / "setup"), "ensure_java"], env=environment, capture_output=True, text=True, check=False)


def java(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2025-04-15' >&2"


@pytest.mark.parametrize("version", ["17.0.15", "21.0.2", "25"])
def test_new_enough_java_is_left_alone(tmp_path: Path, version: str) -> None:
    done = run(tmp_path, java=java(version), apt_get="exit 9")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("present", [{}, {"java": java("1.8.0_402")}, {"java": java("11.0.22")}])
def test_without_java_it_says_the_one_command(tmp_path: Path, present: dict[str, str]) -> None:
    done = run(tmp_path, id="echo 1000", apt_get="exit 9", **present)
    assert done.returncode == 1
    assert "sudo apt-get install openjdk-" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_as_root_on_debian_it_installs_java(tmp_path: Path) -> None:
    done = run(tmp_path, id="echo 0", apt_get=f'echo "$@" >>{tmp_path}/calls')
    assert done.returncode == 0, done.stderr
    update, install = (tmp_path / "calls").read_text().splitlines()
    assert update == "update"
    assert "-jre-headless" in install


def test_elsewhere_it_says_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, id="echo 1000")
    assert done.returncode == 1
    assert "Java 17" in done.stderr
