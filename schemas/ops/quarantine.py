"""``ops/quarantine``: rows that broke a rule, with their original values."""

from schemas.table import DATE, LONG, STRING, STRING_MAP, STRINGS, Column, Table

QUARANTINE = Table(
    name="quarantine",
    layer="ops",
    meaning="Rows that broke a rule. Nothing is lost: fix the file in place and it is read again.",
    columns=(
        Column("feed", STRING, "feed"),
        Column("drop_date", DATE, "date of the drop; 0001-01-01 outside a dated folder"),
        Column("file", STRING, "path below the landing folder"),
        Column("row", LONG, "record number in the file, 1 for the first after the header"),
        Column("rules", STRINGS, "every rule that the row breaks"),
        Column("values", STRING_MAP, "the declared columns as delivered"),
    ),
    key=("file", "row"),
    partition_by=("feed",),
)
