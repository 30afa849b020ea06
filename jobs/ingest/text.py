"""Text of bronze -> values of the contract's types, as Spark SQL: the value, and the rule that the text breaks.

Spark runs in ANSI mode, where a plain cast raises: only try_cast is used. A text that is blank is no value.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.table import Column

#: Dates before this one are mistakes (rule ``date_out_of_range``).
FIRST_DATE = "1900-01-01"

_NOT_FINITE = "RLIKE '^[+-]?(nan|inf|infinity)$'"
_NUMBER = r"RLIKE '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?$'"
_TIME = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_MIDNIGHT = "00:00(:00([.]0+)?)?"
#: A date, alone, with a local time, or with midnight in any zone (how some writers store dates).
_DATE = rf"RLIKE '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]({_TIME}|{_MIDNIGHT} ?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})))?$'"
_TRUE, _FALSE = "('true', 't', 'yes', 'y', '1')", "('false', 'f', 'no', 'n', '0')"


@dataclass(frozen=True)
class Parsed:
    """SQL in two steps, so that Spark parses a text once: ``raw`` reads it, the others read the column ``raw_<name>``.

    value   null where the text gives none
    fault   the rule that the text breaks; null: none
    """

    raw: str
    value: str
    fault: str


def trimmed(column: str) -> str:
    """SQL of a bronze column's text without blanks around it; null where nothing is left."""
    return f"nullif(trim(BOTH FROM `{column}`), '')"


def parse(column: Column) -> Parsed:
    """How to read the column's text (SQL column ``text_<name>``) as its type; sold_at is read by :mod:`jobs.ingest.moment`."""
    kind, text, raw = column.type, f"text_{column.name}", f"raw_{column.name}"
    if pa.types.is_decimal(kind):
        return _number(column.name, f"try_cast({text} AS decimal({kind.precision},{kind.scale}))", raw)
    if pa.types.is_floating(kind):
        # Double.parseDouble reads '1d' and 'infinity' too: a number ends in a digit or a point and is finite.
        finite = f"abs({raw}) < double('infinity') AND right({text}, 1) NOT IN ('d', 'D', 'f', 'F')"
        return _number(column.name, f"try_cast({text} AS double)", f"CASE WHEN {finite} THEN {raw} END")
    if pa.types.is_integer(kind):
        value = f"CASE WHEN {raw} = floor({raw}) THEN try_cast({raw} AS int) END"
        return _number(column.name, f"try_cast({text} AS decimal(38,6))", value, f"{raw} = floor({raw})")
    if pa.types.is_boolean(kind):
        truth = f"CASE WHEN lower({text}) IN {_TRUE} THEN true WHEN lower({text}) IN {_FALSE} THEN false END"
        return Parsed(truth, raw, f"CASE WHEN {text} IS NOT NULL AND {raw} IS NULL THEN '{column.name}_wrong_type' END")
    if pa.types.is_date(kind):
        early = f"{raw} < DATE'{FIRST_DATE}'"
        unread = f"{text} IS NOT NULL AND {raw} IS NULL"
        fault = f"CASE WHEN {early} THEN 'date_out_of_range' WHEN {unread} THEN '{column.name}_unparseable_date' END"
        return Parsed(parse_date(text), f"CASE WHEN NOT {early} THEN {raw} END", fault)
    return Parsed("CAST(NULL AS string)", text, "CAST(NULL AS string)")


def _number(name: str, raw: str, value: str, too_large: str | None = None) -> Parsed:
    """Not finite, a number too large for the type, or no number at all."""
    text = f"text_{name}"
    large = too_large or f"lower({text}) {_NUMBER}"
    rule = f"WHEN lower({text}) {_NOT_FINITE} THEN '{name}_not_finite' WHEN {large} THEN '{name}_out_of_range' ELSE '{name}_wrong_type'"
    return Parsed(raw, value, f"CASE WHEN {text} IS NOT NULL AND ({value}) IS NULL THEN CASE {rule} END END")


def parse_date(text: str) -> str:
    """SQL of the date that the text states, whatever its year; null if it states none."""
    # Nearly all dates are plain: they need no regular expression.
    plain = f"length({text}) = 10 AND substr({text}, 5, 1) = '-' AND substr({text}, 8, 1) = '-'"
    return f"CASE WHEN {plain} THEN try_cast({text} AS date) WHEN {text} {_DATE} THEN try_cast(left({text}, 10) AS date) END"
