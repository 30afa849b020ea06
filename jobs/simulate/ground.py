"""What a simulation's nights happen in: where goods are, what becomes of orders, what sells, and what of it the next night sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import schemas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import polars as pl

    from jobs.plan.night import Night
    from jobs.simulate.goods import Moves
    from jobs.simulate.places import Places

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shown:
    """What is known of the series on a night beside what they sell.

    open       [series] the series can sell; elsewhere there is no record of the night
    price      [series] ten-thousandths; -1: none
    promotion  [series] type of promotion, or None
    """

    open: Bools
    price: Ints
    promotion: np.ndarray


@dataclass(frozen=True)
class Opening:
    """What is known when a simulation begins.

    tables   of the first night;  life  [pairs] days that a unit may be sold, 0: it keeps;  sources  where lanes come from
    known    history of demand
    """

    tables: Mapping[str, pa.Table]
    night: Night
    places: Places
    life: Ints
    sources: Sequence[str]
    known: pa.Table


@dataclass(frozen=True)
class Happened:
    """What a night brought; units are ten-thousandths.

    moves     by pair
    wanted    [pairs] units that customers wanted;  sold  [series]
    fraction  [series] in-stock fraction, as it is recorded
    refused   whole units ordered that their source does not deliver
    """

    moves: Moves
    wanted: Ints
    sold: Ints
    fraction: Floats
    shown: Shown
    refused: int = 0


class Where(Protocol):
    """Where all goods are before a night's orders, in ten-thousandths [pairs]."""

    @property
    def on_hand(self) -> Ints:
        """In stock."""

    @property
    def in_transit(self) -> Ints:
        """Under way to each pair."""


class Ground(Protocol):
    """Fixed for a run; what changes is a Where of its own."""

    @property
    def counts(self) -> dict[str, int]:
        """What had to be assumed in the beginning, by name."""

    def begin(self) -> Any:
        """Where goods are before the first night."""

    def pass_night(self, before: Any, number: int, day: date, lines: pl.DataFrame) -> tuple[Any, Happened]:
        """Let a night happen: order lines are item_id, source_id, location_id, units (ten-thousandths), arrives_on."""

    def seen(self, before: Any, day: date, came: Bools) -> dict[str, pa.Table]:
        """Rows of silver/stock and silver/inbound that the night sees of it; ``came`` [pairs]: something was ever delivered."""

    def arrays(self, where: Any) -> dict[str, np.ndarray]:
        """A Where as named arrays, to be kept."""

    def of(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """Back from ``arrays``."""


def silver(name: str, rows: pa.Table, day: date) -> pa.Table:
    """Rows of a silver table that a drop of the night brought; columns that are not given are null."""
    declared, n = schemas.TABLES[f"silver/{name}"].schema, rows.num_rows
    given = {"known_from": day, "drop_date": day, "deleted": False}
    columns = []
    for each in declared:
        if each.name in rows.column_names:
            columns.append(rows[each.name].cast(each.type))
        elif each.name in given:
            columns.append(pa.array([given[each.name]] * n, each.type))
        else:
            columns.append(pa.nulls(n, each.type))
    return pa.Table.from_arrays(columns, schema=declared)
