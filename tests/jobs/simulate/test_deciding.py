"""A night in one process decides what the night on Spark decides: features, tables of the plan, orders."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from jobs.config import Config, Training
from jobs.features import here
from jobs.features import job as features
from jobs.lake import Lake
from jobs.plan import inputs
from jobs.plan import job as plan
from jobs.plan.shard import RULES
from jobs.simulate import deciding
from tests.jobs.features.lakes import fill, history, masters
from tests.jobs.plan.small import D
from tests.jobs.plan.test_job import coupled_lake, small_lake
from tests.jobs.simulate.small import FIRST, HISTORY, timedelta

LINE = ["item_id", "source_id", "location_id"]


@pytest.mark.parametrize(("coupled", "mode"), [(False, "stochastic"), (True, "stochastic"), (True, "sequential")])
def test_orders_are_those_that_spark_writes(spark, lake: Lake, coupled: bool, mode: str) -> None:
    coupled_lake(lake) if coupled else small_lake(lake, 12)
    config = Config(mode=mode)
    plan.main(spark, lake, config, D)
    written = pl.DataFrame(pl.from_arrow(lake.arrow("gold/orders", [*LINE, "units", "expected_on"])))
    night = inputs.night_of(lake, config, D)
    tables = inputs.with_forecasts(inputs.tables_here(lake, night), lake.arrow("gold/forecasts"))
    found = deciding.decide(tables, night, RULES[mode]).lines
    expected = written.select(*LINE, units=(pl.col("units") * 10_000).cast(pl.Int64), arrives_on="expected_on").sort(LINE)
    assert len(expected) >= 2
    assert found.select(expected.columns).equals(expected)


def test_features_and_examples_are_those_of_spark(spark, lake: Lake, monkeypatch) -> None:
    fill(lake, **masters(3, 2), demand=history(3, 2, FIRST - timedelta(days=HISTORY), HISTORY))
    config, keys = Config(), [(name, "ascending") for name in ("item_id", "location_id", "channel", "target_date")]
    ours = here.at(lake, config, FIRST, 7)
    theirs = features.at(spark, lake, config, FIRST, 7).toArrow()
    assert ours.num_rows == 3 * 2 * 7
    assert _same(ours.sort_by(keys), theirs.sort_by(keys))
    monkeypatch.setattr(here, "_FEW", 1)
    assert here.at(lake, config, FIRST, 7).equals(ours)
    origins = tuple(features.CLOCKS[config.grain].index(FIRST - timedelta(days=days)) for days in (5, 12))
    ours = here.examples(lake, config, FIRST, origins, 4, 0.7)
    theirs = features.past(spark, lake, config, FIRST, origins, 4, (features.EXAMPLES, features.examined), 0.7).toArrow()
    keys.append(("origin", "ascending"))
    assert ours.num_rows > 20
    assert _same(ours.sort_by(keys), theirs.sort_by(keys))


def test_what_a_day_partly_in_stock_would_have_sold_is_learned_from_where_settings_say_so(lake: Lake) -> None:
    fill(lake, **masters(3, 2), demand=history(3, 2, FIRST - timedelta(days=HISTORY), HISTORY))
    origins, keys = (features.CLOCKS["day"].index(FIRST - timedelta(days=7)),), ("item_id", "location_id", "target_date")
    sold = {(r["item_id"], r["location_id"], r["period"]): r for r in lake.arrow("silver/demand").to_pylist()}
    made = {}
    for known in ("in_stock", "demand"):
        rows = here.examples(lake, Config(training=Training(learn_from=known)), FIRST, origins, 7).to_pylist()
        made[known] = {tuple(r[name] for name in keys): r["units"] for r in rows}
    assert {key: made["demand"][key] for key in made["in_stock"]} == made["in_stock"]
    more = made["demand"].keys() - made["in_stock"].keys()
    assert len(made["demand"]) == 3 * 2 * 7
    assert len(more) >= 2
    assert all(sold[key]["in_stock_fraction"] == 0.5 and made["demand"][key] > float(sold[key]["units"]) for key in more)


def _same(ours: pa.Table, theirs: pa.Table) -> bool:
    """Equal values; NaN is null in neither."""
    return pl.DataFrame(pl.from_arrow(ours)).equals(pl.DataFrame(pl.from_arrow(theirs.cast(ours.schema))), null_equal=True)
