"""Lessons of past origins on a small world: out of sample, whole windows only, what was short of stock at least what it sold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from jobs.features import here as features
from jobs.features.job import periods
from jobs.forecast import here
from jobs.forecast.examples import planned
from jobs.learn import joint_lessons, joint_train
from jobs.learn.joint_barrier import to_rows
from jobs.learn.joint_lessons import KNOWN, Past, known
from jobs.plan import inputs
from tests.jobs.learn.made_lessons import alike
from tests.jobs.simulate.tiny import CONFIG, FIRST, SIZE, lake_of, made, run_of

#: Enough lines for a model.
WORLD = made(size={**SIZE, "lines": 180, "items": 60})
SETTINGS = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"rows": 8_000})})


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory):
    """The past of a night, and the model of its date."""
    base = run_of(lake_of(tmp_path_factory.mktemp("world"), WORLD), WORLD, "stochastic").given.base
    model, found = here.train(base, SETTINGS, FIRST), planned(base, SETTINGS, FIRST)
    assert model is not None
    assert found is not None
    plan, first = found
    rows = features.past(base, SETTINGS, FIRST, plan.origins, periods(base, SETTINGS, FIRST), (KNOWN, known))
    night = joint_train._night(base, SETTINGS, FIRST, model)
    rows = joint_lessons.before(rows, night)
    return Past(rows, plan, first, inputs.masters_here(base, night), night, joint_lessons.scarcity(base, FIRST)), model


def test_what_was_short_of_stock_is_at_least_what_it_sold(learned) -> None:
    past, model = learned
    rows = joint_lessons.forecasts(past, joint_lessons.halves(past, model, SETTINGS))
    happened, floor, wanted = (rows[name].to_numpy() for name in ("happened", "floor", "demand"))
    short = np.isnan(wanted)
    assert short.any()
    assert (happened[short] >= floor[short]).all()
    assert happened[short].mean() > floor[short].mean()
    assert (happened[~short] == wanted[~short]).all()


def test_each_half_is_forecast_by_a_booster_of_the_other(learned, monkeypatch: pytest.MonkeyPatch) -> None:
    past, model = learned
    seen = []
    fit = here.fit

    def spied(rows: here.Rows, config, chosen, mask, *more):
        seen.append(set(joint_lessons.half_of(rows.table.filter(mask)).tolist()))
        assert (rows.target[mask] < past.plan.held_out_from).all()
        return fit(rows, config, chosen, mask, *more)

    monkeypatch.setattr(here, "fit", spied)
    joint_lessons.halves(past, model, SETTINGS)
    assert seen == [{1}, {0}]


def test_only_windows_that_are_over_are_lessons(learned) -> None:
    past, model = learned
    taught = joint_lessons.taught(past, model, SETTINGS)
    assert taught is not None
    one = taught.lessons.windows
    assert len(taught.items) == len(one) == len(taught.inputs) > 20
    assert np.isfinite(one.cumulated).all()
    assert (np.diff(one.cumulated, axis=0) >= 0).all()
    assert taught.held_out.any()
    assert not taught.held_out.all()


def test_lines_of_some_items_are_those_of_all(learned) -> None:
    past, model = learned
    by = joint_lessons.halves(past, model, SETTINGS)
    whole = joint_lessons.lines(past, by)
    chosen = np.isin(past.rows["item_id"].to_numpy(), np.unique(past.rows["item_id"].to_numpy())[::2])
    assert whole is not None
    parts = [joint_lessons.lines(replace(past, rows=past.rows.filter(rows)), by) for rows in (chosen, ~chosen)]
    alike(pa.concat_tables([to_rows(each) for each in parts if each]), to_rows(whole))
