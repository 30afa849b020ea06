"""The only place that builds a SparkSession."""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path

import pyspark
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

CONF_DIR = Path(__file__).parent / "conf"


def spark_environment() -> dict[str, str]:
    """Environment under which Spark finds our settings and starts workers with this interpreter."""
    return {
        "SPARK_CONF_DIR": os.environ.get("SPARK_CONF_DIR", str(CONF_DIR)),
        "PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", sys.executable),
        "PYSPARK_DRIVER_PYTHON": os.environ.get("PYSPARK_DRIVER_PYTHON", sys.executable),
        "SPARK_LOCAL_IP": os.environ.get("SPARK_LOCAL_IP", "127.0.0.1"),
    }


def start(app_name: str = "nightfill", settings: dict[str, str] | None = None) -> SparkSession:
    """Start Spark, or take the session that spark-submit started.

    Without a master from spark-submit it runs on all cores of this machine.
    """
    if "SPARK_ENV_LOADED" not in os.environ:
        os.environ.update(spark_environment())
    logging.getLogger("py4j").setLevel(logging.ERROR)
    # A failed query would be printed twice, the first time as one line of JSON with the whole stack of the JVM.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    # Its parameters in five lines a fit; the level goes to the executors too.
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    builder = SparkSession.builder.appName(app_name)
    for key, value in (settings or {}).items():
        builder = builder.config(key, value)
    if not any((Path(pyspark.__file__).parent / "jars").glob("delta-spark_*.jar")):
        # bin/fetch_jars.py has not run here (a plain pip install): Spark fetches the package itself.
        builder = configure_spark_with_delta_pip(builder)
    spark = builder.getOrCreate()
    if str(spark.sparkContext.master).startswith("local"):
        # 200 shuffle partitions, the default, cost seconds a query on a laptop.
        spark.conf.set("spark.sql.shuffle.partitions", str(max(2, spark.sparkContext.defaultParallelism)))
    return spark


def light(spark: SparkSession) -> SparkSession:
    """A second session for a few rows: compiling code for them costs more than it saves."""
    session = spark.newSession()
    for key, value in {
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
    }.items():
        session.conf.set(key, value)
    return session


def let_go() -> None:
    """Free what Spark's Java keeps for frames that Python has done with.

    py4j's objects lie in cycles, which Python collects only when it has made many objects itself: what they keep in Java it
    does not see (measured: 500 MB of 250,000 ingested rows stayed to the end of the process).
    """
    gc.collect()
