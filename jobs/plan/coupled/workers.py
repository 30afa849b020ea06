"""Work on parts of arrays by several threads. numpy lets go of Python's lock while it computes.

The parts are cut by the caller and what comes out lies in their order, so results don't depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_ROWS = 65_536
Part = TypeVar("Part")
Result = TypeVar("Result")


def workers() -> int:
    """Threads: one a processor that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cuts(count: int) -> list[slice]:
    """Slices of so many rows, each small enough for a processor's cache; at least one."""
    return [slice(k, min(k + _ROWS, count)) for k in range(0, max(count, 1), _ROWS)]


def mapped(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """What work makes of each part, in their order."""
    if len(parts) < 2 or workers() < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(workers()) as pool:
        return list(pool.map(work, parts))
