"""How good the forecasts would have been on past business dates.

`backtest` forecasts every origin from `first` to `last` by what was known there, compares with what then happened and
with plain forecasts, and keeps the measures in `ops/backtests`; `page` is a file for a page with plots. Orders and
registered models stay as they are. docs/backtest.md explains the measures. Started by hand.

**Parameters.** `first`, `last`: business dates; `every`: periods from one origin to the next; `horizon`: periods
forecast from each. `model`: `train` makes a model as of each origin (of every `retrain_every`th one only), which takes
as long as training does; `champion` takes the model that the night of each origin would use.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Param
from spark_job import Deployment, assets, submit

import schemas

deployment = Deployment.from_environment()
_DATE = r"^\d{4}-\d{2}-\d{2}$"
#: Beside the lake, unless that is an object store: a page is a file of this machine.
_PAGE = "" if "://" in deployment.lake else str(Path(deployment.lake).with_name("backtest.html"))
PARAMS = {
    "first": Param(type="string", pattern=_DATE, title="First origin", description="a business date, YYYY-MM-DD"),
    "last": Param(type="string", pattern=_DATE, title="Last origin", description="a business date, YYYY-MM-DD"),
    "every": Param(7, type="integer", minimum=1, title="Every", description="periods from one origin to the next"),
    "horizon": Param(7, type="integer", minimum=1, maximum=366, title="Horizon", description="periods forecast from each origin"),
    "model": Param("train", type="string", enum=["train", "champion"], title="Model", description="train one, or its night's champion"),
    "retrain_every": Param(1, type="integer", minimum=1, title="Retrain every", description="train at every nth origin only"),
    "page": Param(_PAGE, type="string", title="Page", description="file of the page with plots; empty: none"),
}

with DAG(
    dag_id="backtest",
    description="Forecasts of past business dates against what happened",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args={"owner": "nightfill"},
    tags=["nightfill", "forecast"],
) as dag:
    arguments = [
        *("--lake", deployment.lake, *deployment.settings),
        *("--first", "{{ params.first }}", "--last", "{{ params.last }}", "--every", "{{ params.every }}"),
        *("--horizon", "{{ params.horizon }}", "--model", "{{ params.model }}", "--retrain-every", "{{ params.retrain_every }}"),
        "{{ '--out=' ~ params.page if params.page else '' }}",
    ]
    submit("backtest", arguments, deployment, assets(schemas.BACKTESTS), minutes=600)
