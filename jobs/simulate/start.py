"""The state in which a simulation begins: stock and transit as the lake's night of the first date has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.plan import position
from jobs.plan.pools import SCALE
from jobs.simulate.places import PAIR, Places
from jobs.simulate.state import State, Transit, opening

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from jobs.plan.night import Night

Ints = npt.NDArray[np.int64]


def initial(
    tables: Mapping[str, pa.Table], night: Night, places: Places, life: Ints, origins: list[str]
) -> tuple[State, np.ndarray, dict[str, int]]:
    """The state, which pairs have a stock record [pairs], and what had to be assumed, by name.

    Units on hand are those the plan sees: rolled forward from the last count, less what is reserved. They count as having come the
    day before the first night, since a count does not say how old they are.
    """
    orders = position.on_order(tables, night)
    stock, _ = position.stock(places.pairs.select(PAIR), tables, orders, night)
    placed = places.pairs.join(stock, on=PAIR, how="left", maintain_order="left")
    on_hand = np.floor(placed["on_hand"].to_numpy() * SCALE + 0.5).astype(np.int64)
    record = placed["has_record"].to_numpy().astype(bool)
    coming = orders.filter(~pl.col("done")).with_columns(units=(pl.col("units") * SCALE).cast(pl.Int64))
    pair, source = places.numbers(coming), places.numbers(coming, "source_id")
    ours = pair >= 0
    days = [_ordinals(coming[name]) for name in ("ordered_on", "expected_on")]
    source = np.where((source >= 0) & record[source], source, -1)
    transit = Transit(
        pair[ours],
        source[ours],
        coming["units"].to_numpy()[ours],
        days[0][ours],
        days[1][ours],
        numbered(coming["source_id"], origins)[ours],
    )
    counts = {"without_stock_record": int((~record).sum()), "orders_to_nowhere": int((~ours).sum())}
    return opening(on_hand, life, np.ones(len(life), np.int64), transit), record, counts


def numbered(names: pl.Series, origins: list[str]) -> Ints:
    """[rows] number of each location among the places that goods come from."""
    at = {name: number for number, name in enumerate(origins)}
    return np.array([at[name] for name in names], np.int64)


def _ordinals(days: pl.Series) -> Ints:
    """Dates as ordinals, as date.toordinal counts them."""
    epoch = 719_163  # of 1970-01-01
    return np.asarray(days.cast(pl.Int32).cast(pl.Int64).to_numpy() + epoch)
