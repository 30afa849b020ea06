import random
from datetime import date, timedelta

from pyspark.sql import SparkSession

from jobs.ingest.state import close_snapshots, resolve
from schemas import FEEDS

START = date(2024, 5, 1)
Row = tuple[str, str | None, int, str, int, int, bool]


def naive(rows: list[Row], night: int) -> set[tuple[str, int]]:
    """Which rows a night sees: of each key the newest drop that it may see, of that the last by file and row."""
    seen = set()
    for location, line in {(r[0], r[1]) for r in rows}:
        mine = [r for r in rows if (r[0], r[1]) == (location, line)]
        if line is None:
            seen |= {(r[3], r[4]) for r in mine if r[5] <= night and not r[6]}
            continue
        winners = [max(r for r in mine if r[2] == drop) for drop in {r[2] for r in mine}]
        newest = max((w for w in winners if w[5] <= night), key=lambda w: w[2], default=None)
        if newest and not newest[6]:
            seen.add((newest[3], newest[4]))
    return seen


def test_resolve_against_a_naive_loop(spark: SparkSession) -> None:
    rng = random.Random(7)
    rows: list[Row] = []
    for number in range(400):
        drop = rng.randrange(6)
        line = rng.choice([None, *"abcdefghijklmnopqrst"])
        file = rng.choice(["f", "g"]) + str(drop)
        rows.append((rng.choice("ST"), line, drop, file, number, drop + rng.randrange(3), rng.random() < 0.15))
    schema = "location_id string, line_id string, drop_date date, file string, row long, known_from date, deleted boolean"
    dated = [(a, b, START + timedelta(c), d, e, START + timedelta(f), g) for a, b, c, d, e, f, g in rows]
    frame = spark.createDataFrame(dated, schema).selectExpr("*", "cast(array() AS array<string>) AS rules")
    resolved = resolve(frame.repartition(3), FEEDS["sales"]).toArrow().to_pylist()
    assert len(resolved) == len(rows)
    for night in range(9):
        day = START + timedelta(night)
        seen = {
            (r["file"], r["row"])
            for r in resolved
            if r["known_from"] <= day and (r["known_to"] is None or r["known_to"] > day) and not (r["deleted"] and r["line_id"] is None)
        }
        assert seen == naive(rows, night), night


def test_bad_rows_speak_of_nothing(spark: SparkSession) -> None:
    schema = "item_id string, drop_date date, file string, row long, known_from date, deleted boolean, rules array<string>"
    rows = [("1", START, "a", 1, START, False, []), ("1", START + timedelta(1), "b", 1, START + timedelta(1), False, ["wrong"])]
    resolved = resolve(spark.createDataFrame(rows, schema), FEEDS["items"]).toArrow()
    assert resolved["known_to"].to_pylist() == [None, None]


def test_an_empty_snapshot_closes_the_one_before(spark: SparkSession) -> None:
    rows = [("o1", START, None), ("o2", START, START), ("o3", START + timedelta(4), None)]
    frame = spark.createDataFrame(rows, "order_id string, drop_date date, known_to date")
    closed = close_snapshots(frame, [START + timedelta(4), START, START + timedelta(2)]).toArrow().to_pylist()
    assert {r["order_id"]: r["known_to"] for r in closed} == {"o1": START + timedelta(2), "o2": START, "o3": None}
