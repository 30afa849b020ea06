"""``ops/nights``: every attempt at every night; the published one is the night."""

from schemas.table import DATE, INT, STRING, STRING_MAP, STRINGS, TIMESTAMP, Column, Table

NIGHTS = Table(
    name="nights",
    layer="ops",
    meaning="Every attempt at every night. The night is its highest published attempt.",
    columns=(
        Column("business_date", DATE, "the night"),
        Column("attempt", INT, "1, 2, ... within the business date", minimum=1),
        Column("run_id", STRING, "run that wrote the gold rows of the attempt"),
        Column("status", STRING, "state", values=("running", "published", "failed", "blocked", "dry_run")),
        Column("stage", STRING, "stage reached"),
        Column("message", STRING, "why it stopped, if it did", nullable=True),
        Column("launched_by", STRING, "who started it: the Airflow run, or the process", nullable=True),
        Column("mode", STRING, "way of deciding"),
        Column("versions_read", STRING_MAP, "table -> Delta version that the night read", nullable=True),
        Column("versions_written", STRING_MAP, "table -> Delta version that the night wrote", nullable=True),
        Column("hashes", STRING_MAP, "gold table -> SHA-256 of its rows", nullable=True),
        Column("config", STRING, "the settings as JSON", nullable=True),
        Column("config_hash", STRING, "SHA-256 of the settings"),
        Column("code_hash", STRING, "SHA-256 of the code of schemas/ and jobs/"),
        Column("model_id", STRING, "model that forecast", nullable=True),
        Column("stages_done", STRINGS, "stages finished, in order", nullable=True),
        Column("started", TIMESTAMP, "start of the attempt"),
        Column("published", TIMESTAMP, "moment of publication", nullable=True),
    ),
    key=("business_date", "attempt"),
    # Two nights of different dates then never touch the same files, so only attempts at one night conflict.
    partition_by=("business_date",),
)
