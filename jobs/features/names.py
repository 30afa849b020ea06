"""Names of series, and of the groups that they belong to: as arrays of text, and several columns of them as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Names = npt.NDArray[np.object_]

#: The columns that name a series.
KEY = ("item_id", "location_id", "channel")
#: Between the parts of a joined name.
SEPARATOR = "\x1f"


def columns_of(rows: pa.Table | pa.RecordBatch, columns: Iterable[str] = KEY) -> dict[str, Names]:
    """Columns of text as arrays [n]."""
    return {name: np.asarray(rows.column(name).to_numpy(zero_copy_only=False), object) for name in columns}


def regions_of(locations: pa.Table) -> dict[str, str]:
    """location_id -> region; '' where it has none."""
    return {row["location_id"]: row["region"] or "" for row in locations.select(["location_id", "region"]).to_pylist()}


def looked_up(names: Names, value: Callable[[str], Any], kind: npt.DTypeLike = object) -> npt.NDArray[Any]:
    """The value of each name [n], asked for once per distinct name: a block names few items and locations, thousands of times."""
    coded = pa.array(names, pa.string()).dictionary_encode()
    found: npt.NDArray[Any] = np.array([value(name) for name in coded.dictionary.to_pylist()], kind)
    values: npt.NDArray[Any] = found[coded.indices.to_numpy()]
    return values


def with_region(names: Mapping[str, Names], region: Mapping[str, str]) -> dict[str, Names]:
    """The same with the region of each location; '' where it is not known."""
    return {**names, "region": looked_up(names["location_id"], lambda place: region.get(place, ""))}


def join(rows: pa.Table, columns: Iterable[str] = KEY) -> pa.ChunkedArray:
    """One name of each row's columns [n]: equal where all of them are."""
    return pc.binary_join_element_wise(*(rows[name] for name in columns), SEPARATOR)


def joined(names: Mapping[str, Names], columns: Iterable[str] = KEY) -> Names:
    """The same of columns as arrays."""
    rows = pa.table({name: pa.array(names[name], pa.string()) for name in columns})
    return np.asarray(join(rows, rows.column_names).to_numpy(), object)


def hashes(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """64 bits of each text's BLAKE2b [n]: the same on every machine, whatever texts are beside it."""
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, ">u8").astype(np.uint64)
