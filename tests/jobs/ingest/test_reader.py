import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.ingest.counter import count_records
from jobs.ingest.delimited import read_fast, read_slow
from jobs.ingest.header import judge_columns, read_header
from jobs.ingest.reader import Source, read_records

DAY = date(2024, 5, 1)
HEAD = "item_id,location_id,sold_at,units"


def read(path: Path, content: bytes | str, feed: str = "sales", drop: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Bronze rows of a file with this content, nulls left out; the counter must agree on how many there are."""
    if content:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows = [r for b in read_records(Source(str(path), "f", feed, DAY), drop) for r in b.to_pylist()]
    assert [r["row"] for r in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == count_records(str(path))
    return [{k: v for k, v in r.items() if v is not None and k not in ("business_date", "file", "row")} for r in rows]


def test_quotes_newlines_leading_zeros_and_bom(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.csv", '\ufeffitem_id,name\r\n007,"Jam, ""red""\nlarge"\r\n\r\n008,\r\n', "items")
    assert rows == [{"item_id": "007", "name": 'Jam, "red"\nlarge'}, {"item_id": "008", "name": ""}]


def test_header_only_holds_no_record(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", HEAD + "\n") == []
    assert read_header(str(tmp_path / "a.csv"), "sales").defect is None


def test_broken_records_become_rows_with_a_defect(tmp_path: Path) -> None:
    lines = [HEAD, "1,S,2024-05-01,1", "2,S,2024-05-01", "3,S,2024-05-01,1,9", "Caf\xe9,S,2024-05-01,1", "5,S,2024-05-01,1"]
    rows = read(tmp_path / "a.csv", "\n".join(lines).encode("latin-1"))
    assert [r.get("defect") for r in rows] == [None, "short_record", "long_record", "not_utf8", None]
    assert [r["item_id"] for r in rows] == ["1", "2", "3", "Caf\\xe9", "5"]
    assert rows[2]["units"] == "1,9"


def test_shifted_fields_never_show_an_undeclared_column(tmp_path: Path) -> None:
    text = f"email,{HEAD}\nx@y,1,S,2024-05-01,1\n1,S,2024-05-01,x@y\n"
    rows = read(tmp_path / "a.csv", text)
    assert rows[0]["extra"] == [("email", "x@y")]
    assert rows[1] == {"defect": "short_record", "extra": [("email", None)]}


def test_extra_columns_and_dropped_ones(tmp_path: Path) -> None:
    text = f"{HEAD},Email,colour\n1,S,2024-05-01,1,x@y,red\n"
    assert read(tmp_path / "a.csv", text, drop=("email",))[0]["extra"] == [("colour", "red")]
    header = read_header(str(tmp_path / "a.csv"), "sales", ["email"])
    assert (header.extra, header.dropped) == (("colour",), ("Email",))


@pytest.mark.parametrize(
    ("content", "defect", "rows"),
    [
        ("", "empty_file", 0),
        ("\n\n", "empty_file", 0),
        (HEAD.replace(",", ";") + "\n1;S;2024-05-01;1\n", "missing_column", 1),
        ("item_id,units\n1,2\n", "missing_column", 1),
        (HEAD + ",units\n1,S,2024-05-01,1,2\n", "duplicate_column", 1),
    ],
)
def test_files_unusable_as_a_whole(tmp_path: Path, content: str, defect: str, rows: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert read_header(str(path), "sales").defect == defect
    assert [r["defect"] for r in read(path, content)] == [defect] * rows


def test_truncated_parquet_and_other_formats_are_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"item_id": ["1"]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    assert read_header(str(path), "items").defect == "unreadable"
    assert read(path, "", "items") == []
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    assert read_header(str(tmp_path / "a.xlsx"), "items").defect == "unknown_format"


def test_parquet_types_keep_every_digit(tmp_path: Path) -> None:
    berlin = timezone(timedelta(hours=2))
    columns: dict[str, pa.Array] = {
        "item_id": pa.array([12345678901234567, None], pa.int64()),
        "location_id": pa.array([123456789012.0, float("nan")]),
        "sold_at": pa.array([datetime(2024, 5, 1, 10, tzinfo=berlin), None], pa.timestamp("us", "Europe/Berlin")),
        "units": pa.array([Decimal("1.5000"), Decimal("-2.0000")], pa.decimal128(18, 4)),
        "unit_price": pa.array([0.1, 1e-7]),
        "line_id": pa.array(["007", "8"]).dictionary_encode(),
        "channel": pa.array([b"web", b"\xe9"], pa.binary()),
        "naive": pa.array([datetime(2024, 5, 1, 10, tzinfo=UTC), None], pa.timestamp("ns")),
        "day": pa.array([DAY, None]),
        "tags": pa.array([["a"], None]),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    first, second = read(tmp_path / "a.parquet", b"")
    extra = first.pop("extra")
    assert first == {
        "item_id": "12345678901234567",
        "location_id": "123456789012",
        "sold_at": "2024-05-01 08:00:00.000000Z",
        "units": "1.5000",
        "unit_price": "0.1",
        "line_id": "007",
        "channel": "web",
    }
    assert extra == [("naive", "2024-05-01 10:00:00.000000000"), ("day", "2024-05-01"), ("tags", '["a"]')]
    assert (second["location_id"], second["channel"], second["defect"]) == ("nan", "\\xe9", "not_utf8")


FIELD = st.text(st.sampled_from(["a", "0", " ", ",", '"', "\n", "\r", "é", ";"]), max_size=5)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(FIELD, min_size=2, max_size=2), max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_fast_and_slow_paths_agree(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str, quoted: bool) -> None:
    stream = io.StringIO(newline="")
    # The writer leaves a lone carriage return unquoted: the file would say something else.
    style = csv.QUOTE_ALL if quoted or any("\r" in field for row in rows for field in row) else csv.QUOTE_MINIMAL
    csv.writer(stream, lineterminator=end, quoting=style).writerows([["item_id", "name"], *rows])
    path = tmp_path_factory.getbasetemp() / "agree.csv"
    path.write_bytes(stream.getvalue().encode())
    header = judge_columns(["item_id", "name"], "items")
    fast, slow = (
        [list(r) for columns, _ in way(str(path), header) for r in zip(*(c.to_pylist() for c in columns.values()), strict=True)]
        for way in (read_fast, read_slow)
    )
    assert fast == slow == rows
    assert count_records(str(path)) == len(rows)


def test_wild_text_never_loses_a_record(tmp_path: Path) -> None:
    for body in ('1,"a\n2,b\n', '1,a"b\n2,"c"d\n', '1,\x00\n2, "x,y"\n', "1\r2,b\r", '"1\n,2",b\n\n3,"'):
        assert read(tmp_path / "a.csv", "item_id,name\n" + body, "items")
