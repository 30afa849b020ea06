"""`make simulate`: the world is written and read once, also after a kill in between; then its nights are simulated."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Writes down how it was called; its world has two drops, and a file `fail` lets ingest fail.
NIGHTFILL = """#!/bin/bash
echo "$@" >>calls
[ "$1" != world ] || mkdir -p "$5"/sales/2024-01-{08,09}
[ "$1" != ingest ] || ! [ -e fail ]
"""


def run(folder: Path) -> list[list[str]]:
    """The calls of a run, each as its words."""
    (folder / "calls").unlink(missing_ok=True)
    environment = os.environ | {"NIGHTFILL_HOME": str(folder / "var")}
    subprocess.run([str(folder / "bin" / "simulate"), "small"], env=environment, check=False, capture_output=True)
    return [line.split() for line in (folder / "calls").read_text().splitlines()]


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    for folder in ("bin", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "simulate", tmp_path / "bin")
    program = tmp_path / ".venv" / "bin" / "nightfill"
    program.write_text(NIGHTFILL)
    program.chmod(0o755)
    (tmp_path / "fail").touch()
    assert [call[0] for call in run(tmp_path)] == ["world", "ingest"], "a lake that was not read is not simulated"
    (tmp_path / "fail").unlink()
    world, ingest, simulate = run(tmp_path)
    assert world[:3] == ["world", "--config", "small"]
    assert ingest[-1] == "2024-01-08", "the first drop is all that the lake must know"
    assert simulate[:3] == ["simulate", "--world", "small"]
    assert ingest[4] == simulate[4] == str(tmp_path / "var" / "simulate" / "small" / "lake")
    assert [call[0] for call in run(tmp_path)] == ["simulate"]
