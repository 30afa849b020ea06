"""One Spark session a test worker, with its own warehouse; lakes and landing folders in temporary folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.lake import Lake
from jobs.session import let_go, start

#: Compiling code for a few rows costs more than it saves: a small night takes 47 s instead of 60 s.
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole nights first, which lie at the top: a long test begun last would leave the other worker without work."""
    items.sort(key=lambda item: len(item.path.parts))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Spark on two cores with little memory, so that two workers and their children fit a laptop."""
    warehouse = tmp_path_factory.mktemp("warehouse")
    session = start(
        "nightfill-tests",
        {
            "spark.master": "local[2]",
            "spark.driver.memory": "1500m",
            "spark.sql.warehouse.dir": str(warehouse),
            "spark.driver.host": "127.0.0.1",
            **INTERPRETED,
        },
    )
    yield session
    session.stop()


@pytest.fixture(scope="module", autouse=True)
def _let_go() -> Iterator[None]:
    """A module's frames leave Spark's memory with it."""
    yield
    let_go()


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    """An empty lake with all tables, opened for run ``r1``."""
    lake = Lake(str(tmp_path / "lake"), spark, "r1")
    lake.create_tables()
    return lake


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the checkout; skips where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not on this machine")
    return SHARED
