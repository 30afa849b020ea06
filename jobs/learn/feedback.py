"""Feedback: outcomes of past decisions shift the levels of the next forecasts, segment by segment (docs/modes.md has the formulas).

Integral control on how far outcomes lie above the middle of what was believed, with the dead time taken out: an outcome is judged
under the shift that is estimated today, not under the one that acted when it was decided on, so that what was done since is not
done again (Smith 1957; Morari and Zafiriou, Robust Process Control, 1989, chapter 3). What is left is a first-order filter, which does not
oscillate whatever the delay.

An outcome is an interval of levels [a, b]; its score a + b - 1 is the derivative of its log-likelihood by the shift in log-odds. A
window short of stock has b = 1: its score is a >= 0, never below, and its expectation is that of the levels above a.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.learn.levels import log_odds_of, seen_under, shift_of
from jobs.learn.segments import DEPTHS
from schemas.gold.corrections import ACTS, AS_PARENT, AT_LIMIT, CORRECTIONS, NOISE, NOTHING, OFF
from schemas.gold.outcomes import SHORT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from jobs.config import Feedback
    from jobs.learn.evidence import Judged

Floats = npt.NDArray[np.float64]
STATE = {
    name: dtype for name, dtype in pl.DataFrame(CORRECTIONS.schema.empty_table()).schema.items() if name not in ("business_date", "run_id")
}
#: A score of levels spread evenly over (0, 1) has this variance; one step of Newton's method divides by it.
_INFORMATION = 1 / 3
_BEFORE = ("estimate", "variance", "had", "had_short", "bias_before")
#: An estimate rests on at least so many outcomes: fewer a night go into it by as much less.
MEMORY = 200
#: An estimate within so many standard errors is noise; beyond so many it is believed in full.
_NOISE, _SURE = 2.0, 3.0
#: What outcomes of a night have in common beyond a segment's own noise, as a standard deviation in log-odds: never averaged out.
_COMMON = 0.1
#: Weight of a night in the noise: how far what a night asks for lies from the estimate, squared.
_NOISE_GAIN = 0.1
#: Estimates stay within this, in log-odds.
_FURTHEST = 3.0


def updated(state: pl.DataFrame, judged: Judged, settings: Feedback, period_days: int) -> pl.DataFrame:
    """The state (rows of gold/corrections without business_date and run_id) after the outcomes of one night."""
    known = judged.known()
    if known.rows.is_empty():
        return state
    totals = _totals(state)
    seen = pl.concat([_seen(known, depth, totals) for depth in DEPTHS])
    above = seen.select(parent="segment", of_parent="asked")
    seen = seen.join(above, on="parent", how="left", maintain_order="left").with_columns(
        asked=pl.col("asked") - pl.col("of_parent").fill_null(0.0)
    )
    before = state.rename({"outcomes": "had", "short": "had_short", "delay": "delay_before", "bias_seen": "bias_before"}).drop(
        "gain", "parent"
    )
    rows = seen.join(before, on="segment", how="left", maintain_order="left")
    changed = _changed(rows, judged.night, settings, period_days)
    return pl.concat([changed, state.join(changed, on="segment", how="anti")]).sort("segment")


def _totals(state: pl.DataFrame) -> dict[str, float]:
    """Segment -> shift that it asks for: its own estimate is what it asks for beyond its parent."""
    own = {name: (parent, estimate) for name, parent, estimate in state.select("segment", "parent", "estimate").iter_rows()}

    def total(name: str | None) -> float:
        if name is None or name not in own:
            return 0.0
        parent, estimate = own[name]
        return float(estimate) + total(parent)

    return {name: total(name) for name in own}


def _seen(known: Judged, depth: str, totals: dict[str, float]) -> pl.DataFrame:
    """What outcomes say of the segments of a depth: segment, parent, outcomes, short, bias_seen, asked, information, delay, review.

    asked  shift that the outcomes ask for, by one step of Newton's method from what was known: with the information of levels spread
           evenly it is too short rather than too long where they are not
    """
    names = known.rows[depth].to_numpy()
    segments, of = np.unique(names.astype(str), return_inverse=True)
    total = np.array([totals.get(name, 0.0) for name in segments.tolist()])
    low, high = (known.rows[name].to_numpy() for name in ("level_low", "level_high"))
    since = known.times * (total[of] - known.acted)
    score = seen_under(low, since) + seen_under(high, since) - 1

    def summed(values: Floats) -> Floats:
        return np.bincount(of, values, len(segments)).astype(float)

    count, information = summed(np.ones(len(of))), summed(known.times**2) * _INFORMATION
    parent = DEPTHS[max(DEPTHS.index(depth) - 1, 0)]
    parents = dict(known.rows.select(depth, pl.col(parent).alias("parent")).unique().iter_rows()) if parent != depth else {}
    return pl.DataFrame(
        {
            "segment": segments.tolist(),
            "parent": pl.Series([parents.get(name) for name in segments.tolist()], dtype=pl.String),
            "outcomes": count.astype(np.int64),
            "short": summed((known.rows["status"] == SHORT).to_numpy().astype(float)).astype(np.int64),
            "bias_seen": summed((low + high - 1) / 2) / count,
            "asked": total + summed(known.times * score) / information,
            "information": information,
            "delay": summed(known.delay) / count,
            "review": summed(known.review) / count,
        }
    )


def _changed(rows: pl.DataFrame, night: date, settings: Feedback, period_days: int) -> pl.DataFrame:
    """Segments of which something was seen, with their estimates moved."""
    number = {name: rows[name].cast(pl.Float64).fill_null(0.0).to_numpy() for name in _BEFORE}
    asked, information, count, delay = (rows[name].cast(pl.Float64).to_numpy() for name in ("asked", "information", "outcomes", "delay"))
    last, noise = (rows[name].fill_null(np.nan).to_numpy() for name in ("last", "noise"))
    elapsed = (pl.lit(night) - pl.col("last_on")).dt.total_days() / period_days
    since = np.maximum(rows.select(pl.coalesce(elapsed, "review")).to_series().to_numpy(), 1.0)
    # The delay counts in updates: so many have been made on what was not yet known.
    gain = settings.gain * np.minimum(1 / (delay / since + 1), count / (count + MEMORY))
    least = 1 / information
    off = np.where(np.isnan(last), least, (asked - number["estimate"]) ** 2)
    noise = np.where(np.isnan(last), least, noise + _NOISE_GAIN * (off - noise))
    # Windows longer than from one update to the next have their days in common.
    common = np.maximum(rows["review"].to_numpy() / since, 1.0)
    variance = (1 - gain) ** 2 * number["variance"] + gain**2 * np.maximum(noise, least) * common
    estimate = np.clip(number["estimate"] + gain * (asked - number["estimate"]), -_FURTHEST, _FURTHEST)
    values: dict[str, Any] = {"estimate": estimate, "variance": variance, "noise": noise, "last": asked, "gain": gain, "delay": delay}
    values |= {"outcomes": (number["had"] + count).astype(np.int64), "standard_error": np.sqrt(variance + _COMMON**2)}
    values["bias_seen"] = (number["had"] * number["bias_before"] + count * rows["bias_seen"].to_numpy()) / (number["had"] + count)
    values["short"] = (number["had_short"] + rows["short"].to_numpy()).astype(np.int64)
    found = rows.with_columns(pl.Series(name, each) for name, each in values.items()).with_columns(last_on=pl.lit(night))
    kept = ("shift_before", "shift", "log_odds")
    found = found.with_columns(pl.col(kept).fill_null(0.0), pl.col("acts").fill_null(value=False), pl.col("why").fill_null(NOTHING))
    return found.select(list(STATE)).cast(STATE)  # type: ignore[arg-type]


def corrections(state: pl.DataFrame, judged: Iterable[Judged], leaves: pl.DataFrame, settings: Feedback, period_days: int) -> pl.DataFrame:
    """Rows of gold/corrections of a night, without business_date and run_id.

    state   those of the last night of feedback; empty: none was
    judged  what was judged since, by night
    leaves  segments (DEPTHS) that the night forecasts for
    """
    found = fresh(state)
    for night in judged:
        found = updated(found, night, settings, period_days)
    rows = {row["segment"]: row for row in found.iter_rows(named=True)}
    for path in leaves.select(DEPTHS).iter_rows():
        for parent, segment in zip((None, *path[:-1]), path, strict=True):
            rows.setdefault(segment, _unseen(segment, parent))
    wanted: dict[str, float] = {}
    settled = [_settled(rows, name, wanted, settings) for name in sorted(rows)]
    return pl.DataFrame(settled, schema=STATE).sort("segment") if settled else pl.DataFrame(schema=STATE)


def fresh(state: pl.DataFrame) -> pl.DataFrame:
    """The state at the beginning of a night: nothing was judged since, and what acts acted before."""
    return state.with_columns(
        outcomes=pl.lit(0, pl.Int64), short=pl.lit(0, pl.Int64), bias_seen=pl.lit(None, pl.Float64), gain=pl.lit(0.0), shift_before="shift"
    )


def _unseen(segment: str, parent: str | None) -> dict[str, Any]:
    zeros = dict.fromkeys(("estimate", "variance", "noise", "delay", "gain", "shift_before", "shift", "log_odds"), 0.0)
    empty = {"bias_seen": None, "last": None, "last_on": None, "acts": False, "why": NOTHING}
    return {"segment": segment, "parent": parent, "outcomes": 0, "short": 0, "standard_error": _COMMON, **zeros, **empty}


def _wanted(rows: dict[str, dict[str, Any]], name: str | None, known: dict[str, float], settings: Feedback) -> float:
    """Shift of a segment: its parent's, and of what it asks for beyond that as much as is not noise (firm shrinkage: Gao and Bruce 1997,
    Statistica Sinica 7).
    """
    if name is None:
        return 0.0
    if name not in known:
        row = rows[name]
        parent = _wanted(rows, row["parent"], known, settings)
        beyond = row["estimate"]
        above = (abs(beyond) / row["standard_error"] - _NOISE) / (_SURE - _NOISE)
        believed = min(abs(beyond), _SURE * row["standard_error"] * max(above, 0.0))
        known[name] = parent + float(np.copysign(believed, beyond))
    return known[name]


def _settled(rows: dict[str, dict[str, Any]], name: str, known: dict[str, float], settings: Feedback) -> dict[str, Any]:
    """A segment's row with the shift that acts, and why."""
    row, limit = rows[name], log_odds_of(settings.limit)
    wanted, parent = _wanted(rows, name, known, settings), _wanted(rows, row["parent"], known, settings)
    log_odds = float(np.clip(wanted, -limit, limit))
    if _is_off(rows, name, settings):
        why, log_odds = OFF, 0.0
    elif row["last"] is None and not wanted:
        why = NOTHING
    elif not wanted:
        why = NOISE
    elif abs(wanted) > limit:
        why = AT_LIMIT
    else:
        why = AS_PARENT if wanted == parent else ACTS
    return row | {"log_odds": log_odds, "shift": float(shift_of(log_odds)), "acts": log_odds != 0, "why": why}


def _is_off(rows: dict[str, dict[str, Any]], name: str | None, settings: Feedback) -> bool:
    """Whether a segment, or one that it lies below, is switched off."""
    return name is not None and (name in settings.off or _is_off(rows, rows[name]["parent"], settings))
