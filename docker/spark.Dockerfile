# Spark with Nightfill's code and packages: master, worker and driver are this one image, so all run the same code.
# Build from the checkout: docker build -f docker/spark.Dockerfile -t nightfill-spark:4.2.0 .
FROM python:3.11-slim-bookworm
LABEL spark="4.2.0" delta="4.4.0"

RUN apt-get update \
    && apt-get install --yes --no-install-recommends make openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/nightfill
COPY Makefile pyproject.toml requirements.lock README.md LICENSE ./
COPY bin bin
COPY jobs jobs
COPY schemas schemas
# The same set-up as on a laptop: packages by hash from requirements.lock, Delta's jars beside Spark's own.
RUN make setup && rm -rf ~/.cache ~/.ivy2*

ENV PATH=/opt/nightfill/.venv/bin:$PATH \
    PYSPARK_PYTHON=/opt/nightfill/.venv/bin/python \
    SPARK_CONF_DIR=/opt/nightfill/jobs/conf \
    SPARK_NO_DAEMONIZE=1
