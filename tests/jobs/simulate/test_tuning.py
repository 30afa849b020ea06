"""The base stock's multiplier: found on nights before the first, from what was known then; 1 where there are too few."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.config import Config
from jobs.forecast import here
from jobs.simulate import market, memory, span, tuning
from jobs.simulate.policies import POLICIES
from jobs.simulate.replay import Given, Run
from tests.jobs.features.lakes import history
from tests.jobs.simulate import tiny
from tests.jobs.simulate.small import BEGIN, CONFIG, FIRST, HISTORY, LAST, NIGHTS, chain
from tests.jobs.simulate.tiny import lake_of, made, run_of

SHORT = Config.model_validate(CONFIG.model_dump() | {"simulation": {"tuning_nights": 14, "tuning_lines": 4}})


def given(root: Path, config: Config = SHORT, **more: list[dict[str, object]]) -> Given:
    lake = chain(root, **more)
    first_drop = span.first_drop(lake)
    base = memory.masters_of(lake, first_drop).having(demand=memory.history(lake, FIRST, first_drop))
    sold = market.replayed(lake, FIRST, LAST, "recovered", 1)
    return Given(lake, base, sold, span.of(lake, config, FIRST, LAST), config, None, here.train, 28)


@pytest.mark.parametrize(("valley", "most"), [(0, 5), (1, 6), (-1, 6), (2, 6), (5, 8), (-20, 10), (20, 10)])
def test_the_search_ends_in_the_valley(valley: int, most: int) -> None:
    asked: list[int] = []
    found = tuning.least(lambda k: (asked.append(k), abs(k - valley))[1])
    assert found == max(-8, min(valley, 8))
    assert len(set(asked)) <= most


def test_on_a_plateau_one_stays() -> None:
    assert tuning.least(lambda _: 1.0) == 0


def test_what_comes_after_the_first_night_changes_nothing(tmp_path: Path) -> None:
    """Tables, stock and demand of the earlier nights are the same where later days sold nine times as much."""
    later = [row | {"units": row["units"] * 9} if row["period"] >= FIRST else row for row in history(3, 4, BEGIN, HISTORY + NIGHTS)]
    found = []
    for name, more in (("a", {}), ("b", {"demand": later})):
        each = given(tmp_path / name, **more)
        nights = tuning._span_before(each)
        assert nights is not None
        found.append(tuning._before(each, nights, "recovered", 1))
    one, other = found
    assert (one.span.first, one.span.last, one.span.fixed) == (FIRST - timedelta(days=14), FIRST - timedelta(days=1), 3)
    assert (one.market.demand == other.market.demand).all()
    assert one.market.demand.sum() > 0
    assert one.market.series.height == 4
    for table in ("silver/demand", "silver/stock", "silver/inbound"):
        assert one.base.tables[table].equals(other.base.tables[table])
    assert max(one.base.tables["silver/demand"]["period"].to_pylist()) < one.span.first
    assert set(one.base.tables["silver/stock"]["as_of"].to_pylist()) == {one.span.first - timedelta(days=1)}


def test_where_lost_sales_cost_much_the_level_is_not_lowered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search on real nights, by halves and doubles; what it found is there for a start after a kill."""
    costs = [{"item_id": f"i{i}", "location_id": f"S{n}", "shortage_cost": Decimal(90)} for i in range(3) for n in range(4)]
    monkeypatch.setattr(tuning, "FACTOR", 2.0)
    monkeypatch.setattr(tuning, "_STEPS", (1,))
    asked, least = {}, tuning.least
    monkeypatch.setattr(tuning, "least", lambda cost: least(lambda k: asked.setdefault(k, cost(k))))
    short = given(tmp_path, assortment=costs)
    found = tuning.tuned(short, "recovered", 1, tmp_path / "kept.json")
    assert len(asked) >= 3
    assert found == tuning.Tuned(found.multiplier, 14, 4, asked[0], min(asked.values()))
    assert found.multiplier >= 1
    monkeypatch.setattr(tuning, "_cost", None)
    assert tuning.tuned(short, "recovered", 1, tmp_path / "kept.json") == found


def test_too_little_history_leaves_one(tmp_path: Path) -> None:
    short = given(tmp_path)
    few = replace(short, config=Config.model_validate(CONFIG.model_dump() | {"simulation": {"tuning_nights": 11}}))
    assert tuning.tuned(few, "recovered", 1) == tuning.Tuned(1.0, 0)


def test_of_a_world_only_what_its_landing_told_is_known(tmp_path: Path) -> None:
    """Its nights before are replayed as sales on shelves, with the stock that its first night counts."""
    config = made()
    own = tiny.CONFIG.model_copy(update={"simulation": SHORT.simulation})
    each = run_of(lake_of(tmp_path, config), config, "base_stock", own).given
    nights = tuning._span_before(each)
    assert nights is not None
    early = tuning._before(each, nights, "latent", 1)
    assert isinstance(early.market, market.Replayed)
    assert (early.span.last, early.market.nights) == (tiny.FIRST - timedelta(days=1), 14)
    counted = Run(each, POLICIES["base_stock"])
    begun = Run(early, POLICIES["base_stock"])
    there = dict(zip(counted.places.pairs.select("item_id", "location_id").iter_rows(), counted.progress.state.on_hand, strict=True))
    here_ = dict(zip(begun.places.pairs.select("item_id", "location_id").iter_rows(), begun.progress.state.on_hand, strict=True))
    assert here_ == {pair: there[pair] for pair in here_}
    assert sum(here_.values()) > 0
