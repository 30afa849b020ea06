"""What a table is: columns with type, unit and meaning, a key, a partitioning, and checks.

One definition serves Spark, Delta, landing validation, Great Expectations and the data dictionary.
This package imports pyarrow and nothing of the project, so that DAG files can read it in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa

from schemas.check import Check as Check  # noqa: PLC0414 - the contract's modules import it from here
from schemas.gates import feed_gates

STRING = pa.string()
BOOL = pa.bool_()
INT = pa.int32()
LONG = pa.int64()
DOUBLE = pa.float64()
FLOAT = pa.float32()
DATE = pa.date32()
#: Always with a zone: a Delta timestamp without one needs reader version 3, which keeps readers out.
TIMESTAMP = pa.timestamp("us", tz="UTC")
#: Units and money are exact, so that sums do not depend on the order of rows.
DECIMAL = pa.decimal128(18, 4)
STRING_MAP = pa.map_(pa.string(), pa.string())
STRINGS = pa.list_(pa.string())
DOUBLES = pa.list_(pa.float64())
DATES = pa.list_(pa.date32())

Layer = Literal["landing", "bronze", "silver", "gold", "ops"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its Arrow type, unit of measure, meaning, and what its values may be.

    ``minimum`` and ``maximum`` are inclusive. ``optional`` (landing only) means that the column may be
    missing from a file; a missing or empty value then takes ``default``.
    """

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False
    optional: bool = False
    default: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers (integer, floating or decimal)."""
        return bool(pa.types.is_floating(self.type) or pa.types.is_integer(self.type) or pa.types.is_decimal(self.type))


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the lake, or a landing feed (then a :class:`Feed`)."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    layer: Layer = "landing"
    partition_by: tuple[str, ...] = ()
    rules: tuple[Check, ...] = ()
    #: Clock times and run ids: they differ between two runs that decide the same, so hashes leave them out.
    unhashed: tuple[str, ...] = ("run_id",)

    def __post_init__(self) -> None:
        names = self.column_names
        if len(set(names)) != len(names):
            raise ValueError(f"{self.path}: a column is named twice")
        unknown = (set(self.key) | set(self.partition_by)) - set(names)
        if unknown:
            raise ValueError(f"{self.path}: key or partitioning names unknown columns {sorted(unknown)}")

    @property
    def path(self) -> str:
        """``layer/name``: where the table lies under the lake's root, and the name of its Airflow asset."""
        return f"{self.layer}/{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The declared columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema (all fields nullable: checks, not storage, judge nulls)."""
        return pa.schema([pa.field(column.name, column.type) for column in self.columns])

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks: those that follow from the columns and the key, then the table's own rules."""
        return (*self._column_checks(), *self._key_checks(), *self.rules)

    def _column_checks(self) -> tuple[Check, ...]:
        checks: list[Check] = []
        # What a later stage reads must hold; what lands may be wrong, and then goes to quarantine.
        blocking = self.layer in ("silver", "gold")
        for c in self.columns:
            if not c.nullable and not c.optional:
                checks.append(Check(f"{c.name}_missing", "not_null", (c.name,), blocking))
            if pa.types.is_floating(c.type):
                checks.append(Check(f"{c.name}_not_finite", "finite", (c.name,), blocking))
            if c.minimum is not None or c.maximum is not None:
                checks.append(Check(f"{c.name}_out_of_range", "range", (c.name,), blocking, c.minimum, c.maximum))
            if c.values is not None:
                checks.append(Check(f"{c.name}_not_allowed", "values", (c.name,), blocking, values=c.values))
        return tuple(checks)

    def _key_checks(self) -> tuple[Check, ...]:
        if self.layer != "gold" or not self.key:
            return ()
        return (Check("key_repeated", "unique", self.key, blocking=True),)


@dataclass(frozen=True, slots=True)
class Feed(Table):
    """A landing feed: what a retailer delivers, drop by drop.

    required     without it the night blocks
    absent       what holds when the feed is absent
    event_date   column whose date decides when a row may be seen (null: as soon as it is dropped)
    snapshot     each drop replaces the whole feed, not single keys
    silver       name of the typed table in silver
    """

    required: bool = False
    absent: str = ""
    event_date: str | None = None
    snapshot: bool = False
    silver_name: str = ""
    #: Optional key column without which every row counts on its own (sales, receipts).
    row_identity: str | None = None
    #: Drops are about equally large: one that has collapsed stops the night.
    steady: bool = False
    #: The newest event is at most this many days older than the last day that is over.
    fresh_days: int | None = None
    #: Gates of :attr:`gates` that only warn for this feed.
    warned: tuple[str, ...] = ()

    @property
    def gates(self) -> tuple[Check, ...]:
        """Checks of the feed as a whole, made every night before anything is computed from it."""
        made = feed_gates(self.name, self.required, self.steady, self.event_date, self.fresh_days)
        return tuple(replace(check, blocking=check.blocking and check.name not in self.warned) for check in made)

    def bronze(self) -> Table:
        """The rows as delivered: every declared column as text, the others in ``extra``."""
        text = tuple(
            Column(self.bronze_name(c.name), STRING, f"as delivered: {c.meaning}", nullable=True) for c in (*self.columns, DELETED)
        )
        return Table(
            name=self.name,
            layer="bronze",
            meaning=f"Feed {self.name} as delivered: all values as text.",
            columns=(replace(DROP_DATE, name="business_date"), *PROVENANCE, *text, EXTRA, DEFECT),
            key=("file", "row"),
            partition_by=("business_date",),
        )

    @staticmethod
    def bronze_name(column: str) -> str:
        """Name of a delivered column in bronze, where ``business_date`` is the drop's date."""
        return "delivered_business_date" if column == "business_date" else column

    def silver(self) -> Table:
        """The valid rows, typed, each with the nights that may see it."""
        typed = tuple(replace(c, nullable=self._may_be_null(c), optional=False) for c in self.columns)
        local = () if self.name != "sales" else (Column("date", DATE, "local business date of the sale"),)
        return Table(
            name=self.silver_name or self.name,
            layer="silver",
            meaning=f"{self.meaning} Valid rows of feed {self.name}, each with the nights that may see it.",
            columns=(*typed, *local, DROP_DATE, *PROVENANCE, *KNOWN),
            key=("file", "row"),
            rules=tuple(replace(rule, blocking=True) for rule in self.rules),
        )

    def _may_be_null(self, column: Column) -> bool:
        # Ingest takes a sale's channel from the location's kind where the file names none.
        resolved = self.name == "sales" and column.name == "channel"
        return not resolved and (column.nullable or (column.optional and column.default is None))


DROP_DATE = Column("drop_date", DATE, "date of the drop that brought the row; 0001-01-01 outside a dated folder")
#: Where a row came from.
PROVENANCE: tuple[Column, ...] = (
    Column("file", STRING, "path below the landing folder"),
    Column("row", LONG, "record number in the file, 1 for the first after the header"),
)
KNOWN: tuple[Column, ...] = (
    Column("known_from", DATE, "first business date whose night may see the row"),
    Column("known_to", DATE, "first business date whose night no longer sees it; null: still true", nullable=True),
    Column("deleted", BOOL, "the row withdraws its key (and is itself never seen)"),
)
DELETED = Column("deleted", BOOL, "true: the key is withdrawn from this drop on", optional=True, default="false")
EXTRA = Column("extra", STRING_MAP, "columns outside the contract", nullable=True)
DEFECT = Column("defect", STRING, "why the record could not be split into fields: the rule's name", nullable=True)

#: First two columns of every gold table: a night's run replaces only its own partition.
RUN: tuple[Column, ...] = (
    Column("business_date", DATE, "the night"),
    Column("run_id", STRING, "the run that wrote the row; only published runs count"),
)


def gold(name: str, meaning: str, columns: tuple[Column, ...], key: tuple[str, ...], rules: tuple[Check, ...] = ()) -> Table:
    """A gold table: per night and run, partitioned by both."""
    return Table(name, meaning, (*RUN, *columns), ("business_date", "run_id", *key), "gold", ("business_date", "run_id"), rules)


def units(name: str, meaning: str, **more: object) -> Column:
    """A quantity in the item's own unit of sale (pieces, or kilograms of what is sold by weight)."""
    return Column(name, DECIMAL, meaning, "units", **more)  # type: ignore[arg-type]


def money(name: str, meaning: str, **more: object) -> Column:
    """An amount in the configured currency."""
    return Column(name, DECIMAL, meaning, "currency", **more)  # type: ignore[arg-type]
