"""The DAG of backtests: its form, and the arguments that reach the job."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError

from jobs.command_line import parser

CHECKOUT = Path(__file__).resolve().parents[2]
DATES = {"first": "2024-05-01", "last": "2024-05-29"}


def load() -> DAG:
    return DagBag(dag_folder=str(CHECKOUT / "dags" / "backtest.py")).dags["backtest"]


@pytest.fixture
def dag() -> DAG:
    return load()


def arguments(dag: DAG, **params: object) -> list[str]:
    task = dag.get_task("backtest")
    task.render_template_fields({"params": {name: dag.params.get_param(name).value for name in dag.params} | DATES | params})
    return [argument for argument in task.application_args if argument]


def test_golden_arguments(dag: DAG) -> None:
    assert arguments(dag) == [
        *("backtest", "--lake", f"{CHECKOUT}/var/lake", "--first", "2024-05-01", "--last", "2024-05-29", "--every", "7"),
        *("--horizon", "7", "--model", "train", "--retrain-every", "1", f"--out={CHECKOUT}/var/backtest.html"),
    ]


def test_command_line_takes_what_the_form_gives(dag: DAG) -> None:
    args = parser().parse_args(arguments(dag, every=14, horizon=28, model="champion", retrain_every=2, page=""))
    assert (args.first.isoformat(), args.last.isoformat(), args.every) == ("2024-05-01", "2024-05-29", 14)
    assert (args.horizon, args.model, args.retrain_every, args.out) == (28, "champion", 2, None)


def test_settings_and_lake_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTFILL_LAKE", "s3a://lake")
    monkeypatch.setenv("NIGHTFILL_CONFIG", "/etc/nightfill.toml")
    found = arguments(load())
    assert found[1:5] == ["--lake", "s3a://lake", "--config", "/etc/nightfill.toml"]
    assert not [argument for argument in found if argument.startswith("--out")], "an object store is no place for a page"


@pytest.mark.parametrize(
    ("name", "value"), [("first", "latest"), ("every", 0), ("horizon", "week"), ("model", "best"), ("retrain_every", 0)]
)
def test_the_form_refuses_other_values(dag: DAG, name: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        dag.params[name] = value


def test_by_hand_only_and_one_at_a_time(dag: DAG) -> None:
    assert (dag.schedule, dag.max_active_runs) == (None, 1)
    task = dag.get_task("backtest")
    assert [asset.name for asset in task.outlets] == ["ops/backtests"]
    assert task.application == f"{CHECKOUT}/jobs/run.py"


def test_people_find_what_they_need(dag: DAG) -> None:
    assert all(f"`{name}`" in (dag.doc_md or "") for name in dag.params)
