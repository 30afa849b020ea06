"""A night whose training can't end in time, or can't begin: it goes on with the model that is there, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.config import Config, Training
from jobs.errors import UsageError
from jobs.lake import Lake
from jobs.publish.replay import replay
from jobs.stages import Job, run, stages_of
from tests.small_night import CONFIG, D, Story


def with_training(**changes: object) -> Config:
    settings = {name: getattr(CONFIG.training, name) for name in CONFIG.training.model_fields_set}
    return CONFIG.model_copy(update={"training": Training(**settings | changes)})


@pytest.mark.torture
def test_at_the_deadline_the_night_goes_on_and_says_so(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"), spark)
    landing = Story().land(tmp_path / "landing")
    config, said = with_training(deadline_minutes=0.0001), []
    run(Job(spark, lake, config, D, str(landing), "always"), stages_of("nightly"), None, said.append)
    assert any("the deadline of the stage" in line and "the baseline forecasts" in line for line in said)
    rows = lake.arrow("gold/exceptions", ["kind", "message"], [("run_id", "=", lake.published_runs()[D])]).to_pylist()
    (row,) = [row for row in rows if row["kind"] == "training_gave_up"]
    assert "deadline_minutes" in row["message"]
    assert lake.arrow("ops/models").num_rows == 0
    assert "same bytes" in replay(replace(lake, spark=spark), D)


def test_more_workers_than_slots_are_said_before_anything_starts(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"), spark)
    job = Job(spark, lake, with_training(workers=99), D, str(tmp_path), "auto")
    with pytest.raises(UsageError, match="workers = 99"):
        run(job, stages_of("nightly"), None, lambda _: None)
    assert not Path(lake.root).exists()
