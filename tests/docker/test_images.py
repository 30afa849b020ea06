"""The images aren't built here: what they name is held against the lock, the checkout and each other."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((CHECKOUT / "docker").glob("*.Dockerfile"))
COMPOSE = yaml.safe_load((CHECKOUT / "docker" / "compose.yaml").read_text())
LOCK = (CHECKOUT / "requirements.lock").read_text()


def locked(package: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", LOCK, re.MULTILINE)
    assert found, f"{package} is not in requirements.lock"
    return found[1]


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", dockerfile.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_labels_are_the_locked_versions() -> None:
    labels = dict(re.findall(r'(\w+)="([^"]+)"', " ".join(rest for d in DOCKERFILES for word, rest in instructions(d) if word == "LABEL")))
    assert labels == {"spark": locked("pyspark"), "delta": locked("delta-spark"), "airflow": locked("apache-airflow")}


def test_image_tags_are_the_locked_versions() -> None:
    tags = {"nightfill-spark": locked("pyspark"), "nightfill-airflow": locked("apache-airflow")}
    used = re.findall(r"(nightfill-\w+):([\w.]+)", "".join(p.read_text() for p in (*DOCKERFILES, CHECKOUT / "docker" / "compose.yaml")))
    assert len(used) >= 4
    assert all(tags[name] == tag for name, tag in used)


def test_delta_fits_spark() -> None:
    minor = locked("pyspark").rsplit(".", 1)[0]
    assert minor == "4.2", "the jars are delta-spark_4.2_2.13: look for the build for this Spark"
    assert locked("delta-spark") == "4.4.0"


def test_python_is_one_that_the_project_takes() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.13"
    base = next(rest for word, rest in instructions(CHECKOUT / "docker" / "spark.Dockerfile") if word == "FROM")
    assert re.fullmatch(r"python:3\.1[12]-slim-\w+", base)


def test_java_is_new_enough() -> None:
    java = re.search(r"openjdk-(\d+)-jre-headless", (CHECKOUT / "docker" / "spark.Dockerfile").read_text())
    assert java
    assert int(java[1]) >= 17


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_what_is_copied_exists(dockerfile: Path) -> None:
    sources = [source for word, rest in instructions(dockerfile) if word == "COPY" for source in rest.split()[:-1]]
    assert sources
    assert [source for source in sources if not (CHECKOUT / source).exists()] == []


def test_services_build_from_our_files_and_depend_on_each_other() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        if "build" in service:
            assert (CHECKOUT / service["build"]["dockerfile"]).is_file()
        assert set(service.get("depends_on", [])) <= set(services)
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])


def test_ports_are_open_on_loopback_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_connection_names_the_master() -> None:
    connection = json.loads(COMPOSE["services"]["airflow"]["environment"]["AIRFLOW_CONN_SPARK_NIGHTFILL"])
    command = COMPOSE["services"]["spark-master"]["command"]
    assert connection["host"] == "spark://" + command[command.index("--host") + 1]
    assert str(connection["port"]) == command[command.index("--port") + 1]


def test_nobody_is_admin_without_a_password() -> None:
    text = "".join(path.read_text() for path in (*DOCKERFILES, CHECKOUT / "docker" / "compose.yaml", CHECKOUT / "bin" / "airflow"))
    assert "all_admins" not in text.lower()
