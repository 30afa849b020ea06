"""Settings: presets, what can be overridden, and one clear line a mistake."""

from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.simulate.world import load, parse
from jobs.simulate.world.config import EFFECTS, PRESETS


@pytest.mark.parametrize("preset", ["calm", "retail", "hard"])
def test_presets_can_be_used_and_overridden_key_by_key(preset: str) -> None:
    plain, changed = parse({"preset": preset}), parse({"preset": preset, "size": {"stores": 17, "lines": 900}})
    assert plain.size.lines == 1000
    assert changed.size.model_copy(update={"stores": 18, "lines": 1000}) == plain.size
    assert changed.supply == plain.supply
    assert {path.stem for path in PRESETS.glob("*.toml")} == {"calm", "retail", "hard", "small"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sede = 1", "sede: Extra inputs are not permitted"),
        ("[size]\nshops = 3", "size.shops: Extra inputs are not permitted"),
        ("[supply]\nfresh = -0.1", "supply.fresh: Input should be greater than or equal to 0"),
        ("[span]\nfirst = 2024-01-05\nlast = 2024-01-01", "span: Value error, last (2024-01-01) must come after first (2024-01-05)"),
        ("[span]\nfirst = 2024-01-05\nlast = 2024-01-09\nnights = 5", "span: Value error, 5 nights up to 2024-01-09 leave no history"),
        ('off = ["wether"]', "off.0: Input should be 'trend', 'weekday'"),
        ('preset = "easy"', "preset: Input should be 'calm', 'retail' or 'hard'"),
        ("[size]\nlines = 100000", "size: Value error, lines (100000) must be from 10 (one a location) to 2000 (items x locations)"),
        ("[size]\nstores = 0\nonline = 0", "size: Value error, stores and online are both 0"),
        ('[supply]\nstore_order_days = ["montag"]', "supply.store_order_days.0: Value error, 'montag' is not a list of weekdays"),
        ("[supply]\nlife = [9, 3]", "supply: Value error, life must be from its smaller to its larger number"),
        ("[supply]\nstore_lead = []", "supply: Value error, store_lead is empty"),
        ('[[events]]\nname = "x"\nmonth = 13\nday = 1', "events.0.month: Input should be less than or equal to 12"),
        ('[[events]]\nname = "x"\nmonth = 2\nday = 29', "events.0: Value error, not every year has a day 29 of month 2"),
        ("x = [", "is not valid TOML"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "world.toml").write_text(text)
    with pytest.raises(UsageError) as raised:
        load(tmp_path / "world.toml")
    assert line in str(raised.value)
    assert len(str(raised.value).splitlines()) <= 2


@pytest.mark.parametrize("preset", ["calm", "retail", "hard"])
def test_a_preset_is_loaded_by_its_name(preset: str) -> None:
    assert load(preset) == parse({"preset": preset})


def test_the_small_world_is_retail_with_fewer_lines() -> None:
    small, retail = load("small"), load("retail")
    assert small.size.lines < retail.size.lines
    assert small.model_copy(update={"size": retail.size, "span": retail.span}) == retail


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UsageError, match=r"no configuration file nowhere\.toml"):
        load("nowhere.toml")


def test_docs_name_every_effect_and_key() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs" / "world.md").read_text()
    sections = {name: value for name, value in parse({}).model_dump().items() if isinstance(value, dict)}
    keys = [*EFFECTS, *sections, *(key for section in sections.values() for key in section)]
    assert [key for key in keys if f"`{key}`" not in text] == []
