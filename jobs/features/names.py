"""Names of series, and of the groups that they belong to: as arrays of text, and several columns of them as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def with_region(names: Mapping[str, Names], region: Mapping[str, str]) -> dict[str, Names]:
    """The same with the region of each location; '' where it is not known."""
    return {**names, "region": np.array([region.get(place, "") for place in names["location_id"]], object)}


def joined(columns: Iterable[Names | pa.ChunkedArray]) -> Names:
    """One name of each row's parts [n]: equal where all of them are."""
    parts = [column if isinstance(column, pa.ChunkedArray) else pa.array(column, pa.string()) for column in columns]
    return np.asarray(pc.binary_join_element_wise(*parts, SEPARATOR).to_numpy(zero_copy_only=False), object)
