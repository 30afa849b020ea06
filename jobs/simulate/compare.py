"""Whether a policy is dearer than another, and how sure that is: a bootstrap over items, crossed with blocks of weeks.

All policies meet the same demand, so differences are taken cell by cell (item with all its locations x block of weeks) and both
the items and the blocks are drawn anew with replacement (the crossed or pigeonhole bootstrap: Owen 2007, Annals of Applied
Statistics 1). With fewer than LEAST_BLOCKS blocks only items are drawn: noise from week to week is then not in the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from jobs.simulate.measures import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_BLOCKS = 8
#: With fewer items there is no interval and no verdict: their scatter says too little.
LEAST_ITEMS = 10
DRAWS = 2_000
_WEEK = 7
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Difference:
    """Cost beyond a reference's, with its 95% interval (NaN: too few items); ``blocks``: of weeks drawn anew, 0: items only."""

    money: float
    low: float
    high: float
    items: int
    blocks: int

    @property
    def verdict(self) -> str:
        """Dearer or cheaper where the interval leaves no doubt, else undecided."""
        return "dearer" if self.low > 0 else "cheaper" if self.high < 0 else "undecided"


def difference(policy: Outcome, reference: Outcome, chosen: np.ndarray, seed: int) -> Difference:
    """Cost of a policy less that of the reference, on the chosen pairs [pairs]."""
    cells = cells_of((policy.cost() - reference.cost())[:, chosen], policy.items[chosen], policy.span.fixed)
    items, blocks = cells.shape
    crossed = blocks >= LEAST_BLOCKS
    if items < LEAST_ITEMS:
        return Difference(float(cells.sum()), float("nan"), float("nan"), items, 0)
    generator = np.random.Generator(np.random.Philox(seed))
    of_items = generator.multinomial(items, np.full(items, 1 / items), DRAWS)
    of_blocks = generator.multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS) if crossed else np.ones((DRAWS, blocks))
    drawn = ((of_items @ cells) * of_blocks).sum(axis=1)
    low, high = np.quantile(drawn, _INTERVAL)
    return Difference(float(cells.sum()), float(low), float(high), items, blocks if crossed else 0)


def cells_of(cost: Floats, items: Ints, fixed: int) -> Floats:
    """[items, blocks] cost of nights and pairs by item and block; a block is so many whole weeks that ``fixed`` nights fit in it."""
    length = _WEEK * -(-fixed // _WEEK)
    blocks = max(len(cost) // length, 1)
    # Nights beyond the last whole block belong to it.
    block = np.minimum(np.arange(len(cost)) // length, blocks - 1)
    _, item = np.unique(items, return_inverse=True)
    cells = np.zeros((int(item.max(initial=-1)) + 1, blocks))
    np.add.at(cells, (item[None, :].repeat(len(cost), axis=0), block[:, None].repeat(len(item), axis=1)), cost)
    return cells


def settled(verdicts: list[str]) -> str:
    """The verdict over all ways of taking demand and all seeds: undecided where one of them is, or where two differ."""
    return verdicts[0] if len(set(verdicts)) == 1 else "undecided"
