"""A retailer in which nothing but levels matters: lines are decided on, and some periods later their demand is known.

Demand of a window is log-normal; it is believed to be so many times as large as it is. A shift of the belief moves log-odds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from jobs.config import Feedback
from jobs.learn.evidence import Judged
from jobs.learn.feedback import STATE, corrections
from jobs.learn.levels import moved, seen_under
from jobs.learn.segments import DEPTHS

FIRST = date(2024, 1, 1)


@dataclass
class Loop:
    """Lines of ``segments`` departments of one store, each decided on every ``review`` periods, known ``lead`` + ``review`` later.

    believed  period -> what of demand is believed;  spread  of its logarithm
    stock     share of windows whose stock would have been enough, as believed at first (1: all)
    common    share of the variance that all lines of a period have in common
    """

    lead: int = 1
    review: int = 1
    lines: int = 400
    segments: int = 1
    believed: Callable[[int], float] = lambda _: 1.0
    stock: float = 1.0
    settings: Feedback = field(default_factory=Feedback)
    spread: float = 1.0
    common: float = 0.0
    seed: int = 7

    def run(self, periods: int) -> np.ndarray:
        """[periods, segments] shift, in log-odds, that acts on each period."""
        random, state = np.random.default_rng(self.seed), pl.DataFrame(schema=STATE)
        names = [f"store/d{n}/A" for n in range(self.segments)]
        leaves = pl.DataFrame([("all", "store", name[:-2], name) for name in names], schema=DEPTHS, orient="row")
        acting, waiting = np.zeros((periods, self.segments)), {}
        for now in range(periods):
            judged = [waiting.pop(now)] if now in waiting else []
            state = corrections(state, judged, leaves, self.settings, 1)
            by_name = dict(state.select("segment", "log_odds").iter_rows())
            acting[now] = [by_name[name] for name in names]
            if now % self.review == 0:
                waiting[now + self.lead + self.review] = self._outcomes(random, now, acting[now], leaves)
        return acting

    def _outcomes(self, random: np.random.Generator, now: int, acting: np.ndarray, leaves: pl.DataFrame) -> Judged:
        of = np.arange(self.lines) % self.segments
        normal = np.sqrt(1 - self.common) * random.standard_normal(self.lines) + np.sqrt(self.common) * random.standard_normal()
        level = seen_under(ndtr(normal - np.log(self.believed(now)) / self.spread), acting[of])
        short = level > self.stock
        low, high = np.where(short, self.stock, level), np.where(short, 1.0, level)
        rows = leaves[of].with_columns(level_low=low, level_high=high, status=pl.Series(np.where(short, "short", "observed")))
        same = np.ones(self.lines)
        known = FIRST + timedelta(days=now + self.lead + self.review)
        return Judged(rows, known, same, acting[of], same * (self.lead + self.review), same * self.review)


def middle(believed: float, log_odds: np.ndarray, spread: float = 1.0) -> np.ndarray:
    """Median of the corrected belief as a share of the true one."""
    return believed * np.exp(spread * ndtri(moved(np.array(0.5), log_odds)))
