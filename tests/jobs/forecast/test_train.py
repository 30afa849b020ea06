"""Features, training and forecast in Spark, on a lake of a hundred series."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import xgboost
from pyspark.sql import SparkSession

from jobs.config import Config, Planning, Training
from jobs.errors import UsageError
from jobs.features import job as features
from jobs.features.clock import CLOCKS
from jobs.forecast import boosting, predict, registry, train
from jobs.forecast.distribution import NAMES
from jobs.forecast.examples import planned
from jobs.forecast.model import forecast
from jobs.forecast.ranks import FACTORS
from jobs.forecast.watch import Watch
from jobs.lake import Lake
from jobs.learn import joint_barrier, joint_lessons, joint_lines, joint_train
from jobs.learn.joint import Joint
from jobs.learn.joint_fit import LEAST_LESSONS
from jobs.learn.joint_lessons import KNOWN, known
from jobs.learn.joint_move import move
from jobs.plan import inputs
from jobs.plan import job as plan
from jobs.plan.check import job as check
from tests.jobs.features.lakes import fill, history, masters, sale
from tests.jobs.learn.made_lessons import alike

D = date(2024, 5, 29)
DAY = timedelta(days=1)
CONFIG = Config(training=Training(rounds=8, max_depth=4, rows=1_500))


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A hundred series to D + 3, a new item, a series of zeros, a pair off the assortment."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")), spark, "r1")
    lake.create_tables()
    days = 70
    rows = history(10, 10, D - days * DAY, days + 3)
    rows += [sale("dead", "S1", D - k * DAY, 0) for k in range(1, days)]
    fill(
        lake,
        **masters(10, 10),
        demand=rows,
        prices=[{"item_id": "i0", "date": D + DAY, "unit_price": Decimal(1), "promotion": "flyer"}],
        calendar=[{"region": "north", "date": D, "event": "fair"}],
        assortment=[{"item_id": "new", "location_id": "S0"}, {"item_id": "i5", "location_id": "S3", "active_to": D - DAY}],
    )
    return lake


@pytest.fixture(scope="module")
def night(spark: SparkSession, lake: Lake) -> Iterator[Lake]:
    """The same after features, training and forecast."""
    features.main(spark, lake, CONFIG, D)
    assert train.main(spark, lake, CONFIG, D).startswith("trained")
    predict.main(spark, lake, CONFIG, D)
    return lake


def test_features_of_the_night_are_those_that_training_computes_later(spark: SparkSession, night: Lake) -> None:
    kernel = features.EXAMPLES, features.examined
    later = features.past(spark, night, CONFIG, D + 3 * DAY, (CLOCKS["day"].index(D),), 4, kernel).toArrow().to_pandas()
    key = ["item_id", "location_id", "channel", "target_date"]
    then = night.arrow("gold/features").to_pandas().set_index(key).loc[later.set_index(key).index]
    assert len(later) > 200
    for column in then.columns.drop(["business_date", "run_id", "whole_units"]):
        assert np.array_equal(then[column].to_numpy(float), later[column].to_numpy(float), equal_nan=True), column


def test_series_that_are_forecast(night: Lake) -> None:
    made = night.arrow("gold/forecasts").to_pandas()
    pairs = set(zip(made["item_id"], made["location_id"], strict=True))
    assert ("new", "S0") in pairs
    assert ("dead", "S1") in pairs
    assert ("i5", "S3") not in pairs
    assert len(pairs) == 101
    assert not made.duplicated(["item_id", "location_id", "channel", "target_date"]).any()
    assert (made.groupby(["item_id", "location_id"])["target_date"].count() == 4).all()


def test_forecasts_are_finite_monotone_and_near_what_was_sold(night: Lake) -> None:
    made = night.arrow("gold/forecasts").to_pandas()
    quantiles = made[list(NAMES)].to_numpy()
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert made["mean"].ge(0).all()
    big = made[(made["item_id"] == "i9") & (made["location_id"] == "S9")]
    assert 14 < big["mean"].mean() < 40  # 28 a day and more at weekends
    assert made[made["item_id"] == "dead"]["mean"].max() < 1


def test_every_path_names_its_factors(night: Lake) -> None:
    ranks = night.arrow("gold/path_ranks")
    assert ranks.num_rows == CONFIG.planning.paths * len(FACTORS)


def test_the_model_is_registered_with_what_it_was_made_from(night: Lake) -> None:
    (row,) = night.arrow("ops/models").to_pylist()
    assert (row["business_date"], row["champion"], row["workers"], row["grain"]) == (D, True, 2, "day")
    assert row["config_hash"] == CONFIG.hash
    assert dict(row["versions_read"])["silver/demand"] == str(night.version("silver/demand"))
    assert 500 < row["rows"] < 2_000
    assert {"wape", "bias", "pinball", "coverage_80"} <= set(dict(row["metrics"]))
    assert set(night.arrow("gold/forecasts")["model_id"].to_pylist()) == {row["model_id"]}


def test_a_rerun_does_not_train_again_and_never_means_never(spark: SparkSession, night: Lake) -> None:
    assert train.main(spark, night, CONFIG, D).startswith("not trained")
    assert train.main(spark, night, CONFIG, D, "never").startswith("not trained")
    assert night.arrow("ops/models").num_rows == 1


def test_the_same_data_in_another_layout_gives_the_same_bytes(spark: SparkSession, night: Lake) -> None:
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    try:
        spark.conf.set("spark.sql.shuffle.partitions", "5")
        again = train.train(spark, night, CONFIG, D)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    assert again is not None
    (row,) = registry.rows(night)
    assert again[0].model_id == row["model_id"]
    assert again[0].booster == registry.load(night, row["model_id"]).booster


def test_training_ran_as_a_barrier_stage_of_two_tasks(spark: SparkSession, night: Lake) -> None:
    tasks = _barrier_stages(spark)
    assert len(tasks) >= 2  # before the held-out periods, then on everything
    assert set(tasks) == {2}


def _barrier_stages(spark: SparkSession) -> list[int]:
    """Tasks of each finished barrier stage, from Spark's own record of its stages."""
    context = spark.sparkContext
    store, gateway = context._jsc.sc().statusStore(), context._gateway
    none = gateway.new_array(gateway.jvm.double, 0)
    found = store.stageList(None, False, False, none, gateway.jvm.java.util.ArrayList())
    stages = [found.apply(i) for i in range(found.length())]
    done = [stage for stage in stages if stage.numCompleteTasks()]
    return [s.numCompleteTasks() for s in done if _has_barrier(store.operationGraphForStage(s.stageId()).rootCluster())]


def _has_barrier(cluster: object) -> bool:
    nodes, children = cluster.childNodes(), cluster.childClusters()  # type: ignore[attr-defined]
    inside = any(nodes.apply(i).barrier() for i in range(nodes.length()))
    return inside or any(_has_barrier(children.apply(i)) for i in range(children.length()))


def test_more_workers_than_slots_fail_early_if_they_were_asked_for(spark: SparkSession) -> None:
    assert boosting.workers(spark, Config()) == 2
    with pytest.raises(UsageError, match="workers = 99"):
        boosting.workers(spark, Config(training=Training(workers=99)))
    # The default where there are fewer slots: fewer workers rather than no night.
    assert boosting.workers(spark, Config(training=Training.model_construct(workers=99, _fields_set=set()))) == 2


def test_at_the_deadline_the_champion_stays_and_the_night_says_so(spark: SparkSession, night: Lake) -> None:
    (champion,) = registry.rows(night)
    late = Config(training=CONFIG.training.model_copy(update={"deadline_minutes": 0.0001}))
    done = train.main(spark, night, late, D + 3 * DAY, "always")
    assert done.startswith("not trained: the deadline of the stage")
    assert champion["model_id"] in done
    (row,) = night.arrow("gold/exceptions", None, [("business_date", "=", D + 3 * DAY)]).to_pylist()
    assert (row["kind"], row["run_id"]) == (train.GAVE_UP, "r1")
    assert champion["model_id"] in row["message"]
    assert registry.rows(night) == [champion]
    assert registry.due(registry.rows(night), D + 8 * DAY, late) is not None, "the next night that is due tries again"


def test_checkpoints_are_gone_after_success_and_rounds_are_chosen(night: Lake) -> None:
    assert not (Path(night.root) / "ops" / "training").exists()
    (row,) = registry.rows(night)
    manifest = json.loads((night.model_folder(row["model_id"]) / "manifest.json").read_text())
    assert 1 <= manifest["rounds"] <= CONFIG.training.rounds


def test_too_little_history_leaves_the_baseline(spark: SparkSession, tmp_path: object) -> None:
    young = Lake(str(tmp_path), spark, "r1")
    young.create_tables()
    assert "too little history" in train.main(spark, young, CONFIG, D)
    fill(young, **masters(1, 1), demand=[sale("i0", "S0", D - DAY, 3)])
    assert "too little history" in train.main(spark, young, CONFIG, D)
    features.main(spark, young, CONFIG, D)
    predict.main(spark, young, CONFIG, D)
    made = young.arrow("gold/forecasts").to_pylist()
    assert {row["model_id"] for row in made} == {"baseline"}
    assert all(0.5 < row["mean"] < 6 for row in made)


def test_a_challenger_is_judged_on_the_periods_since_the_champions_training(spark: SparkSession, night: Lake) -> None:
    """The same settings a day later: a model like the champion, which is no gain; both are registered, the reasons kept."""
    said = train.main(spark, night, CONFIG, D + 3 * DAY, "always")
    rows = sorted(registry.rows(night), key=lambda row: row["trained"])
    assert "champion: pinball loss" in said
    assert [row["reason"].split(":")[0] in ("champion", "not champion") for row in rows] == [True, True]
    assert rows[1]["champion"] == (not rows[1]["reason"].startswith("not"))
    assert "log score on all days" in rows[1]["reason"]


def test_in_mode_joint_spark_moves_forecasts_as_one_process_does(spark: SparkSession, night: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """With trees that move every line, in two shards; then the night's plan on them passes the check."""
    own, joint = night.for_run("r4"), CONFIG.model_copy(update={"mode": "joint", "planning": Planning(paths=16, shards=2)})
    plain = predict.night_model(own, joint, D)
    assert plain is not None
    rows = np.random.default_rng(1).normal(size=(300, len(joint_lines.INPUTS))).astype(np.float32)
    trees = xgboost.train({"base_score": 0.0, "max_depth": 2}, xgboost.DMatrix(rows, 0.3 + 0.2 * rows[:, :2]), 20)
    model = replace(plain, joint=Joint(bytes(trees.save_raw("ubj")), 20))
    monkeypatch.setattr(predict, "night_model", lambda *_: model)
    features.main(spark, own, joint, D)
    predict.main(spark, own, joint, D)
    key = [(name, "ascending") for name in ("item_id", "location_id", "channel", "target_date")]
    of_night, of_model = (night.arrow("gold/forecasts", where=[("run_id", "=", run)]).sort_by(key) for run in ("r4", "r1"))
    known = own.arrow("gold/features", where=[("run_id", "=", "r4")])
    small = inputs.night_of(own, joint, D)
    moved = move(model.joint, forecast(model, known), known, inputs.masters_here(own, small), small)
    for name in ("mean", "p_zero", *NAMES):
        assert (of_night[name].to_numpy() == moved[name].to_numpy()).all(), name
    assert (of_night["mean"].to_numpy() > 1.1 * of_model["mean"].to_numpy()).mean() > 0.8
    plan.main(spark, own, joint, D)
    assert "keep every rule" in check.main(own, joint, D)


def test_in_mode_joint_training_says_what_decisions_taught(spark: SparkSession, night: Lake) -> None:
    said = train.main(spark, night.for_run("r5"), CONFIG.model_copy(update={"mode": "joint"}), D, "always")
    assert "has learned nothing from decisions, as mode joint asks" in said
    assert "; joint: " in said
    newest = max(registry.rows(night), key=lambda row: row["trained"])
    assert registry.load(night, newest["model_id"]).joint is not None
    assert newest["champion"]


def test_in_mode_joint_the_workers_make_the_lines_that_one_process_makes(spark: SparkSession, night: Lake) -> None:
    """And of more rows than one process is to learn from they learn from all of them."""
    own, joint = night.for_run("r6"), CONFIG.model_copy(update={"mode": "joint", "planning": Planning(paths=16, shards=3)})
    many, few = (joint.model_copy(update={"training": Training(rounds=8, rows=6_000, joint_rows=most)}) for most in (400_000, 1_000))
    model = registry.load(night, registry.champion(registry.rows(night), D, "day")["model_id"])
    (plan, first), steps = planned(own, many, D), features.periods(own, many, D)
    assert plan.rows > 1_000
    rows = features.past(spark, own, many, D, plan.origins, steps, (KNOWN, known), plan.share)
    past = joint_train._past(rows.toArrow(), plan, first, own, many, D, model)
    by = joint_lessons.halves(past, model, many)
    made = joint_barrier.made_of(rows, past, by, own).toArrow()
    here = joint_lessons.lines(replace(past, tables=inputs.masters_here(own, past.night)), by)
    assert here is not None
    alike(made, joint_barrier.to_rows(here))
    watch = Watch(spark.sparkContext, time.monotonic() + 300)
    one, both = (joint_train.taught(spark, model, own, each, D, None, watch).joint for each in (many, few))
    assert one.lessons == both.lessons == made.num_rows > LEAST_LESSONS


def test_in_mode_sequential_the_spread_is_that_of_the_record(spark: SparkSession, night: Lake) -> None:
    """Means are the model's whatever the mode; quantiles and ranks are those of the errors that the model keeps."""
    own, sequential = night.for_run("r2"), CONFIG.model_copy(update={"mode": "sequential"})
    features.main(spark, own, sequential, D)
    predict.main(spark, own, sequential, D)
    model = predict.night_model(own, sequential, D)
    assert model is not None
    assert model.errors is not None
    key = [("item_id", "ascending"), ("location_id", "ascending"), ("target_date", "ascending")]
    of_model, of_record = (night.arrow("gold/forecasts", where=[("run_id", "=", run)]).sort_by(key) for run in ("r1", "r2"))
    mean = of_record["mean"].to_numpy()
    assert (mean == of_model["mean"].to_numpy()).all()
    step = np.array([(day - D).days for day in of_record["target_date"].to_pylist()])
    p_zero, quantiles = model.errors.apply(mean, step)
    sells = mean > 2
    assert sells.sum() > 100
    assert of_record["q90"].to_numpy()[sells] == pytest.approx(np.maximum(quantiles[:, NAMES.index("q90")], 1)[sells])
    assert of_record["p_zero"].to_numpy()[sells] == pytest.approx(p_zero[sells])
    assert (of_record["q90"].to_numpy() != of_model["q90"].to_numpy()).any()
    ranks = night.arrow("gold/path_ranks", where=[("run_id", "=", "r2")]).to_pylist()
    assert {row["factor"]: row["share"] for row in ranks} == {factor: float(factor == "series") for factor in FACTORS}
    assert {row["lasting"] for row in ranks if row["factor"] == "series"} == {model.errors.lasting}
