"""The moment of a sale: what ``sold_at`` says, in UTC and as the local business date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.ingest.text import FIRST_DATE, parse_date

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_TIMESTAMP = "RLIKE '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}'"


def parse_moments(frame: DataFrame, naive_timestamps: str) -> DataFrame:
    """Add ``sold_at`` (UTC), ``date`` (local business date) and ``fault_sold_at`` to text_sold_at and the location's zone.

    With an offset a text is that moment; without one it is UTC or local, as naive_timestamps says; a date alone is
    the local business date and stands for its midnight. Each step's columns are used by the next one, so that
    Spark parses a text once.
    """
    text = "text_sold_at"
    # Spark wants seconds before an offset; ISO 8601 does not.
    full = f"regexp_replace({text}, '^(.{{10}}[T ][0-9]{{2}}:[0-9]{{2}})(Z|[+-].*)$', '$1:00$2')"
    stamp = f"coalesce(try_cast({text} AS timestamp), try_cast({full} AS timestamp))"
    local = f"NOT substr({text}, 17) RLIKE '[A-Za-z+-]'" if naive_timestamps == "local" else "false"
    read = frame.selectExpr(
        "*",
        f"CASE WHEN length({text}) = 10 THEN {parse_date(text)} END AS day",
        f"CASE WHEN length({text}) > 10 AND {text} {_TIMESTAMP} THEN {stamp} END AS stamp",
        f"{local} AS is_local",
    )
    utc = "CASE WHEN day IS NOT NULL THEN to_utc_timestamp(day, zone) WHEN is_local THEN to_utc_timestamp(stamp, zone) ELSE stamp END"
    date = "CASE WHEN day IS NOT NULL THEN day WHEN is_local THEN to_date(stamp) ELSE to_date(from_utc_timestamp(stamp, zone)) END"
    placed = read.selectExpr("*", f"{utc} AS moment", f"{date} AS local_date")
    early = f"local_date < DATE'{FIRST_DATE}'"
    unread = f"{text} IS NOT NULL AND local_date IS NULL"
    return placed.selectExpr(
        *frame.columns,
        f"CASE WHEN NOT {early} THEN moment END AS sold_at",
        f"CASE WHEN NOT {early} THEN local_date END AS date",
        f"CASE WHEN {unread} THEN 'sold_at_unparseable_date' WHEN {early} THEN 'date_out_of_range' END AS fault_sold_at",
    )
