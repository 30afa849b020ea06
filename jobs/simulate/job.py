"""`nightfill simulate`: the nights of a span replayed under several ways of deciding, compared, kept and shown."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

import schemas
from jobs.errors import UsageError
from jobs.forecast import here, predict
from jobs.plan.pools import SCALE
from jobs.simulate import checkpoint, compare, market, measures, memory, page, printout, segments, span, tuning
from jobs.simulate.ablations import KNOWN
from jobs.simulate.lawful import Lawful
from jobs.simulate.made import masters_ahead
from jobs.simulate.market import LATENT, Replayed
from jobs.simulate.policies import BASE_STOCK, ORACLE, STOCHASTIC
from jobs.simulate.replay import Given, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from jobs.config import Config
    from jobs.lake import Lake
    from jobs.simulate.market import Market
    from jobs.simulate.measures import Outcome
    from jobs.simulate.memory import Memory
    from jobs.simulate.span import Span
    from jobs.simulate.tuning import Tuned
    from jobs.simulate.world import WorldConfig

#: Tables that a simulation reads.
_READ = (*memory.MASTERS, "demand", "stock", "inbound", "sales", "receipts")
ALL = "*"
#: Where the way begins and ends of which each policy has come a share.
_WAY = (BASE_STOCK, ORACLE)


@dataclass(frozen=True)
class Simulation:
    """What was simulated: the span, the outcomes in the order in which they were run, and rows of gold/simulations."""

    name: str
    span: Span
    config: Config
    outcomes: list[Outcome]
    rows: list[dict[str, Any]] = field(default_factory=list)


def main(
    lake: Lake, config: Config, first: date, last: date, modes: tuple[str, ...], out: str | None = None, made: WorldConfig | None = None
) -> str:
    """Simulate, write gold/simulations and, if asked, a page; returns what to print. ``made``: against this world, not the lake's sales.

    Raises UsageError where a mode is unknown or the span can't be simulated.
    """
    unknown = [mode for mode in modes if mode not in KNOWN]
    if unknown:
        raise UsageError(f"--modes {', '.join(unknown)}: there is only {', '.join(KNOWN)}")
    blind = [mode for mode in modes if KNOWN[mode].lawful]
    if blind and made is None:
        raise UsageError(f"--modes {', '.join(blind)}: nobody knows the law of a landing's own sales, only a world's (--world)")
    nights = span.of(lake, config, first, last, endless=made is not None)
    lake.create_tables()
    name = _name(lake, config, nights, made)
    modes = (STOCHASTIC, *(mode for mode in modes if mode != STOCHASTIC))
    found = Simulation(name, nights, config, _outcomes(lake, config, nights, modes, _folder(lake, name), made))
    found.rows.extend(_rows(found))
    table, where = schemas.SIMULATIONS, f"business_date = '{first}' AND run_id = '{name}'"
    lake.write_arrow(table.path, pa.Table.from_pylist([_whole(row) for row in found.rows], table.schema), where)
    shutil.rmtree(_folder(lake, name), ignore_errors=True)
    lines = [printout.text(found), f"Kept as simulation {name} in {lake.location(table.path)} (`nightfill sql`: view simulations)"]
    if out:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(page.html(found), encoding="utf-8")
        lines.append(f"Page: {out}")
    return "\n".join(lines)


def _outcomes(
    lake: Lake, config: Config, nights: Span, modes: tuple[str, ...], folder: Path, made: WorldConfig | None = None
) -> list[Outcome]:
    """Every policy against every demand and seed."""
    first_drop = span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, nights.first, first_drop))
    begins = memory.begins_at(lake, nights.first, first_drop)
    # A lake without a model: the night trains one, and so is it done here.
    model = predict.night_model(lake, config, nights.first) or here.train(base, config, nights.first)
    markets = _replayed(lake, config, nights)
    if made is not None:
        world = Lawful(made, nights.first)
        base, markets = masters_ahead(base, world.world, nights.first, nights.last), iter([(LATENT, made.seed, world)])
    outcomes = []
    for demand, seed, against in markets:
        given = Given(begins, base, against, nights, config, model, here.train, config.simulation.retrain_every)
        for mode in modes:
            file = folder / f"{mode}-{demand}-{seed}.npz"
            tuned = _tuned(given, demand, folder) if mode == BASE_STOCK else None
            run = Run(given, tuned.policy() if tuned else KNOWN[mode])
            checkpoint.load(run, file)
            _finish(run, file, f"{mode}, demand {demand}, seed {seed}")
            outcomes.append(replace(_outcome(run, base, mode, demand, seed), tuned=tuned))
    return outcomes


def _replayed(lake: Lake, config: Config, nights: Span) -> Iterator[tuple[str, int, Market]]:
    """The landing's own sales under every demand and seed. Where nothing was short of stock there is one demand, what sold."""
    for seed in config.simulation.seeds:
        for demand in config.simulation.demand:
            sold = market.replayed(lake, nights.first, nights.last, demand, seed)
            if sold.is_censored or demand == config.simulation.demand[0]:
                yield demand, seed, sold


def _tuned(given: Given, demand: str, folder: Path) -> Tuned:
    """The base stock's multiplier: the same for all seeds of a way of taking demand."""
    print(f"base_stock, demand {demand}: tuning its multiplier on the nights before", file=sys.stderr)
    return tuning.tuned(given, demand, given.config.simulation.seeds[0], folder / f"tuned-{demand}.json")


def _finish(run: Run, file: Path, what: str) -> None:
    """All nights that are still to come, with a checkpoint every few and a line that says how far they are."""
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


def _outcome(run: Run, base: Memory, mode: str, demand: str, seed: int) -> Outcome:
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


def _rows(found: Simulation) -> list[dict[str, Any]]:
    """Rows of gold/simulations: each outcome as a whole, and by segment."""
    references = {(each.demand, each.seed): each for each in found.outcomes if each.policy == STOCHASTIC}
    span_ = found.span
    rows: list[dict[str, Any]] = []
    for each in found.outcomes:
        for cut, segment, chosen in _parts(each):
            gap = compare.difference(each, references[each.demand, each.seed], chosen, found.config.seed)
            facts: dict[str, Any] = {"business_date": span_.first, "run_id": found.name, "last": span_.last, "fixed_nights": span_.fixed}
            facts |= {"counted_nights": span_.nights - span_.fixed, "policy": each.policy, "demand": each.demand, "seed": each.seed}
            facts |= {"cut": cut, "segment": segment, "items": gap.items, **measures.of(each, chosen), "blocks": gap.blocks}
            facts |= {
                "multiplier": each.tuned.multiplier if each.tuned else None,
                "tuning_nights": each.tuned.nights if each.tuned else None,
            }
            facts |= {"difference": gap.money, "difference_low": gap.low, "difference_high": gap.high, "own": gap.verdict}
            rows.append(facts)
    totals = {(row["policy"], row["demand"], row["seed"], row["cut"], row["segment"]): row["total_cost"] for row in rows}
    for row in rows:
        part = row["demand"], row["seed"], row["cut"], row["segment"]
        own, base, oracle = (totals.get((name, *part), np.nan) for name in (row["policy"], *_WAY))
        row["share_of_way"] = measures.share_of_way(own, base, oracle)
        same = [str(other["own"]) for other in rows if all(other[name] == row[name] for name in ("policy", "cut", "segment"))]
        row["verdict"] = "reference" if row["policy"] == STOCHASTIC else compare.settled(same)
    return rows


def _parts(outcome: Outcome) -> Iterator[tuple[str, str, np.ndarray]]:
    """Way of cutting, name and pairs [pairs] of all, and of the segments where there are several."""
    yield ALL, ALL, np.ones(len(outcome.items), bool)
    for by, labels in outcome.segments.items():
        names = sorted(set(labels.tolist()))
        for name in names if len(names) > 1 else []:
            yield by, name, labels == name


def _name(lake: Lake, config: Config, nights: Span, made: WorldConfig | None) -> str:
    """The simulation's id: the same question to the same tables and code has the same one; other modes go on in it."""
    from jobs.publish.hashes import code_hash

    versions = {table: lake.version(f"silver/{table}") for table in _READ} | {"models": lake.version("ops/models")}
    asked = {**asdict(nights), "config": config.hash, "code": code_hash(), "versions": versions}
    asked |= {"world": made.model_dump_json()} if made is not None else {}
    return hashlib.sha256(json.dumps(asked, default=str, sort_keys=True).encode()).hexdigest()[:12]


def _folder(lake: Lake, name: str) -> Path:
    return Path(lake.root) / "ops" / "simulating" / name


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    """NaN becomes null: the measure does not apply."""
    return {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
