"""Predicates on files and rows, as delta-rs reads them; ``for_spark`` where Spark reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def is_in(column: str, values: Iterable[str], *, for_spark: bool = False) -> str:
    """SQL: the column is one of these texts."""
    quote = _spark_quoted if for_spark else _quoted
    return f"{column} IN ({', '.join(quote(v) for v in sorted(values))})"


def in_rows(rows: Mapping[str, Sequence[int]]) -> str:
    """SQL: the record is one of these (file -> record numbers), runs of numbers as ranges."""
    parts = []
    for file, numbers in sorted(rows.items()):
        spans = " OR ".join(f"`row` BETWEEN {a} AND {b}" for a, b in ranges(numbers))
        parts.append(f"(file = {_quoted(file)} AND ({spans}))")
    return " OR ".join(parts)


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers, as (first, last)."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _spark_quoted(value: str) -> str:
    # To Spark 'a''b' is two literals side by side.
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
