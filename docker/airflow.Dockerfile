# Airflow with the DAGs, on top of the Spark image: spark-submit runs the driver here, in client mode.
# Build after the Spark image: docker build -f docker/airflow.Dockerfile -t nightfill-airflow:3.3.2 .
FROM nightfill-spark:4.2.0
LABEL airflow="3.3.2"

COPY dags dags
COPY data data
ENV NIGHTFILL_HOME=/var/lib/nightfill
CMD ["bin/serve"]
