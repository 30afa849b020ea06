"""``ops/models``: every model that was trained, on what, and how good it was."""

from schemas.table import BOOL, DATE, LONG, STRING, STRING_MAP, TIMESTAMP, Column, Table

MODELS = Table(
    name="models",
    layer="ops",
    meaning="Every model trained. Its files lie under ops/model_files/<model_id>.",
    columns=(
        Column("model_id", STRING, "hash of the model's files"),
        Column("business_date", DATE, "night that trained it"),
        Column("run_id", STRING, "run that trained it"),
        Column("grain", STRING, "day or week", values=("day", "week")),
        Column("versions_read", STRING_MAP, "table -> Delta version it was trained on"),
        Column("code_hash", STRING, "SHA-256 of the code"),
        Column("config_hash", STRING, "SHA-256 of the settings"),
        Column("rows", LONG, "training rows", minimum=0),
        Column("workers", LONG, "Spark tasks that trained together", minimum=1),
        Column("metrics", STRING_MAP, "measured on the held-out last origin"),
        Column("champion", BOOL, "whether nights use it"),
        Column("trained", TIMESTAMP, "when it was trained, or made champion again"),
        Column(
            "champion_from", DATE, "first night that uses it, where a person made it champion again; null: its business_date", nullable=True
        ),
        Column("reason", STRING, "why it became champion or did not; null: written by an older version", nullable=True),
    ),
    key=("model_id", "business_date", "run_id"),
    unhashed=("run_id", "trained"),
)
