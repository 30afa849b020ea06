"""What one batch of nights sees beside the facts of single locations, and what the core makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

#: What the core returns: silver/demand without its partition column.
ROWS = pa.schema(
    [
        ("item_id", pa.string()),
        ("location_id", pa.string()),
        ("channel", pa.string()),
        ("period", pa.date32()),
        ("units", pa.decimal128(18, 4)),
        ("returns", pa.decimal128(18, 4)),
        ("in_stock_fraction", pa.float64()),
        ("price", pa.decimal128(18, 4)),
        ("promotion", pa.string()),
        ("sales_rows", pa.int32()),
        ("known_from", pa.date32()),
        ("known_to", pa.date32()),
        ("demand", pa.decimal128(18, 4)),
        ("demand_std", pa.decimal128(18, 4)),
        ("demand_source", pa.string()),
    ]
)


@dataclass(frozen=True)
class Rules:
    """The settings that decide; ``step`` is the number of days of a period."""

    step: int
    missing_share: float
    missing_periods: int
    inactive_after: int


@dataclass(frozen=True)
class View:
    """What one batch of nights sees beside the facts of single locations.

    nights       the batch's nights on which something became known, ascending, days since 1970
    landed       periods of which sales of any location are visible, ascending
    first        first period that counts (week: the first complete one)
    places       location_id, first (period to compute from), kind, region
    closed       region (null: everywhere), date
    everywhere   price rows without location: item_id, channel, day, price, promotion
    list_prices  item_id, price
    later        (night, location_id -> first period) of later batches, which compute these periods anew
    """

    nights: tuple[int, ...]
    landed: tuple[int, ...]
    first: int
    places: pa.Table
    closed: pa.Table
    everywhere: pa.Table
    list_prices: pa.Table
    later: tuple[tuple[int, dict[str, int]], ...] = ()
