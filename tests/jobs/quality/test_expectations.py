"""Every check twice: as a Spark expression and as a Great Expectations expectation, both count the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

import schemas
from jobs.quality import judge
from jobs.quality.expectations import Verdict, expectation, validate
from schemas.gold.forecasts import FORECASTS, QUANTILES
from schemas.gold.orders import ORDERS
from schemas.table import Check, Column, Table

TABLES: dict[str, Table] = {
    **{feed.name: feed.silver() for feed in schemas.FEEDS.values()},
    "orders": ORDERS,
    "forecasts": FORECASTS,
}
CASES = [
    pytest.param(name, check.name, id=f"{name}-{check.name}")
    for name, table in TABLES.items()
    for check in table.checks
    if check.is_row_check
]

#: Values that break a rule; what breaks the other kinds follows from the check itself.
RULE_BREAKERS: dict[str, dict[str, Any]] = {
    "active_to_before_from": {"active_from": date(2024, 5, 2), "active_to": date(2024, 5, 1)},
    "lane_to_itself": {"source_id": "known", "location_id": "known"},
    "budget_not_in_value": {"resource": "budget", "unit": "units"},
    "order_days_malformed": {"order_days": "mon,funday"},
    "expected_before_ordered": {"ordered_on": date(2024, 5, 2), "expected_on": date(2024, 5, 1)},
    "quantiles_not_monotone": {"q05": 2.0, "q10": 1.0},
    "units_not_a_multiple": {"units": Decimal("7"), "order_multiple": Decimal("2")},
    "out_of_stock_hours_malformed": {"out_of_stock_hours": "18,25"},
    "expected_before_business_date": {"business_date": date(2024, 5, 2), "expected_on": date(2024, 5, 1)},
}
#: Values of a good row where the column's own limits do not give them.
GOOD: dict[str, Any] = {
    "order_days": "mon:2, fri",
    "out_of_stock_hours": "8, 18,19",
    "source_id": "also_known",
    **{name: float(i) for i, name in enumerate(QUANTILES)},
}
SAMPLES: dict[str, Any] = {
    "string": "known",
    "bool": False,
    "date32[day]": date(2024, 5, 1),
    "timestamp[us, tz=UTC]": datetime(2024, 5, 1, 12, tzinfo=UTC),
}


def good_value(column: Column) -> Any:
    """A value that holds every check of the column."""
    if column.name in GOOD:
        return GOOD[column.name]
    if column.values:
        return column.values[0]
    if column.is_number:
        return number(column, min(max(1.0, column.minimum or 0.0), column.maximum or 1.0))
    return SAMPLES[str(column.type)]


def number(column: Column, value: float) -> Any:
    """The value in the column's type."""
    if pa.types.is_decimal(column.type):
        return Decimal(str(value))
    return value if pa.types.is_floating(column.type) else int(value)


def breaking_values(table: Table, check: Check) -> dict[str, Any]:
    """What to change in a good row so that it breaks the check."""
    column = next(c for c in table.columns if c.name == check.columns[0])
    match check.kind:
        case "not_null":
            return {column.name: None}
        case "finite":
            return {column.name: float("nan")}
        case "range":
            beyond = (check.maximum + 1) if check.maximum is not None else (check.minimum or 0) - 1
            return {column.name: number(column, beyond)}
        case "values":
            return {column.name: "not allowed"}
        case "reference":
            return {column.name: "unknown"}
        case "rule":
            return RULE_BREAKERS[check.name]
    raise AssertionError(check)


def rows_of(table: Table) -> list[dict[str, Any]]:
    """A good row, and for every check one row that breaks it (and perhaps others with it)."""
    checks = [check for check in table.checks if check.is_row_check]
    good = [{c.name: good_value(c) for c in table.columns} for _ in range(len(checks) + 1)]
    for i, row in enumerate(good):
        # Rows differ in their keys, so that only the row given twice breaks them.
        row.update({name: f"key {i}" for name in ("order_id", "channel") if name in row and name in table.key})
    broken = [{**row, **breaking_values(table, check)} for row, check in zip(good[1:], checks, strict=True) if check.kind != "unique"]
    twice = [good[0]] if any(check.kind == "unique" for check in checks) else []
    return [good[0], *twice, *broken]


@pytest.fixture(scope="module")
def interpreted(spark: SparkSession) -> Iterator[SparkSession]:
    """Spark without code generation: compiling wide expressions takes longer than judging a few rows."""
    settings = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    before = {key: spark.conf.get(key) for key in settings}
    for key, value in settings.items():
        spark.conf.set(key, value)
    yield spark
    for key, old in before.items():
        spark.conf.set(key, old)


@pytest.fixture(scope="module")
def judged(interpreted: SparkSession) -> Any:
    """name -> (rows broken by check as Spark counts them, what the good rows break, verdicts of Great Expectations)."""
    known = interpreted.createDataFrame(pa.table({"item_id": ["known", "also_known"], "location_id": ["known", "also_known"]}))
    references = {"items": known, "locations": known}

    @cache
    def judge_table(name: str) -> tuple[Counter[str], set[str], dict[str, Verdict]]:
        table = TABLES[name]
        rows = [{"n": min(n, 1), **row} for n, row in enumerate(rows_of(table))]
        schema = pa.schema([pa.field("n", pa.int32()), *table.schema])
        frame = interpreted.createDataFrame(pa.Table.from_pylist(rows, schema))
        judged = judge(frame, table.checks, references).select("n", "broken").collect()
        broken = Counter(rule for row in judged for rule in row["broken"])
        good = {rule for row in judged if row["n"] == 0 for rule in row["broken"]}
        return broken, good, {v.check.name: v for v in validate(frame, table.checks, references)}

    return judge_table


@pytest.mark.parametrize(("name", "check"), CASES)
def test_both_count_the_same_rows(judged: Any, name: str, check: str) -> None:
    broken, _, verdicts = judged(name)

    assert broken[check] >= 1
    assert not verdicts[check].passed
    assert verdicts[check].failed_rows == broken[check]
    assert 1 <= len(verdicts[check].examples) <= 3


@pytest.mark.parametrize("name", TABLES)
def test_a_good_row_breaks_nothing(judged: Any, name: str) -> None:
    _, good, _ = judged(name)

    # Where a table has a key to check, the good row comes twice.
    assert good == {check.name for check in TABLES[name].checks if check.kind == "unique"}


def test_a_table_that_holds_has_no_detail(interpreted: SparkSession) -> None:
    frame = interpreted.createDataFrame([("a", 1.0), (None, None)], "k string, v double")
    checks = (Check("k_repeated", "unique", ("k",)), Check("v_range", "range", ("v",), minimum=0), Check("late", "fresh", ("v",)))

    assert validate(frame, checks, {}) == [Verdict(checks[0], passed=True), Verdict(checks[1], passed=True)]
    with pytest.raises(ValueError, match="judges a table"):
        expectation(checks[2])


def test_examples_are_three_rows_in_a_fixed_order(interpreted: SparkSession) -> None:
    frame = interpreted.createDataFrame([(f"k{i}", -1.0) for i in (4, 2, 3, 1)], "k string, v double")

    (verdict,) = validate(frame, (Check("v_range", "range", ("v",), minimum=0),), {}, show=("k",))

    assert verdict.failed_rows == 4
    assert verdict.examples == ('{"k":"k1"}', '{"k":"k2"}', '{"k":"k3"}')
