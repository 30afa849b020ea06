"""Tables written as files below a folder, block by block, so that memory holds no more than a block of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A file has at least so many rows, but for the last one of its folder.
BLOCK_ROWS = 1_000_000


class Blocks:
    """Files ``root/<name>/<part>/<name>_0001.parquet``, ...; ``part`` is a drop's date, or "" for none."""

    def __init__(self, root: Path, form: Literal["parquet", "csv"] = "parquet", rows: int = BLOCK_ROWS) -> None:
        self.root, self.form, self.rows = root, form, rows
        self.written = 0
        self._waiting: dict[tuple[str, str], list[pa.Table]] = {}
        self._files: dict[tuple[str, str], int] = {}

    def add(self, part: str, tables: Mapping[str, pa.Table]) -> None:
        """Take rows of some names; whole blocks go to disk."""
        for name, table in tables.items():
            if table.num_rows or (name, part) not in self._waiting:
                self._waiting.setdefault((name, part), []).append(table)
            if sum(some.num_rows for some in self._waiting[name, part]) >= self.rows:
                self._flush(name, part)

    def close(self, empty: tuple[str, ...] = ()) -> None:
        """Write what waits; names in ``empty`` get a file also where they have no rows."""
        for name, part in sorted(self._waiting):
            tables = self._waiting[name, part]
            if any(table.num_rows for table in tables) or (name in empty and (name, part) not in self._files):
                self._flush(name, part)
        self._waiting.clear()

    def _flush(self, name: str, part: str) -> None:
        rows = pa.concat_tables(self._waiting[name, part])
        self._waiting[name, part] = []
        number = self._files[name, part] = self._files.get((name, part), 0) + 1
        folder = self.root / name / part
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}_{number:04d}.{self.form}"
        unfinished = file.with_name(file.name + ".tmp")
        if self.form == "csv":
            pa_csv.write_csv(rows, unfinished)
        else:
            pq.write_table(rows, unfinished, compression="zstd", row_group_size=1 << 20)
        unfinished.replace(file)
        self.written += rows.num_rows
