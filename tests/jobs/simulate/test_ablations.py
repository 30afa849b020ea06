"""The plan without one of its parts: what each sees, forecasts or costs otherwise, and that nothing else changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pytest

from jobs.config import Config
from jobs.forecast import here
from jobs.forecast.model import Model
from jobs.lake import Lake
from jobs.plan import shard
from jobs.simulate.ablations import ABLATIONS, as_sold, window_alone, with_sure_leads
from jobs.simulate.world import WorldConfig
from tests.jobs.plan.small import day, forecast, night, tables
from tests.jobs.simulate import tiny
from tests.jobs.simulate.small import chain
from tests.jobs.simulate.test_bad_input import begun

#: Nights whose orders are compared: in so small a world a part may change nothing for three.
_COMPARED = 5


def test_what_sold_is_demand_and_lead_times_are_sure(tmp_path: Path) -> None:
    lanes = {"lead_time_std": 0.5}
    seen = begun(chain(tmp_path, items=2, stores=2, terms=lanes)).given.base
    short = pc.less(seen.tables["silver/demand"]["in_stock_fraction"], 1)
    assert pc.any(short).as_py()
    sold = as_sold(seen).tables["silver/demand"]
    assert set(sold["in_stock_fraction"].to_pylist()) == {1.0}
    assert sold["demand"].equals(sold["units"])
    assert sold["demand"].null_count == 0 < seen.tables["silver/demand"]["demand"].null_count
    assert sold.schema.equals(seen.tables["silver/demand"].schema)
    assert set(seen.tables["silver/lanes"]["lead_time_std"].to_pylist()) == {0.5, None}
    assert set(with_sure_leads(seen).tables["silver/lanes"]["lead_time_std"].to_pylist()) == {None}


def test_the_window_alone_has_no_leftovers() -> None:
    """Against a naive roll of one line's window; with what lies beyond, much stock is dearer."""
    rows = tables(
        forecasts=forecast("A", "S1", [4.0] * 6),
        items=[{"item_id": "A", "unit_cost": 2, "unit_price": 3}],
        stock=[{"item_id": "A", "location_id": "S1", "as_of": day(-1), "on_hand": 2, "reserved": 0}],
    )
    seen = {}

    def kept(terms, demand, reach):
        seen["terms"], seen["demand"] = terms, demand
        return window_alone(terms, demand, reach)

    alone, whole = shard.cost(rows, night(), kept).lists.cost, shard.cost(rows, night()).lists.cost
    terms, demand = seen["terms"], seen["demand"]
    naive = []
    for q in range(len(alone)):
        stock, spent = np.full(demand.paths, 2.0), np.zeros(demand.paths)
        for step in range(int(terms.lead[0] + terms.cover[0])):
            stock = stock + (q if step == terms.lead[0] else 0) - demand.of_pairs(terms.first, terms.series, step)[0]
            counts = step >= terms.lead[0]
            spent += counts * (terms.shortage[0] * np.maximum(-stock, 0) + terms.holding[0] * np.maximum(stock, 0))
            stock = np.maximum(stock, 0)
        naive.append(spent.mean())
    assert alone == pytest.approx(naive, rel=1e-5)
    assert whole[-1] > alone[-1]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[WorldConfig, Lake, Config, Model]:
    """A world with all that the parts are about: empty shelves, late suppliers, items in several stores, goods that spoil; a model."""
    days = {"first": date(2023, 9, 4), "last": tiny.LAST, "nights": tiny.NIGHTS}
    config = tiny.made(late=1.0, span=days, size={**tiny.SIZE, "lines": 24, "items": 8, "stores": 3})
    lake = tiny.lake_of(tmp_path_factory.mktemp("learned"), config)
    training = {"rows": 4000, "origins": 4, "rounds": 20}
    settings = Config.model_validate(tiny.CONFIG.model_dump(exclude_unset=True) | {"training": training})
    model = here.train(tiny.run_of(lake, config, "stochastic", settings).given.base, settings, tiny.FIRST)
    assert model is not None
    assert model.errors is not None
    return config, lake, settings, model


@pytest.fixture(scope="module")
def with_all_parts(learned: tuple[WorldConfig, Lake, Config, Model]) -> npt.NDArray[np.int64]:
    return ordered(learned, "stochastic")


def ordered(learned: tuple[WorldConfig, Lake, Config, Model], policy: str) -> npt.NDArray[np.int64]:
    """What a policy orders on the first nights [nights, pairs]."""
    config, lake, settings, model = learned
    run = tiny.run_of(lake, config, policy, settings, model)
    for _ in range(_COMPARED):
        run.step()
    return run.progress.books.units["ordered"][:_COMPARED]


@pytest.mark.parametrize("name", ABLATIONS)
def test_nights_without_a_part_order_otherwise(name: str, learned, with_all_parts) -> None:
    assert (ordered(learned, name) != with_all_parts).any()


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_night_without_a_part_is_decided(name: str, tmp_path: Path) -> None:
    """One night; where there is no model yet, no record and no recovered day the part changes nothing but says so."""
    run = begun(chain(tmp_path, items=1, stores=2))
    run.policy = ABLATIONS[name]
    run.step()
    assert run.progress.books.units["ordered"][0].sum() > 0
    assert run.progress.counts["nights_without_errors"] == (name == "no_calibration")
