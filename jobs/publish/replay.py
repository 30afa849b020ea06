"""Decide a published night again, from what it read, and say whether it comes out in the same bytes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError
from pyarrow.fs import FileType

from jobs.config import Config
from jobs.errors import CodeDiffers, NotSame, UsageError, VersionsGone
from jobs.forecast.baseline import MODEL_ID as BASELINE
from jobs.lake import Lake
from jobs.publish.hashes import code_hash, table_hash
from schemas import GOLD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

#: What decides; ingest and training are not repeated: their results are the recorded versions and the model.
STAGES = ("features", "forecast", "plan", "evaluate")


@dataclass(frozen=True)
class Record:
    """What ops/nights keeps of a published night."""

    business_date: date
    run_id: str
    versions_read: Mapping[str, int]
    hashes: Mapping[str, str]
    config: str
    code_hash: str
    model_id: str | None

    @property
    def name(self) -> str:
        """For messages: ``night 2024-06-12 (run 20240612-1-0a1b2c3d)``."""
        return f"night {self.business_date} (run {self.run_id})"


def replay(lake: Lake, business_date: date, force: bool = False) -> str:
    """Decide the night again in a scratch folder; the lake stays as it is. Gives the sentence to print.

    Raises CodeDiffers (unless force), VersionsGone, or NotSame with the tables that differ.
    """
    record = read_record(lake, business_date)
    warning = check_code(record, code_hash(), force)
    check_versions(lake, record)
    with tempfile.TemporaryDirectory(prefix="nightfill-replay-") as scratch:
        found = _decide(lake, record, scratch)
    return warning + compare(record, found)


def read_record(lake: Lake, business_date: date) -> Record:
    """The published run of business_date; UsageError where there is none."""
    run_id = lake.published_runs().get(business_date)
    if run_id is None:
        raise UsageError(f"night {business_date} has not been published, so there is nothing to compare with: see `nightfill status`")
    row = lake.arrow("ops/nights", where=[("business_date", "=", business_date), ("run_id", "=", run_id)]).to_pylist()[0]
    return Record(
        business_date=business_date,
        run_id=run_id,
        versions_read={table: int(version) for table, version in dict(row["versions_read"]).items()},
        hashes=dict(row["hashes"]),
        config=row["config"],
        code_hash=row["code_hash"],
        model_id=row["model_id"],
    )


def check_code(record: Record, current: str, force: bool) -> str:
    """'' where the code is that of the night; a warning to print with force; else CodeDiffers."""
    if record.code_hash == current:
        return ""
    differs = f"{record.name} was decided by other code ({record.code_hash[:12]}, here {current[:12]})"
    if not force:
        raise CodeDiffers(
            f"{differs}. Install that version, or pass --force to compare with what this code decides. The lake is as it was."
        )
    return f"{differs}; compared nevertheless (--force).\n"


def check_versions(lake: Lake, record: Record) -> None:
    """VersionsGone unless every table version that the night read, and its model, can still be read in full."""
    gone = [f"{table} version {version}" for table, version in sorted(record.versions_read.items()) if not _readable(lake, table, version)]
    if record.model_id and record.model_id != BASELINE and not lake.model_folder(record.model_id).is_dir():
        gone.append(f"model {record.model_id}")
    if gone:
        days = Config.model_validate_json(record.config).retention_days
        raise VersionsGone(
            f"{record.name} can't be replayed: {', '.join(gone)} is gone (`maintain` keeps them for retention_days, {days}). "
            "The published tables of the night are still there."
        )


def _readable(lake: Lake, table: str, version: int) -> bool:
    try:
        rows = lake.dataset(table, version)
    except (DeltaError, FileNotFoundError):
        return False
    return all(info.type == FileType.File for info in rows.filesystem.get_file_info(rows.files)) if rows.files else True


def _decide(lake: Lake, record: Record, scratch: str) -> dict[str, str]:
    """Run the deciding stages into the scratch folder; table -> hash."""
    from jobs.stages import STAGES as JOBS
    from jobs.stages import Job

    Lake(scratch).create_tables()
    own = replace(lake, run_id=record.run_id, pins=record.versions_read, gold_root=scratch, model_id=record.model_id)
    job = Job(lake.session, own, Config.model_validate_json(record.config), record.business_date, landing="", train="never")
    for name in STAGES:
        JOBS[name](job)
    return {table: table_hash(own, table, record.business_date, record.run_id) for table in record.hashes}


def compare(record: Record, found: Mapping[str, str]) -> str:
    """The sentence for a night that comes out the same; NotSame names the tables that differ."""
    differ = [t.path for t in GOLD if t.path in record.hashes and found.get(t.path) != record.hashes[t.path]]
    if not differ:
        return f"{record.name} comes out in the same bytes: {len(record.hashes)} tables."
    raise NotSame(
        f"{record.name} comes out differently in {len(differ)} of {len(record.hashes)} tables: {', '.join(differ)}. "
        "Look at the first of them: the night writes them in this order. The lake is as it was."
    )
