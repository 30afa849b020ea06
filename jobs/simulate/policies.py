"""Ways of deciding that are compared: what each takes for tomorrow's demand, and by which rule it orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from jobs.features import here
from jobs.forecast import plain
from jobs.forecast.baseline import positive_gamma
from jobs.forecast.distribution import NAMES
from jobs.forecast.model import dependence_of, distribution_of, forecast, settle, with_distribution
from jobs.forecast.ranks import INDEPENDENT, Dependence, GivenPaths, PathRanks, of_night, seed_of
from jobs.learn.joint_move import move
from jobs.learn.joint_train import taught_here
from jobs.plan import expected_cost, inputs
from jobs.plan.inputs import FORECAST
from jobs.plan.order_up_to import newsvendor
from jobs.plan.pools import SCALE
from jobs.simulate.history import recent
from jobs.simulate.lawful import Lawful
from jobs.simulate.lessons import Lessons
from jobs.simulate.market import KEY

if TYPE_CHECKING:
    from jobs.config import Config
    from jobs.forecast.model import Model, Spread
    from jobs.plan.shard import Lists
    from jobs.simulate.market import Market
    from jobs.simulate.memory import Memory

Floats = npt.NDArray[np.float64]

#: Days whose mean a base stock takes for demand, and those looked at where none of them was in stock.
_DAYS, _LOOKED_AT = 28, 91


@dataclass(frozen=True)
class Evening:
    """What is known when a night is decided: silver as it is seen, the model, the horizon; the market, for who may look ahead;
    lessons, for who learns from outcomes of its decisions.
    """

    lake: Memory
    config: Config
    night: date
    number: int
    model: Model | None
    steps: int
    market: Market
    lessons: Lessons = field(default_factory=Lessons)


def _as_it_is(lake: Memory) -> Memory:
    return lake


@dataclass(frozen=True)
class Policy:
    """A way of deciding.

    foresee   the night's forecasts (columns of inputs.FORECAST) and the ranks of their paths
    lists_of  cost lists of the lines
    learns    whether it needs a model;  records  whether it needs a record of the model's errors
    teaches   what it has the model learn beside, from what the night sees; None: nothing
    recalls   whether it learns from outcomes of its decisions
    sees      silver as it takes it;  lawful  whether it needs a world whose law is known
    fenced    whether channels have a stock of their own, whatever the settings say
    """

    name: str
    meaning: str
    foresee: Callable[[Evening], tuple[pa.Table, PathRanks]]
    lists_of: Lists
    learns: bool = False
    records: bool = False
    teaches: Callable[[Model, Memory, Config, date], Model] | None = None
    sees: Callable[[Memory], Memory] = _as_it_is
    lawful: bool = False
    recalls: bool = False
    fenced: bool = False

    def settings(self, config: Config) -> Config:
        """The settings under which it decides."""
        if not self.fenced:
            return config
        return config.model_copy(update={"planning": config.planning.model_copy(update={"channels": "fenced"})})


def distribution(evening: Evening, spread: Spread = "calibrated") -> pa.Table:
    """What the night's model forecasts, as the night computes it; times [simulation] bias."""
    return _forecast(evening, _features(evening), spread)


def _features(evening: Evening) -> pa.Table:
    return here.at(evening.lake, evening.config, evening.night, evening.steps)


def _forecast(evening: Evening, features: pa.Table, spread: Spread = "calibrated") -> pa.Table:
    made, factor = forecast(evening.model, features, spread), evening.config.simulation.bias
    return made if factor == 1 else _times(made, factor)


def _times(forecasts: pa.Table, factor: float) -> pa.Table:
    """Forecasts of so many times the units."""
    mean, p_zero, quantiles, whole = distribution_of(forecasts)
    closed = (p_zero >= 1) & (mean <= 0)
    return with_distribution(forecasts, *settle(mean * factor, p_zero, quantiles * factor, whole, closed))


def ranks_of(evening: Evening, dependence: Dependence) -> PathRanks:
    """Ranks of the night's demand paths."""
    return of_night(evening.config, evening.night, dependence)


def _stochastic(evening: Evening) -> tuple[pa.Table, PathRanks]:
    return distribution(evening), ranks_of(evening, dependence_of(evening.model))


def _feedback(evening: Evening) -> tuple[pa.Table, PathRanks]:
    features, dependence = _features(evening), dependence_of(evening.model)
    made = _forecast(evening, features)
    made = evening.lessons.correct(made, features, evening.lake, evening.config, evening.night, dependence)
    return made, ranks_of(evening, dependence)


def _sequential(evening: Evening, spread: Spread = "empirical") -> tuple[pa.Table, PathRanks]:
    return distribution(evening, spread), ranks_of(evening, dependence_of(evening.model, spread))


def _joint(evening: Evening) -> tuple[pa.Table, PathRanks]:
    features = _features(evening)
    made, ranks = _forecast(evening, features), ranks_of(evening, dependence_of(evening.model))
    night = inputs.night_of(evening.lake, evening.config, evening.night, ranks)
    joint = evening.model.joint if evening.model else None
    return move(joint, made, features, inputs.masters_here(evening.lake, night), night), ranks


def _normal(evening: Evening) -> tuple[pa.Table, PathRanks]:
    return _sequential(evening, "normal")


def base_stock(evening: Evening, multiplier: float = 1.0) -> tuple[pa.Table, PathRanks]:
    """The mean of the in-stock days among the last 28, the same every day, with the spread that these days had.

    multiplier  of both, and so of the level up to which is ordered (tuning.py)
    """
    series = evening.market.series
    units, stock = recent(evening.lake.tables["silver/demand"], series, evening.night, _LOOKED_AT)
    seen = ~np.isnan(units).all(axis=1)
    series, units, stock = series.filter(pl.Series(seen)), units[seen], stock[seen]
    mean = plain.plain_forecasts(units, stock, np.zeros(len(units)), 1, evening.config.grain)[plain.LONG][:, 0]
    days = np.where(stock >= 1, units, np.nan)[:, -_DAYS:]
    known = np.maximum((~np.isnan(days)).sum(axis=1), 1)
    # With few days in stock their spread says little: one more day with the spread of a Poisson law.
    squares = np.nansum((days - mean[:, None]) ** 2, axis=1)
    variance = (squares + mean) / (known + 1)
    zeros = np.clip((np.nansum(days <= 0, axis=1) + np.exp(-mean)) / (known + 1), 0.0, 0.995)
    quantiles = positive_gamma(np.maximum(mean, 1e-3), variance, zeros)
    whole = (np.isnan(units) | (units == np.floor(units))).all(axis=1)
    mean, quantiles = mean * multiplier, quantiles * multiplier
    columns = {"mean": mean, "p_zero": np.where(mean > 0, zeros, 1.0), **dict(zip(NAMES, quantiles.T, strict=True)), "whole_units": whole}
    # The same distribution for every night of the horizon.
    same = {name: np.repeat(values, evening.steps) for name, values in columns.items()}
    return _dated(series, evening, same), ranks_of(evening, INDEPENDENT)


def _perfect(evening: Evening) -> tuple[pa.Table, PathRanks]:
    """What will be wanted, as the only path; after the last night of the market its last week again."""
    market, nights = evening.market, range(evening.number, evening.number + evening.steps)
    wanted = np.stack([market.wanted(_within(market.nights, number)) for number in nights], axis=1) / SCALE
    return _sure(evening, wanted, (wanted == np.floor(wanted)).all(axis=1)), PathRanks(1, 0, INDEPENDENT)


def _oracle(evening: Evening) -> tuple[pa.Table, PathRanks]:
    """Paths drawn from the law that demand is drawn from, given its hidden state this morning, with its mean."""
    market, config = evening.market, evening.config
    assert isinstance(market, Lawful), "only a world's law is known"
    seed, count = seed_of(config.seed, evening.night), config.planning.paths
    units = market.paths(evening.number, evening.steps, count, seed)
    # Nothing draws from these quantiles: the paths are given.
    made = _sure(evening, market.means(evening.number, evening.steps), np.ones(market.series.height, bool))
    return made, GivenPaths(count, seed, INDEPENDENT, units=units)


def _law(evening: Evening) -> tuple[pa.Table, PathRanks]:
    """Paths drawn from the law, given what the demand of all days before says of its hidden state; the mean is theirs."""
    market, config = evening.market, evening.config
    assert isinstance(market, Lawful), "only a world's law is known"
    seed, count = seed_of(config.seed, evening.night), config.planning.paths
    units = market.likely(evening.number, evening.steps, count, seed)
    share = market.world.network.share[market.line]
    means = units.mean(axis=2) * np.where(market.part > 0, share, 1 - share)[:, None]
    # Channels share a stock: a line's units are all in its first one.
    units[market.part > 0] = 0
    return _sure(evening, means, np.ones(market.series.height, bool)), GivenPaths(count, seed, INDEPENDENT, units=units)


def _sure(evening: Evening, units: Floats, whole: np.ndarray) -> pa.Table:
    """Forecasts of units [series, steps] without a spread; whole [series]: of whole units."""
    flat = units.ravel()
    columns = {"mean": flat, "p_zero": np.where(flat > 0, 0.0, 1.0), **dict.fromkeys(NAMES, flat)}
    return _dated(evening.market.series, evening, columns | {"whole_units": np.repeat(whole, evening.steps)})


def _dated(series: pl.DataFrame, evening: Evening, columns: dict[str, np.ndarray]) -> pa.Table:
    """Forecasts of columns [series x steps], series by series."""
    rows = series.select(pl.col(name).repeat_by(evening.steps).explode() for name in KEY)
    dates = [evening.night + timedelta(days=step) for step in range(evening.steps)] * len(series)
    rows = rows.with_columns(pl.Series("target_date", dates), *(pl.Series(name, values) for name, values in columns.items()))
    return rows.select(list(FORECAST)).to_arrow()


def _within(nights: int, number: int) -> int:
    """A night of the market that stands for one after its last: the last week repeats."""
    beyond = number - nights + 1
    week = min(7, nights)
    return number if beyond <= 0 else number - week * -(-beyond // week)


STOCHASTIC, BASE_STOCK, LAW, ORACLE, PERFECT = "stochastic", "base_stock", "law", "oracle", "perfect"
_PLAN = "the night's plan: expected cost on demand paths"
_LEVEL = "then an order-up-to level at the critical ratio"
POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(STOCHASTIC, _PLAN, _stochastic, expected_cost.evaluate, learns=True),
        Policy(
            "feedback",
            "as stochastic, levels shifted as outcomes of its own decisions ask",
            _feedback,
            expected_cost.evaluate,
            learns=True,
            recalls=True,
        ),
        Policy(
            "joint",
            f"{_PLAN}, the forecasts moved to where decisions cost least",
            _joint,
            expected_cost.evaluate,
            learns=True,
            teaches=taught_here,
        ),
        Policy("sequential", f"the forecast and the record of its errors, {_LEVEL}", _sequential, newsvendor, learns=True, records=True),
        Policy("sequential_normal", "as sequential, errors taken as normal", _normal, newsvendor, learns=True, records=True),
        Policy(BASE_STOCK, f"the 28-day in-stock mean and the spread of these days, {_LEVEL}", base_stock, newsvendor),
        Policy(
            LAW, "the night's plan on paths from the law, its hidden state as past demand tells", _law, expected_cost.evaluate, lawful=True
        ),
        Policy(ORACLE, "the night's plan on paths from the law, its hidden state known", _oracle, expected_cost.evaluate, lawful=True),
        Policy(PERFECT, "the night's plan on one path: what will be wanted", _perfect, expected_cost.evaluate),
    )
}
