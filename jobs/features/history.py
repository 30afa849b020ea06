"""Features of a series' own past: levels, spreads, lags, and means over like periods."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.features.block import Block
from jobs.features.clock import Clock
from jobs.features.past import Likeness, Past
from jobs.features.prices import fill_forward

Floats = npt.NDArray[np.float64]

#: In-stock periods of the prior that are mixed into a series' level.
PRIOR_PERIODS = 1.0
#: Half-lives of the clock over which weekdays are learned, and periods of the prior that are mixed in.
_WEEKDAY_HALF_LIVES = 3.0
_WEEKDAY_PRIOR = 8.0
#: The smallest level, so that scaled targets stay finite.
LEAST_LEVEL = 0.02
#: How fast a kernel weight falls with the difference of log prices; and its factor for another kind of day, promotion.
_PRICE_SCALE = 0.12
_OTHER_KIND = 0.2
_OTHER_PROMOTION = 0.4
_KERNEL_PRIOR = 0.5
#: Time in stock that a rate is divided by, at least.
_LEAST_TIME = 0.25


def masked_mean(values: Floats) -> tuple[Floats, Floats]:
    """Mean and number of each row's known values; NaN and 0 where there is none."""
    known = ~np.isnan(values)
    count = known.sum(axis=1).astype(float)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0), count


def level(block: Block, clock: Clock, origin: int, prior: Floats, usual: Floats | None = None) -> Floats:
    """Scale of each series at the origin: recency-weighted mean demand, shrunk to the prior, at least what was sold.

    Of periods that ran out the recovered demand counts. Where that is not known, sales are a floor of it: a series
    that was never in stock all period has at least their mean.

    usual  [n, recent] what each past period usually sells as a share of the level (its weekday, an event): taken out; None: one
    """
    end = origin - block.span.first
    demand = block.demand[:, end - clock.recent : end]
    units = block.units[:, end - clock.recent : end]
    weight = 0.5 ** (np.arange(clock.recent, 0, -1) / clock.half_life)
    due = weight if usual is None else weight * usual
    own, seen = np.where(np.isnan(demand), 0.0, due).sum(axis=1), np.where(np.isnan(units), 0.0, due).sum(axis=1)
    shrunk = ((weight * np.nan_to_num(demand)).sum(axis=1) + PRIOR_PERIODS * prior) / (own + PRIOR_PERIODS)
    floor = np.divide((weight * np.nan_to_num(units)).sum(axis=1), seen, out=np.zeros(len(block)), where=seen > 0)
    scale: Floats = np.maximum(np.maximum(shrunk, floor), LEAST_LEVEL)
    return scale


def weekdays(block: Block, clock: Clock, origin: int, lift: Floats, prior: Floats) -> Floats:
    """Share [n, periods of a week] of each weekday in a series' demand, 1 on average; columns: origin, the day after, ...

    lift   [n, recent] what events did to the past periods
    prior  [n, periods of a week] shares to which those of few periods are shrunk
    """
    end, like = origin - block.span.first, clock.like
    demand = block.demand[:, end - clock.recent : end]
    weight = np.where(np.isnan(demand), 0.0, 0.5 ** (np.arange(clock.recent, 0, -1) / (_WEEKDAY_HALF_LIVES * clock.half_life)))
    sold, due = (_by_weekday(weight * values, like) for values in (np.nan_to_num(demand), lift))
    mean = np.divide(sold, due, out=np.full(sold.shape, np.nan), where=due > 0)
    overall = masked_mean(mean)[0][:, None]
    share = (np.divide(sold, overall, out=np.zeros_like(sold), where=overall > 0) + _WEEKDAY_PRIOR * prior) / (due + _WEEKDAY_PRIOR)
    shares: Floats = share / np.maximum(share.mean(axis=1, keepdims=True), 1e-9)
    return shares


def _by_weekday(values: Floats, like: int) -> Floats:
    """Sums [n, like] of every like-th of the last periods; the first column that of the period after them."""
    whole = values[:, values.shape[1] % like :]
    sums: Floats = whole.reshape(len(values), -1, like).sum(axis=1)
    return sums


def summary(block: Block, clock: Clock, origin: int, scale: Floats) -> dict[str, Floats]:
    """Per series at the origin: rolling means and deviations, zeros, age, stock, the series' last in-stock periods."""
    end = origin - block.span.first
    demand = block.in_stock[:, :end] / scale[:, None]
    units, stock = block.units[:, :end], block.stock[:, :end]
    columns = {f"mean_{i + 1}": masked_mean(demand[:, -span:])[0] for i, span in enumerate(clock.spans)}
    long = demand[:, -clock.spans[3] :]
    mean, count = masked_mean(long)
    columns["deviation"] = np.sqrt(masked_mean((long - np.nan_to_num(mean)[:, None]) ** 2)[0])
    columns["periods_in_stock"] = count
    columns["share_of_zeros"] = masked_mean(np.where(np.isnan(long), np.nan, long <= 0))[0]
    columns["stock_short"] = masked_mean(stock[:, -clock.spans[1] :])[0]
    columns["stock_long"] = masked_mean(stock[:, -clock.spans[3] :])[0]
    columns["sold"] = masked_mean(units[:, -clock.spans[3] :])[0] / scale
    columns["sold_short"] = masked_mean(units[:, -clock.spans[1] :])[0] / scale
    last_demand = fill_forward(demand[:, -clock.recent :])[:, -1]
    columns["last"] = last_demand
    columns["rate_short"] = in_stock_rate(units[:, -clock.spans[1] :], stock[:, -clock.spans[1] :]) / scale
    columns["rate"] = in_stock_rate(units[:, -clock.spans[2] :], stock[:, -clock.spans[2] :]) / scale
    columns["rate_last"] = in_stock_rate(units[:, -1:], stock[:, -1:]) / scale
    columns["stock_last"] = stock[:, -1]
    columns["since_sale"] = _since(np.nan_to_num(units[:, -clock.recent :]) > 0)
    columns["age"] = _age(~np.isnan(units[:, -clock.recent :]))
    return columns


def in_stock_rate(units: Floats, stock: Floats) -> Floats:
    """Units of all periods for a period's worth of time in stock; NaN where nothing is known.

    What ran out counts with the time that it was there. A quarter of a period at least is divided by, so that what
    was sold in minutes is not blown up.
    """
    known = ~np.isnan(units)
    time = np.where(known, np.nan_to_num(stock, nan=1.0), 0.0).sum(axis=1)
    rate: Floats = np.where(known.any(axis=1), np.nan_to_num(units).sum(axis=1) / np.maximum(time, _LEAST_TIME), np.nan)
    return rate


def _since(happened: npt.NDArray[np.bool_]) -> Floats:
    """Periods since it last happened (1 = the last period); the width plus one where it never did."""
    width = happened.shape[1]
    since: Floats = np.where(happened.any(axis=1), happened[:, ::-1].argmax(axis=1) + 1.0, width + 1.0)
    return since


def _age(present: npt.NDArray[np.bool_]) -> Floats:
    """Periods since the first row, at most the width; 0 for a pair without any."""
    width = present.shape[1]
    return np.where(present.any(axis=1), width - present.argmax(axis=1), 0.0)


def like_lags(block: Block, clock: Clock, origin: int, target: int, scale: Floats) -> dict[str, Floats]:
    """The same weekday (week grain: the same period) one to three times before, last year, and its lift there."""
    season = 7 if clock.period_days == 1 else 1
    end = origin - block.span.first
    at = target - block.span.first
    demand = block.in_stock
    first = season * (1 + (at - end) // season)
    columns = {f"like_{k + 1}": demand[:, at - first - season * k] / scale for k in range(3)}
    year = at - clock.year
    near = demand[:, year - clock.around : min(year + clock.around + 1, end)] if year - clock.around < end else demand[:, :0]
    before = demand[:, end - clock.year - clock.spans[1] : end - clock.year]
    columns["year_ago"] = masked_mean(near)[0] / scale
    base = masked_mean(before)[0]
    columns["year_lift"] = np.divide(masked_mean(near)[0], base, out=np.full(len(scale), np.nan), where=np.nan_to_num(base) > 0)
    return columns


def kernel(past: Past, like: Likeness, clock: Clock, usual: Floats) -> dict[str, Floats]:
    """Mean of the own past, weighted by recency, same kind of day and similar price, for one target period.

    like   how like the past is to the target
    usual  [n] usual share of the target's kind of period: puts the season in again that past.flat has taken out

    Returns the mean over like days, the de-seasonalised mean over all days, both in units of scale, and the weight.
    """
    recency = 0.5 ** (np.arange(clock.recent, 0, -1) / (1.5 * clock.half_life))
    similar = np.where(like.priced, np.exp(-like.distance / _PRICE_SCALE), 0.5)
    similar *= np.where(like.promoted, 1.0, _OTHER_PROMOTION)
    weight = np.where(past.known, recency * similar, 0.0)
    alike = weight * np.where(like.kind, 1.0, _OTHER_KIND)
    total = alike.sum(axis=1)
    return {
        "kernel": ((alike * past.share).sum(axis=1) + _KERNEL_PRIOR) / (total + _KERNEL_PRIOR),
        "kernel_flat": ((weight * past.flat).sum(axis=1) + _KERNEL_PRIOR) / (weight.sum(axis=1) + _KERNEL_PRIOR) * usual,
        "kernel_weight": total,
    }
