"""The moment of a sale: what ``sold_at`` says, in UTC and as the local business date."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.ingest.text import FIRST_DATE, parse_date

_TIMESTAMP = "RLIKE '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}'"


@dataclass(frozen=True)
class Moment:
    """SQL of the moment (UTC), its local business date, and the rule that the text breaks (null: none)."""

    utc: str
    local_date: str
    fault: str


def parse_moment(text: str, zone: str, naive_timestamps: str) -> Moment:
    """How to read a timestamp or date in the location's zone (both are SQL expressions).

    With an offset it is that moment; without one it is UTC or local, as config says; a date alone is the
    local business date and stands for its midnight.
    """
    plain = f"length({text}) = 10"
    # Spark wants seconds before an offset; ISO 8601 does not.
    full = f"regexp_replace({text}, '^(.{{10}}[T ][0-9]{{2}}:[0-9]{{2}})(Z|[+-].*)$', '$1:00$2')"
    stamp = f"CASE WHEN {text} {_TIMESTAMP} THEN coalesce(try_cast({text} AS timestamp), try_cast({full} AS timestamp)) END"
    naive = f"(NOT substr({text}, 17) RLIKE '[A-Za-z+-]')"
    day = f"({parse_date(text)})"
    local = f"{naive} AND {'true' if naive_timestamps == 'local' else 'false'}"
    utc = f"CASE WHEN {plain} THEN to_utc_timestamp({day}, {zone}) WHEN {local} THEN to_utc_timestamp({stamp}, {zone}) ELSE {stamp} END"
    date = f"CASE WHEN {plain} THEN {day} WHEN {local} THEN to_date({stamp}) ELSE to_date(from_utc_timestamp({stamp}, {zone})) END"
    early = f"({date}) < DATE'{FIRST_DATE}'"
    unread = f"{text} IS NOT NULL AND ({date}) IS NULL"
    fault = f"CASE WHEN {unread} THEN 'sold_at_unparseable_date' WHEN {early} THEN 'date_out_of_range' END"
    return Moment(f"CASE WHEN NOT ({early}) THEN {utc} END", f"CASE WHEN NOT ({early}) THEN {date} END", fault)
