"""Latent demand of a day, drawn from the law: occurrence, a negative binomial, and its split between channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.simulate.world import draws
from jobs.simulate.world.hidden import Generated, Hidden, Keyed

if TYPE_CHECKING:
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.hidden import Randomness
    from jobs.simulate.world.law import Law

#: Paths are drawn so many lines x paths at a time.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class Demand:
    """Of a day: ``units`` [lines, 2]; the law behind it: ``mean`` [lines, 2] before what is ``hidden``, ``multiplier`` [lines] of it.

    Both channels together are 0 with chance 1 - occurs, else negative binomial with mean multiplier x mean / occurs and the item's size.
    """

    units: Ints
    mean: Floats
    multiplier: Floats
    hidden: Hidden


def draw(law: Law, randomness: Randomness, hidden: Hidden, day: int) -> Demand:
    """The demand of a day (ordinal), given the hidden state after it."""
    mean, multiplier = law.mean(day), randomness.multiplier(hidden)
    item = randomness.index["item"]
    occurs, key = randomness.occurs, randomness.demand_key
    happens = draws.uniform(key, day, "occurs") < occurs
    total = draws.count(draws.uniform(key, day), happens * mean.sum(axis=1) * multiplier / occurs, randomness.size[item])
    second = np.zeros_like(total)
    both = np.flatnonzero((law.network.share > 0) & (total > 0))
    second[both] = draws.split(draws.uniform(key[both], day, "channel"), total[both], law.network.share[both])
    return Demand(np.stack([total - second, second], axis=1), mean, multiplier, hidden)


def foresight(law: Law, randomness: Randomness, hidden: Hidden, first: int, horizon: int) -> Ints:
    """[lines, 2, horizon] the demand that will be drawn from day ``first`` on, given the hidden state before it."""
    days = []
    for day in range(first, first + horizon):
        hidden = randomness.step(hidden, Keyed(day))
        days.append(draw(law, randomness, hidden, day).units)
    return np.stack(days, axis=2)


def mean_ahead(law: Law, randomness: Randomness, hidden: Hidden, first: int, horizon: int) -> Floats:
    """[lines, 2, horizon] mean demand from day ``first`` on, given the hidden state before it, prices, events and weather ahead."""
    days = [law.mean(first + ahead) * randomness.ahead(hidden, ahead + 1)[:, None] for ahead in range(horizon)]
    return np.stack(days, axis=2)


def paths(
    law: Law, randomness: Randomness, hidden: Hidden, first: int, horizon: int, generator: np.random.Generator, count: int
) -> NDArray[np.int32]:
    """[lines, horizon, count] demand of both channels from day ``first`` on, drawn anew from the law given the hidden state before it.

    Prices, events and weather ahead are known. Units are int32.
    """
    lines, item = law.network.lines, randomness.index["item"]
    result = np.empty((lines, horizon, count), np.int32)
    means = np.stack([law.mean(first + ahead).sum(axis=1) for ahead in range(horizon)], axis=1)
    step = max(_BLOCK // max(lines, 1), 1)
    for at in range(0, count, step):
        some = min(step, count - at)
        source, state = Generated(generator, some), hidden
        for ahead in range(horizon):
            state = randomness.step(state, source)
            mean = means[:, ahead, None] * randomness.multiplier(state).reshape(lines, -1) / randomness.occurs[:, None]
            result[:, ahead, at : at + some] = _units(generator, mean, randomness.size[item][:, None], (lines, some))
            happens = generator.random((lines, some)) < randomness.occurs[:, None]
            result[:, ahead, at : at + some] *= happens
    return result


def _units(generator: np.random.Generator, mean: Floats, size: Floats, shape: tuple[int, int]) -> Ints:
    """Negative binomials as Poisson counts with gamma means."""
    mixed = mean if np.isinf(size).all() else mean * generator.standard_gamma(size, shape) / size
    return generator.poisson(np.broadcast_to(mixed, shape))
