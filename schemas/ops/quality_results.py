"""``ops/quality_results``: every check of every night, passed or not."""

from schemas.table import BOOL, DATE, LONG, STRING, STRINGS, Column, Table

QUALITY_RESULTS = Table(
    name="quality_results",
    layer="ops",
    meaning="Every check of every night.",
    columns=(
        Column("business_date", DATE, "the night"),
        Column("run_id", STRING, "run that checked"),
        Column("gate", STRING, "landing, reconcile or publish", values=("landing", "reconcile", "publish")),
        Column("table", STRING, "feed or table"),
        Column("rule", STRING, "name of the check"),
        Column("blocking", BOOL, "whether it stops the night"),
        Column("passed", BOOL, "whether it held"),
        Column("rows", LONG, "rows judged", minimum=0),
        Column("failed_rows", LONG, "rows that broke it", minimum=0),
        Column("examples", STRINGS, "up to three rows that broke it", nullable=True),
        Column("message", STRING, "in words"),
    ),
    key=("business_date", "run_id", "gate", "table", "rule"),
    partition_by=("business_date", "run_id"),
)
