"""Row checks as Spark expressions: which rows break which checks of the contract.

Each row check is one Spark SQL predicate that holds or not; ingest splits rows by it, and the Great Expectations
suites (``jobs.quality.expectations``) judge tables by the same checks, independently written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from schemas.table import Check

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Column that :func:`judge` adds.
BROKEN = "broken"


def judge(frame: DataFrame, checks: Sequence[Check], references: Mapping[str, DataFrame]) -> DataFrame:
    """Add ``broken: array<string>``: the names of all row checks that a row breaks, in the order of ``checks``.

    Null counts as held, except by ``not_null``. NaN breaks ``finite`` and ``range``. All rows of a repeated key
    break ``unique``. A reference holds if any of its columns is null. Table checks are passed over.

    ``references`` maps a table's name (``items``) to the rows that may be referred to; KeyError if one is missing.
    """
    rows = [check for check in checks if check.is_row_check]
    judged = mark_referred(frame, rows, references)
    predicates = [(check.name, predicate(check)) for check in rows]
    return judged.withColumn(BROKEN, F.expr(_broken(predicates))).select(*frame.columns, BROKEN)


def mark_referred(frame: DataFrame, checks: Sequence[Check], references: Mapping[str, DataFrame]) -> DataFrame:
    """Add for each reference check a column that is true where the row it refers to exists, else null."""
    for check in checks:
        if check.kind == "reference":
            frame = _join_referred(frame, check, references[check.table or ""])
    return frame


def predicate(check: Check) -> str:
    """The row check as a Spark SQL predicate: true where it holds, never null.

    That of a reference reads the column that :func:`mark_referred` adds.
    """
    first = quoted(check.columns[0]) if check.columns else ""
    nothing = " OR ".join(f"{quoted(c)} IS NULL" for c in check.columns)
    match check.kind:
        case "not_null":
            held = f"{first} IS NOT NULL"
        case "finite":
            held = f"{first} IS NULL OR abs({first}) < double('infinity')"
        case "range":
            # NaN is greater than infinity in Spark: the upper end always stands, so that NaN never passes.
            held = f"{first} IS NULL OR ({first} >= {_number(check.minimum, '-')} AND {first} <= {_number(check.maximum)})"
        case "values":
            held = f"{first} IS NULL OR {first} IN ({', '.join(text(v) for v in check.values or ())})"
        case "unique":
            once = f"count(1) OVER (PARTITION BY {', '.join(quoted(c) for c in check.columns)}) = 1"
            # In a key of several columns null is a value like any other: an undated limit is given once.
            held = f"{first} IS NULL OR {once}" if len(check.columns) == 1 else once
        case "reference":
            held = f"{nothing} OR {quoted(_mark(check))} IS NOT NULL"
        case "rule":
            held = f"coalesce(({check.sql}), true)"
        case _:
            raise ValueError(f"{check.name} judges a table, not its rows")
    return held


def quoted(column: str) -> str:
    """The column's name in backticks: contract names such as ``limit`` and ``date`` are words of SQL too."""
    return f"`{column}`"


def text(value: str) -> str:
    """The value as a SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _number(value: float | None, sign: str = "") -> str:
    """The bound as an exact literal, so that decimals are compared as decimals; without one, infinity."""
    return f"double('{sign}infinity')" if value is None else format(Decimal(str(value)), "f")


def _mark(check: Check) -> str:
    return f"__found_{check.name}"


def _join_referred(frame: DataFrame, check: Check, reference: DataFrame) -> DataFrame:
    """Left join the distinct keys of the referred table, so that no row is doubled."""
    mark = _mark(check)
    names = [f"{mark}_{i}" for i in range(len(check.columns))]
    keys = reference.select(*(F.col(c).alias(n) for c, n in zip(check.table_columns, names, strict=True))).distinct()
    on = " AND ".join(f"{quoted(c)} = {quoted(n)}" for c, n in zip(check.columns, names, strict=True))
    return frame.join(F.broadcast(keys.withColumn(mark, F.expr("true"))), F.expr(on), "left").drop(*names)


def _broken(predicates: Sequence[tuple[str, str]]) -> str:
    """SQL for the array of the names of the predicates that do not hold."""
    nothing = "cast(array() AS array<string>)"
    if not predicates:
        return nothing
    all_hold = " AND ".join(f"({sql})" for _, sql in predicates)
    names = ", ".join(f"CASE WHEN NOT ({sql}) THEN {text(name)} END" for name, sql in predicates)
    # Nearly all rows hold everything: they must not pay for building and filtering an array.
    return f"CASE WHEN {all_hold} THEN {nothing} ELSE array_except(array({names}), array(cast(NULL AS string))) END"
