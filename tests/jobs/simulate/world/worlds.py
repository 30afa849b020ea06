"""Small worlds for tests: everything off but what is named."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.simulate.world import Night, State, World, parse
from jobs.simulate.world.config import EFFECTS

FIRST = date(2023, 1, 2)
SIZE = {"lines": 60, "items": 12, "stores": 5, "online": 1, "dcs": 1, "suppliers": 2, "regions": 2, "categories": 3}


def world(*effects: str, **settings: Any) -> World:
    """A world with only these effects."""
    off = [name for name in EFFECTS if name not in effects]
    return World(parse({"off": off, "size": SIZE, "span": {"first": FIRST, "last": date(2025, 1, 1)}} | settings))


def nights(world: World, days: int) -> tuple[State, list[Night]]:
    """The first days with the world's own orders."""
    state, found = world.start(), []
    for _ in range(days):
        state, night = world.advance(state, world.usual_orders(state))
        found.append(night)
    return state, found


def demand(world: World, days: int) -> NDArray[np.int64]:
    """[lines, days] latent demand of both channels."""
    return world.foresight(world.start(), days).sum(axis=1)


def means(world: World, days: int) -> NDArray[np.float64]:
    """[lines, days] the law's mean before what is hidden."""
    first = FIRST.toordinal()
    return np.stack([world.law.mean(first + day).sum(axis=1) for day in range(days)], axis=1)
