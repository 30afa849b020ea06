"""What somebody believes of the hidden factors who knows the law and the demand of all days before, but never saw a factor itself.

Scores of all factors are one vector, normal with ``mean`` and ``covariance``. A day on they wander as the law says; then what a line
demanded tells of them by its logarithm: an extended Kalman filter (Jazwinski, Stochastic Processes and Filtering Theory, 1970,
chapter 8) with

    log((units + 1/2) / m) = sum over factors of std (z - believed z) + noise,    noise variance 1 / m + 1 / size

m being the mean that was believed. Of a Poisson law the half makes the logarithm's mean right from means of some units on: lines of which
less than one was expected say nothing. Whether a bursty line bursts is a chance of its own, by Bayes' rule; of its factors it says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jobs.simulate.world.hidden import Hidden

if TYPE_CHECKING:
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.hidden import Randomness


@dataclass(frozen=True)
class Belief:
    """After a day: ``mean`` [scores] and ``covariance`` [scores, scores] of the factors' scores, ``bursting`` [lines] chance of a burst."""

    mean: Floats
    covariance: Floats
    bursting: Floats


def ignorant(randomness: Randomness) -> Belief:
    """The stationary state: nothing has been seen."""
    scores = sum(len(key) for key in randomness.keys.values())
    return Belief(np.zeros(scores), np.eye(scores), np.where(randomness.bursty, randomness.bursting_share, 0.0))


def after(belief: Belief, randomness: Randomness, mean: Floats, units: Ints) -> Belief:
    """A day on, on which lines demanded ``units`` [lines], with the law's ``mean`` [lines] before what is hidden."""
    memory = np.concatenate([np.full(len(key), randomness.factors[name].memory) for name, key in randomness.keys.items()])
    r, chance = randomness.config.randomness, belief.bursting
    chance = randomness.bursty * (chance * (1 - r.burst_ends) + (1 - chance) * r.burst_begins)
    spread = belief.covariance * np.outer(memory, memory)
    spread[np.diag_indices_from(spread)] += 1 - memory**2
    return _told(Belief(memory * belief.mean, spread, chance), randomness, mean, units)


def _told(belief: Belief, randomness: Randomness, mean: Floats, units: Ints) -> Belief:
    """What the day's demand says."""
    place, std = _loadings(randomness)
    size = randomness.size[randomness.index["item"]]
    expected = mean / randomness.occurs * np.exp(std @ belief.mean[place] - (std**2).sum() / 2)
    chance = _bursting(belief.bursting, randomness, expected, units, size)
    seen = np.flatnonzero((expected >= 1) & ~randomness.bursty & ((units > 0) | (randomness.occurs >= 1)))
    if not len(seen):
        return Belief(belief.mean, belief.covariance, chance)
    surprise = np.log((units[seen] + 0.5) / expected[seen])
    # Of each line seen, its loading on every score: [lines, scores].
    shared = sum(each * belief.covariance[rows] for each, rows in zip(std, place[:, seen], strict=True))
    total = np.asarray(sum(each * shared[:, rows] for each, rows in zip(std, place[:, seen], strict=True)))
    total[np.diag_indices_from(total)] += 1 / expected[seen] + 1 / size[seen]
    gain = np.linalg.solve(total, np.asarray(shared)).T
    spread = belief.covariance - gain @ shared
    return Belief(belief.mean + gain @ surprise, (spread + spread.T) / 2, chance)


def _bursting(before: Floats, randomness: Randomness, expected: Floats, units: Ints, size: Floats) -> Floats:
    """[lines] chance of a burst, given the units of its day: negative binomial with its mean or that of a quiet day."""
    rows = np.flatnonzero(randomness.bursty & (expected > 0))
    burst = randomness.config.randomness.burst
    quiet = expected[rows] / (1 + randomness.bursting_share * (burst - 1))
    # Of a Poisson law (no size) one that hardly spreads stands in.
    k = np.minimum(size[rows], 1e6)
    ratio = np.exp(np.clip(units[rows] * np.log(burst) + (units[rows] + k) * np.log((k + quiet) / (k + burst * quiet)), -50, 50))
    chance: Floats = before.copy()
    chance[rows] = before[rows] * ratio / (before[rows] * ratio + 1 - before[rows])
    return chance


def _loadings(randomness: Randomness) -> tuple[Ints, Floats]:
    """[factors, lines] which score of the vector each line has of each factor, and the factors' deviations."""
    begins = np.concatenate([[0], np.cumsum([len(key) for key in randomness.keys.values()])[:-1]])
    place = np.stack([begin + randomness.index[name] for begin, name in zip(begins, randomness.keys, strict=True)])
    return place, np.array([randomness.factors[name].std for name in randomness.keys])


def drawn(belief: Belief, randomness: Randomness, generator: np.random.Generator, count: int) -> Hidden:
    """``count`` hidden states that are as likely as the belief says: [.., paths]."""
    scores = belief.mean[:, None] + np.linalg.cholesky(belief.covariance) @ generator.standard_normal((len(belief.mean), count))
    ends = np.cumsum([len(key) for key in randomness.keys.values()])[:-1]
    parts = dict(zip(randomness.keys, np.split(scores, ends), strict=True))
    return Hidden(**parts, bursting=generator.random((len(belief.bursting), count)) < belief.bursting[:, None])
