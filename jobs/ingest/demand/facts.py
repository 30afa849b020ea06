"""Facts of one partition as whole numbers: ids as codes, dates as days since 1970, amounts in 1/10,000.

The core works on these arrays. Facts of all kinds come in one Arrow table, so that one shuffle brings
everything about a location to one task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

#: Days and amounts: a value that is not there.
NONE = -1_000_000
#: Amounts are whole numbers of this part of a unit.
SCALE = 10_000

#: One fact. What day, until, units, ... mean depends on the kind; see the kinds in prepare.py.
FACTS = pa.schema(
    [
        ("kind", pa.string()),
        ("batch", pa.int32()),
        ("location_id", pa.string()),
        ("item_id", pa.string()),
        ("channel", pa.string()),
        ("day", pa.date32()),
        ("until", pa.date32()),
        ("units", pa.int64()),
        ("returns", pa.int64()),
        ("sales_rows", pa.int32()),
        ("price", pa.int64()),
        ("fraction", pa.float64()),
        ("promotion", pa.string()),
        ("hours", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True)
class Codes:
    """Distinct texts in alphabetical order; a text's code is its place."""

    values: pa.Array

    @staticmethod
    def of(*columns: pa.Array | pa.ChunkedArray) -> Codes:
        """Codes of all texts in the columns."""
        parts = [pc.unique(column.cast(pa.string())) for column in columns]
        distinct = pc.drop_null(pc.unique(pa.concat_arrays(parts)))
        return Codes(pc.take(distinct, pc.sort_indices(distinct)))

    def encode(self, column: pa.Array | pa.ChunkedArray) -> Ints:
        """Code of each text; -1 for null and for a text without code."""
        found = pc.index_in(column, value_set=self.values)
        return numbers(found, -1)

    def decode(self, codes: Ints) -> pa.Array:
        """Text of each code; null for -1."""
        return pc.take(self.values, pa.array(codes, mask=codes < 0))

    def __len__(self) -> int:
        return len(self.values)


def numbers(column: pa.Array | pa.ChunkedArray, null: int = NONE) -> Ints:
    """A whole-number or date column as int64, with ``null`` where there is none."""
    kind = column.type
    plain = column.cast(pa.int32()) if pa.types.is_date32(kind) else column
    filled = pc.fill_null(plain.cast(pa.int64()), null)
    return np.asarray(filled.to_numpy(zero_copy_only=False) if isinstance(filled, pa.Array) else filled.to_numpy(), dtype=np.int64)


def locate(keys: Ints, wanted: Ints) -> Ints:
    """Place of each wanted key in the sorted distinct keys; -1 where it is not among them."""
    if len(keys) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)


def decimals(scaled: Ints, missing: Bools | None = None) -> pa.Array:
    """decimal(18,4) from whole numbers of 1/10,000."""
    words = np.empty((len(scaled), 2), dtype=np.int64)
    words[:, 0] = scaled
    words[:, 1] = scaled >> 63
    validity = None
    if missing is not None:
        validity = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(scaled), [validity, pa.py_buffer(words.tobytes())])


def carry(table: Ints) -> Ints:
    """Along the last axis, the largest value so far: carries the last row number, or day, forward."""
    return np.maximum.accumulate(table, axis=-1)


@dataclass(frozen=True)
class Facts:
    """Facts of one batch, by kind."""

    by_kind: dict[str, pa.Table]

    @staticmethod
    def split(table: pa.Table) -> Facts:
        """Take a table of facts apart by kind."""
        return Facts({kind: table.filter(pc.equal(table["kind"], kind)) for kind in pc.unique(table["kind"]).to_pylist()})

    def of(self, *kinds: str) -> pa.Table:
        """All facts of these kinds."""
        return pa.concat_tables([self.by_kind.get(kind, FACTS.empty_table()) for kind in kinds])
