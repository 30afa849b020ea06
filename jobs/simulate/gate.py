"""`nightfill gate`: a changed configuration, or another model, before it goes live. The last nights are replayed with what is live
and with the candidate, on the same demand from the same stock, and a test of non-inferiority (noninferior.py) says whether it may.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.errors import Refused, UsageError
from jobs.forecast import here, predict, registry
from jobs.forecast.printout import aligned
from jobs.simulate import measures, noninferior, printout, running, span
from jobs.simulate.ablations import KNOWN
from jobs.simulate.compare import LEAST_BLOCKS, LEAST_ITEMS
from jobs.simulate.replay import Given, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from jobs.config import Config
    from jobs.forecast.model import Model
    from jobs.lake import Lake
    from jobs.simulate.measures import Outcome
    from jobs.simulate.memory import Memory
    from jobs.simulate.noninferior import Judged, Word
    from jobs.simulate.replay import Trainer
    from jobs.simulate.running import Setting
    from jobs.simulate.span import Span
    from jobs.simulate.world import WorldConfig

LIVE, CANDIDATE = "live", "candidate"
#: Settings that say what is charged or what is known: where they differ there is nothing to compare.
_SAME = ("grain", "timezone", "currency", "landing", "lanes", "costs")
#: More nights than these are not worth naming.
_LONG = 3 * 365


@dataclass(frozen=True)
class Side:
    """What is live, or the candidate: its settings, the model of its first night, and what trains the later ones."""

    name: str
    config: Config
    model: Model | None
    train: Trainer = here.train


def main(
    lake: Lake,
    live: Config,
    candidate: Config,
    last: date | None = None,
    nights: int | None = None,
    model_id: str | None = None,
    made: WorldConfig | None = None,
) -> str:
    """Replay the last nights with both; returns what to print where the candidate passes.

    last      last night replayed; default: the last day with sales;  nights  how many; default: [gate] nights
    model_id  the candidate's model, against the champion of the night after ``last``; neither side trains then
    made      against this world, not the lake's own sales

    Raises Refused where the candidate doesn't pass, UsageError where the two can't be compared or the span not be replayed.
    """
    differing = [name for name in _SAME if getattr(live, name) != getattr(candidate, name)]
    if differing:
        raise UsageError(f"live and candidate differ in {', '.join(differing)}: that changes what is charged or known, not what is ordered")
    before = timedelta(days=(nights or live.gate.nights) - 1)
    # A world's landing folder may end with its first drop; the world goes on.
    last = last or (made.span.first_drop + before if made else span.newest(lake))
    over = span.of(lake, live, last - before, last, endless=made is not None)
    setting = running.setting(lake, live, over, made)
    sides = _models(lake, live, candidate, over, model_id) if model_id else _configs(lake, live, candidate, over, setting.base)
    folder = Path(lake.root) / "ops" / "simulating" / f"gate-{live.hash[:8]}-{candidate.hash[:8]}-{model_id or ''}-{over.first}-{last}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        pairs = list(replayed(setting, over, sides, live.simulation.retrain_every, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    judged = [noninferior.judge(theirs, ours, live.gate.margin) for ours, theirs in pairs]
    word = noninferior.settled(each.word for each in judged)
    said = "\n".join([*_lines(pairs, judged, live), *(_seen(lake, live, over, model_id) if model_id else [])])
    if word != "passes":
        raise Refused(f"{said}\nRefused: {why(word, judged)}")
    return f"{said}\nPasses: the candidate may go live."


def _configs(lake: Lake, live: Config, candidate: Config, over: Span, base: Memory) -> tuple[Side, Side]:
    """Two configurations: with one model as long as they train alike, else each trains its own before the first night."""
    if live.training == candidate.training and live.horizon == candidate.horizon:
        model = predict.night_model(lake, live, over.first) or here.train(base, live, over.first)
        return Side(LIVE, live, model), Side(CANDIDATE, candidate, model)
    ours, theirs = (here.train(base, config, over.first) for config in (live, candidate))
    return Side(LIVE, live, ours), Side(CANDIDATE, candidate, theirs)


def _models(lake: Lake, live: Config, candidate: Config, over: Span, model_id: str) -> tuple[Side, Side]:
    """Two models, kept through all nights."""
    row = registry.find(lake, model_id)
    ours = predict.night_model(lake, live, over.last + timedelta(days=1))
    return Side(LIVE, live, ours, keep), Side(CANDIDATE, candidate, registry.load(lake, row["model_id"]), keep)


def keep(lake: Memory, config: Config, night: date) -> Model | None:  # noqa: ARG001 - a trainer's arguments
    """A trainer that leaves the model as it is."""
    return None


def replayed(setting: Setting, over: Span, sides: tuple[Side, Side], retrain_every: int, folder: Path) -> Iterator[tuple[Outcome, Outcome]]:
    """(live, candidate) of every market."""
    for demand, seed, market in setting.markets:
        ours, theirs = (
            _outcome(
                Given(setting.begins, setting.base, market, over, side.config, side.model, side.train, retrain_every),
                side,
                demand,
                seed,
                folder,
            )
            for side in sides
        )
        yield ours, theirs


def _outcome(given: Given, side: Side, demand: str, seed: int, folder: Path) -> Outcome:
    run = Run(given, KNOWN[side.config.mode])
    running.finish(run, folder / f"{side.name}-{demand}-{seed}.npz", f"{side.name}, demand {demand}, seed {seed}")
    return running.outcome(run, given.base, side.name, demand, seed)


def why(word: Word, judged: list[Judged]) -> str:
    """Why a candidate does not pass, and what would tell."""
    if word == "worse":
        return "worse. The candidate costs more, beyond what chance would do."
    if any(np.isnan(each.error) for each in judged):
        return "undecided: too few items for an interval."
    needed = max(each.needed or 0 for each in judged)
    about = f"about {needed} nights" if 0 < needed <= _LONG else f"more than {_LONG} nights"
    return f"undecided, {about} needed. (Of candidates that cost what live costs, four in five would pass then.)"


def _lines(pairs: list[tuple[Outcome, Outcome]], judged: list[Judged], live: Config) -> Iterator[str]:
    """What was replayed, what it cost, and how sure the difference is."""
    over = pairs[0][0].span
    yield (
        f"{over.nights} nights, {over.first} to {over.last}; the first {over.fixed} (lead time + review) are fixed by older orders and "
        f"don't count. Money in {live.currency}."
    )
    for pair, each in zip(pairs, judged, strict=True):
        every = np.ones(len(pair[0].items), bool)
        rows = [(outcome.policy, measures.of(outcome, every) | {printout.WAY: None}) for outcome in pair]
        columns = printout.costs_of(rows)
        cells = [[name, *(printout.cell(row, column) for column in columns)] for name, row in rows]
        yield f"\n{printout.MEANING[pair[0].demand]} (seed {pair[0].seed})"
        yield from aligned([["", *(printout.COLUMNS[column][0] for column in columns)], *cells])
        yield _sentence(each, live)
    if judged[0].blocks == 0:
        yield f"\nThere are fewer than {LEAST_BLOCKS} blocks of weeks, so noise from week to week is not covered."


def _sentence(each: Judged, live: Config) -> str:
    def said(money: float) -> str:
        return f"{money:+,.0f} {live.currency} ({money / each.live if each.live else 0.0:+.2%})"

    most = (
        f"95% sure at most {said(each.high)} and at least {said(each.low)}"
        if each.items >= LEAST_ITEMS
        else "too few items for an interval"
    )
    return f"candidate - live: {said(each.candidate - each.live)}; {most}; allowed {said(each.margin)}: {each.word}"


def _seen(lake: Lake, live: Config, over: Span, model_id: str) -> list[str]:
    """A sentence a model that learned from nights that are replayed."""
    known = registry.rows(lake)
    rows = {LIVE: registry.champion(known, over.last + timedelta(days=1), live.grain), CANDIDATE: registry.find(lake, model_id)}
    return [
        f"The {name} model was trained on {row['business_date']}, on nights replayed here too: it looks better than it is."
        for name, row in rows.items()
        if row and row["business_date"] > over.first
    ]
