"""Demand of a made-up world from a night on: what its law draws, and the law itself for whoever may look behind it."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.errors import UsageError
from jobs.plan.pools import SCALE
from jobs.simulate.made import Made
from jobs.simulate.market import KEY
from jobs.simulate.world import World, belief, demand
from jobs.simulate.world.hidden import Keyed

if TYPE_CHECKING:
    from datetime import date

    from jobs.simulate.ground import Ground, Opening
    from jobs.simulate.world import State, WorldConfig
    from jobs.simulate.world.hidden import Hidden

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Days before the first night from which on demand is looked at for what it says of the hidden state: older ones are forgotten.
_LOOKED_AT = 60


class Lawful:
    """A market: series in key order, each ``line`` [series] and ``part`` [series] (0: its first channel, 1: its second one).

    begins  the state in which the world's own orders left it before the first night: every policy goes on from there
    """

    def __init__(self, config: WorldConfig, first: date) -> None:
        self.world = World(config)
        state = self.world.start()
        if first <= state.day:
            raise UsageError(f"--first {first}: the world begins on {state.day} and has no history before")
        while state.day < first:
            state, _ = self.world.advance(state, self.world.usual_orders(state))
        self.begins: State = state
        names, rows = self.world.channel_names, self.world.rows
        line, part = np.nonzero(names != "")
        columns = {"item_id": rows.item_id[line], "location_id": rows.location_id[line], "channel": names[line, part]}
        found = pl.DataFrame({name: values.tolist() for name, values in columns.items()} | {"line": line, "part": part}).sort(KEY)
        self.series, self.line, self.part = found.select(KEY), found["line"].to_numpy(), found["part"].to_numpy()
        self._hidden: list[Hidden] = [state.hidden]
        self._beliefs: list[belief.Belief] = []
        self._wanted: dict[int, Ints] = {}

    @property
    def nights(self) -> int:
        """It goes on for ever."""
        return sys.maxsize

    @property
    def counts(self) -> dict[str, int]:
        """Nothing of it is taken otherwise than it is."""
        return {}

    def at(self, night: int) -> State:
        """The world on the morning of a night; its goods are those of the first night."""
        day = self.begins.day + timedelta(days=night)
        while len(self._hidden) <= night:
            after = self.begins.day.toordinal() + len(self._hidden) - 1
            self._hidden.append(self.world.randomness.step(self._hidden[-1], Keyed(after)))
        return replace(self.begins, day=day, hidden=self._hidden[night])

    def wanted(self, night: int) -> Ints:
        """[series] latent demand, ten-thousandths."""
        if night not in self._wanted:
            world, after = self.world, self.at(night + 1)
            drawn = demand.draw(world.law, world.randomness, after.hidden, after.day.toordinal() - 1)
            self._wanted[night] = drawn.units[self.line, self.part] * SCALE
        return self._wanted[night]

    def means(self, night: int, steps: int) -> Floats:
        """[series, steps] the law's mean, given the hidden state on the morning of a night."""
        means: Floats = self.world.mean_ahead(self.at(night), steps)[self.line, self.part]
        return means

    def paths(self, night: int, steps: int, count: int, seed: int) -> npt.NDArray[np.int32]:
        """[series, steps, count] units drawn from the law given the same; channels share a stock, so a line's are all in its first one."""
        drawn: npt.NDArray[np.int32] = self.world.paths(self.at(night), steps, count, seed)[self.line]
        drawn[self.part > 0] = 0
        return drawn

    def likely(self, night: int, steps: int, count: int, seed: int) -> npt.NDArray[np.int32]:
        """[series, steps, count] as ``paths``, of whoever knows the law and all demand before the night, not the hidden state."""
        generator = np.random.Generator(np.random.Philox(key=[seed, night]))
        hidden = belief.drawn(self._believed(night), self.world.randomness, generator, count)
        drawn: npt.NDArray[np.int32] = self.world.paths(replace(self.at(night), hidden=hidden), steps, count, seed)[self.line]
        return drawn

    def _believed(self, night: int) -> belief.Belief:
        """Of the hidden state on the morning of a night."""
        if not self._beliefs:
            self._beliefs.append(self._before())
        while len(self._beliefs) <= night:
            day = self.at(len(self._beliefs)).day.toordinal() - 1
            self._beliefs.append(self._told(self._beliefs[-1], self.at(len(self._beliefs)).hidden, day))
        return self._beliefs[night]

    def _before(self) -> belief.Belief:
        """Of that of the first night, from the days before it."""
        begin, end = self.world.config.span.first.toordinal(), self.begins.day.toordinal()
        hidden, believed = self.world.randomness.start(begin), belief.ignorant(self.world.randomness)
        for day in range(begin, end):
            hidden = self.world.randomness.step(hidden, Keyed(day))
            if day >= end - _LOOKED_AT:
                believed = self._told(believed, hidden, day)
        return believed

    def _told(self, believed: belief.Belief, hidden: Hidden, day: int) -> belief.Belief:
        """What is believed after a day's demand, which what is hidden after the day drew."""
        found = demand.draw(self.world.law, self.world.randomness, hidden, day)
        return belief.after(believed, self.world.randomness, found.mean.sum(axis=1), found.units.sum(axis=1))

    def ground(self, opening: Opening) -> Ground:
        """The world itself."""
        return Made(self, opening)
