"""The bundled sample: history and seven later drops, copied into a landing folder night by night."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from jobs.errors import UsageError

BUNDLED = Path(__file__).resolve().parents[3] / "data" / "sample" / "landing"


def load_sample(landing: str | Path, night: int, source: Path = BUNDLED) -> date:
    """Copy the history and the first ``night`` later drops; returns the night's business date.

    Files that are there already with the same content are left alone, and nothing is deleted.
    Raises UsageError for a night that the sample does not have.
    """
    drops = sorted({folder.name for folder in source.glob("*/*") if folder.is_dir()})
    if not drops:
        raise UsageError(f"the sample is not at {source}: run this from a checkout of Nightfill")
    if not 1 <= night < len(drops):
        raise UsageError(f"the sample has the nights 1 to {len(drops) - 1}, not {night}; go on with a landing folder of your own (README)")
    for file in sorted(source.glob("*/*/*")):
        if file.parent.name <= drops[night]:
            _copy(file, Path(landing) / file.relative_to(source))
    return date.fromisoformat(drops[night])


def _copy(file: Path, target: Path) -> None:
    if target.is_file() and target.read_bytes() == file.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".tmp")
    shutil.copyfile(file, unfinished)
    unfinished.replace(target)
