"""Hashes depend on rows and code, on nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake

import jobs
from jobs.lake import Lake
from jobs.publish import hashes
from jobs.publish.hashes import code_hash, rows_hash, table_hash
from schemas import EXCEPTIONS, PROJECTIONS, SHADOW_PRICES

NIGHT = date(2024, 6, 12)


def exceptions(rows: list[tuple[int, str | None, str]], run: str = "r1") -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "business_date": NIGHT,
                "run_id": run,
                "rank": rank,
                "kind": "lost_sales",
                "item_id": item,
                "money": Decimal(money),
                "message": f"message {rank}",
                "action": "",
            }
            for rank, item, money in rows
        ],
        EXCEPTIONS.schema,
    )


#: a null id, equal ids, an empty text, a decimal with four places
ROWS = [(1, "b", "3.5000"), (2, None, "2"), (3, "b", "0.0001"), (4, "", "-1")]


def test_order_and_run_do_not_count() -> None:
    other = exceptions(ROWS[::-1], run="r2")
    assert rows_hash(EXCEPTIONS, exceptions(ROWS)) == rows_hash(EXCEPTIONS, other)


@pytest.mark.parametrize("row", [(4, None, "-1"), (4, "", "-1.0001"), (5, "", "-1")], ids=["null", "money", "key"])
def test_every_value_counts(row: tuple[int, str | None, str]) -> None:
    assert rows_hash(EXCEPTIONS, exceptions(ROWS)) != rows_hash(EXCEPTIONS, exceptions([*ROWS[:3], row]))


def test_a_missing_row_counts() -> None:
    assert rows_hash(EXCEPTIONS, exceptions(ROWS)) != rows_hash(EXCEPTIONS, exceptions(ROWS[:3]))


def test_no_rows_have_a_hash() -> None:
    assert len(rows_hash(EXCEPTIONS, exceptions([]))) == 64


def test_what_lies_under_a_null_does_not_count() -> None:
    """Two arrays that are equal to every reader, with different bytes under the null."""
    dates = [pa.Array.from_buffers(pa.date32(), 2, [pa.py_buffer(b"\x01"), pa.array([19000, x], pa.int32()).buffers()[1]]) for x in (7, 9)]
    assert dates[0].equals(dates[1])
    tables = [
        pa.table(
            {
                "resource": pa.array(["dc_stock", "dc_stock"]),
                "location_id": pa.array(["DC", "DC"]),
                "item_id": pa.array(["1", "2"]),
                "date": column,
                "limit": pa.array([1.0, 2.0]),
            }
        )
        for column in dates
    ]
    assert rows_hash(SHADOW_PRICES, tables[0]) == rows_hash(SHADOW_PRICES, tables[1])


def test_lists_count_by_their_entries() -> None:
    """Not by the chunks they lie in, nor by what lies under a null list or a null entry."""
    from schemas import ORDER_REASONS

    def hashed(costs: pa.ChunkedArray) -> str:
        rows = {"item_id": pa.array(["1", "2", "3"]), "costs": costs}
        return rows_hash(ORDER_REASONS, pa.table(rows))

    kind = pa.list_(pa.float64())
    whole = pa.chunked_array([pa.array([[1.0, None], None, [2.0]], kind)])
    cut = pa.chunked_array([pa.array([[9.0], [1.0, None]], kind)[1:], pa.array([None, [2.0], [7.0]], kind)[:2]])
    hidden = pa.Array.from_buffers(pa.float64(), 3, [pa.array([1, None, 1]).buffers()[0], pa.array([1.0, 5.0, 2.0]).buffers()[1]])
    offsets = pa.array([0, 2, 2, 3], pa.int32())
    under = pa.ListArray.from_arrays(offsets, hidden, mask=pa.array([False, True, False]))
    assert hashed(whole) == hashed(cut) == hashed(pa.chunked_array([under]))
    assert hashed(whole) != hashed(pa.chunked_array([pa.array([[1.0, None], [], [2.0]], kind)]))
    assert hashed(whole) != hashed(pa.chunked_array([pa.array([[1.0], None, [None, 2.0]], kind)]))


def projections(n: int) -> pa.Table:
    number = np.arange(n)
    values = {name: pa.array(number * 0.1) for name in ("opening", "arrivals", "ordered", "demand", "lost", "closing")}
    return pa.table(
        {
            "business_date": pa.array([NIGHT] * n, pa.date32()),
            "run_id": pa.array(["r1"] * n),
            "item_id": pa.array([f"{i // 7:06d}" for i in number]),
            "location_id": pa.array(["S1"] * n),
            "date": pa.array(19000 + number % 7, pa.int32()).cast(pa.date32()),
            **values,
        }
    ).cast(PROJECTIONS.schema)


def test_files_chunks_and_dictionaries_do_not_count(tmp_path: Path) -> None:
    """150,000 rows, three batches: written at once and sorted, or shuffled in files of odd sizes."""
    rows = projections(150_000)
    lakes = [Lake(str(tmp_path / name), run_id="r1") for name in ("whole", "shuffled")]
    write_deltalake(lakes[0].location("gold/projections"), rows, partition_by=["business_date", "run_id"])
    mixed = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    for low, high in ((0, 10), (10, 70_001), (70_001, 150_000)):
        part = mixed.slice(low, high - low)
        write_deltalake(lakes[1].location("gold/projections"), part, mode="append", partition_by=["business_date", "run_id"])
    found = {table_hash(lake, "gold/projections", NIGHT, "r1") for lake in lakes}
    encoded = rows.set_column(2, "item_id", pc.dictionary_encode(rows["item_id"]))
    assert found == {rows_hash(PROJECTIONS, rows), rows_hash(PROJECTIONS, encoded)} == {rows_hash(PROJECTIONS, mixed)}


def test_only_the_run_counts(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path), run_id="r1")
    for run, rows in (("r1", ROWS), ("r2", ROWS[:2])):
        write_deltalake(lake.location("gold/exceptions"), exceptions(rows, run), mode="append", partition_by=["business_date", "run_id"])
    assert table_hash(lake, "gold/exceptions", NIGHT, "r1") == rows_hash(EXCEPTIONS, exceptions(ROWS))
    assert DeltaTable(lake.location("gold/exceptions")).version() == 1


def test_the_definition_by_hand() -> None:
    """What a reader of the documentation would write, on rows without nulls."""
    rows = projections(14)
    plain = rows.drop_columns(["run_id"]).sort_by([("item_id", "ascending"), ("date", "ascending")]).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plain.schema) as stream:
        stream.write_table(plain)
    import hashlib

    assert rows_hash(PROJECTIONS, rows) == hashlib.sha256(sink.getvalue().to_pybytes()).hexdigest()


def test_all_columns_of_the_contract_can_be_hashed() -> None:
    """Every gold table, one row of nulls."""
    from schemas import GOLD

    for table in GOLD:
        blank = pa.table({f.name: pa.nulls(1, f.type) for f in table.schema})
        assert len(rows_hash(table, blank)) == 64
        narrower = replace(table, unhashed=(*table.unhashed, table.columns[-1].name))
        assert rows_hash(table, blank) != rows_hash(narrower, blank)


def copied_hash(folder: Path, archive: bool) -> str:
    """code_hash() as another interpreter sees it that imports from a copy."""
    path = str(shutil.make_archive(str(folder), "zip", folder)) if archive else str(folder)
    code = "import sys; sys.path.insert(0, sys.argv[1]); from jobs.publish import hashes; print(hashes.__file__, hashes.code_hash())"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True, cwd=folder.parent)
    where, found = done.stdout.split()
    assert where.startswith(path)
    return found


@pytest.mark.parametrize("archive", [False, True], ids=["folder", "zip"])
def test_code_hash_does_not_depend_on_the_place(tmp_path: Path, archive: bool) -> None:
    source = Path(jobs.__file__).parents[1]
    for package in ("jobs", "schemas"):
        shutil.copytree(source / package, tmp_path / "copy" / package, ignore=shutil.ignore_patterns("__pycache__"))
    hashes.code_hash.cache_clear()
    assert copied_hash(tmp_path / "copy", archive) == code_hash()
    with (tmp_path / "copy" / "schemas" / "table.py").open("a") as stream:
        stream.write("# changed\n")
    assert copied_hash(tmp_path / "copy", archive) != code_hash()
