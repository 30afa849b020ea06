"""From landing files to published orders, every night.

Reads the landing drops up to the business date, checks them, forecasts demand, decides what each location should
order and publishes the orders in one commit. Nothing is visible to readers before `publish` has succeeded.

| task | what it does | when it fails |
|---|---|---|
| `prepare` | new drops -> bronze, silver; quality gates | the log names the feed, the rule, the rows and what to do |
| `predict` | features; trains when a model is due; forecasts | run it again: it starts from what `prepare` left |
| `decide` | order quantities with their reasons; judges earlier nights | run it again |
| `publish` | exceptions, KPIs, projections; then the orders become visible | run it again; a newer attempt wins |

Every task may be cleared and run again: it replaces only what its own attempt wrote. `nightfill status --lake LAKE`
shows the last nights, where each stopped and the next command.

**Parameters.** `business_date`: `today` (the date of this run in the configured time zone, also in a retry after
midnight), `latest` (the newest drop) or a date, YYYY-MM-DD. `mode`: how the orders are decided. `train`: `auto` trains
when there is no model or the last one is too old. `dry_run`: everything but the publication.
"""

from __future__ import annotations

import os

from airflow.sdk import DAG, Param
from spark_job import Deployment, assets, spark_job

import schemas

PARAMS = {
    "business_date": Param(
        os.environ.get("NIGHTFILL_BUSINESS_DATE", "today"),
        type="string",
        pattern=r"^(today|latest|\d{4}-\d{2}-\d{2})$",
        title="Business date",
        description="today, latest (the newest drop) or a date, YYYY-MM-DD: orders are placed before opening on it",
    ),
    "mode": Param(
        "stochastic",
        type="string",
        enum=["stochastic", "sequential", "feedback", "joint"],
        title="Mode",
        description="stochastic: expected cost on demand paths; sequential: the forecast and a safety stock, up to a level; "
        "feedback: as stochastic, the forecasts corrected by outcomes of past decisions; "
        "joint: as stochastic, the forecasts moved to where decisions cost least",
    ),
    "train": Param(
        "auto", type="string", enum=["auto", "always", "never"], title="Train", description="auto: when there is no model or it is old"
    ),
    "dry_run": Param(default=False, type="boolean", title="Dry run", description="Do everything but publish"),
}

deployment = Deployment.from_environment()

# No start_date: with one, Airflow would run the night that cron last missed the moment it first sees the DAG.
with DAG(
    dag_id="nightly",
    description="From landing files to published orders",
    doc_md=__doc__,
    schedule=deployment.schedule,
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args={"owner": "nightfill"},
    tags=["nightfill", "orders"],
) as dag:
    silver = [feed.silver() for feed in schemas.FEEDS.values()]
    prepare = spark_job("prepare", deployment, assets(*silver, schemas.DEMAND), minutes=60)
    predict = spark_job(
        "predict", deployment, assets(schemas.FEATURES_TABLE, schemas.CORRECTIONS, schemas.FORECASTS, schemas.PATH_RANKS), minutes=90
    )
    decide = spark_job(
        "decide", deployment, assets(schemas.ORDER_REASONS, schemas.SHADOW_PRICES, schemas.ACCURACY, schemas.OUTCOMES), minutes=60
    )
    publish = spark_job("publish", deployment, assets(schemas.ORDERS, schemas.EXCEPTIONS, schemas.KPIS, schemas.PROJECTIONS), minutes=30)
    prepare >> predict >> decide >> publish
