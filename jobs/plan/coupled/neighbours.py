"""Which vertices of a line's hull lie around a quantity."""

from __future__ import annotations

import numpy as np

from jobs.plan.coupled.hulls import Hulls
from jobs.plan.coupled.problem import Ints


def around(hulls: Hulls, lines: Ints, n: Ints) -> tuple[Ints, Ints]:
    """Multiples of the last vertex below n and of the first above, of each line; n itself where there is none."""
    low, high = hulls.first[lines].copy(), hulls.first[lines + 1].copy()
    last = len(hulls.n) - 1
    # First vertex with at least n multiples, by halving all at once.
    while True:
        open_ = low < high
        if not open_.any():
            break
        middle = (low + high) // 2
        right = open_ & (hulls.n[np.minimum(middle, last)] < n)
        low, high = np.where(right, middle + 1, low), np.where(open_ & ~right, middle, high)
    first, end = hulls.first[lines], hulls.first[lines + 1]
    below = np.where(low > first, hulls.n[np.maximum(low - 1, 0)], n)
    at = np.minimum(low, last)
    above = low + ((low < end) & (hulls.n[at] == n))
    above = np.where(above < end, hulls.n[np.minimum(above, last)], n)
    return below.astype(np.int64), above.astype(np.int64)
