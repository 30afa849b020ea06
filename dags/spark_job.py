"""The factory of Spark tasks: one spark-submit of ``jobs/run.py`` a task, with retries, time limits and outlets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from schemas import Table

if TYPE_CHECKING:
    from airflow.sdk import Context

#: The Airflow connection that says where Spark is: local, spark://, yarn or k8s.
CONNECTION = "spark_nightfill"
#: Exit codes after which a retry would say the same again: wrong usage, a blocked night, a newer attempt.
FINAL_EXIT_CODES = (2, 3, 4)
CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Deployment:
    """Where this installation keeps its things, from the environment of Airflow's processes.

    application  jobs/run.py as the driver sees it
    landing      landing folder
    lake         lake folder
    config       settings in TOML; empty = all defaults
    py_files     the wheel as .zip, for executors on other machines; empty where they share this checkout
    schedule     cron of the nightly DAG, in UTC; empty = only by hand
    retries      how often Airflow runs a failed task again
    """

    application: str
    landing: str
    lake: str
    config: str
    py_files: str | None
    schedule: str | None
    retries: int

    @property
    def settings(self) -> list[str]:
        """The arguments that name the settings."""
        return ["--config", self.config] if self.config else []

    @classmethod
    def from_environment(cls) -> Deployment:
        """Read NIGHTFILL_*; the defaults are the folders that `make nightly` uses."""
        home = Path(os.environ.get("NIGHTFILL_HOME", CHECKOUT / "var"))
        return cls(
            application=os.environ.get("NIGHTFILL_APPLICATION", str(CHECKOUT / "jobs" / "run.py")),
            landing=os.environ.get("NIGHTFILL_LANDING", str(home / "landing")),
            lake=os.environ.get("NIGHTFILL_LAKE", str(home / "lake")),
            config=os.environ.get("NIGHTFILL_CONFIG", ""),
            py_files=os.environ.get("NIGHTFILL_PY_FILES") or None,
            schedule=os.environ.get("NIGHTFILL_SCHEDULE", "0 3 * * *") or None,
            retries=int(os.environ.get("NIGHTFILL_RETRIES", "2")),
        )


class NightfillJob(SparkSubmitOperator):
    """A spark-submit that knows our exit codes, and leaves out arguments that a template rendered to nothing."""

    def execute(self, context: Context) -> None:
        """Submit and wait; raises AirflowException when the job failed, AirflowFailException when a retry is no use."""
        self.application_args = [argument for argument in self.application_args or [] if argument]
        try:
            super().execute(context)
        except AirflowException as error:
            code = re.search(r"Error code is: (\d+)", str(error))
            if code and int(code[1]) in FINAL_EXIT_CODES:
                raise AirflowFailException(str(error)) from None
            raise


def assets(*tables: Table) -> list[Asset]:
    """The assets of the tables: named as the tables are."""
    return [Asset(name=table.path, uri=f"nightfill://{table.path}") for table in tables]


def spark_job(stage: str, deployment: Deployment, outlets: list[Asset], minutes: int) -> NightfillJob:
    """One stage of the night as a task.

    The night is found again by the Airflow run's id, so all tasks and their retries work on the same attempt; the
    run's run_after decides what "today" is, so a retry after midnight doesn't change it.
    """
    arguments = [
        *("--landing", deployment.landing, "--lake", deployment.lake, *deployment.settings),
        *("--business-date", "{{ params.business_date }}", "--run-after", "{{ dag_run.run_after.isoformat() }}"),
        *("--launched-by", "{{ run_id }}", "--mode", "{{ params.mode }}", "--train", "{{ params.train }}"),
        "{{ '--dry-run' if params.dry_run else '' }}",
    ]
    return submit(stage, arguments, deployment, outlets, minutes)


def submit(job: str, arguments: list[str], deployment: Deployment, outlets: list[Asset], minutes: int) -> NightfillJob:
    """One job of jobs/run.py as a task, with its arguments (templates of Airflow)."""
    return NightfillJob(
        task_id=job,
        conn_id=CONNECTION,
        application=deployment.application,
        py_files=deployment.py_files,
        name="nightfill-" + job,
        application_args=[job, *arguments],
        outlets=outlets,
        retries=deployment.retries,
        retry_delay=timedelta(minutes=1),
        retry_exponential_backoff=2.0,
        max_retry_delay=timedelta(minutes=15),
        execution_timeout=timedelta(minutes=minutes),
    )
