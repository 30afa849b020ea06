"""Bad input: one table of cases (tests/bad_input.py), each with its outcome and the rows kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from jobs import run
from jobs.config import Config
from jobs.errors import Blocked
from jobs.ingest import job as ingest
from jobs.ingest.report import Report
from jobs.lake import Lake
from jobs.plan.costs import unit_costs
from jobs.plan.lanes import considered
from jobs.plan.night import Night
from jobs.quality import landing_gate
from jobs.quality.reconcile import count_rows, reconcile_files
from schemas import FEEDS
from tests.bad_input import (
    BASE,
    COMMANDS,
    DOCUMENT,
    DROP,
    FILES,
    GATES,
    LANDINGS,
    NIGHT,
    PLANS,
    CommandCase,
    FileCase,
    GateCase,
    PlanCase,
    document,
)
from tests.builders import Landing
from tests.jobs.plan.small import night as plan_night

CONFIG = Config()


@dataclass(frozen=True)
class World:
    """A lake that has read a landing folder full of bad files, twice.

    files        path -> row of ops/files (current ones)
    quarantine   path -> rules of its rows, in order
    silver       feed -> rows of its silver table
    reports      what each of the two runs found
    """

    lake: Lake
    files: dict[str, dict[str, Any]]
    quarantine: dict[str, list[list[str]]]
    silver: dict[str, list[dict[str, Any]]]
    reports: tuple[Report, Report]

    def kept(self, case: FileCase) -> list[dict[str, Any]]:
        """Silver rows of the case's file."""
        return [row for row in self.silver.get(case.feed, []) if row["file"] == case.path]


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("bad")
    landing = Landing(root / "landing")
    for name, content in BASE.items():
        feed, file = name.split("/")
        landing.file(f"{feed}/{DROP}/{file}", content)
    for case in FILES:
        landing.file(case.path, case.content)
    lake = Lake(str(root / "lake"), spark, "r1")
    lake.create_tables()
    first = ingest.main(spark, lake, CONFIG, NIGHT, str(landing.root))
    for case in FILES:
        if case.changed_to is not None:
            landing.file(case.path, case.changed_to)
    second = ingest.main(spark, lake, CONFIG, NIGHT, str(landing.root))
    return read_world(lake, (first, second))


def read_world(lake: Lake, reports: tuple[Report, Report]) -> World:
    bad: dict[str, list[list[str]]] = defaultdict(list)
    for row in sorted(lake.arrow("ops/quarantine").to_pylist(), key=lambda r: (r["file"], r["row"])):
        bad[row["file"]].append(sorted(row["rules"]))
    files = {row["file"]: row for row in lake.arrow("ops/files").to_pylist() if row["current"]}
    silver = {name: lake.arrow(feed.silver().path).to_pylist() for name, feed in FEEDS.items()}
    return World(lake, files, bad, silver, reports)


@pytest.mark.parametrize("case", FILES, ids=lambda c: c.file)
def test_files_and_rows(world: World, case: FileCase) -> None:
    if case.unread:
        assert case.path not in world.files
        assert not world.kept(case)
        return
    record = world.files[case.path]
    assert len(world.kept(case)) == record["silver"] == case.kept
    assert world.quarantine.get(case.path, []) == [sorted(rules) for rules in case.rules]
    assert record["quarantined"] == len(case.rules)
    assert record["duplicate"] == case.duplicates
    assert record["defect"] == case.defect
    assert record["delivered"] == case.kept + len(case.rules) + case.duplicates


def test_every_case_has_its_own_file() -> None:
    assert len({case.path for case in FILES}) == len(FILES)


def test_what_is_kept_is_kept_as_it_came(world: World) -> None:
    by_file = {case.file: world.kept(case) for case in FILES}

    assert by_file["sales/zeros.csv"][0]["item_id"] == "007"
    assert by_file["items/quotes.csv"][0]["name"] == '12" board, oak\nand ash'
    assert float(by_file["sales/changed.csv"][0]["units"]) == 6
    assert "customer_email" not in by_file["sales/extra.csv"][0]
    extra = world.lake.arrow("bronze/sales", ["file", "extra"]).to_pylist()
    assert [row["extra"] for row in extra if row["file"].endswith("extra.csv")] == [[("customer_email", "a@example.org")]]


def test_the_second_reading_touches_only_what_changed(world: World) -> None:
    first, second = world.reports

    assert first.unknown_feeds == ("weather",)
    assert first.extra_columns["sales"] == ("customer_email",)
    assert second.extra_columns == {}
    assert second.new == ()
    assert second.changed == (next(case.path for case in FILES if case.changed_to),)


@pytest.fixture(scope="module")
def gates(spark: SparkSession, world: World, tmp_path_factory: pytest.TempPathFactory) -> Callable[[GateCase], dict[str, Any]]:
    """Gate case -> rows of ops/quality_results of the feed, by rule; each folder and night is judged once."""
    done: dict[tuple[str, Any], tuple[str, list[dict[str, Any]]]] = {}

    def judge(case: GateCase) -> tuple[str, dict[str, Any]]:
        key = (case.files, case.night)
        if key not in done:
            lake = world.lake.for_run(f"{case.files}-{case.night}")
            if case.files in LANDINGS:
                root = tmp_path_factory.mktemp(case.files)
                landing = Landing(root / "landing")
                for path, content in LANDINGS[case.files].items():
                    landing.file(path, content)
                lake = Lake(str(root / "lake"), spark, "r1")
                lake.create_tables()
                ingest.main(spark, lake, CONFIG, case.night, str(landing.root))
            with pytest.raises(Blocked) as stopped:
                landing_gate(spark, lake, CONFIG, case.night)
            found = lake.arrow("ops/quality_results", where=[("run_id", "=", lake.run_id)])
            done[key] = (str(stopped.value), found.to_pylist())
        message, rows = done[key]
        return message, {row["rule"]: row for row in rows if row["table"] == case.feed}

    return judge


@pytest.mark.parametrize("case", GATES, ids=lambda c: c.given)
def test_feeds(gates: Callable[[GateCase], tuple[str, dict[str, Any]]], case: GateCase) -> None:
    message, results = gates(case)

    if case.rule is None:
        assert all(row["passed"] for row in results.values())
        return
    assert not results[case.rule]["passed"]
    assert results[case.rule]["blocking"] == case.stops
    assert (f"- {case.feed}: {case.rule}:" in message) == case.stops


@pytest.mark.parametrize("feed", sorted({case.feed for case in FILES if case.defect}))
def test_an_unusable_file_stops_the_night(gates: Callable[[GateCase], tuple[str, dict[str, Any]]], feed: str) -> None:
    defective = [case for case in FILES if case.feed == feed and case.defect]
    message, results = gates(GateCase("", feed, "file_unreadable", stops=True, files="files"))

    assert f"- {feed}: file_unreadable:" in message
    assert sorted(results["file_unreadable"]["examples"]) == sorted(f"{case.path}: {case.defect}" for case in defective)


def test_nothing_is_lost_between_landing_and_silver(gates: Callable[[GateCase], tuple[str, dict[str, Any]]]) -> None:
    for feed in sorted({case.feed for case in FILES} & set(FEEDS)):
        _, results = gates(GateCase("", feed, None, stops=False, files="files"))
        assert results["not_reconciled"]["passed"], feed


@pytest.mark.parametrize(("table", "feed"), [("silver/sales", "sales"), ("silver/prices", "prices"), ("ops/quarantine", "sales")])
def test_one_row_lost_after_ingest_is_noticed(world: World, table: str, feed: str) -> None:
    lost = next(case for case in FILES if case.feed == feed and (case.rules if table == "ops/quarantine" else case.kept == 1))
    delta = DeltaTable(world.lake.location(table))
    before = delta.version()
    records = world.lake.arrow("ops/files").to_pylist()
    delta.delete(f"file = '{lost.path}' AND row = 1")
    outcomes = reconcile_files(records, count_rows(world.lake, NIGHT))
    DeltaTable(world.lake.location(table)).restore(before)

    assert [(o.table, o.failed_rows) for o in outcomes if o.stops] == [(feed, 1)]
    assert all(o.passed for o in reconcile_files(records, count_rows(world.lake, NIGHT)))


def seen(world: World, **more: Any) -> Night:
    """The plan's view of the lanes and closed days in the lake."""
    lanes = world.lake.arrow("silver/lanes")
    closed = world.lake.arrow("silver/calendar", ["region", "date"])
    locations = world.lake.arrow("silver/locations", ["location_id", "kind", "region"])
    return Night(NIGHT, CONFIG, plan_night().ranks, locations, lanes=lanes.filter(pc.is_null(lanes["item_id"])), closed=closed)


@pytest.mark.parametrize("case", PLANS, ids=lambda c: c.kind)
def test_plan(world: World, case: PlanCase) -> None:
    pairs = pl.DataFrame({"item_id": ["i1", "i1", "bare", "i1"], "location_id": ["S1", "S9", "S1", "V"]}).with_columns(
        item_cost=pl.lit(None, pl.Float64), override_source=pl.lit(None, pl.String), overridden=pl.lit(False)
    )
    lines, found = considered(pairs, None, seen(world))
    costs = lines.with_columns(pl.lit(None, pl.Float64).alias(f"{name}_cost") for name in ("holding", "shortage", "waste"))
    items = pl.DataFrame({"item_id": ["i1", "bare"], "unit_price": [2.0, None]})
    _, priced = unit_costs(costs, {}, items, seen(world))
    said = pl.concat([found, priced]).filter(pl.col("kind") == case.kind)

    assert len(said) == 1
    row = said.row(0, named=True)
    about = {"lane_cycle": None, "no_order_day": "S9", "no_lane": "V", "no_unit_cost": "bare"}[case.kind]
    assert about in (None, row["item_id"], row["location_id"])


@pytest.mark.parametrize("case", COMMANDS, ids=lambda c: c.given)
def test_commands(case: CommandCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "landing").mkdir()

    assert run.main([part.format(tmp=tmp_path) for part in case.command]) == case.exit_code
    assert case.says in capsys.readouterr().err


def test_the_page_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run `python -m tests.bad_input`"
