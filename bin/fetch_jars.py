"""Put Delta's jars beside Spark's own: no later start resolves packages, and every start is quiet.

Run once by the Makefile and by docker/spark.Dockerfile. Only Delta's own jars are taken: Spark already brings
newer versions of all they depend on.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pyspark
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession

OURS = ("io.delta_", "io.unitycatalog_")
EXCLUDED = "org.apache.hadoop:*,org.apache.parquet:*,org.apache.logging.log4j:*,com.fasterxml.jackson.core:*"


def main() -> None:
    """Resolve Delta's package and copy its jars to Spark's folder, in place of those of another version."""
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.jars.excludes", EXCLUDED)
    spark = configure_spark_with_delta_pip(builder).getOrCreate()
    resolved = [Path(jar.removeprefix("file:")) for jar in spark.sparkContext.getConf().get("spark.jars", "").split(",")]
    spark.stop()
    target = Path(pyspark.__file__).parent / "jars"
    for old in (*target.glob("delta-*.jar"), *target.glob("unitycatalog-*.jar")):
        old.unlink()
    for jar in resolved:
        if jar.name.startswith(OURS):
            shutil.copyfile(jar, target / jar.name.split("_", 1)[1])


if __name__ == "__main__":
    main()
