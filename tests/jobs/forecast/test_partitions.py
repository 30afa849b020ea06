"""Rows dealt to workers: evenly, never none, the same from any layout."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import NightfillError
from jobs.forecast.partitions import cuts, deal


def named(spark: SparkSession, count: int) -> DataFrame:
    return spark.range(count).selectExpr(
        "concat('i', id) AS item_id", "'S1' AS location_id", "'store' AS channel", "id AS origin", "0 AS step", "id % 3 = 0 AS late"
    )


def shares(rows: DataFrame) -> list[list[str]]:
    """Items of each partition, in order."""
    found = rows.select(F.spark_partition_id().alias("part"), "item_id").toArrow().to_pylist()
    return [[row["item_id"] for row in found if row["part"] == part] for part in range(rows.rdd.getNumPartitions())]


def test_cuts_share_rows_evenly_and_leave_no_worker_without() -> None:
    even = np.array([0, 1, 2, 3]), np.array([5, 5, 5, 5])
    assert cuts(*even, workers=1) == []
    assert cuts(*even, workers=2) == [2]
    assert cuts(*even, workers=4) == [1, 2, 3]
    assert cuts(np.array([7, 9, 11]), np.array([1, 1, 100]), workers=3) == [9, 11]  # nearly all rows in the last bucket
    assert cuts(np.array([7, 9, 11]), np.array([100, 1, 1]), workers=3) == [9, 11]  # ... in the first
    with pytest.raises(NightfillError, match="6 rows can't be shared by 3 workers"):
        cuts(np.array([1, 2]), np.array([3, 3]), workers=3)


def test_rows_that_a_hash_would_put_into_one_partition_are_shared(spark: SparkSession) -> None:
    key = ("item_id", "location_id", "channel", "origin", "step")
    one = named(spark, 400).where(F.pmod(F.hash(*key), F.lit(2)) == 0)
    plain = shares(one.repartition(2, *key))
    assert sorted(map(len, plain))[0] == 0, "Spark's own partitioning leaves a worker without rows"
    dealt = shares(deal(one, 2).rows)
    assert sorted(dealt[0] + dealt[1]) == sorted(plain[0] + plain[1])
    assert min(map(len, dealt)) > 0.4 * one.count()


@pytest.mark.parametrize("count", [2, 3, 10])
def test_few_rows_reach_every_worker(spark: SparkSession, count: int) -> None:
    assert all(shares(deal(named(spark, count), 2).rows))


def test_each_worker_has_rows_to_learn_from_and_held_out_ones(spark: SparkSession) -> None:
    dealt = deal(named(spark, 30), 2, "late").rows.withColumn("part", F.spark_partition_id())
    found = dealt.groupBy("part", "late").count().collect()
    assert len(found) == 4
    assert min(row["count"] for row in found) >= 4


def test_fewer_rows_than_workers_is_said(spark: SparkSession) -> None:
    with pytest.raises(NightfillError, match="1 rows can't be shared by 2 workers"):
        deal(named(spark, 1), 2)


def test_another_layout_of_the_rows_gives_the_same_partitions(spark: SparkSession) -> None:
    rows = named(spark, 200)
    one, other = deal(rows.coalesce(1), 2), deal(rows.orderBy(F.rand(7)).repartition(5), 2)
    assert shares(one.rows) == shares(other.rows)
    assert one.fingerprint == other.fingerprint


def test_a_changed_value_changes_the_fingerprint(spark: SparkSession) -> None:
    rows = named(spark, 20).withColumn("lag", F.col("origin") * 0.5)
    changed = rows.withColumn("lag", F.when(F.col("origin") == 4, 9.0).otherwise(F.col("lag")))
    assert deal(rows, 2).fingerprint != deal(changed, 2).fingerprint
