"""``ops/files``: every landing file that was read, and what became of its records."""

from schemas.table import BOOL, DATE, LONG, STRING, STRINGS, TIMESTAMP, Column, Table

FILES = Table(
    name="files",
    layer="ops",
    meaning="Every landing file read and what became of its records. A file is its path.",
    columns=(
        Column("file", STRING, "path below the landing folder"),
        Column("sha256", STRING, "hash of the content"),
        Column("feed", STRING, "feed (the first folder)"),
        Column("drop_date", DATE, "date of the drop; 0001-01-01 outside a dated folder"),
        Column("size", LONG, "bytes", minimum=0),
        Column("modified", TIMESTAMP, "modification time, to skip hashing what has not changed"),
        Column("delivered", LONG, "records, counted by an independent reader", minimum=0),
        Column("silver", LONG, "records that reached silver", minimum=0),
        Column("quarantined", LONG, "records in quarantine", minimum=0),
        Column("duplicate", LONG, "records left out because the same content came under another path", minimum=0),
        Column("defect", STRING, "why the file as a whole cannot be used, if so (rule)", nullable=True),
        Column("extra_columns", STRINGS, "columns outside the contract", nullable=True),
        Column("current", BOOL, "false: a later content of the same path replaced it"),
        Column("read_by", DATE, "business date of the night that first read it"),
    ),
    key=("file", "sha256"),
)
