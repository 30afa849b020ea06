"""Numbers as decimal(18,4), rounded half up."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.plan.night import Floats
from jobs.plan.pools import SCALE
from schemas.table import DECIMAL

#: Swallows the last bit of a product, so that 0.00005 less a last bit is still half.
_LAST_BIT = 1e-6
#: The largest number of 18 digits whose double is no larger.
_LARGEST = 99_999_999_999_999.0


def decimals(values: Floats) -> pa.Array:
    """Floats as decimal(18,4), half up; NaN is null, what is too large the largest that there is."""
    missing = np.isnan(values)
    scaled = np.floor(np.clip(np.where(missing, 0.0, values), -_LARGEST, _LARGEST) * SCALE + 0.5 + _LAST_BIT).astype("<i8")
    words = np.stack([scaled, scaled >> 63], axis=1)
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes()) if missing.any() else None
    return pa.Array.from_buffers(DECIMAL, len(values), [valid, pa.py_buffer(words.tobytes())])
