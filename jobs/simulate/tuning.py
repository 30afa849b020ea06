"""The base stock's multiplier: the one that would have cost least on the days before the first night.

The days before the first night, at most [simulation] tuning_nights of them, are replayed under base stocks whose levels are
multiplied by FACTOR^k, with the night's code, from what is known on the first night only. The search walks from 1 to cheaper
neighbours, two steps and then one at a time; cost against a level has one valley. Stock begins as that of the first night.

It is done on a sample of items. What ties items together (shared capacities, terms of whole orders) means nothing for a sample and
is left out: the rule's level knows nothing of it either.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

import schemas
from jobs.columns import with_columns
from jobs.forecast.examples import LEAST_HISTORY
from jobs.lake import put
from jobs.simulate import market
from jobs.simulate.ledger import COMPONENTS
from jobs.simulate.policies import POLICIES, base_stock
from jobs.simulate.recovered import VARIANTS
from jobs.simulate.replay import Given, Run
from jobs.simulate.sample import alone, sampled
from jobs.simulate.span import LEAST_SPANS, Span

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jobs.simulate.memory import Memory
    from jobs.simulate.policies import Policy

#: From one multiplier to the next; the first steps of the search, and how far it goes.
FACTOR, _STEPS, _FURTHEST = 1.1, (2, 1), 8
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Tuned:
    """A multiplier; on how many nights and item-locations it was tuned (0: too little history, 1 stands); what 1 and it cost there."""

    multiplier: float = 1.0
    nights: int = 0
    lines: int = 0
    cost_of_one: float = 0.0
    cost: float = 0.0

    def policy(self) -> Policy:
        """The base stock of this multiplier."""
        return replace(POLICIES["base_stock"], foresee=partial(base_stock, multiplier=self.multiplier))


def tuned(given: Given, demand: str, seed: int, file: Path | None = None) -> Tuned:
    """The multiplier of a simulation, tuned on demand as the simulation takes it; kept in ``file``, where a later start finds it."""
    if file is not None and file.exists():
        return Tuned(**json.loads(file.read_text(encoding="utf-8")))
    found = _tuned(given, demand, seed)
    if file is not None:
        put(file, json.dumps(asdict(found)).encode())
    return found


def _tuned(given: Given, demand: str, seed: int) -> Tuned:
    span = _span_before(given)
    if span is None:
        return Tuned()
    early = _before(given, span, demand, seed)
    costs: dict[int, float] = {}

    def cost(k: int) -> float:
        if k not in costs:
            costs[k] = _cost(early, Tuned(FACTOR**k).policy())
        return costs[k]

    best = least(cost)
    return Tuned(round(FACTOR**best, 6), span.nights, early.market.series.height, costs[0], costs[best])


def least(cost: Callable[[int], float]) -> int:
    """Where a function of whole numbers with one valley is least: from 0 on, two steps and then one at a time; ties to the nearer."""
    best = 0
    for step in _STEPS:
        for way in (step, -step):
            while abs(best + way) <= _FURTHEST and cost(best + way) < cost(best):
                best += way
    return best


def _span_before(given: Given) -> Span | None:
    """The nights before the first that can be replayed, as ``span.of`` would allow them; None: there are too few."""
    first, config = given.span.first, given.config
    periods = given.base.tables["silver/demand"]["period"]
    known = pc.min(periods).as_py()
    if known is None:
        return None
    begin = max(known + timedelta(days=LEAST_HISTORY[config.grain]), first - timedelta(days=config.simulation.tuning_nights))
    found = Span(begin, first - _DAY, given.span.fixed)
    return found if found.nights >= LEAST_SPANS * found.fixed else None


def _before(given: Given, span: Span, demand: str, seed: int) -> Given:
    """What the replay of an earlier span is given: history until then, and the stock of the later one's first night."""
    seen = Run(given, POLICIES["base_stock"]).seen(given.span.first)
    kept = sampled(seen.tables["silver/demand"], given.config.simulation.tuning_lines)
    known = kept.filter(pc.less(kept["period"], pa.scalar(given.span.first)))
    items = pa.array(sorted(set(known["item_id"].to_pylist())), pa.string())
    stock = _dated(seen.tables["silver/stock"], span.first, items)
    lake: Memory = given.base.having(demand=known, stock=stock, inbound=schemas.TABLES["silver/inbound"].schema.empty_table())
    # Of a world only what its landing told is known of the nights before.
    sold = market.replayed(lake, span.first, span.last, demand if demand in VARIANTS else VARIANTS[0], seed)
    lake = lake.having(demand=known.filter(pc.less(known["period"], pa.scalar(span.first))))
    few = {name: lake.tables[f"silver/{name}"] for name in ("items", "assortment")}
    lake = lake.having(**{name: rows.filter(pc.is_in(rows["item_id"], items)) for name, rows in few.items()}, **alone(lake))
    return replace(given, lake=lake, base=lake, market=sold, span=span, model=None)


def _dated(stock: pa.Table, first: date, items: pa.Array) -> pa.Table:
    """Counts as if they had been made on the eve of another night."""
    stock = stock.filter(pc.is_in(stock["item_id"], items))
    dates = {"as_of": first - _DAY, "known_from": first, "drop_date": first, "expires_on": None}
    return with_columns(stock, {name: pa.array([day] * stock.num_rows, pa.date32()) for name, day in dates.items()})


def _cost(given: Given, policy: Policy) -> float:
    """What the nights that count come to, what is left at the end included."""
    run = Run(given, policy)
    for _ in range(given.span.nights):
        run.step()
    counted = given.span.counted
    nightly = sum(float(run.progress.books.money[name][counted].sum()) for name in COMPONENTS if name != "end")
    return nightly + float(run.left().sum())
