"""What a check of a night came to, how it is kept, and when it stops the night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

import schemas
from jobs.errors import Blocked

if TYPE_CHECKING:
    from jobs.lake import Lake

TABLE = "ops/quality_results"
EXAMPLES = 3

Gate = Literal["landing", "reconcile", "publish"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check of one table in one night.

    rows, failed_rows   rows judged, and of them those that broke the check
    examples            up to three rows that broke it, as text
    message             what was found, in words; empty where it held
    advice              what to do; empty where it held
    """

    gate: Gate
    table: str
    rule: str
    blocking: bool
    passed: bool
    rows: int = 0
    failed_rows: int = 0
    examples: tuple[str, ...] = ()
    message: str = ""
    advice: str = ""

    @property
    def stops(self) -> bool:
        """Whether the night must not go on."""
        return self.blocking and not self.passed


def record(lake: Lake, business_date: date, outcomes: Sequence[Outcome], gates: Sequence[Gate]) -> None:
    """Write the outcomes to ops/quality_results in the place of this run's earlier ones at the same gates."""
    declared = schemas.TABLES[TABLE]
    rows = [
        {
            "business_date": business_date,
            "run_id": lake.run_id,
            "gate": o.gate,
            "table": o.table,
            "rule": o.rule,
            "blocking": o.blocking,
            "passed": o.passed,
            "rows": o.rows,
            "failed_rows": o.failed_rows,
            "examples": list(o.examples),
            "message": " ".join(part for part in (o.message, o.advice) if part) or "held",
        }
        for o in sorted(outcomes, key=lambda o: (o.gate, o.table, o.rule))
    ]
    named = ", ".join(f"'{gate}'" for gate in gates)
    where = f"business_date = '{business_date.isoformat()}' AND run_id = '{lake.run_id}' AND gate IN ({named})"
    lake.write_arrow(TABLE, pa.Table.from_pylist(rows, declared.schema), where)


def stop_if_blocked(business_date: date, outcomes: Sequence[Outcome]) -> None:
    """Raise Blocked with every check that stops the night: which feed, which rule, how many rows, examples, what to do."""
    stopping = [o for o in outcomes if o.stops]
    if not stopping:
        return
    lines = [f"the night of {business_date} is blocked by {len(stopping)} check{'s' if len(stopping) > 1 else ''}; nothing is published."]
    for o in stopping:
        lines.append(f"- {o.table}: {o.rule}: {o.failed_rows} of {o.rows} rows. {o.message}".rstrip())
        lines += [f"    {example}" for example in o.examples[:EXAMPLES]]
        if o.advice:
            lines.append(f"    What to do: {o.advice}")
    lines.append("What was read is kept, and earlier nights stay published. Every check of the night is in ops/quality_results.")
    raise Blocked("\n".join(lines))
