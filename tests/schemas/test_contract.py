"""The fixed contract, written down a second time: columns, keys and paths that other systems depend on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pyarrow as pa
import pytest

import schemas
from schemas.check import TABLE_KINDS
from schemas.gold.forecasts import QUANTILES
from schemas.table import Column, Feed, Table

#: feed -> columns (`?`: the file may lack it), key
LANDING = {
    "sales": ("item_id location_id channel? sold_at units unit_price? line_id?", "location_id line_id"),
    "availability": ("item_id location_id date in_stock_fraction out_of_stock_hours?", "item_id location_id date"),
    "inventory": ("item_id location_id as_of on_hand reserved? expires_on?", "item_id location_id as_of expires_on"),
    "open_orders": (
        "order_id item_id source_id location_id units ordered_on expected_on",
        "order_id item_id source_id location_id expected_on",
    ),
    "receipts": ("order_id? line_id? item_id location_id source_id? units received_on", "location_id line_id"),
    "items": (
        "item_id name? department? category? subcategory? unit_cost? unit_price? unit_volume? unit_weight? shelf_life_days?",
        "item_id",
    ),
    "locations": ("location_id kind name? region? city? timezone?", "location_id"),
    "assortment": (
        "item_id location_id active_from? active_to? presentation_min? max_stock? holding_cost? shortage_cost? waste_cost?",
        "item_id location_id active_from",
    ),
    "lanes": (
        (
            "source_id location_id item_id? lead_time_days lead_time_std? order_days? unit_cost? order_multiple? min_order_units? "
            "min_order_value? order_cost? truck_volume? truck_cost?"
        ),
        "source_id location_id item_id",
    ),
    "prices": ("item_id location_id? channel? date unit_price promotion?", "item_id location_id channel date"),
    "calendar": ("region? date event", "region date event"),
    "signals": ("location_id? region? date name value", "location_id region date name"),
    "capacities": ("resource location_id? item_id? date? limit unit", "resource location_id item_id date unit"),
    "overrides": (
        "item_id location_id source_id? business_date units reason user?",
        "item_id location_id source_id business_date",
    ),
}
#: path -> columns that are fixed; a table may have gained others since
LAKE = {
    "silver/demand": "item_id location_id channel period units returns in_stock_fraction price promotion known_from known_to",
    "silver/stock": "item_id location_id as_of on_hand reserved expires_on known_from known_to",
    "silver/inbound": "order_id item_id source_id location_id units ordered_on expected_on known_from known_to",
    "gold/features": "business_date run_id",
    "gold/forecasts": f"business_date run_id item_id location_id channel target_date mean p_zero {' '.join(QUANTILES)} model_id",
    "gold/path_ranks": "business_date run_id path",
    "gold/orders": "business_date run_id order_id line item_id source_id location_id units order_multiple expected_on expected_cost status",
    "gold/order_reasons": "business_date run_id item_id source_id location_id units",
    "gold/shadow_prices": "business_date run_id resource location_id item_id date price",
    "gold/certificates": "business_date run_id cost lower_bound gap",
    "gold/projections": "business_date run_id item_id location_id date",
    "gold/exceptions": "business_date run_id kind message",
    "gold/accuracy": "business_date run_id",
    "gold/kpis": "business_date run_id",
    "ops/models": "model_id",
    "ops/quality_results": "business_date run_id",
    "ops/quarantine": "feed file row rules values",
    "ops/nights": (
        "business_date attempt run_id status versions_read versions_written config_hash code_hash hashes model_id started published"
    ),
    "ops/files": "file sha256",
    "ops/backtests": "backtest_id method basis kind segment",
}
ALL: list[Table] = [*schemas.FEEDS.values(), *schemas.TABLES.values()]
MODULES = sorted((Path(schemas.__file__).parent).rglob("*.py"))


@pytest.mark.parametrize("feed", LANDING)
def test_a_feed_has_the_columns_and_the_key_of_the_contract(feed: str) -> None:
    columns, key = LANDING[feed]
    declared = schemas.FEEDS[feed]

    assert [f"{c.name}{'?' if c.optional else ''}" for c in declared.columns] == columns.split()
    assert " ".join(declared.key) == key


def test_the_feeds_are_those_of_the_contract() -> None:
    assert set(schemas.FEEDS) == set(LANDING)
    assert {name for name, feed in schemas.FEEDS.items() if feed.required} == {"sales", "items", "locations"}
    assert all(feed.absent for feed in schemas.FEEDS.values())


@pytest.mark.parametrize("path", LAKE)
def test_a_table_of_the_lake_has_its_fixed_columns(path: str) -> None:
    assert set(LAKE[path].split()) <= set(schemas.TABLES[path].column_names)


def test_the_quantiles_are_fixed() -> None:
    assert " ".join(QUANTILES) == "q01 q05 q10 q20 q25 q30 q40 q50 q60 q70 q75 q80 q90 q95 q99"
    assert all(name == f"q{round(level * 100):02d}" for name, level in QUANTILES.items())


@pytest.mark.parametrize("table", ALL, ids=lambda t: t.path)
def test_every_table_is_whole(table: Table) -> None:
    assert table.meaning
    assert all(c.meaning for c in table.columns)
    assert table.key or table.layer == "landing"
    names = [check.name for check in table.checks]
    assert len(set(names)) == len(names), "a quarantined row names its rules: each name means one check"
    for check in table.checks:
        assert set(check.columns) <= set(table.column_names)
        assert check.is_row_check
        assert check.kind not in ("values",) or check.values
        assert check.kind != "reference" or (check.table in ("items", "locations") and len(check.columns) == len(check.table_columns))
    if table.layer == "gold":
        assert table.column_names[:2] == table.partition_by == table.key[:2] == ("business_date", "run_id")
        assert all(check.blocking for check in table.checks)


def test_limits_of_numbers_make_sense() -> None:
    limited = [(t.path, c) for t in ALL for c in t.columns if c.minimum is not None or c.maximum is not None]

    assert not [(path, c.name) for path, c in limited if not c.is_number]
    assert not [(path, c.name) for path, c in limited if None not in (c.minimum, c.maximum) and not c.minimum < c.maximum]
    assert not [(t.path, c.name) for t in ALL for c in t.columns if c.values and not pa.types.is_string(c.type)]


def test_no_table_needs_a_newer_delta_reader() -> None:
    kinds = {field.type for table in ALL for field in table.schema}

    assert not [kind for kind in kinds if pa.types.is_timestamp(kind) and kind.tz is None]


def test_units_and_money_in_silver_and_orders_are_exact() -> None:
    exact = [*(feed.silver() for feed in schemas.FEEDS.values()), schemas.DEMAND, schemas.TABLES["gold/orders"]]
    inexact = [(t.path, c.name) for t in exact for c in t.columns if c.unit in ("units", "currency") and not pa.types.is_decimal(c.type)]

    assert inexact == []


@pytest.mark.parametrize("feed", schemas.FEEDS.values(), ids=lambda f: f.name)
def test_bronze_is_text_and_silver_is_typed(feed: Feed) -> None:
    bronze, silver = feed.bronze(), feed.silver()

    assert {bronze.schema.field(Feed.bronze_name(c.name)).type for c in feed.columns} == {pa.string()}
    assert bronze.column_names[:3] == ("business_date", "file", "row")
    assert [silver.schema.field(c.name).type for c in feed.columns] == [c.type for c in feed.columns]
    assert {"file", "row", "known_from", "known_to", "deleted"} <= set(silver.column_names)
    assert all(check.blocking for check in silver.checks), "a bad row in silver stops the night"
    assert {c.name for c in feed.checks} <= {c.name for c in silver.checks}


@pytest.mark.parametrize("feed", schemas.FEEDS.values(), ids=lambda f: f.name)
def test_gates_of_a_feed(feed: Feed) -> None:
    gates = {gate.name: gate for gate in feed.gates}

    assert {gate.kind for gate in feed.gates} <= set(TABLE_KINDS)
    assert all(gate.advice for gate in feed.gates)
    assert gates["not_reconciled"].blocking
    assert ("feed_missing" in gates) == feed.required == gates["feed_empty"].blocking
    assert not [name for name in feed.warned if gates[name].blocking]


def test_a_table_that_contradicts_itself_is_refused() -> None:
    column = Column("a", pa.string(), "a column")

    with pytest.raises(ValueError, match="named twice"):
        Table("t", "a table", (column, column), ("a",))
    with pytest.raises(ValueError, match=r"unknown columns \['b'\]"):
        Table("t", "a table", (column,), ("b",))


def test_the_contract_imports_pyarrow_and_nothing_of_the_project() -> None:
    imported = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])

    assert "jobs" not in imported
    assert not imported & {"pyspark", "deltalake", "airflow", "great_expectations", "pandas", "numpy"}


def test_adding_a_column_touches_one_file() -> None:
    """Every column is spelled in the module of its own table, and no other module of the contract lists columns of it."""
    assert len([m for m in MODULES if m.parent.name in ("landing", "gold", "ops") and m.name != "__init__.py"]) == 34
    for table in (*schemas.FEEDS.values(), *schemas.GOLD, schemas.SIMULATIONS, *schemas.OPS):
        folder = "landing" if isinstance(table, Feed) else table.layer
        own = Path(schemas.__file__).parent / folder / f"{table.name}.py"
        text = own.read_text(encoding="utf-8")
        spelled = [c.name for c in table.columns if re.search(rf'"{c.name}"|QUANTILES|RUN|gold\(', text)]
        assert spelled == list(table.column_names)
