"""The hidden part of demand: factors that wander and bursts, and what a day's demand is drawn from, given them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from jobs.simulate.world import draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jobs.simulate.world.config import Factor, WorldConfig
    from jobs.simulate.world.draws import Floats, Ints
    from jobs.simulate.world.network import Network

FACTORS = ("item", "category", "location", "line")


class Source(Protocol):
    """Where random numbers come from: keyed by the day for the world itself, a generator for the oracle's paths."""

    def normal(self, name: str, key: Ints) -> Floats:
        """Standard normal numbers, [len(key)] or [len(key), paths]."""

    def uniform(self, name: str, key: Ints) -> Floats:
        """Numbers in (0, 1), shaped alike."""


@dataclass(frozen=True)
class Keyed:
    """The world's own draws of a day."""

    day: int

    def normal(self, name: str, key: Ints) -> Floats:
        """See Source."""
        return draws.normal(key, self.day, name)

    def uniform(self, name: str, key: Ints) -> Floats:
        """See Source."""
        return draws.uniform(key, self.day, name)


@dataclass(frozen=True)
class Generated:
    """Draws of ``paths`` worlds that go on from the same hidden state."""

    generator: np.random.Generator
    paths: int

    def normal(self, name: str, key: Ints) -> Floats:  # noqa: ARG002 - a generator needs no name
        """See Source."""
        return self.generator.standard_normal((len(key), self.paths))

    def uniform(self, name: str, key: Ints) -> Floats:  # noqa: ARG002
        """See Source."""
        return self.generator.random((len(key), self.paths))


@dataclass(frozen=True)
class Hidden:
    """After a day: standard normal scores of each factor ([items], [categories x regions], [locations], [lines]) and which lines burst."""

    item: Floats
    category: Floats
    location: Floats
    line: Floats
    bursting: NDArray[np.bool_]


@dataclass(frozen=True)
class Randomness:
    """Parameters. ``occurs`` [lines]: share of days with demand; ``size`` [items] of the negative binomial; ``bursty`` [lines]."""

    config: WorldConfig
    factors: dict[str, Factor]
    keys: dict[str, Ints]
    index: dict[str, Ints]
    occurs: Floats
    size: Floats
    bursty: NDArray[np.bool_]
    demand_key: Ints

    @property
    def bursting_share(self) -> float:
        """Share of days on which a bursty line bursts: begins / (begins + ends)."""
        r = self.config.randomness
        return r.burst_begins / (r.burst_begins + r.burst_ends)

    def start(self, day: int) -> Hidden:
        """The stationary state before a day."""
        source = Keyed(day - 1)
        scores = {name: source.normal("start", key) for name, key in self.keys.items()}
        bursting = self.bursty & (source.uniform("start burst", self.keys["line"]) < self.bursting_share)
        return Hidden(**scores, bursting=bursting)

    def step(self, hidden: Hidden, source: Source) -> Hidden:
        """A day on: z' = memory z + sqrt(1 - memory^2) e; bursts begin and end by a Markov chain."""
        scores = {}
        for name, key in self.keys.items():
            memory, before = self.factors[name].memory, getattr(hidden, name)
            if self.factors[name].std == 0:
                scores[name] = before
                continue
            fresh = source.normal("wander", key)
            scores[name] = memory * (before if before.ndim == fresh.ndim else before[:, None]) + np.sqrt(1 - memory**2) * fresh
        return Hidden(**scores, bursting=self._bursting(hidden, source))

    def _bursting(self, hidden: Hidden, source: Source) -> NDArray[np.bool_]:
        rows = np.flatnonzero(self.bursty)
        if not len(rows):
            return hidden.bursting
        u = source.uniform("burst", self.keys["line"][rows])
        before = hidden.bursting if hidden.bursting.ndim == u.ndim else np.repeat(hidden.bursting[:, None], u.shape[1], axis=1)
        chance = np.where(before[rows], 1 - self.config.randomness.burst_ends, self.config.randomness.burst_begins)
        after = before.copy()
        after[rows] = u < chance
        return after

    def multiplier(self, hidden: Hidden) -> Floats:
        """[lines(, paths)] exp(sum of std z - std^2 / 2), times a burst's factor where there is one: mean 1."""
        total: Floats = np.zeros(1)
        for name, factor in self.factors.items():
            if factor.std:
                total = total + (factor.std * getattr(hidden, name) - factor.std**2 / 2)[self.index[name]]
        bursts = self._burst_factor(hidden.bursting)
        # Where no line bursts, its state is the same on all paths.
        return np.exp(total) * (bursts[:, None] if bursts.ndim < total.ndim else bursts)

    def ahead(self, hidden: Hidden, days: int) -> Floats:
        """[lines] the mean of ``multiplier`` so many days on: a score's mean is memory^days z, its variance 1 - memory^(2 days)."""
        total: Floats = np.zeros(len(self.bursty))
        for name, factor in self.factors.items():
            kept = factor.memory**days
            total = total + (factor.std * kept * getattr(hidden, name) - (factor.std * kept) ** 2 / 2)[self.index[name]]
        r, share = self.config.randomness, self.bursting_share
        chance = share + (hidden.bursting - share) * (1 - r.burst_begins - r.burst_ends) ** days
        level = 1 + share * (r.burst - 1)
        return np.exp(total) * np.where(self.bursty, (1 + chance * (r.burst - 1)) / level, 1.0)

    def _burst_factor(self, bursting: NDArray[np.bool_]) -> Floats:
        burst = self.config.randomness.burst
        level = 1 + self.bursting_share * (burst - 1)
        bursty = self.bursty if bursting.ndim == 1 else self.bursty[:, None]
        return np.where(bursty, np.where(bursting, burst, 1.0) / level, 1.0)


def of(config: WorldConfig, network: Network) -> Randomness:
    """Draw a world's parameters of randomness."""
    r, seed, lines = config.randomness, config.seed, network.lines
    item, place = network.rows.item[:lines], network.rows.location[:lines]
    region = network.items.category[item] * config.size.regions + network.places.region[place]
    counts = {
        "item": config.size.items,
        "category": config.size.categories * config.size.regions,
        "location": len(network.places.location_id),
    }
    keys = {name: draws.keys(seed, f"factor {name}", np.arange(n, dtype=np.int64)) for name, n in counts.items()}
    on = {"item": "dependence", "category": "dependence", "location": "dependence", "line": "wander"}
    quiet = type(r.item)(std=0, memory=0)
    low, high = r.occurs
    rare = config.has("intermittency") & (draws.attribute(seed, "intermittent", item, place) < r.intermittent)
    return Randomness(
        config=config,
        factors={name: getattr(r, name) if on[name] not in config.off else quiet for name in FACTORS},
        keys=keys | {"line": draws.keys(seed, "factor line", item, place)},
        index={"item": item, "category": region, "location": place, "line": np.arange(lines)},
        occurs=np.where(rare, np.maximum(low + (high - low) * draws.attribute(seed, "occurs", item, place), 0.01), 1.0),
        size=np.where(
            config.has("dispersion"),
            r.size * np.exp(r.size_spread * draws.score(seed, "size", np.arange(config.size.items, dtype=np.int64))),
            np.inf,
        ),
        bursty=config.has("bursts") & (draws.attribute(seed, "bursty", item, place) < r.bursty),
        demand_key=draws.keys(seed, "demand", item, place),
    )
