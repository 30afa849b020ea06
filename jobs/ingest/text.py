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
    """SQL of a column's value (null where the text gives none) and of the rule broken by its text (null: none)."""

    value: str
    fault: str


def trimmed(column: str) -> str:
    """SQL of a bronze column's text without blanks around it; null where nothing is left."""
    return f"nullif(trim(BOTH FROM `{column}`), '')"


def parse(column: Column, text: str) -> Parsed:
    """How to read SQL expression ``text`` (trimmed) as the column's type; sold_at is read by :mod:`jobs.ingest.moment`."""
    kind = column.type
    if pa.types.is_decimal(kind):
        value = f"try_cast({text} AS decimal({kind.precision},{kind.scale}))"
        return Parsed(value, _number_fault(column.name, text, value))
    if pa.types.is_floating(kind):
        # Double.parseDouble reads '1d' and 'infinity' too: a number ends in a digit or a point and is finite.
        number = f"try_cast({text} AS double)"
        value = f"CASE WHEN abs({number}) < double('infinity') AND right({text}, 1) NOT IN ('d', 'D', 'f', 'F') THEN {number} END"
        return Parsed(value, _number_fault(column.name, text, value))
    if pa.types.is_integer(kind):
        number = f"try_cast({text} AS decimal(38,6))"
        value = f"CASE WHEN {number} = floor({number}) THEN try_cast({number} AS int) END"
        return Parsed(value, _number_fault(column.name, text, value, f"{number} = floor({number})"))
    if pa.types.is_boolean(kind):
        value = f"CASE WHEN lower({text}) IN {_TRUE} THEN true WHEN lower({text}) IN {_FALSE} THEN false END"
        return Parsed(value, _fault(text, value, f"'{column.name}_wrong_type'"))
    if pa.types.is_date(kind):
        return _date(column.name, text)
    return Parsed(text, "CAST(NULL AS string)")


def _fault(text: str, value: str, rule: str) -> str:
    return f"CASE WHEN {text} IS NOT NULL AND ({value}) IS NULL THEN {rule} END"


def _number_fault(name: str, text: str, value: str, too_large: str | None = None) -> str:
    """Not finite, a number too large for the type, or no number at all."""
    large = too_large or f"lower({text}) {_NUMBER}"
    rule = f"WHEN lower({text}) {_NOT_FINITE} THEN '{name}_not_finite' WHEN {large} THEN '{name}_out_of_range' ELSE '{name}_wrong_type'"
    return _fault(text, value, f"CASE {rule} END")


def parse_date(text: str) -> str:
    """SQL of the date that the text states, whatever its year; null if it states none."""
    # Nearly all dates are plain: they need no regular expression.
    plain = f"length({text}) = 10 AND substr({text}, 5, 1) = '-' AND substr({text}, 8, 1) = '-'"
    return f"CASE WHEN {plain} THEN try_cast({text} AS date) WHEN {text} {_DATE} THEN try_cast(left({text}, 10) AS date) END"


def _date(name: str, text: str) -> Parsed:
    stated = parse_date(text)
    value = f"CASE WHEN ({stated}) >= DATE'{FIRST_DATE}' THEN ({stated}) END"
    rule = f"CASE WHEN ({stated}) IS NULL THEN '{name}_unparseable_date' ELSE 'date_out_of_range' END"
    return Parsed(value, _fault(text, value, rule))
