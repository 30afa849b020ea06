"""Which model a night uses, when it trains, and files that are never overwritten."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.config import Config
from jobs.errors import NightfillError
from jobs.forecast import registry
from jobs.forecast.calibration import Calibration
from jobs.forecast.model import Model
from jobs.forecast.ranks import Dependence
from jobs.lake import Lake

D = date(2024, 5, 29)
DAY = timedelta(days=1)
MODEL = Model(b"booster", Calibration([], [], 3, [1.0, 1.0], [0.0, 0.0], [[1.0] * 15] * 2))


def _row(day: date, name: str = "m", champion: bool = True, grain: str = "day") -> dict[str, Any]:
    return {"model_id": name, "business_date": day, "champion": champion, "grain": grain, "trained": datetime(2024, 6, 1, tzinfo=UTC)}


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


def test_files_survive_and_are_never_overwritten(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    folder = registry.save(lake, MODEL, {"rows": 3})
    assert registry.load(lake, MODEL.model_id) == MODEL
    before = (folder / "manifest.json").read_bytes()
    assert registry.save(lake, MODEL, {"rows": 99}) == folder
    assert (folder / "manifest.json").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == [MODEL.model_id]


def test_the_name_is_the_content() -> None:
    other = replace(MODEL, dependence=Dependence({"series": 1.0}, {"series": 0.1}))
    assert len({MODEL.model_id, other.model_id, replace(MODEL, booster=b"x").model_id}) == 3
    assert Model(b"booster", MODEL.calibration).model_id == MODEL.model_id


def test_missing_and_changed_files_say_what_to_do(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    with pytest.raises(NightfillError, match="--train always"):
        registry.load(lake, "none")
    folder = registry.save(lake, MODEL, {})
    (folder / "model.ubj").write_bytes(b"other")
    with pytest.raises(NightfillError, match="not the ones"):
        registry.load(lake, MODEL.model_id)
