"""DuckDB over the published views, without downloads: it scans deltalake's Arrow datasets.

DuckDB's own delta extension is a download, and a view over a dataset does not survive reopening a database file, so
the views of :mod:`jobs.publish.views` are registered afresh in memory, each already filtered to what it may show.
"""

from __future__ import annotations

import csv
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TextIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

import schemas
from jobs.errors import UsageError
from jobs.publish.views import CURRENT, NIGHTS, PLAIN

if TYPE_CHECKING:
    import pyarrow.dataset as ds

    from jobs.lake import Lake
    from schemas import Table

Format = Literal["table", "csv"]
#: Where no terminal says how wide it is, no column is left out.
_LOG_WIDTH = 400
_PROMPT = "nightfill> "
_HELP = "SQL ends with ;   SHOW TABLES;   DESCRIBE orders;   leave with Ctrl-D"


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """DuckDB with the published views, as they are at this moment."""
    connection = duckdb.connect()
    published = lake.published_runs()
    nights, runs = pa.array(published, pa.date32()), pa.array(published.values(), pa.string())
    for table in schemas.GOLD:
        connection.register(table.name, _dataset(lake, table, pc.field("business_date").isin(nights) & pc.field("run_id").isin(runs)))
    for path in CURRENT:
        table = schemas.TABLES[path]
        connection.register(table.name, _dataset(lake, table, _holds(table)))
    for path in PLAIN:
        connection.register(schemas.TABLES[path].name, _dataset(lake, schemas.TABLES[path]))
    connection.register("attempts", _dataset(lake, schemas.TABLES[NIGHTS]))
    columns = ["business_date", "attempt", "run_id", "mode", "model_id", "published"]
    attempts = lake.arrow(NIGHTS, columns)
    connection.register("nights", attempts.filter(pc.is_in(attempts["run_id"], runs)))
    return connection


def run(lake: Lake, query: str | None, output: Format = "table") -> int:
    """Print a query's result, or open a prompt when there is none. Raises UsageError for SQL that fails."""
    connection = connect(lake)
    if query is None:
        _converse(connection, output)
        return 0
    try:
        show(connection, query, output, sys.stdout)
    except duckdb.Error as error:
        raise UsageError(f"{error}\nViews: {', '.join(_names(connection))}") from None
    return 0


def show(connection: duckdb.DuckDBPyConnection, query: str, output: Format, stream: TextIO) -> None:
    """Write a query's result as a drawn table or as CSV (null as an empty field)."""
    if output == "csv":
        cursor = connection.execute(query)
        writer = csv.writer(stream)
        writer.writerow(column[0] for column in cursor.description or ())
        while rows := cursor.fetchmany(10_000):
            writer.writerows(rows)
        return
    relation = connection.sql(query)
    if relation is None:
        return
    width = shutil.get_terminal_size().columns if stream.isatty() else _LOG_WIDTH
    relation.show(max_rows=100, max_width=max(width, 80))


def _converse(connection: duckdb.DuckDBPyConnection, output: Format) -> None:
    with suppress(ImportError):
        import readline  # noqa: F401 - importing it is what lets input() edit and recall lines
    print(f"DuckDB {duckdb.__version__} on the published nights. {_HELP}\nViews: {', '.join(_names(connection))}")
    statement = ""
    while True:
        try:
            line = input(_PROMPT if not statement else "      ...> ")
        except EOFError:
            print()
            return
        statement = f"{statement}\n{line}".strip()
        if not statement.endswith(";"):
            continue
        try:
            show(connection, statement, output, sys.stdout)
        except duckdb.Error as error:
            print(error)
        statement = ""


def _dataset(lake: Lake, table: Table, rows: pc.Expression | None = None) -> ds.Dataset | pa.Table:
    """The rows of a table as a lazy dataset; no rows where an older lake does not have it yet."""
    if not lake.exists(table.path):
        return table.schema.empty_table()
    dataset = lake.dataset(table.path)
    return dataset if rows is None else dataset.filter(rows)


def _holds(table: Table) -> pc.Expression:
    """The condition of :func:`jobs.publish.views.holds` for Arrow."""
    still = pc.field("known_to").is_null()
    return still & ~pc.field("deleted") if "deleted" in table.column_names else still


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in connection.execute("SHOW TABLES").fetchall()]
