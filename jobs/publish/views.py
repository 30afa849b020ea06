"""What readers see: the published nights, and what is known as of the newest drop.

Three kinds of views, the same names in every engine: a gold table's view shows published runs only; a silver table's
shows the rows that still hold; ``nights`` has one row a published night, ``attempts`` all of ops/nights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import schemas
from jobs.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.lake import Lake
    from schemas import Table

#: Silver tables with a view of the rows that hold now. The event feeds are in ``demand``.
CURRENT = (
    "silver/items", "silver/locations", "silver/assortment", "silver/lanes", "silver/prices", "silver/calendar", "silver/signals",
    "silver/capacities", "silver/overrides", "silver/stock", "silver/inbound", "silver/demand",
)  # fmt: skip
PLAIN = ("gold/simulations", "ops/backtests", "ops/files", "ops/models", "ops/quality_results", "ops/quarantine")
NIGHTS = "ops/nights"
SCHEMA = "nightfill"

_PUBLISHED = """\
SELECT business_date, attempt, run_id, mode, model_id, published
FROM (
  SELECT business_date, attempt, run_id, mode, model_id, published,
         row_number() OVER (PARTITION BY business_date ORDER BY attempt DESC) AS newest
  FROM {nights}
  WHERE status = 'published'
) AS attempts
WHERE newest = 1"""


def definitions(source: Callable[[str], str], view: Callable[[str], str]) -> dict[str, str]:
    """View name -> SELECT, given how an engine names the table of a path ``layer/name``, and a view."""
    views = {"nights": _PUBLISHED.format(nights=source(NIGHTS)), "attempts": f"SELECT * FROM {source(NIGHTS)}"}  # noqa: S608 - our own names
    joined = f"JOIN {view('nights')} AS n\n  ON n.business_date = g.business_date AND n.run_id = g.run_id"
    for table in schemas.GOLD:
        views[table.name] = f"SELECT g.*\nFROM {source(table.path)} AS g\n{joined}"
    for path in CURRENT:
        views[_name(path)] = f"SELECT *\nFROM {source(path)}\nWHERE {holds(schemas.TABLES[path])}"
    for path in PLAIN:
        views[_name(path)] = f"SELECT * FROM {source(path)}"  # noqa: S608
    return views


def holds(table: Table) -> str:
    """SQL condition: the row of a silver table still holds."""
    return "known_to IS NULL" + (" AND NOT deleted" if "deleted" in table.column_names else "")


def statements(lake: Lake, engine: str) -> str:
    """The statements that create all views in an engine, each ended by a semicolon.

    Trino reads tables of its own catalog, so there the tables are registered first. UsageError for another engine.
    """
    if engine == "spark":
        head, prefix = [f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"], f"{SCHEMA}."
        views = definitions(lambda path: f"delta.`{lake.location(path)}`", lambda name: prefix + name)
    elif engine == "trino":
        head, prefix = _register_in_trino(lake), f"delta.{SCHEMA}."
        views = definitions(lambda path: "delta." + path.replace("/", "."), lambda name: prefix + name)
    else:
        raise UsageError(f"no views for {engine!r}: --engine takes spark or trino")
    return ";\n\n".join([*head, *(f"CREATE OR REPLACE VIEW {prefix}{name} AS\n{select}" for name, select in views.items())]) + ";"


def _register_in_trino(lake: Lake) -> list[str]:
    """Make the lake's tables known to Trino's catalog ``delta`` (delta.register-table-procedure.enabled=true)."""
    paths = [NIGHTS, *(table.path for table in schemas.GOLD), *CURRENT, *PLAIN]
    layers = sorted({path.split("/")[0] for path in paths})
    folders = {path: lake.location(path) if "://" in lake.root else f"file://{lake.location(path)}" for path in paths}
    register = "CALL delta.system.register_table(schema_name => '{}', table_name => '{}', table_location => '{}')"
    return [
        *(f"CREATE SCHEMA IF NOT EXISTS delta.{layer}" for layer in (*layers, SCHEMA)),
        *(register.format(*path.split("/"), folder) for path, folder in folders.items()),
    ]


def _name(path: str) -> str:
    return path.split("/")[1]
