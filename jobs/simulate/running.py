"""A policy's nights from the first to the last, with checkpoints and a line that says how far they are; and what they came to."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.pools import SCALE
from jobs.simulate import checkpoint, market, measures, memory, segments, span
from jobs.simulate.lawful import Lawful
from jobs.simulate.made import masters_ahead
from jobs.simulate.market import LATENT, Replayed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from jobs.config import Config
    from jobs.lake import Lake
    from jobs.simulate.market import Market
    from jobs.simulate.measures import Outcome
    from jobs.simulate.memory import Memory
    from jobs.simulate.replay import Run
    from jobs.simulate.span import Span
    from jobs.simulate.world import WorldConfig


@dataclass(frozen=True)
class Setting:
    """What every way of deciding meets.

    base     masters and history in memory;  begins  where the first night finds stock and transit
    markets  (demand, seed, market), each to be simulated
    """

    base: Memory
    begins: Lake
    markets: Iterator[tuple[str, int, Market]]


def setting(lake: Lake, config: Config, nights: Span, made: WorldConfig | None = None) -> Setting:
    """The nights of a span against the lake's own sales; ``made``: against this world."""
    first_drop = span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, nights.first, first_drop))
    begins = memory.begins_at(lake, nights.first, first_drop)
    if made is None:
        return Setting(base, begins, _replayed(lake, config, nights.first, nights.last))
    world = Lawful(made, nights.first)
    return Setting(masters_ahead(base, world.world, nights.first, nights.last), begins, iter([(LATENT, made.seed, world)]))


def _replayed(lake: Lake, config: Config, first: date, last: date) -> Iterator[tuple[str, int, Market]]:
    """The landing's own sales under every demand and seed. Where nothing was short of stock there is one demand, what sold."""
    for seed in config.simulation.seeds:
        for demand in config.simulation.demand:
            sold = market.replayed(lake, first, last, demand, seed)
            if sold.is_censored or demand == config.simulation.demand[0]:
                yield demand, seed, sold


def finish(run: Run, file: Path, what: str) -> None:
    """All nights that are still to come; one that was killed goes on from its last checkpoint.

    Raises RuntimeError where the books don't balance: that is a defect.
    """
    checkpoint.load(run, file)
    nights, began, before = run.given.span.nights, time.monotonic(), run.progress.done
    every, live = run.given.config.simulation.checkpoint_nights, sys.stderr.isatty()
    while run.progress.done < nights:
        run.step()
        done = run.progress.done
        if done % every == 0 or done == nights:
            checkpoint.save(run, file)
        left = (time.monotonic() - began) / (done - before) * (nights - done)
        if live or done % 7 == 0 or done == nights:
            print(f"{what}: night {done} of {nights}, {left:.0f} s to go   ", end="\r" if live and done < nights else "\n", file=sys.stderr)
    at = run.progress
    missing = at.books.imbalance(at.begun, at.state)
    if missing:
        raise RuntimeError(f"the books of {what} do not balance by {missing / SCALE} units: a defect, please report it")


def outcome(run: Run, base: Memory, mode: str, demand: str, seed: int) -> Outcome:
    """What a run came to."""
    sold = run.given.market
    pairs = run.places.pairs
    codes = np.unique(pairs["item_id"].to_numpy().astype(str), return_inverse=True)[1]
    counts = {**sold.counts, **run.progress.counts, **(_above(run, sold) if isinstance(sold, Replayed) else {})}
    parts = segments.of(pairs, base, codes, run.progress.books.units["wanted"][run.given.span.counted])
    return measures.Outcome(mode, demand, seed, run.given.span, run.progress.books, run.left(), codes, parts, counts)


def _above(run: Run, sold: Replayed) -> dict[str, int]:
    """Where more was sold in truth than the simulated shelf had: nights of pairs, and units."""
    nights = np.stack([run.places.sums(np.maximum(sold.sold[:, night], 0)) for night in range(sold.nights)])
    beyond = np.maximum(nights - run.progress.books.units["sold"], 0)
    return {"sales_above_stock_nights": int((beyond > 0).sum()), "sales_above_stock_units": int(beyond.sum() // SCALE)}
