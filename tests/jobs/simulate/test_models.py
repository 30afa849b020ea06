"""A challenger's orders costed before it becomes champion: one that orders a third is refused, what can't be replayed decides nothing."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.compute as pc
import pytest

from jobs.config import Config
from jobs.forecast import here
from jobs.forecast.judgement import Verdict
from jobs.forecast.trial import asked
from jobs.simulate import memory, models, sample, span
from tests.jobs.simulate.small import CONFIG, FIRST, LAST, NIGHTS, chain

NIGHT = LAST.replace(day=LAST.day + 1)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory):
    capacity = {"resource": "budget", "limit": 1, "unit": "value"}
    return chain(tmp_path_factory.mktemp("models"), items=12, stores=4, terms={"order_cost": 9}, capacities=[capacity])


@pytest.fixture(scope="module")
def model(lake):
    fitting = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"rows": 20_000, "origins": 4})})
    base = memory.masters_of(lake, span.first_drop(lake)).having(demand=memory.history(lake, FIRST, FIRST))
    found = here.train(base, fitting, FIRST)
    assert found is not None
    return found


def gated(**keys: object) -> Config:
    return CONFIG.model_copy(update={"gate": CONFIG.gate.model_copy(update={"lines": 1_000, **keys})})


def test_a_challenger_that_orders_a_third_is_refused(lake, model) -> None:
    third = replace(
        model,
        calibration=replace(
            model.calibration,
            mean=[each / 3 for each in model.calibration.mean],
            ratios=[[each / 3 for each in ratios] for ratios in model.calibration.ratios],
        ),
    )
    allowed, why = models.in_money(lake, gated(), FIRST, NIGHT, third, model)
    assert not allowed
    assert why.startswith(f"replayed {NIGHTS} nights of 60 item-locations: +")
    assert why.endswith("of cost, worse")


def test_nights_that_are_too_few_decide_nothing(lake, model) -> None:
    late = NIGHT.replace(day=NIGHT.day - 5)
    assert models.in_money(lake, gated(), late, NIGHT, model, model)[0]
    assert "not replayed: " in models.in_money(lake, gated(), late, NIGHT, model, model)[1]
    assert models.in_money(lake, gated(models="off"), FIRST, NIGHT, model, model) == (True, "not replayed")


def test_a_sample_has_all_of_its_items_and_nothing_that_ties_them_together(lake) -> None:
    few = sample.of_lake(lake, 9, FIRST, LAST)
    sold = few.arrow("silver/demand")
    items = set(sold["item_id"].to_pylist())
    assert len(items) == 3, "four stores an item: two items have eight series, so a third"
    assert sold.num_rows == pc.sum(pc.is_in(lake.arrow("silver/demand")["item_id"], pc.unique(sold["item_id"]))).as_py()
    assert set(few.arrow("silver/stock")["item_id"].to_pylist()) == items
    assert few.arrow("silver/lanes")["order_cost"].null_count == few.arrow("silver/lanes").num_rows
    assert few.arrow("silver/capacities").num_rows == 0


def test_the_registry_takes_the_answer(lake, model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.forecast.registry.load", lambda *_: model)
    plan = type("Plan", (), {"held_out_from": 19_887})()
    seen = []

    def in_money(*given: object) -> tuple[bool, str]:
        seen.extend(given)
        return False, "replayed: worse"

    won = Verdict(wins=True, reasons=("pinball less",))
    found = asked(won, lake, CONFIG, NIGHT, plan, model, {"model_id": "m"}, in_money)  # type: ignore[arg-type]
    assert (found.wins, found.reasons) == (False, ("pinball less", "replayed: worse"))
    assert str(seen[2]) == "2024-06-13"
