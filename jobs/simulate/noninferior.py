"""Whether a candidate costs no more than what is live, but for a margin: a non-inferiority test on replayed nights.

    passes     the upper 95% limit of cost(candidate) - cost(live) is below margin * cost(live)
    worse      the lower 95% limit is above 0, and it does not pass
    undecided  neither: the nights tell too little

The burden of proof is the candidate's: too few nights never let it pass (Piaggio et al., Reporting of noninferiority and equivalence
randomized trials, JAMA 308, 2012). Limits are one-sided, from a standard error clustered by items (with all their locations) and blocks
of weeks (Cameron, Gelbach and Miller, Robust inference with multiway clustering, Journal of Business and Economic Statistics 29, 2011):

    variance = V_items + max(V_blocks - V_cells, 0)

with a t distribution of Satterthwaite's degrees of freedom. The bootstrap of compare.py counts what is each cell's own three times
(Owen 2007), which is careful where a difference is to be shown, but most of what candidates differ by is of that kind. About

    nights * ((z_95 + z_80) * standard error / margin)^2

nights would tell: with so many, four of five candidates that cost what live costs pass (Julious, Sample sizes for clinical trials
with normal data, Statistics in Medicine 23, 2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import t

from jobs.simulate.compare import LEAST_BLOCKS, LEAST_ITEMS, cells_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from jobs.simulate.measures import Outcome

Word = Literal["passes", "worse", "undecided"]
_LIMIT = 0.95
#: Normal quantiles: of the limits, and of the power with which ``needed`` nights tell.
_Z_LIMIT, _Z_POWER = 1.6449, 0.8416


@dataclass(frozen=True)
class Judged:
    """One comparison.

    live, candidate  cost of the nights that count;  margin  most that the candidate may cost more
    error            standard error of candidate - live (NaN: too few items);  reach: from the difference to its one-sided 95% limits
    nights           that counted;  items  that tell;  blocks  of weeks that tell, 0: noise from week to week is not in the error
    """

    live: float
    candidate: float
    margin: float
    error: float
    reach: float
    nights: int
    items: int
    blocks: int

    @property
    def low(self) -> float:
        """Lower 95% limit of candidate - live."""
        return self.candidate - self.live - self.reach

    @property
    def high(self) -> float:
        """Upper 95% limit of candidate - live."""
        return self.candidate - self.live + self.reach

    @property
    def word(self) -> Word:
        """The verdict."""
        if self.high < self.margin:
            return "passes"
        return "worse" if self.low > 0 else "undecided"

    @property
    def needed(self) -> int | None:
        """Nights that would tell, about; None: not known."""
        if np.isnan(self.error) or self.margin <= 0:
            return None
        return max(ceil(self.nights * ((_Z_LIMIT + _Z_POWER) * self.error / self.margin) ** 2), self.nights + 1)


def judge(candidate: Outcome, live: Outcome, margin: float) -> Judged:
    """Compare two outcomes of the same market; ``margin``: share of live's cost."""
    cells = cells_of(candidate.cost() - live.cost(), live.items, live.span.fixed)
    blocks = cells.shape[1] if cells.shape[1] >= LEAST_BLOCKS else 0
    error, reach = _error(cells, blocks) if len(cells) >= LEAST_ITEMS else (np.nan, np.nan)
    counted = live.span.nights - live.span.fixed
    return Judged(live.total, candidate.total, margin * live.total, error, reach, counted, len(cells), blocks)


def _error(cells: npt.NDArray[np.float64], blocks: int) -> tuple[float, float]:
    """Standard error of the sum of cells [items, blocks], and how far its 95% limits are; ``blocks`` 0: by items alone."""
    apart = cells - cells.mean()
    of_items, of_blocks, own = (_clustered(part) for part in (apart.sum(axis=1), apart.sum(axis=0), apart.ravel()))
    shared = max(of_blocks - own, 0.0) if blocks else 0.0
    variance = of_items + shared
    if variance <= 0:
        return 0.0, 0.0
    freedom = variance**2 / (of_items**2 / (len(cells) - 1) + shared**2 / max(blocks - 1, 1))
    return float(np.sqrt(variance)), float(t.ppf(_LIMIT, freedom) * np.sqrt(variance))


def _clustered(sums: npt.NDArray[np.float64]) -> float:
    """Variance of a sum of clusters, from the clusters' sums."""
    return float((sums**2).sum() * len(sums) / max(len(sums) - 1, 1))


def settled(words: Iterable[Word]) -> Word:
    """The verdict over all ways of taking demand and all seeds: it has to pass everywhere, and is worse where it is anywhere."""
    found = set(words)
    return "passes" if found == {"passes"} else "worse" if "worse" in found else "undecided"
