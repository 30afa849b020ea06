"""The DAG as Airflow sees it: what runs, with which arguments, how often again, and what the form lets through."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError

import schemas
from jobs.config import Config

CHECKOUT = Path(__file__).resolve().parents[2]
DAGS = CHECKOUT / "dags"
EXPECTED_DAGS = {"backtest", "nightly"}
TASKS = ["prepare", "predict", "decide", "publish"]


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> DagBag:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return DagBag(dag_folder=str(DAGS))


@pytest.fixture
def nightly(monkeypatch: pytest.MonkeyPatch) -> DAG:
    return load(monkeypatch).dags["nightly"]


def rendered_arguments(dag: DAG, task_id: str, **params: object) -> list[str]:
    task = dag.get_task(task_id)
    values = {name: dag.params[name] for name in dag.params} | params
    context = {
        "params": values,
        "run_id": "manual__1",
        "dag_run": SimpleNamespace(run_after=datetime(2024, 6, 5, 23, 30, tzinfo=UTC)),
    }
    task.render_template_fields(context)
    return [argument for argument in task.application_args if argument]


def test_dags_are_these_and_no_import_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bag = load(monkeypatch)
    assert not bag.import_errors
    assert set(bag.dags) == EXPECTED_DAGS


def test_tasks_run_one_after_the_other(nightly: DAG) -> None:
    assert {task.task_id: sorted(task.downstream_task_ids) for task in nightly.tasks} == {
        "prepare": ["predict"],
        "predict": ["decide"],
        "decide": ["publish"],
        "publish": [],
    }


@pytest.mark.parametrize("task_id", TASKS)
def test_golden_arguments(nightly: DAG, task_id: str) -> None:
    golden = [
        task_id,
        *("--landing", f"{CHECKOUT}/var/landing", "--lake", f"{CHECKOUT}/var/lake"),
        *("--business-date", "today", "--run-after", "2024-06-05T23:30:00+00:00"),
        *("--launched-by", "manual__1", "--mode", "stochastic", "--train", "auto"),
    ]
    assert rendered_arguments(nightly, task_id) == golden
    assert nightly.get_task(task_id).application == f"{CHECKOUT}/jobs/run.py"


def test_params_of_the_form_reach_the_job(nightly: DAG) -> None:
    arguments = rendered_arguments(nightly, "publish", business_date="2024-05-29", train="never", dry_run=True)
    assert arguments[arguments.index("--business-date") + 1] == "2024-05-29"
    assert arguments[arguments.index("--train") + 1] == "never"
    assert arguments[-1] == "--dry-run"


@pytest.mark.parametrize("task_id", TASKS)
@pytest.mark.parametrize("dry_run", [False, True])
def test_command_line_takes_the_arguments(nightly: DAG, task_id: str, dry_run: bool) -> None:
    from jobs.command_line import parser

    args = parser().parse_args(rendered_arguments(nightly, task_id, dry_run=dry_run))
    assert (args.command, args.dry_run) == (task_id, dry_run)


def test_the_environment_moves_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    dag = load(
        monkeypatch,
        NIGHTFILL_APPLICATION="/opt/run.py",
        NIGHTFILL_LANDING="s3a://landing",
        NIGHTFILL_LAKE="s3a://lake",
        NIGHTFILL_CONFIG="/etc/nightfill.toml",
        NIGHTFILL_PY_FILES="/opt/nightfill.zip",
        NIGHTFILL_SCHEDULE="*/5 * * * *",
        NIGHTFILL_BUSINESS_DATE="latest",
        NIGHTFILL_RETRIES="5",
    ).dags["nightly"]
    task = dag.get_task("predict")
    assert rendered_arguments(dag, "predict")[1:9] == [
        *("--landing", "s3a://landing", "--lake", "s3a://lake", "--config", "/etc/nightfill.toml", "--business-date", "latest"),
    ]
    assert (task.application, task.py_files, task.retries) == ("/opt/run.py", "/opt/nightfill.zip", 5)
    assert dag.schedule == "*/5 * * * *"


@pytest.mark.parametrize("value", ["yesterday", "2024-6-1", "", "latest; rm -rf /"])
def test_the_form_refuses_other_dates(nightly: DAG, value: str) -> None:
    with pytest.raises(ParamValidationError):
        nightly.params["business_date"] = value


@pytest.mark.parametrize(("name", "value"), [("mode", "guess"), ("train", "sometimes"), ("dry_run", "perhaps")])
def test_the_form_refuses_other_choices(nightly: DAG, name: str, value: str) -> None:
    with pytest.raises(ParamValidationError):
        nightly.params[name] = value


def test_one_run_at_a_time_by_cron_without_catching_up(nightly: DAG) -> None:
    assert nightly.schedule == "0 3 * * *"
    assert (nightly.max_active_runs, nightly.catchup) == (1, False)
    assert nightly.start_date is None, "with one, the night that cron last missed would run at once"


@pytest.mark.parametrize("task_id", TASKS)
def test_tasks_retry_with_backoff_and_stop_in_time(nightly: DAG, task_id: str) -> None:
    task = nightly.get_task(task_id)
    assert (task.retries, task.retry_delay, task.retry_exponential_backoff) == (2, timedelta(minutes=1), 2.0)
    assert task.execution_timeout is not None
    assert timedelta(minutes=10) <= task.execution_timeout <= timedelta(hours=2)
    assert (task.owner, task._conn_id) == ("nightfill", "spark_nightfill")


def test_assets_are_named_after_tables(nightly: DAG) -> None:
    outlets = {task.task_id: [asset.name for asset in task.outlets] for task in nightly.tasks}
    assert all(name in schemas.TABLES for names in outlets.values() for name in names)
    assert "silver/demand" in outlets["prepare"]
    assert "gold/forecasts" in outlets["predict"]
    assert "gold/orders" in outlets["publish"]
    every = [name for names in outlets.values() for name in names]
    assert len(every) == len(set(every))


def test_people_find_what_they_need(nightly: DAG) -> None:
    assert "orders" in nightly.tags
    assert all(task_id in (nightly.doc_md or "") for task_id in TASKS)
    assert "business_date" in (nightly.doc_md or "")


def test_dag_file_imports_nothing_heavy() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(DAGS)!r}); import backtest, nightly; print(*sorted(m for m in sys.modules if '.' not in m))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=CHECKOUT).stdout.split()
    heavy = {"pyspark", "xgboost", "ortools", "great_expectations", "deltalake", "polars", "duckdb", "sklearn"}
    assert "schemas" in out
    assert heavy.isdisjoint(out)


def test_modes_of_the_form_are_those_of_the_settings(nightly: DAG) -> None:
    assert nightly.params.get_param("mode").schema["enum"] == list(get_args(Config.model_fields["mode"].annotation))
    arguments = rendered_arguments(nightly, "decide", mode="sequential")
    assert arguments[arguments.index("--mode") + 1] == "sequential"
