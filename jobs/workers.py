"""Work on parts of arrays by several threads. numpy lets go of Python's lock while it computes.

The parts are cut by the caller and what comes out lies in their order, so results don't depend on the number of threads.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

_ROWS = 65_536
#: Whether this thread works on a part already.
_HERE = threading.local()
Ints = npt.NDArray[np.int64]
Part = TypeVar("Part")
Result = TypeVar("Result")
Other = TypeVar("Other")


def workers() -> int:
    """Threads: one a processor that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cuts(count: int) -> list[slice]:
    """Slices of so many rows, each small enough for a processor's cache; at least one."""
    return [slice(k, min(k + _ROWS, count)) for k in range(0, max(count, 1), _ROWS)]


def group_cuts(group: Ints, rows: int = _ROWS) -> list[slice]:
    """Slices of about so many rows (at least one), cut between groups, which lie together."""
    first = np.append(np.flatnonzero(np.diff(group, prepend=-2) != 0), len(group))
    wanted = first[np.searchsorted(first, np.arange(rows, len(group), rows))]
    ends = np.unique(np.concatenate([[0], wanted, [len(group)]]))
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)] or [slice(0, 0)]


def mapped(work: Callable[[Part], Result], parts: Sequence[Part], *, at_once: bool = False) -> list[Result]:
    """What work makes of each part, in their order; by one thread where parts are small (``at_once``) or within other parts."""
    if at_once or len(parts) < 2 or workers() < 2 or getattr(_HERE, "busy", False):
        return [work(part) for part in parts]

    with ThreadPoolExecutor(workers()) as pool:
        return list(pool.map(partial(_marked, work), parts))


@contextmanager
def alone() -> Iterator[None]:
    """Within it this thread works by itself: of Spark's tasks each has a processor of its own."""
    before, _HERE.busy = getattr(_HERE, "busy", False), True
    try:
        yield
    finally:
        _HERE.busy = before


def both(one: Callable[[], Result], other: Callable[[], Other]) -> tuple[Result, Other]:
    """What two calls give, the other made in a thread beside the one; one after the other within other parts."""
    if workers() < 2 or getattr(_HERE, "busy", False):
        return one(), other()
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(_marked, lambda _: other(), None)
        return one(), second.result()


def _marked(work: Callable[[Part], Result], part: Part) -> Result:
    _HERE.busy = True
    return work(part)
