"""Items and locations as known from night to night, small enough to broadcast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.lake import FIRST_DAY, Lake
from schemas.table import DATE, STRING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_SPAN = pa.schema([("id", STRING), ("known_from", DATE), ("known_to", DATE)])
_PLACE = pa.schema([("id", STRING), ("since", DATE), ("until", DATE), ("kind", STRING), ("timezone", STRING)])


@dataclass(frozen=True)
class Masters:
    """What rows of other feeds refer to.

    spans   feed -> frame (id, known_from, known_to): the nights that know the id; those of one id are disjoint
    places  frame (id, since, until, kind, timezone): each location's attributes, from the first day on
    """

    spans: Mapping[str, DataFrame]
    places: DataFrame


def read_masters(lake: Lake) -> Masters:
    """The masters in silver; withdrawn ids have no span any more."""
    names = ["location_id", "kind", "timezone", "known_from", "known_to", "deleted"]
    locations = lake.arrow("silver/locations", names).to_pylist()
    items = lake.arrow("silver/items", ["item_id", "known_from", "known_to", "deleted"]).to_pylist()
    session = lake.session
    return Masters(
        spans={
            "items": session.createDataFrame(_spans(items, "item_id")),
            "locations": session.createDataFrame(_spans(locations, "location_id")),
        },
        places=session.createDataFrame(_places(locations)),
    )


def _seen(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows that some night sees."""
    return [r for r in rows if not r["deleted"] and (r["known_to"] is None or r["known_to"] > r["known_from"])]


def _spans(rows: Iterable[Mapping[str, Any]], key: str) -> pa.Table:
    return pa.Table.from_pylist([{"id": r[key], "known_from": r["known_from"], "known_to": r["known_to"]} for r in _seen(rows)], _SPAN)


def _places(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Without gaps: what was known first holds before, what was known last holds after a withdrawal."""
    by_id: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(_seen(rows), key=lambda r: (r["location_id"], r["known_from"])):
        by_id[row["location_id"]].append(row)
    places = []
    for location, known in by_id.items():
        starts: list[date] = [FIRST_DAY, *(r["known_from"] for r in known[1:])]
        for row, since, until in zip(known, starts, [*starts[1:], None], strict=True):
            places.append({"id": location, "since": since, "until": until, "kind": row["kind"], "timezone": row["timezone"]})
    return pa.Table.from_pylist(places, _PLACE)
