"""Great Expectations over Spark DataFrames, derived from the contract: one expectation a check.

Great Expectations judges a table as a whole; :func:`jobs.quality.judge` names single rows. Both come from the same
check, so both count the same broken rows (a test breaks every check of every feed).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from jobs.quality.rows import BROKEN, judge, mark_referred, predicate, quoted
from schemas.table import Check

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: NaN is greater than every number in Spark, so an upper end always stands and NaN never passes.
_INFINITY = float("inf")
_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Great Expectations says of one check: how many rows broke it, and some of them as text."""

    check: Check
    passed: bool
    failed_rows: int = 0
    examples: tuple[str, ...] = ()


def validate(
    frame: DataFrame, checks: Sequence[Check], references: Mapping[str, DataFrame], examples: int = 3, show: Sequence[str] = ()
) -> list[Verdict]:
    """Judge the frame by all row checks; the detail of a broken check is computed only when one is broken.

    ``show`` names the columns of an example row (default: all). Verdicts come in the order of the checks.
    """
    rows = [check for check in checks if check.is_row_check]
    if not rows:
        return []
    batch = _batch(_prepared(frame, rows, references))
    held = {name: bool(result.success) for name, result in _results(batch, rows, "BOOLEAN_ONLY")}
    broken = [check for check in rows if not held[check.name]]
    counts = {name: _failed(result) for name, result in _results(batch, broken, "BASIC")} if broken else {}
    shown = _examples(frame, broken, references, examples, show) if broken and examples else {}
    return [Verdict(check, held[check.name], counts.get(check.name, 0), shown.get(check.name, ())) for check in rows]


def expectation(check: Check) -> Any:
    """The check as one expectation; it carries the check's name in ``meta``.

    A rule or a reference is judged by the column of :func:`_prepared` that says whether it holds: so that all checks of
    a table are counted in a single pass, where queries of their own would take two Spark jobs each.
    """
    import great_expectations.expectations as gxe

    meta = {"check": check.name}
    first = check.columns[0]
    made: gxe.Expectation
    match check.kind:
        case "not_null":
            made = gxe.ExpectColumnValuesToNotBeNull(column=first, meta=meta)
        case "finite":
            made = gxe.ExpectColumnValuesToBeBetween(column=first, min_value=-_LARGEST, max_value=_LARGEST, meta=meta)
        case "range":
            low = -_INFINITY if check.minimum is None else check.minimum
            high = _INFINITY if check.maximum is None else check.maximum
            made = gxe.ExpectColumnValuesToBeBetween(column=first, min_value=low, max_value=high, meta=meta)
        case "values":
            made = gxe.ExpectColumnValuesToBeInSet(column=first, value_set=list(check.values or ()), meta=meta)
        case "unique" if len(check.columns) == 1:
            made = gxe.ExpectColumnValuesToBeUnique(column=first, meta=meta)
        case "unique":
            made = gxe.ExpectCompoundColumnsToBeUnique(column_list=list(check.columns), ignore_row_if="never", meta=meta)
        case "rule" | "reference":
            made = gxe.ExpectColumnValuesToBeInSet(column=_holds(check), value_set=[True], meta=meta)
        case _:
            raise ValueError(f"{check.name} judges a table, not its rows")
    return made


def _holds(check: Check) -> str:
    return f"__holds_{check.name}"


def _prepared(frame: DataFrame, checks: Iterable[Check], references: Mapping[str, DataFrame]) -> DataFrame:
    """The frame with one boolean column for each rule and reference."""
    judged = [check for check in checks if check.kind in ("rule", "reference")]
    holds = [F.expr(predicate(check)).alias(_holds(check)) for check in judged]
    return mark_referred(frame, judged, references).select(*(quoted(c) for c in frame.columns), *holds)


@cache
def _data_source() -> Any:
    """An ephemeral context that writes no files, shows no progress bars and calls nobody."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # persist=True would cache each table in full: three times slower on four million rows.
    return context.data_sources.add_spark("lake", persist=False)


def _batch(frame: DataFrame) -> Any:
    source = _data_source()
    name = f"table_{len(source.assets)}"
    asset = source.add_dataframe_asset(name)
    return asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})


def _results(batch: Any, checks: Sequence[Check], result_format: str) -> Iterable[tuple[str, Any]]:
    """(check name, result) of each check; RuntimeError where an expectation could not be computed."""
    import great_expectations as gx

    suite = gx.ExpectationSuite(name="checks", expectations=[expectation(check) for check in checks])
    for result in batch.validate(suite, result_format=result_format).results:
        name = result.expectation_config.meta["check"]
        if result.exception_info and _raised(result.exception_info):
            raise RuntimeError(f"check {name} could not be computed: {result.exception_info}")
        yield name, result


def _raised(info: Mapping[str, Any]) -> bool:
    """Whether the result is an exception: the information is flat, or one entry a metric."""
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(isinstance(entry, Mapping) and entry.get("raised_exception") for entry in info.values())


def _failed(result: Any) -> int:
    return int(result.result["unexpected_count"])


def _examples(
    frame: DataFrame, broken: Sequence[Check], references: Mapping[str, DataFrame], most: int, show: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Up to ``most`` rows for each broken check, the first in the order of their text."""
    columns = [quoted(c) for c in show or frame.columns]
    judged = judge(frame, broken, references).where(f"size({BROKEN}) > 0")
    rows = judged.select(F.explode(BROKEN).alias("__check"), F.to_json(F.struct(*columns)).alias("__row"))
    first = rows.groupBy("__check").agg(F.slice(F.array_sort(F.collect_list("__row")), 1, most).alias("rows"))
    return {row["__check"]: tuple(row["rows"]) for row in first.collect()}
