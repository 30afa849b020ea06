"""The night on one page: numbers of the published attempt only."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from jobs.errors import UsageError
from jobs.publish import summary
from schemas import CERTIFICATES, EXCEPTIONS, KPIS, ORDERS
from tests.published import SECOND, THIRD, fill


def test_the_second_night(tmp_path: Path) -> None:
    text = summary.text(fill(tmp_path), SECOND)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "Night of 2024-05-02 published (attempt 1, run r4, model abcdef012345)"
    assert "orders 2 to 2 locations: 2 lines of 6 considered, 1 to review" in lines
    assert "units 17.0" in lines
    assert "value 74.50 EUR" in lines
    assert "service 90.0% of 20.0 units expected between the arrival of these orders and the next" in lines
    assert "cost 10.00 EUR expected; 100.00 without orders" in lines
    dearest = lines.index("item to from units value EUR on the shelf")
    assert lines[dearest + 1 : dearest + 3] == [
        "003 Kaas, 'old' \"48+\" S2 DC 5.0 50.50 2024-05-03",
        "001 Milk S1 Harbour DC 12.0 24.00 2024-05-03",
    ]
    assert "lost_sales 2 9.50" in lines
    assert "555" not in text
    assert "Made up in this data set" in text
    assert f"nightfill export --lake {tmp_path} --business-date 2024-05-02" in text


def test_a_night_without_orders_or_exceptions() -> None:
    empty = ORDERS.schema.empty_table()
    assert summary.figures(empty, KPIS.schema.empty_table(), "EUR")[0].split(maxsplit=1)[1].startswith("0 to 0 locations")
    assert summary.largest(empty, {}, {}, "EUR") == []
    assert summary.by_kind(EXCEPTIONS.schema.empty_table(), "EUR") == ["Exceptions: none"]


def test_how_far_the_plan_can_be_from_the_best() -> None:
    row = {"source_id": "*", "cost": 101.0, "lower_bound": 100.0, "gap": 1 / 101, "rung": "best found"}
    of_a_source = {**row, "source_id": "DC", "rung": "proven"}

    def said(*rows: dict[str, object], of_lines: float = 101.0) -> list[str]:
        return summary.proof(pa.Table.from_pylist(list(rows), CERTIFICATES.schema), of_lines, "EUR")

    (line,) = said(of_a_source, row)
    assert line.endswith("at most 1.00 EUR (0.99%) above the least possible cost for these demand paths: best found")
    (line,) = said({**row, "rung": "proven"})
    assert line.endswith("no plan for these demand paths costs less: proven")
    assert said(of_a_source) == []


def test_what_the_plan_costs_beside_its_lines() -> None:
    row = {"source_id": "*", "cost": 101.0, "lower_bound": 101.0, "gap": 0.0, "rung": "proven", "kept_cost": 20.0}
    row |= {"cost_fresh": 103.0, "cost_fresh_se": 1.5, "cost_fresh_base_stock": 140.0}
    whole, proven, fresh = summary.proof(pa.Table.from_pylist([row], CERTIFICATES.schema), 75.0, "EUR")
    assert "101.00 EUR with 6.00 for deliveries" in whole
    assert "and 20.00 for what distribution centres" in whole
    assert proven.split(maxsplit=1)[0] == "proof"
    assert fresh.endswith("103.00 EUR (+-1.50) on demand paths that had no part in choosing; 140.00 of a base stock")


def test_an_unpublished_night_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2024-05-03 is not published"):
        summary.text(fill(tmp_path), THIRD)
