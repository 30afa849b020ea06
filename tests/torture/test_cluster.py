"""The night on a standalone master with two workers, separate processes on loopback, against the night on one machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.lake import Lake
from tests.cluster import ROOT, Cluster, running
from tests.small_night import ENOUGH_TO_TRAIN, TOML, D, Story, hashes, trained

pytestmark = pytest.mark.torture

PROBE = """
import json, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()


def where(_):
    import os
    import jobs, schemas
    yield os.getppid(), jobs.__file__, schemas.__file__


found = spark.sparkContext.parallelize(range(4), 4).mapPartitions(where).collect()
import jobs
print(json.dumps({"driver": jobs.__file__, "executors": found, "master": spark.sparkContext.master}))
spark.range(7).write.format("delta").save(sys.argv[1])
assert spark.read.format("delta").load(sys.argv[1]).count() == 7
spark.stop()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster")) as started:
        yield started


def test_executors_have_our_code_from_the_zip_alone(cluster: Cluster, tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE)
    done = cluster.submit(str(tmp_path / "table"), application=probe)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    files = [found["driver"], *(file for _, *pair in found["executors"] for file in pair)]
    assert all("nightfill.zip" in file for file in files), files
    assert len({daemon for daemon, *_ in found["executors"]}) == 2, "both workers had a task"


def test_the_night_publishes_the_same_bytes_as_on_one_machine(cluster: Cluster, tmp_path: Path) -> None:
    landing = Story(stores=ENOUGH_TO_TRAIN).land(tmp_path / "landing")
    (tmp_path / "nightfill.toml").write_text(TOML)
    # Alone in its folder: beside it the checkout's packages would be found.
    application = Path(shutil.copy(ROOT / "jobs" / "run.py", tmp_path / "run.py"))
    published = {}
    for name, master in (("cluster", cluster.master), ("local", "local[2]")):
        lake = tmp_path / name
        arguments = ["nightly", "--landing", str(landing), "--lake", str(lake), "--business-date", D.isoformat(), "--train", "always"]
        place = Cluster(master, cluster.python, cluster.code, cluster.logs)
        done = place.submit(*arguments, "--config", str(tmp_path / "nightfill.toml"), application=application)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        published[name] = hashes(Lake(str(lake)))
        assert trained(Lake(str(lake)))
    assert published["cluster"]["gold/orders"]
    assert published["cluster"] == published["local"]
