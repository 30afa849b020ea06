"""A tiny world and the lake that ingest would make of its landing folder, written without Spark.

tests/torture/test_simulated_worlds.py holds against each other what a night sees here and what it sees of real files.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.config import Config
from jobs.forecast import here
from jobs.forecast.model import Model
from jobs.lake import Lake
from jobs.simulate import history, memory, span
from jobs.simulate.ablations import KNOWN
from jobs.simulate.ground import silver
from jobs.simulate.lawful import Lawful
from jobs.simulate.made import masters_ahead, shown_of
from jobs.simulate.replay import Given, Run
from jobs.simulate.world import WorldConfig, masters, parse
from jobs.simulate.world.feeds import Feeds

BEGIN, FIRST, NIGHTS = date(2023, 11, 20), date(2023, 12, 24), 12
LAST = FIRST + timedelta(days=NIGHTS - 1)
SIZE = {"lines": 12, "items": 4, "stores": 2, "online": 1, "dcs": 1, "suppliers": 1, "regions": 2, "categories": 2}
CONFIG = Config.model_validate(
    {
        "training": {"rows": 2000, "origins": 2, "rounds": 5},
        "planning": {"paths": 16, "shards": 1},
        "simulation": {"checkpoint_nights": 3, "retrain_every": 7, "tuning_nights": 0},
    }
)


def made(late: float = 0.7, **settings: Any) -> WorldConfig:
    """Settings of a tiny world like `retail`, with a closed day, late (deviation, days) and short suppliers, that reviews daily."""
    days = {"store_order_days": [""], "supplier_order_days": [""]}
    supply = {
        "store_lead": [0, 1],
        "supplier_lead": [1, 2],
        "supplier_lead_std": late,
        "shortages": 0.3,
        "fresh": 1,
        "life": [3, 4],
        **days,
    }
    given = {"preset": "retail", "span": {"first": BEGIN, "last": LAST, "nights": NIGHTS}, "size": SIZE, "supply": supply}
    return parse({**given, **settings})


def lake_of(root: Path, config: WorldConfig) -> Lake:
    """Silver as the night of FIRST finds it."""
    lake = Lake(str(root / "lake"))
    lake.create_tables()
    market = Lawful(config, FIRST)
    world, state, begin, day = market.world, market.world.start(), config.span.first.toordinal(), FIRST.toordinal()
    feeds, ever, demand = Feeds(world), np.zeros(len(market.series), bool), []
    while state.day < FIRST:
        state, night = world.advance(state, world.usual_orders(state))
        sold = night.sold[market.line, market.part]
        ever |= sold > 0
        share = night.in_stock.round(4)[market.line]
        demand.append(history.rows(market.series, night.day, sold * 10_000, share, shown_of(market, night, ever)))
    ahead = {"prices": feeds.prices(begin, day + config.files.ahead_days), "signals": feeds.signals(begin, day)}
    counted = {"stock": feeds.inventory(state), "inbound": feeds.open_orders(state)}
    for name, rows in {**masters.tables(world), **ahead, **counted}.items():
        lake.write_arrow(f"silver/{name}", silver(name, rows, FIRST), None)
    lake.write_arrow("silver/demand", pa.concat_tables(demand), None)
    return lake


def run_of(lake: Lake, config: WorldConfig, policy: str, settings: Config = CONFIG, model: Model | None = None) -> Run:
    """A policy's nights, none of them simulated yet."""
    market, first_drop = Lawful(config, FIRST), span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, FIRST, first_drop))
    base = masters_ahead(base, market.world, FIRST, LAST)
    nights = span.of(lake, settings, FIRST, LAST, endless=True)
    return Run(Given(lake, base, market, nights, settings, model, here.train, 7), KNOWN[policy])
