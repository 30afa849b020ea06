"""Training rows as they travel: all that the booster sees of a row in one array.

A column each would be converted a hundred times a row wherever rows pass from Python to Java, into the cache, through the
shuffle and back (measured: docs/decisions/training.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import functions as F

from jobs.features.names import KEY
from jobs.forecast.model import INPUTS, to_matrix

if TYPE_CHECKING:
    from pyspark.sql import Column

#: Name of the array: INPUTS in their order, NaN where nothing is known.
PACKED = "inputs"
#: Names of a row, what was sold, and the array.
ROWS = pa.schema(
    [
        *((name, pa.string()) for name in KEY),
        ("target_date", pa.date32()),
        ("whole_units", pa.bool_()),
        ("origin", pa.int64()),
        ("step", pa.int32()),
        ("units", pa.float64()),
        (PACKED, pa.list_(pa.float32())),
    ]
)


def pack(rows: pa.Table, schema: pa.Schema = ROWS) -> pa.Table:
    """Features with origin and units, in ROWS or a schema that has more columns."""
    values = packed(to_matrix(rows))
    return pa.table({f.name: values if f.name == PACKED else rows[f.name] for f in schema}).cast(schema)


def packed(inputs: npt.NDArray[np.float32]) -> pa.ListArray:
    """Inputs [n, INPUTS] as an array of lists."""
    ends = np.arange(len(inputs) + 1, dtype=np.int32) * inputs.shape[1]
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(inputs.reshape(-1)))


def unpack(rows: pa.Table) -> pa.Table:
    """The array's values as columns of their own again, beside all others."""
    values = rows[PACKED].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, len(INPUTS))
    names = [name for name in rows.column_names if name != PACKED and name not in INPUTS]
    return pa.table({name: rows[name] for name in names} | {name: pa.array(values[:, i].copy()) for i, name in enumerate(INPUTS)})


def of(name: str) -> Column:
    """One of the array's values, in a frame of packed rows."""
    return F.col(PACKED)[INPUTS.index(name)]
