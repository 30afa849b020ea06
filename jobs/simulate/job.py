"""`nightfill simulate`: the nights of a span replayed under several ways of deciding, compared, kept and shown."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pyarrow as pa

import schemas
from jobs.config import Config
from jobs.errors import UsageError
from jobs.forecast import here, predict
from jobs.simulate import compare, measures, memory, page, printout, running, span, tuning
from jobs.simulate.ablations import KNOWN
from jobs.simulate.policies import BASE_STOCK, ORACLE, PERFECT, STOCHASTIC
from jobs.simulate.replay import Given, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from jobs.lake import Lake
    from jobs.simulate.measures import Outcome
    from jobs.simulate.span import Span
    from jobs.simulate.tuning import Tuned
    from jobs.simulate.world import WorldConfig

#: Tables that a simulation reads.
_READ = (*memory.MASTERS, "demand", "stock", "inbound", "sales", "receipts")
ALL = "*"
#: Stands for all modes of the night, with brackets.
EVERY = "all"
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
    modes = tuple(dict.fromkeys(name for mode in modes for name in (_every(made) if mode == EVERY else (mode,))))
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
    kept = _earlier(lake, found)
    _share(found.rows + kept)
    lake.write_arrow(table.path, pa.Table.from_pylist([_whole(row) for row in found.rows + kept], table.schema), where)
    shutil.rmtree(_folder(lake, name), ignore_errors=True)
    lines = [printout.text(found), f"Kept as simulation {name} in {lake.location(table.path)} (`nightfill sql`: view simulations)"]
    if out:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(page.html(found), encoding="utf-8")
        lines.append(f"Page: {out}")
    return "\n".join(lines)


def _every(made: WorldConfig | None) -> tuple[str, ...]:
    """All modes that a night can decide by, and what they are compared with: ``all`` on the command line."""
    modes = get_args(Config.model_fields["mode"].annotation)
    return (*modes, BASE_STOCK, *((ORACLE, PERFECT) if made is not None else ()))


def _outcomes(
    lake: Lake, config: Config, nights: Span, modes: tuple[str, ...], folder: Path, made: WorldConfig | None = None
) -> list[Outcome]:
    """Every policy against every demand and seed."""
    setting = running.setting(lake, config, nights, made)
    # A lake without a model: the night trains one, and so is it done here.
    model = predict.night_model(lake, config, nights.first) or here.train(setting.base, config, nights.first)
    outcomes = []
    for demand, seed, against in setting.markets:
        given = Given(setting.begins, setting.base, against, nights, config, model, here.train, config.simulation.retrain_every)
        for mode in modes:
            tuned = _tuned(given, demand, folder) if mode == BASE_STOCK else None
            run = Run(given, tuned.policy() if tuned else KNOWN[mode])
            running.finish(run, folder / f"{mode}-{demand}-{seed}.npz", f"{mode}, demand {demand}, seed {seed}")
            outcomes.append(replace(running.outcome(run, setting.base, mode, demand, seed), tuned=tuned))
    return outcomes


def _tuned(given: Given, demand: str, folder: Path) -> Tuned:
    """The base stock's multiplier: the same for all seeds of a way of taking demand."""
    print(f"base_stock, demand {demand}: tuning its multiplier on the nights before", file=sys.stderr)
    return tuning.tuned(given, demand, given.config.simulation.seeds[0], folder / f"tuned-{demand}.json")


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
    for row in rows:
        same = [str(other["own"]) for other in rows if all(other[name] == row[name] for name in ("policy", "cut", "segment"))]
        row["verdict"] = "reference" if row["policy"] == STOCHASTIC else compare.settled(same)
    return rows


def _earlier(lake: Lake, found: Simulation) -> list[dict[str, Any]]:
    """Rows of other modes that the same simulation, of the same name, was asked for before."""
    of_name: list[tuple[str, str, object]] = [("business_date", "=", found.span.first), ("run_id", "=", found.name)]
    again = {each.policy for each in found.outcomes}
    return [row for row in lake.arrow(schemas.SIMULATIONS.path, where=of_name).to_pylist() if row["policy"] not in again]


def _share(rows: list[dict[str, Any]]) -> None:
    """Say of each row how much of the way from base stock to the oracle its mode has come."""
    totals = {(row["policy"], row["demand"], row["seed"], row["cut"], row["segment"]): row["total_cost"] for row in rows}
    for row in rows:
        part = row["demand"], row["seed"], row["cut"], row["segment"]
        own, base, oracle = (totals.get((name, *part), np.nan) for name in (row["policy"], *_WAY))
        row["share_of_way"] = measures.share_of_way(own, base, oracle)


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
