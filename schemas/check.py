"""What a check is: the kinds of checks, and what each takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "not_null",
    "finite",
    "range",
    "values",
    "unique",
    "reference",
    "rule",
    "present",
    "filled",
    "readable",
    "volume",
    "share",
    "fresh",
    "reconciled",
]
#: Kinds that judge a whole table or a drop; the others name single rows.
TABLE_KINDS: tuple[Kind, ...] = ("present", "filled", "readable", "volume", "share", "fresh", "reconciled")


@dataclass(frozen=True, slots=True)
class Check:
    """One check. Row checks name the rows that break them; table checks judge the whole.

    kind        what it takes
    not_null    columns[0] has a value
    finite      columns[0] is neither NaN nor infinite
    range       columns[0] within [minimum, maximum]
    values      columns[0] one of values
    unique      columns together occur once
    reference   columns occur in silver table ``table`` under ``table_columns`` (null refers to nothing)
    rule        the Spark SQL predicate ``sql`` holds; null counts as held
    present     at least one file has landed
    filled      the night sees at least one good record
    readable    every new file can be read
    volume      a drop has at least the configured share of the rows of the feed's usual drop
    share       at most the configured share of the new rows is in quarantine
    fresh       the newest columns[0] is at most ``maximum`` days before the last day that is over
    reconciled  delivered = in silver + in quarantine + duplicate, counted apart
    """

    name: str
    kind: Kind
    columns: tuple[str, ...] = ()
    blocking: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    table: str | None = None
    table_columns: tuple[str, ...] = ()
    sql: str | None = None
    advice: str = ""

    @property
    def is_row_check(self) -> bool:
        """Whether the check names single rows (so that they can go to quarantine)."""
        return self.kind not in TABLE_KINDS
