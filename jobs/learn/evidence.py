"""Outcomes as evidence: the segments that each belongs to, what acted when it was decided on, and how old it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.learn.levels import sensitivity
from jobs.learn.segments import DEPTHS
from schemas.gold.outcomes import UNKNOWN

if TYPE_CHECKING:
    from datetime import date

    from jobs.learn.segments import Parts

Floats = npt.NDArray[np.float64]
#: Of gold/outcomes what is evidence, business_date being the night that judged it.
EVIDENCE = ("business_date", "decided_on", "item_id", "location_id", "arrives_on", "next_arrives_on", "status", "level_low", "level_high")


@dataclass(frozen=True)
class Judged:
    """Outcomes of one night, a row each.

    rows    DEPTHS, level_low, level_high, status;  night  that judged them
    times   [n] log-odds by which a window's level moves when those of its periods move by one (levels.sensitivity)
    acted   [n] shift that acted when it was decided on
    delay   [n] periods from decision to when the outcome can act;  review  [n] periods of the window
    """

    rows: pl.DataFrame
    night: date
    times: Floats
    acted: Floats
    delay: Floats
    review: Floats

    def known(self) -> Judged:
        """Those that say anything."""
        keep = self.rows["status"].to_numpy() != UNKNOWN
        arrays = (each[keep] for each in (self.times, self.acted, self.delay, self.review))
        return Judged(self.rows.filter(pl.Series(keep)), self.night, *arrays)


def judged_by(night: date, outcomes: pl.DataFrame, parts: Parts, acted: pl.DataFrame, correlation: float, period_days: int) -> Judged:
    """The outcomes (EVIDENCE) that a night judged.

    acted        decided_on, segment, log_odds of earlier nights; a narrowest segment without a row was not shifted
    correlation  of two periods of a series on the demand paths
    """
    named = parts.named(outcomes)
    of = named.join(acted, left_on=["decided_on", DEPTHS[-1]], right_on=["decided_on", "segment"], how="left", maintain_order="left")
    periods = pl.col("next_arrives_on") - pl.col("arrives_on"), pl.col("next_arrives_on") - pl.col("decided_on")
    review, delay = (named.select(days.dt.total_days() / period_days).to_series().to_numpy() for days in periods)
    rows = named.select(*DEPTHS, "level_low", "level_high", "status")
    # A night's forecasts are made before it judges, so outcomes act on the next.
    return Judged(rows, night, sensitivity(review, correlation), of["log_odds"].fill_null(0.0).to_numpy(), delay + 1, review)
