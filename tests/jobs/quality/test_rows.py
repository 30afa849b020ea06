"""Row checks as Spark expressions."""

from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from jobs.quality import judge
from jobs.quality.rows import predicate
from schemas.table import Check

CHECKS = (
    Check("id_missing", "not_null", ("item_id",)),
    Check("limit_not_finite", "finite", ("limit",)),
    Check("limit_out_of_range", "range", ("limit",), minimum=0),
    Check("units_out_of_range", "range", ("units",), minimum=0.0001, maximum=1e8),
    Check("date_not_allowed", "values", ("date",), values=("x", "it's")),
    Check("unknown_item", "reference", ("item_id",), table="items", table_columns=("item_id",)),
    Check("date_repeated", "unique", ("date",)),
    Check("units_negative", "rule", ("units",), sql="units >= 0"),
    Check("too_old", "fresh", ("date",), maximum=3),
)
ROWS = [
    # all held; 0.0001 is exactly the lower end
    ("a", 1.0, Decimal("0.0001"), "x", []),
    # NaN breaks finite and does not pass a range that is open above; an unknown item; a date repeated below
    ("z", float("nan"), Decimal("1"), "y", ["limit_not_finite", "limit_out_of_range", "date_not_allowed", "unknown_item", "date_repeated"]),
    # null breaks only not_null: it refers to nothing; infinity lies in an open range but is not finite
    (None, float("inf"), None, "it's", ["id_missing", "limit_not_finite"]),
    ("a", -1.0, Decimal("-1"), "y", ["limit_out_of_range", "units_out_of_range", "date_not_allowed", "date_repeated", "units_negative"]),
    ("a", 0.0, Decimal("100000000"), None, []),
]


def test_judge_names_every_broken_check(spark: SparkSession) -> None:
    schema = "n int, item_id string, `limit` double, units decimal(18,4), `date` string"
    rows = spark.createDataFrame([(n, *row[:4]) for n, row in enumerate(ROWS)], schema)
    # Twice in the referred table: the join must not double the row.
    items = spark.createDataFrame([("a",), ("a",)], "item_id string")

    judged = judge(rows, CHECKS, {"items": items})

    assert judged.columns == [*rows.columns, "broken"]
    assert {row["n"]: row["broken"] for row in judged.collect()} == {n: row[4] for n, row in enumerate(ROWS)}
    assert judge(rows, (), {}).where("size(broken) = 0").count() == len(ROWS)


def test_table_checks_have_no_predicate() -> None:
    with pytest.raises(ValueError, match="judges a table"):
        predicate(CHECKS[-1])
