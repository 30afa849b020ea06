"""Which model a night uses, when it trains, and files that are never overwritten."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import schemas
from jobs.config import Config
from jobs.errors import NightfillError, UsageError
from jobs.forecast import listing, registry
from jobs.forecast.calibration import Calibration
from jobs.forecast.errors import Errors
from jobs.forecast.model import Model
from jobs.forecast.ranks import Dependence
from jobs.lake import Lake
from jobs.learn.joint import Joint

D = date(2024, 5, 29)
DAY = timedelta(days=1)
MODEL = Model(b"booster", Calibration([], [], 3, [1.0, 1.0], [0.0, 0.0], [[1.0] * 15] * 2))


def _row(day: date, name: str = "m", champion: bool = True, grain: str = "day") -> dict[str, Any]:
    trained = datetime(2024, 6, 1, tzinfo=UTC)
    return {"model_id": name, "business_date": day, "champion": champion, "grain": grain, "trained": trained}


def test_a_night_uses_the_newest_champion_of_its_date_or_before() -> None:
    rows = [_row(D - 9 * DAY, "old"), _row(D, "own"), _row(D + DAY, "later"), _row(D, "lost", champion=False)]
    found = registry.champion(rows, D, "day")
    assert found is not None
    assert found["model_id"] == "own"
    assert registry.champion(rows, D - 10 * DAY, "day") is None
    assert registry.champion(rows, D, "week") is None


@pytest.mark.parametrize(
    ("rows", "trains"),
    [
        ([], True),
        ([_row(D + DAY)], True),  # of the future: not this night's
        ([_row(D)], False),  # a rerun of the night
        ([_row(D - 7 * DAY)], False),
        ([_row(D - 8 * DAY)], True),
        ([_row(D - 8 * DAY), _row(D - DAY, champion=False)], False),  # the challenger lost, but it was tried
        ([_row(D, champion=False)], True),
        ([_row(D, grain="week")], True),
    ],
)
def test_due(rows: list[dict[str, Any]], trains: bool) -> None:
    assert (registry.due(rows, D, Config()) is not None) == trains


def test_mode_joint_asks_for_a_model_that_learned_from_decisions() -> None:
    rows = [_row(D - DAY) | {"metrics": [("wape", "0.3")]}]
    joint = Config(mode="joint")
    assert registry.due(rows, D, joint) is not None
    # A challenger that learned and lost counts too.
    taught = registry.taught(replace(MODEL, joint=Joint()))
    assert registry.due([*rows, _row(D - DAY, "t", champion=False) | {"metrics": list(taught.items())}], D, joint) is None


def test_what_decisions_taught_is_part_of_the_model(tmp_path: Path) -> None:
    lake, taught = Lake(str(tmp_path)), replace(MODEL, joint=Joint(b"trees", 12, 900, 0.1, 0.02))
    assert taught.model_id != MODEL.model_id
    for model in (MODEL, taught):
        registry.save(lake, model, {})
        assert registry.load(lake, model.model_id) == model
        assert registry.is_taught(lake, model.model_id) == (model is taught)


def test_files_survive_and_are_never_overwritten(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    folder = registry.save(lake, MODEL, {"rows": 3})
    assert registry.load(lake, MODEL.model_id) == MODEL
    before = (folder / "manifest.json").read_bytes()
    assert registry.save(lake, MODEL, {"rows": 99}) == folder
    assert (folder / "manifest.json").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == [MODEL.model_id]


def test_the_record_of_errors_is_kept_and_older_models_have_none(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    kept = replace(MODEL, errors=Errors([1.0], 3, [0.5] * 4, [[1.0] * 15] * 4, [0.2] * 4, 0.25))
    registry.save(lake, kept, {})
    folder = registry.save(lake, MODEL, {})
    assert registry.load(lake, kept.model_id) == kept
    assert registry.load(lake, MODEL.model_id).errors is None
    assert not (folder / "errors.json").exists()


def test_the_name_is_the_content() -> None:
    other = replace(MODEL, dependence=Dependence({"series": 1.0}, {"series": 0.1}))
    record = replace(MODEL, errors=Errors([], 3, [0.5] * 2, [[1.0] * 15] * 2, [0.2] * 2, 0.25))
    assert len({MODEL.model_id, other.model_id, record.model_id, replace(MODEL, booster=b"x").model_id}) == 4
    assert Model(b"booster", MODEL.calibration).model_id == MODEL.model_id


def test_missing_and_changed_files_say_what_to_do(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    with pytest.raises(NightfillError, match="--train always"):
        registry.load(lake, "none")
    folder = registry.save(lake, MODEL, {})
    (folder / "model.ubj").write_bytes(b"other")
    with pytest.raises(NightfillError, match="not the ones"):
        registry.load(lake, MODEL.model_id)


def _registered(lake: Lake, day: date, booster: bytes, champion: bool = True) -> str:
    """A model with its files and its row, trained in the night of its day."""
    model = Model(booster, MODEL.calibration)
    registry.save(lake, model, {})
    row = _row(day, model.model_id, champion) | {"run_id": f"run of {day}", "rows": 900, "metrics": {"pinball": "0.1"}, "workers": 2}
    row["trained"] = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    registry.record(lake, pa.Table.from_pylist([row], schemas.TABLES["ops/models"].schema))
    return model.model_id


def _champion(lake: Lake, night: date) -> str | None:
    row = registry.champion(registry.rows(lake), night, "day")
    return row["model_id"] if row else None


@pytest.fixture
def three(tmp_path: Path) -> tuple[Lake, str, str, str]:
    """Three champions, a week apart, the last one of D."""
    lake = Lake(str(tmp_path))
    lake.create_tables()
    return lake, *(_registered(lake, D - weeks * 7 * DAY, f"booster {weeks}".encode()) for weeks in (2, 1, 0))


def test_roll_back_counts_from_its_night_on(three: tuple[Lake, str, str, str]) -> None:
    lake, first, second, third = three
    said = registry.use(lake, first[:8], D - 3 * DAY)
    assert first in said
    nights = [D - 14 * DAY, D - 7 * DAY, D - 4 * DAY, D - 3 * DAY, D, D + 30 * DAY]
    assert [_champion(lake, night) for night in nights] == [first, second, second, first, first, first]
    registry.use(lake, third, D)
    assert [_champion(lake, night) for night in nights] == [first, second, second, first, third, third]


def test_a_challenger_trained_after_a_roll_back_takes_over(three: tuple[Lake, str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    lake, first, *_ = three
    registry.use(lake, first, D)
    later = _registered(lake, D + 7 * DAY, b"later")
    row = next(m for m in registry.rows(lake) if m["model_id"] == later)
    registry.record(lake, pa.Table.from_pylist([row | {"trained": datetime.now(UTC) + 7 * DAY}], schemas.TABLES["ops/models"].schema))
    assert [_champion(lake, D + k * DAY) for k in (0, 6, 7)] == [first, first, later]


def test_roll_back_twice_changes_nothing(three: tuple[Lake, str, str, str]) -> None:
    lake, first, *_ = three
    for _ in range(2):
        registry.use(lake, first, D)
    assert len(registry.rows(lake)) == 4
    assert registry.due(registry.rows(lake), D + 7 * DAY, Config()) is None
    assert registry.due(registry.rows(lake), D + 8 * DAY, Config()) is not None


def test_what_can_not_be_rolled_back_to(three: tuple[Lake, str, str, str]) -> None:
    lake, first, second, _ = three
    before = registry.rows(lake)
    with pytest.raises(UsageError, match="is not in ops/models"):
        registry.use(lake, "nonesuch", D)
    with pytest.raises(UsageError, match="begins the names of"):
        registry.use(lake, "", D)
    with pytest.raises(UsageError, match="was trained for"):
        registry.use(lake, second, D - 8 * DAY)
    (lake.model_folder(first) / registry.BOOSTER).unlink()
    with pytest.raises(NightfillError, match="missing"):
        registry.use(lake, first, D)
    assert registry.rows(lake) == before


def test_the_list_marks_the_champion(three: tuple[Lake, str, str, str]) -> None:
    lake, first, *_ = three
    registry.use(lake, first, D)
    lines = listing.text(registry.rows(lake)).splitlines()
    assert [line.split()[0] for line in lines[1:]][-1] == "*"
    assert sum(line.startswith("*") for line in lines) == 1
    assert "made so by hand" in lines[-1]
    assert "0.1000" in lines[1]
    assert "baseline" in listing.text([])
