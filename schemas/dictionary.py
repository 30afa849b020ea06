"""The data dictionary, generated from the contract: ``python -m schemas.dictionary`` writes docs/dictionary.md."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

import schemas
from schemas.check import Check
from schemas.table import Column, Feed, Table

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "dictionary.md"
#: Longer lists of allowed values (time zones) differ from machine to machine.
_MOST_VALUES = 20
_TYPES = {
    "string": "text",
    "bool": "true or false",
    "int32": "whole number",
    "int64": "whole number (64 bit)",
    "float": "number (32 bit)",
    "double": "number",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "moment (UTC)",
    "decimal128(18, 4)": "decimal(18,4)",
    "map<string, string>": "map of text to text",
    "list<item: string>": "list of texts",
    "list<element: string>": "list of texts",
    "list<item: double>": "list of numbers",
    "list<element: double>": "list of numbers",
    "list<item: date32[day]>": "list of dates",
}
_GATES = {
    "present": "at least one file has landed",
    "filled": "the night sees at least one good record",
    "readable": "every new file can be read and has the feed's columns",
    "volume": "a drop has at least `[landing] collapse_share` of the rows of the usual drop (median of three or more earlier ones)",
    "share": "at most `[landing] max_quarantined_share` of the new rows are in quarantine",
    "reconciled": "records delivered = rows in silver + in quarantine + duplicates, counted apart",
}
_INTRODUCTION = """# Data dictionary

Generated from `schemas/` by `python -m schemas.dictionary`; don't edit it by hand.

**Null** says whether a value may be missing. **Blocks** says what a broken check does: in the landing feeds it sends the
row to `ops/quarantine`; the gates of a feed and the checks of gold stop the night (`yes`) or only warn (`no`).
Great Expectations judges the new rows of silver every night before anything is computed (by the checks of their feed), and
orders and forecasts before they are published (also that what may not be null is there and that numbers are finite); every
outcome is kept in `ops/quality_results`. Where a value is null, only "has a value" can be broken.
"""


def document() -> str:
    """The whole dictionary as Markdown."""
    landing = ["## Landing feeds", "", *_contents(schemas.FEEDS.values(), "LANDING/"), *_each(schemas.FEEDS.values())]
    layers = [
        ("Bronze", "The rows of a feed as delivered, all values as text.", [feed.bronze() for feed in schemas.FEEDS.values()]),
        (
            "Silver",
            "Valid rows, typed, each with the nights that may see it.",
            [*(feed.silver() for feed in schemas.FEEDS.values()), schemas.DEMAND],
        ),
        ("Gold", "What a night computed; only the rows of published runs count.", list(schemas.GOLD)),
        ("Simulations", "What ways of deciding would have cost, written by `nightfill simulate`.", [schemas.SIMULATIONS]),
        ("Operations", "How the nights went.", list(schemas.OPS)),
    ]
    lines = [_INTRODUCTION, *landing]
    for title, meaning, tables in layers:
        lines += [f"## {title}", "", meaning, "", *_contents(tables, "LAKE/"), *_each(tables)]
    return "\n".join(lines).rstrip() + "\n"


def _contents(tables: Iterable[Table], root: str) -> list[str]:
    rows = [(f"`{root}{t.name if isinstance(t, Feed) else t.path}`", t.meaning) for t in tables]
    return [*_grid(("table", "meaning"), rows), ""]


def _each(tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        yield f"### {table.name if isinstance(table, Feed) else table.path}"
        yield ""
        yield from [table.meaning, "", *_facts(table), ""]
        if table.layer == "bronze":
            yield from [_bronze_columns(table), ""]
            continue
        yield from [*_grid(("column", "type", "unit", "null", "meaning"), [_column(c) for c in table.columns]), ""]
        checks = _listed(table)
        if checks:
            yield from [*_grid(("check", "holds when", "blocks"), [_check(c, table) for c in checks]), ""]


def _listed(table: Table) -> list[Check]:
    """The checks worth a line: that values are there and finite follows from the columns, and silver is judged like its feed."""
    if isinstance(table, Feed):
        return [*table.checks, *table.gates]
    if table.layer == "gold":
        return [check for check in table.checks if check.kind not in ("not_null", "finite")]
    return []


def _facts(table: Table) -> list[str]:
    facts = [f"- Key: {_names(table.key)}"]
    if table.partition_by:
        facts.append(f"- Partitioned by: {_names(table.partition_by)}")
    if isinstance(table, Feed):
        facts.append(f"- {'Required. ' if table.required else ''}When absent: {table.absent}")
        if table.event_date:
            facts.append(f"- A night sees a row from the day after its `{table.event_date}` on, and not before its drop")
        if table.snapshot:
            facts.append("- Each drop replaces the whole feed")
        if table.row_identity:
            facts.append(f"- Without `{table.row_identity}` every row counts on its own")
        facts.append("- Takes `deleted`: true withdraws the key from that drop on")
    return facts


def _bronze_columns(table: Table) -> str:
    own = [c for c in table.columns if c.type != pa.string() or c.name in ("file", "defect")]
    delivered = [c.name for c in table.columns if c not in own]
    return f"Columns: {_names(c.name for c in own)}; as delivered, as text: {_names(delivered)}"


def _column(column: Column) -> tuple[str, ...]:
    meaning = column.meaning
    if column.default is not None:
        meaning += f"; default {column.default}"
    if column.optional:
        meaning += " (the column may be missing)"
    return f"`{column.name}`", _TYPES[str(column.type)], column.unit, "yes" if column.nullable else "no", meaning


def _check(check: Check, table: Table) -> tuple[str, ...]:
    quarantines = check.is_row_check and isinstance(table, Feed)
    return f"`{check.name}`", _held(check), "quarantine" if quarantines else "yes" if check.blocking else "no"


def _held(check: Check) -> str:
    """What a check demands, in words."""
    first = f"`{check.columns[0]}`" if check.columns else ""
    match check.kind:
        case "not_null":
            held = f"{first} has a value"
        case "finite":
            held = f"{first} is neither NaN nor infinite"
        case "range":
            held = f"{first} {_span(check.minimum, check.maximum)}"
        case "values":
            held = f"{first} is {_allowed(check.values or ())}"
        case "unique":
            held = f"{_names(check.columns)} occur once together"
        case "reference":
            held = f"{first} occurs in {_names(check.table_columns)} of {check.table}"
        case "rule":
            held = f"`{check.sql}`"
        case "fresh":
            held = f"the newest {first} is at most {check.maximum:g} days older than the last day that is over"
        case _:
            held = _GATES[check.kind]
    return held


def _span(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"<= {high:,.10g}" if low is None else f">= {low:,.10g}"
    return f"within {low:,.10g} .. {high:,.10g}"


def _allowed(values: tuple[str, ...]) -> str:
    return "one of " + _names(values) if len(values) <= _MOST_VALUES else "a known name"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [[text.replace("|", "\\|").replace("\n", " ") for text in row] for row in rows]
    return [_line(head), _line("---" for _ in head), *(_line(row) for row in cells)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT}\n")
