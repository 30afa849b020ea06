"""What the README promises: its commands, exit codes, tables and links exist, and its three CSV files work."""

from __future__ import annotations

import re
import subprocess
import tomllib
from datetime import date
from pathlib import Path

import pytest

from jobs import errors
from jobs.command_line import parser
from jobs.config import Config
from schemas import FEEDS, GOLD

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md", *(ROOT / "docs").rglob("*.md")])


def minimal_landing(folder: Path) -> Path:
    """The landing folder that the README's shell block makes."""
    (block,) = re.findall(r"```sh\n(.*?)```", README, re.S)
    subprocess.run(["bash", "-eu", "-c", block], cwd=folder, check=True)
    return folder / "mine" / "landing"


def test_every_command_and_exit_code_is_there() -> None:
    commands = next(a for a in parser()._actions if a.choices is not None and not isinstance(a.choices, (list, tuple)))
    missing = [name for name in commands.choices if f"`{name}" not in README and f"nightfill {name}" not in README]
    assert not missing
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.NightfillError)}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.M)} == codes | {0}


def test_every_gold_table_and_feed_is_there() -> None:
    assert [table.path for table in GOLD if f"`{table.path}`" not in README] == []
    assert [feed for feed in FEEDS if f"`{feed}`" not in README and f"landing/{feed}/" not in README] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_settings_page_has_every_key_with_its_default() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.S)
    assert Config.model_validate(tomllib.loads(block)) == Config()
    assert tomllib.loads(re.sub(r"^# (?=\w+ = )", "", block, flags=re.M)).keys() == Config().model_dump().keys()
    for section, keys in Config().model_dump().items():
        for key in keys if isinstance(keys, dict) else [section]:
            assert re.search(rf"^(# )?{key} = ", block, re.M), key


def test_the_three_csv_files_are_in_the_contracts_form(tmp_path: Path) -> None:
    landing = minimal_landing(tmp_path)
    files = sorted(str(f.relative_to(landing)) for f in landing.rglob("*.csv"))
    assert files == ["items/2024-05-13/items.csv", "locations/2024-05-13/locations.csv", "sales/2024-05-13/sales.csv"]
    for name in files:
        header = (landing / name).read_text().splitlines()[0].split(",")
        columns = FEEDS[name.split("/")[0]].columns
        assert set(header) <= {c.name for c in columns}
        assert {c.name for c in columns if not c.optional} <= set(header)


def test_the_three_csv_files_are_ingested_without_a_bad_row(lake, tmp_path: Path) -> None:
    from jobs.ingest import demand
    from jobs.ingest import job as ingest

    landing, night = minimal_landing(tmp_path), date(2024, 5, 13)
    ingest.main(lake.spark, lake, Config(), night, str(landing))
    demand.main(lake.spark, lake, Config(), night)
    assert lake.arrow("ops/quarantine").num_rows == 0
    assert lake.arrow("silver/sales").num_rows == 11
    rows = {(r["item_id"], r["location_id"], r["period"]): (r["units"], r["returns"]) for r in lake.arrow("silver/demand").to_pylist()}
    assert rows["0002", "S1", date(2024, 5, 11)] == (7, 1)
    assert rows["0001", "S2", date(2024, 5, 10)] == (3, 0)
