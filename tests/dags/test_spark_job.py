"""How a task ends when its job does: by a real spark-submit of a job that only exits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from spark_job import Deployment, NightfillJob, spark_job


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NightfillJob:
    application = tmp_path / "exits.py"
    application.write_text("import sys\nprint('sales: no file landed')\nsys.exit(int(sys.argv[1]))\n")
    monkeypatch.setenv("NIGHTFILL_APPLICATION", str(application))
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_NIGHTFILL", '{"conn_type": "spark", "host": "local[1]"}')
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    return spark_job("prepare", Deployment.from_environment(), [], minutes=1)


def run(job: NightfillJob, exit_code: int) -> None:
    job.application_args = [str(exit_code), ""]
    job.execute({})


def test_success(job: NightfillJob) -> None:
    run(job, 0)
    assert job.application_args == ["0"], "what a template rendered to nothing is left out"


@pytest.mark.parametrize("exit_code", [2, 3, 4])
def test_what_a_retry_cannot_help_fails_at_once_and_says_why(job: NightfillJob, exit_code: int) -> None:
    with pytest.raises(AirflowFailException, match="no file landed"):
        run(job, exit_code)


def test_any_other_failure_is_retried(job: NightfillJob) -> None:
    with pytest.raises(AirflowException) as caught:
        run(job, 1)
    assert not isinstance(caught.value, AirflowFailException)


def test_final_exit_codes_are_those_of_our_errors() -> None:
    from spark_job import FINAL_EXIT_CODES

    from jobs.errors import Blocked, Superseded, UsageError

    assert {error.exit_code for error in (UsageError, Blocked, Superseded)} == set(FINAL_EXIT_CODES)
