"""Every tenth night that is simulated in a world, written as the world writes landing folders: `nightfill nightly` orders the same."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.config import Config
from jobs.forecast import here
from jobs.lake import Lake
from jobs.simulate import deciding, memory, span
from jobs.simulate.lawful import Lawful
from jobs.simulate.made import masters_ahead
from jobs.simulate.policies import POLICIES
from jobs.simulate.replay import Given, Run
from jobs.simulate.world import World, WorldConfig, job, parse
from jobs.simulate.world.feeds import Feeds
from jobs.simulate.world.files import Blocks
from jobs.stages import Job, run
from tests.simulated import nightly

pytestmark = pytest.mark.torture
#: New year, when both presets are closed, lies in the span; the night of FIRST has no model, the tenth after it has one.
FIRST, EVERY = date(2023, 12, 26), 10
NIGHTS = EVERY + 1
SPAN = {"first": date(2023, 9, 10), "last": FIRST + timedelta(days=NIGHTS - 1), "nights": NIGHTS}
SIZE = {"lines": 40, "items": 14, "stores": 3, "online": 1, "dcs": 1, "suppliers": 1, "regions": 2, "categories": 2}
#: Short enough for so few nights.
SUPPLY = {"store_lead": [1], "store_lead_std": 0.4, "supplier_lead": [1, 2], "supplier_order_days": ["", "mon,wed,fri"]}
CONFIG = Config.model_validate(
    {
        "training": {"rows": 4000, "origins": 4, "rounds": 20},
        "planning": {"paths": 16, "shards": 1},
        "simulation": {"retrain_every": 7},
        # So few lines sell twice as much on one day as on the next.
        "landing": {"collapse_share": 0},
    }
)


@pytest.mark.parametrize("preset", ["retail", "hard"])
def test_the_night_orders_what_the_simulation_ordered(spark, tmp_path: Path, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = parse({"preset": preset, "span": SPAN, "size": SIZE, "supply": SUPPLY})
    landing, lake = _history(made, tmp_path), Lake(str(tmp_path / "lake"), spark)
    run(Job(spark, lake, CONFIG, FIRST, str(landing), "never"), ("ingest",), None, say=lambda _: None)
    simulated, drops, placed = _run(lake, made), Blocks(landing, made.files.format), []
    feeds = Feeds(simulated.ground.world)
    decide, advance = deciding.decide, World.advance
    monkeypatch.setattr(deciding, "decide", lambda *given: (placed.append(decide(*given)), placed[-1])[1])

    def writing(world, state, orders, **more):
        after, night = advance(world, state, orders, **more)
        drops.add(after.day.isoformat(), feeds.drop(after, night))
        return after, night

    monkeypatch.setattr(World, "advance", writing)
    compared, trained = 0, set()
    for number in range(NIGHTS):
        simulated.step()
        if number % EVERY == 0:
            drops.close()
            day = FIRST + timedelta(days=number)
            orders = nightly(lake, CONFIG, landing, day, simulated)
            assert placed[-1].lines.select(orders.columns).equals(orders)
            compared += len(orders)
            trained.add(simulated.progress.model is not None)
    assert compared >= 30
    assert trained == {True, False}, "nights of the baseline and of a model are both compared"
    assert simulated.progress.books.imbalance(simulated.progress.begun, simulated.progress.state) == 0


def _history(made: WorldConfig, folder: Path) -> Path:
    """The landing folder of the world's first drop."""
    landing = folder / "landing"
    job.main(made, landing, folder / "truth")
    for drop in landing.glob("*/*"):
        if drop.name > FIRST.isoformat():
            shutil.rmtree(drop)
    return landing


def _run(lake: Lake, made: WorldConfig) -> Run:
    nights, first_drop = span.Span(FIRST, made.span.last, 1), span.first_drop(lake)
    market = Lawful(made, FIRST)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, FIRST, first_drop))
    base = masters_ahead(base, market.world, FIRST, nights.last)
    begins = memory.begins_at(lake, FIRST, first_drop)
    return Run(Given(begins, base, market, nights, CONFIG, None, here.train, CONFIG.simulation.retrain_every), POLICIES["stochastic"])
