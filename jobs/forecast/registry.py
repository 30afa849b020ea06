"""Models: their files, their rows in ops/models, which one a night uses, and when to train."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

import schemas
from jobs.errors import NightfillError, UsageError
from jobs.forecast.calibration import Calibration
from jobs.forecast.errors import Errors
from jobs.forecast.model import INPUTS, Model
from jobs.forecast.ranks import Dependence

if TYPE_CHECKING:
    from jobs.config import Config
    from jobs.lake import Lake

When = Literal["auto", "always", "never"]
Row = Mapping[str, Any]

BOOSTER, CALIBRATION, DEPENDENCE, ERRORS, MANIFEST = "model.ubj", "calibration.json", "dependence.json", "errors.json", "manifest.json"


def champion(models: Iterable[Row], business_date: date, grain: str) -> Row | None:
    """The model that the night uses: the newest champion trained on business_date or before; None without one.

    A model that a person made champion again, from a night on, overrules what had been trained for that night or later.
    """
    usable = [m for m in models if m["champion"] and _first_night(m) <= business_date and m["grain"] == grain]
    by_hand = [m for m in usable if m.get("champion_from")]
    standing = [m for m in usable if not any(h["champion_from"] <= _first_night(m) and m["trained"] < h["trained"] for h in by_hand)]
    return max(standing, key=lambda m: (_first_night(m), m["trained"], m["model_id"]), default=None)


def _first_night(model: Row) -> date:
    """First night that may use the model as champion."""
    first: date = model.get("champion_from") or model["business_date"]
    return first


def find(lake: Lake, model_id: str) -> Row:
    """The row of a registered model, named by its id or the beginning of it. Raises UsageError."""
    found = {m["model_id"]: m for m in rows(lake) if m["model_id"].startswith(model_id) and not m["champion_from"]}
    if len(found) != 1:
        what = f"begins the names of {', '.join(sorted(found))}" if found else "is not in ops/models"
        raise UsageError(f"model {model_id!r} {what}: `nightfill models --lake {lake.root}` lists them. Nothing was changed.")
    return next(iter(found.values()))


def use(lake: Lake, model_id: str, first: date) -> str:
    """Make a registered model champion from the night ``first`` on; returns what was done, in words.

    One row more in ops/models: nights before ``first`` choose as they did, and replays name their model. A challenger
    trained later takes over if it beats it. ``model_id`` may be the beginning of one. Raises UsageError.
    """
    row = find(lake, model_id)
    if first < row["business_date"]:
        raise UsageError(f"model {row['model_id']} was trained for {row['business_date']}: a night before that can't use it.")
    load(lake, row["model_id"])
    again = {"run_id": f"by-hand-{first}", "champion": True, "champion_from": first, "trained": datetime.now(UTC)}
    again["reason"] = f"champion: made so by hand, from {first} on"
    record(lake, pa.Table.from_pylist([{**row, **again}], schemas.TABLES["ops/models"].schema))
    return (
        f"Model {row['model_id']} is champion from the night of {first} on. Nights published already stay as they are; "
        "running one again uses it."
    )


def due(models: Iterable[Row], business_date: date, config: Config) -> str | None:
    """Why the night should train, or None.

    A night may only use what was trained on its date or before; a challenger that lost counts as trained.
    A rerun finds the model of its own night and doesn't train again.
    """
    known = [m for m in models if m["business_date"] <= business_date and m["grain"] == config.grain]
    if champion(known, business_date, config.grain) is None:
        return "no model yet"
    age = (business_date - max(m["business_date"] for m in known)).days
    limit = config.training.max_age_days
    return f"the last model is {age} days old, more than {limit}" if age > limit else None


def rows(lake: Lake) -> list[dict[str, Any]]:
    """All rows of ops/models."""
    found: list[dict[str, Any]] = lake.arrow("ops/models").to_pylist()
    return found


def save(lake: Lake, model: Model, manifest: Mapping[str, Any]) -> Path:
    """Write the model's files, once: a folder that exists holds the same bytes already.

    The files appear together, by one rename, so that a killed run leaves no half model.
    """
    folder = lake.model_folder(model.model_id)
    if folder.exists():
        return folder
    draft = folder.with_name(f".{model.model_id}.{os.getpid()}.tmp")
    draft.mkdir(parents=True, exist_ok=True)
    (draft / BOOSTER).write_bytes(model.booster)
    (draft / CALIBRATION).write_text(model.calibration_json(), encoding="utf-8")
    (draft / DEPENDENCE).write_text(model.dependence_json(), encoding="utf-8")
    if model.errors:
        (draft / ERRORS).write_text(model.errors_json(), encoding="utf-8")
    content = {"model_id": model.model_id, "inputs": list(INPUTS), **manifest}
    (draft / MANIFEST).write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    try:
        draft.rename(folder)
    except OSError:
        # Another run wrote the same model first.
        shutil.rmtree(draft)
        if not folder.exists():
            raise
    return folder


def load(lake: Lake, model_id: str) -> Model:
    """Read a model. Raises NightfillError where its files are gone or not what their name says."""
    folder = lake.model_folder(model_id)
    try:
        calibration = Calibration(**json.loads((folder / CALIBRATION).read_text(encoding="utf-8")))
        dependence = Dependence(**json.loads((folder / DEPENDENCE).read_text(encoding="utf-8")))
        record = folder / ERRORS
        # Models of before the record was kept have none.
        errors = Errors(**json.loads(record.read_text(encoding="utf-8"))) if record.exists() else None
        model = Model((folder / BOOSTER).read_bytes(), calibration, dependence, errors)
    except FileNotFoundError as error:
        raise NightfillError(
            f"model {model_id} is in ops/models but its file {error.filename} is missing. Run the night again with --train always."
        ) from None
    if model.model_id != model_id:
        raise NightfillError(
            f"the files of model {model_id} in {folder} are not the ones it was saved with, or other features are computed now. "
            "Run the night again with --train always."
        )
    return model


def record(lake: Lake, row: pa.Table) -> None:
    """Write one row of ops/models; a rerun replaces its own."""
    first = row.to_pylist()[0]
    where = f"model_id = '{first['model_id']}' AND business_date = DATE '{first['business_date']}' AND run_id = '{first['run_id']}'"
    lake.write_arrow("ops/models", row, where)
